"""Exported files: an object, a shared library with its header, or a program that runs by itself.

In: an `Export`, a path, and `obj`, `lib` or `exe`. Out: the files written. An object needs no toolchain; the others
need a C compiler to link: `$CC`, `cc`, `gcc`, `clang`, or `zig cc` from the package ziglang.

    write_export(export, Path("mlp.so"), "lib")     # [mlp.so, mlp.h]
"""

from __future__ import annotations

import importlib.util
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from aicomp.errors import AicompError

from ..machine import Machine
from .aot import Export, export_object
from .header import header_text, main_text

Kind = Literal["obj", "lib", "exe"]
NO_COMPILER = (
    "linking needs a C compiler, and none was found: install one (such as `apt install gcc`) or `pip install ziglang`"
)


def write_export(export: Export, path: Path, kind: Kind) -> list[Path]:
    """Write the object, library or executable, and return the files written.

    Raises AicompError where there is no compiler, or it fails, or the file cannot be written.
    """
    compiler = [] if kind == "obj" else find_compiler(export.machine)
    if kind == "exe":
        export = replace(export, name="aicomp_model")  # a model named `exp` is no trouble then
    image = export_object(export)
    try:
        if kind == "obj":
            path.write_bytes(image)
            return [path, _write_header(export, path)]
        if kind == "lib":
            _link(compiler, image, None, ["-shared"], path)
            return [path, _write_header(export, path)]
        _link(compiler, image, main_text(export), [], path)
        return [path]
    except OSError as error:
        raise AicompError(f"cannot write {path}: {error.strerror or error}") from error


def find_compiler(machine: Machine) -> list[str]:
    """Return the command of a C compiler that links for `machine`. Raises AicompError where there is none."""
    arch, host = machine.triple.split("-")[0], platform.machine()
    native = arch == {"arm64": "aarch64", "AMD64": "x86_64"}.get(host, host)
    named = shlex.split(os.environ.get("CC", ""))
    if native and named:
        return named
    found = next((c for c in ("cc", "gcc", "clang") if shutil.which(c)), None)
    if native and found:
        return [found]
    if importlib.util.find_spec("ziglang"):
        target = [] if native else ["-target", f"{arch}-linux-gnu"]
        return [sys.executable, "-m", "ziglang", "cc", *target]
    raise AicompError(NO_COMPILER if native else f"linking for {arch} on {host} needs `pip install ziglang`")


def _link(compiler: Sequence[str], image: bytes, main: str | None, flags: Sequence[str], path: Path) -> None:
    """Link the object, and the main program if there is one, into `path`."""
    with tempfile.TemporaryDirectory(prefix="aicomp-") as folder:
        sources = [Path(folder) / "model.o"]
        sources[0].write_bytes(image)
        if main is not None:
            sources.append(Path(folder) / "main.c")
            sources[1].write_text(main, encoding="utf-8")
        command = [*compiler, "-O2", *flags, *map(str, sources), "-o", str(path), "-pthread", "-lm"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        telling = [line for line in lines if "error:" in line or "undefined" in line]
        raise AicompError(f"{compiler[0]} could not link {path}: {[*telling, *lines, 'no message'][0]}")


def _write_header(export: Export, path: Path) -> Path:
    header = path.with_suffix(".h")
    header.write_text(header_text(export), encoding="utf-8")
    return header
