"""Compiled programs as files: machine code and weights, ready to run, with no pickle and no toolchain.

In: an `Artefact` and a path. Out: one file, and the `Artefact` back; its constants stay in the file, mapped.

    8 bytes   magic                     8 bytes   length of the header
    32 bytes  SHA-256 of what follows   header    JSON: format, machine, specs, steps, where the sections are
                                        sections  objects and constants, each on a cache line

The digest finds damage, not malice: loading a file runs its code, as importing a module does.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import struct
from collections.abc import Sequence
from pathlib import Path
from threading import get_ident
from typing import Any

import numpy as np

from aicomp import __version__
from aicomp.errors import AicompError, ParseError
from aicomp.types import TensorSpec, TensorType

from ..aligned import LINE
from ..machine import Machine
from .artefact import Artefact
from .step_json import plain, steps_of

MAGIC = b"AICOMPX\n"
FORMAT = 1
START = len(MAGIC) + hashlib.sha256().digest_size + 8  # where the header begins

Bytes = np.ndarray[Any, np.dtype[np.uint8]]


def save(artefact: Artefact, path: Path) -> None:
    """Write the artefact; a file that is there is replaced at once or not at all.

    Raises AicompError where the file cannot be written.
    """
    sections = [np.frombuffer(data, np.uint8) for data in artefact.objects]
    sections += [np.ascontiguousarray(c).reshape(-1).view(np.uint8) for c in artefact.constants]
    sizes = [section.size for section in sections]
    header = json.dumps(_describe(artefact, sizes)).encode()
    header += b" " * (-(START + len(header)) % LINE)
    parts: list[Any] = [struct.pack("<Q", len(header)), header]
    for section in sections:
        parts += [section.data, bytes(-section.size % LINE)]
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    try:
        _write(path, [MAGIC, digest.digest(), *parts])
    except OSError as error:
        raise AicompError(f"cannot write {path}: {error.strerror or error}") from error


def load(path: Path, machine: Machine) -> Artefact:
    """Return the artefact in a file.

    Raises ParseError where the file is damaged or something else, AicompError where it cannot be read or
    `machine` cannot run it.
    """
    try:
        image: Bytes = np.memmap(path, np.uint8, "r") if path.stat().st_size else np.zeros(0, np.uint8)
    except OSError as error:
        raise AicompError(f"cannot read {path}: {error.strerror or error}") from error
    header = _header(path, image)
    try:
        artefact = _artefact(header, image)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise ParseError(f"{path} is not a compiled model that this aicomp reads ({error!r})") from error
    _check_machine(path, artefact.machine, machine)
    return artefact


def is_compiled(path: Path) -> bool:
    """Return whether a file begins as compiled programs do."""
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def _describe(artefact: Artefact, sizes: Sequence[int]) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "aicomp": __version__,
        "name": artefact.name,
        "machine": dataclasses.asdict(artefact.machine),
        "inputs": [[s.name, str(s.type)] for s in artefact.inputs],
        "outputs": [[s.name, str(s.type)] for s in artefact.outputs],
        "objects": sizes[: len(artefact.objects)],
        "constants": [str(TensorType(c.shape, c.dtype)) for c in artefact.constants],
        "arena_bytes": artefact.arena_bytes,
        "errors": artefact.errors,
        "steps": plain(artefact.steps),
        "texts": dict(artefact.texts),
    }


def _write(path: Path, parts: Sequence[Any]) -> None:
    """Write to a temporary file beside `path`, then put it there."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{get_ident()}")
    try:
        with temporary.open("wb") as file:
            for part in parts:
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _header(path: Path, image: Bytes) -> dict[str, Any]:
    """Return the header of an undamaged file."""
    start = image[:START].tobytes()
    if start[: len(MAGIC)] != MAGIC:
        raise ParseError(f"{path} is not a compiled model")
    after = START - 8
    if len(start) < START or hashlib.sha256(image[after:].data).digest() != start[len(MAGIC) : after]:
        raise ParseError(f"{path} is damaged: its digest does not match; compile and save the model again")
    (size,) = struct.unpack("<Q", start[after:])
    header: dict[str, Any] = json.loads(image[START : START + size].tobytes())
    if header.get("format") != FORMAT:
        raise ParseError(
            f"{path} has format {header.get('format')}, and this aicomp {__version__} reads format {FORMAT}: "
            "compile and save the model again"
        )
    header["end"] = START + size
    return header


def _artefact(header: dict[str, Any], image: Bytes) -> Artefact:
    at = header["end"]
    objects, constants = [], []
    for size in header["objects"]:
        objects.append(image[at : at + size].tobytes())
        at += -(-size // LINE) * LINE
    for text in header["constants"]:
        kind = TensorType.parse(text)
        constants.append(np.asarray(image[at : at + kind.nbytes]).view(kind.dtype).reshape(kind.shape))
        at += -(-kind.nbytes // LINE) * LINE
    inputs, outputs = (
        tuple(TensorSpec(t.shape, t.dtype, name) for name, t in ((n, TensorType.parse(t)) for n, t in part))
        for part in (header["inputs"], header["outputs"])
    )
    return Artefact(
        header["name"],
        Machine(**header["machine"]),
        inputs,
        outputs,
        tuple(objects),
        tuple(constants),
        header["arena_bytes"],
        tuple(header["errors"]),
        steps_of(header["steps"]),
        header["texts"],
    )


def _check_machine(path: Path, made_for: Machine, machine: Machine) -> None:
    here, there = (m.triple.split("-")[0] for m in (machine, made_for))
    if here != there or ("linux" in machine.triple) != ("linux" in made_for.triple):
        raise AicompError(f"{path} was compiled for {made_for.triple}, and this is {machine.triple}")
    missing = sorted(made_for.needs - machine.has)
    if missing:
        raise AicompError(
            f"{path} was compiled for a {made_for.cpu} and needs {', '.join(missing[:4])}"
            f"{', ...' if len(missing) > 4 else ''}, which this {machine.cpu} lacks: compile the model again here"
        )
