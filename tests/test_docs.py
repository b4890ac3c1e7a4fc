"""Documents keep their word: `python` and `sh` blocks run, and print what a `text` block after them says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, and the output that the document promises, if it does."""

    language: str
    text: str
    output: str | None


def blocks(document: Path) -> list[Block]:
    text = document.read_text()
    found = [(m[1], m[2], m.end(), m.start()) for m in FENCE.finditer(text)]
    result = []
    for (language, body, end, _), following in zip_longest(found, found[1:]):
        shown = following and following[0] == "text" and not text[end : following[3]].strip()
        result.append(Block(language, body, following[1] if following and shown else None))
    return [block for block in result if block.language in ("python", "sh")]


RUNNABLE = [document for document in DOCUMENTS if blocks(document)]


@pytest.mark.parametrize("document", RUNNABLE, ids=lambda path: path.name)
def test_every_block_runs_and_prints_what_it_says(document: Path, tmp_path: Path) -> None:
    """Blocks of a document run in order in one folder; a Python block sees the names of those before it."""
    (tmp_path / "benchmarks").symlink_to(ROOT / "benchmarks")
    prelude = ""
    for block in blocks(document):
        if block.language == "python":
            output = run_python(prelude, block.text, tmp_path)
            prelude += block.text
        else:
            output = run_shell(block.text, tmp_path)
        if block.output is not None:
            assert output.rstrip() == block.output.rstrip(), block.text


def run_python(prelude: str, text: str, folder: Path) -> str:
    marker = "== block ==\n"
    script = folder / "block.py"
    script.write_text(f"{prelude}\nprint({marker!r}, end='')\n{text}")
    return run([sys.executable, str(script)], folder).split(marker)[1]


def run_shell(text: str, folder: Path) -> str:
    return run(["sh", "-e", "-c", text], folder)


def run(command: list[str], folder: Path) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, env={**os.environ, "PATH": path}, timeout=120
    )
    assert done.returncode == 0, f"{command[-1]}\n{done.stderr}"
    return done.stdout
