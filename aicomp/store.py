"""Graphs in files: `model.aic`, the textual IR, and `model.aic.weights` with the constants that the text elides.

In: a graph and a path. Out: files, and back. Nothing is pickled; weights are mapped, not read, and checked by digest.

    save(graph, "model.aic")
    graph = load_graph("model.aic")

A weights file is the 8 bytes AICOMPW1, the length of an index (64 bits, little-endian), the index (JSON: digest ->
[type, offset]), then the arrays, little-endian, each at a multiple of 64 bytes from the start.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from .errors import AicompError, ParseError
from .ir import Array, Graph
from .literal import digest
from .parse import parse_graph
from .text import large_constants, print_graph
from .types import TensorType

MAGIC = b"AICOMPW1"
ALIGNMENT = 64
MAX_INDEX = 1 << 28
MAX_TEXT = 1 << 30

Path_ = str | os.PathLike[str]


def save(graph: Graph, path: Path_) -> None:
    """Write a graph to `path`, and its large constants, if it has any, beside it."""
    constants = large_constants(graph)
    weights = weights_path(path)
    if constants:
        _replace(weights, lambda file: _write_weights(file, constants))
    else:
        weights.unlink(missing_ok=True)
    text = print_graph(graph).encode()
    _replace(Path(path), lambda file: file.write(text))


def load_graph(path: Path_) -> Graph:
    """Return the graph that `save` wrote. Raises ParseError where the files are not what they claim to be."""
    if Path(path).stat().st_size > MAX_TEXT:
        raise ParseError(f"{path} is larger than a graph's text may be")
    try:
        text = Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ParseError(f"{path} is not text: {error}") from error
    weights = weights_path(path)
    constants = load_weights(weights) if weights.exists() else {}
    try:
        return parse_graph(text, constants)
    except ParseError as error:
        raise ParseError(f"{path}: {error}") from error


def weights_path(path: Path_) -> Path:
    """Return the path of the constants of the graph at `path`."""
    return Path(f"{os.fspath(path)}.weights")


def _replace(path: Path, write: Any) -> None:
    """Write a file beside `path` and move it there, so that a failure leaves the old one whole."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as file:
            write(file)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _write_weights(file: IO[bytes], constants: Mapping[str, Array]) -> None:
    offset = 0
    index = {}
    for name, array in constants.items():
        index[name] = [str(TensorType(array.shape, array.dtype)), offset]
        offset += _aligned(array.nbytes)
    head = json.dumps(index).encode()
    start = _aligned(len(MAGIC) + 8 + len(head))
    file.write((MAGIC + len(head).to_bytes(8, "little") + head).ljust(start, b"\0"))
    for array in constants.values():
        data = np.ascontiguousarray(array).tobytes()
        file.write(data.ljust(_aligned(len(data)), b"\0"))


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT


def load_weights(path: Path) -> dict[str, Array]:
    """Return the arrays of a weights file by digest, mapped read-only. Raises ParseError where one is damaged."""
    data = np.memmap(path, np.uint8, mode="r") if path.stat().st_size else np.empty(0, np.uint8)
    if data[: len(MAGIC)].tobytes() != MAGIC:
        raise ParseError(f"{path} is not a weights file")
    length = int.from_bytes(data[len(MAGIC) : len(MAGIC) + 8].tobytes(), "little")
    start = len(MAGIC) + 8
    if not 0 < length <= min(MAX_INDEX, data.size - start):
        raise ParseError(f"{path} is cut short")
    try:
        index = json.loads(data[start : start + length].tobytes())
        arrays = data[_aligned(start + length) :]
        return {name: _mapped(arrays, name, *entry) for name, entry in index.items()}
    except (ValueError, TypeError, AttributeError, AicompError, RecursionError) as error:
        raise ParseError(f"{path}: {error}") from error


def _mapped(data: Array, name: str, type_text: str, offset: int) -> Array:
    type_ = TensorType.parse(type_text)
    if not 0 <= offset <= data.size - type_.nbytes or offset % ALIGNMENT:
        raise ParseError(f"constant {name[:12]}... lies outside the file")
    raw: Array = np.asarray(data[offset : offset + type_.nbytes])
    array: Array = raw.view(type_.dtype).reshape(type_.shape)
    if digest(array) != name:
        raise ParseError(f"constant {name[:12]}... is damaged: its bytes have another digest")
    return array
