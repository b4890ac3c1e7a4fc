"""The shape of the project: what the wheel holds, and which way imports run."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import networkx as nx
import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = {
    "aicomp": "aicomp",
    "frontends": "aicomp.frontends",
    "passes": "aicomp.passes",
    "backends": "aicomp.backends",
}
ALLOWED = {  # what each top folder may import of the others
    "aicomp": set(),
    "aicomp.frontends": {"aicomp"},
    "aicomp.passes": {"aicomp"},
    "aicomp.backends": {"aicomp", "aicomp.passes"},
}
DATA = {"aicomp": ("py.typed",), "backends/cpu/runtime": ("*.ll",), "backends/cpu/export": ("*.ll", "main.c")}
CONFINED = {"onnx": "aicomp.frontends", "llvmlite": "aicomp.backends", "torch": "aicomp.frontends"}


@dataclass(frozen=True)
class Import:
    """One import statement: the module that holds it, what it imports, and how."""

    source: str
    target: str
    line: int
    relative: bool
    when: str  # "load", "typing" (under TYPE_CHECKING), or "call" (inside a function)

    def __str__(self) -> str:
        return f"{self.source}:{self.line} imports {self.target}"


def module_files() -> dict[str, Path]:
    found = {}
    for folder, package in FOLDERS.items():
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT / folder).with_suffix("").parts
            found[".".join((package, *parts)).removesuffix(".__init__")] = path
    return found


MODULES = module_files()


def top(module: str) -> str:
    """Return the import name of the top folder that holds a module."""
    return max((p for p in FOLDERS.values() if f"{module}.".startswith(f"{p}.")), key=len, default="")


def imports_of(module: str, path: Path) -> Iterator[Import]:
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node, when in statements(ast.parse(path.read_text()), "load"):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            for target in targets(node, package):
                relative = isinstance(node, ast.ImportFrom) and node.level > 0
                yield Import(module, target, node.lineno, relative, when)


def statements(tree: ast.AST, when: str) -> Iterator[tuple[ast.AST, str]]:
    """Yield every node with when it runs."""
    for node in ast.iter_child_nodes(tree):
        yield node, when
        inner = when
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            inner = "call"
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            inner = "typing"
        yield from statements(node, inner)


def targets(node: ast.Import | ast.ImportFrom, package: str) -> list[str]:
    """Return the modules a statement imports: a submodule rather than its package where it names one."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    parts = package.split(".")
    base = ".".join(parts[: len(parts) - node.level + 1]) if node.level else ""
    base = ".".join(filter(None, (base, node.module)))
    full = [f"{base}.{alias.name}" for alias in node.names]
    return [name if name in MODULES else base for name in full]


IMPORTS = [entry for module, path in MODULES.items() for entry in imports_of(module, path)]
INTERNAL = [entry for entry in IMPORTS if top(entry.target)]


def test_imports_run_one_way() -> None:
    def allowed(entry: Import) -> bool:
        here, there = top(entry.source), top(entry.target)
        return here == there or there in ALLOWED[here]

    assert [str(e) for e in INTERNAL if not allowed(e)] == []


def test_imports_inside_a_folder_are_relative_and_across_folders_absolute() -> None:
    assert [str(e) for e in INTERNAL if e.relative != (top(e.source) == top(e.target))] == []


def test_no_backend_imports_another() -> None:
    def backend(module: str) -> str:
        return module.split(".")[2] if module.count(".") >= 2 else ""

    crossing = [
        str(e)
        for e in INTERNAL
        if top(e.source) == top(e.target) == "aicomp.backends" and backend(e.source) != backend(e.target)
    ]
    assert crossing == []


def test_there_are_no_import_cycles() -> None:
    edges = [(e.source, e.target) for e in INTERNAL if e.when == "load" and e.source != e.target]
    cycles = [sorted(c) for c in nx.strongly_connected_components(nx.DiGraph(edges)) if len(c) > 1]
    assert cycles == []


def test_no_import_is_inside_a_function() -> None:
    assert [str(e) for e in IMPORTS if e.when == "call"] == []


@pytest.mark.parametrize("library", CONFINED)
def test_a_large_dependency_is_imported_in_one_folder(library: str) -> None:
    users = {top(e.source) for e in IMPORTS if e.target.split(".")[0] == library}
    assert users <= {CONFINED[library]}


@pytest.fixture(scope="module")
def wheel_names(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    copy = tmp_path_factory.mktemp("source") / "aicomp"
    copy.mkdir()
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", "dist", "."]
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = (copy / "dist").glob("*.whl")
    return {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}


def test_the_wheel_holds_every_module_and_nothing_else(wheel_names: set[str]) -> None:
    assert wheel_names == set(expected_files())


def expected_files() -> Iterator[str]:
    for folder, package in FOLDERS.items():
        files = [*(ROOT / folder).rglob("*.py"), *data_files(folder)]
        for path in files:
            yield "/".join((package.replace(".", "/"), *path.relative_to(ROOT / folder).parts))


def data_files(folder: str) -> Iterator[Path]:
    for place, patterns in DATA.items():
        if place.split("/")[0] == folder:
            for pattern in patterns:
                yield from (ROOT / place).glob(pattern)


def test_the_console_script_and_the_module_agree() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    assert 'aicomp = "aicomp.cli:main"' in text
    assert "aicomp.__main__" in MODULES
