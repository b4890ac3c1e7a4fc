"""Weights on disk: `.npz` archives and safetensors files, read as untrusted input.

In: a path. Out: a dict of arrays by name. Nothing is unpickled; sizes that a header claims are checked against the
file before anything is allocated, and safetensors are mapped, not read. Formats: numpy.lib.format, and
https://huggingface.co/docs/safetensors (8 bytes of header length, JSON, then the tensors, without holes).

    save_safetensors("model.safetensors", {"weight": w})
    load_safetensors("model.safetensors")["weight"]
"""

from __future__ import annotations

import json
import mmap
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from math import prod
from os import PathLike
from pathlib import Path
from tokenize import TokenError
from types import MappingProxyType
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.lib import format as npy

from .errors import AicompError, InputValueError, ParseError
from .types import BFLOAT16, BOOL, DTYPES, DType, Shape, dtype

if TYPE_CHECKING:
    from collections.abc import Iterator

Array = np.ndarray[Any, Any]
Pathname = str | PathLike[str]

MAX_HEADER = 100_000_000  # bytes of safetensors header, the format's own limit
MAX_DEFLATE = 1032  # deflate cannot expand a byte to more (zlib's technical notes)
FREE_EXPANSION = 1 << 30  # archives up to this size may be compressed as well as they can be
MAX_EXPANSION = 20  # larger ones may be this many times the file's size

# What zipfile and NumPy's header parser raise on files that are not theirs.
DAMAGE = (zipfile.BadZipFile, zlib.error, RuntimeError, ValueError, EOFError, MemoryError, SyntaxError, TokenError)

NAMES: Mapping[str, DType] = MappingProxyType(
    {"BF16": BFLOAT16, "BOOL": BOOL} | {short.upper(): d for short, d in DTYPES.items() if d not in (BFLOAT16, BOOL)}
)
CODES: Mapping[DType, str] = MappingProxyType({d: name for name, d in NAMES.items()})


@contextmanager
def reading(path: Pathname) -> Iterator[Path]:
    """Turn what goes wrong while a file is read into errors that name it."""
    try:
        yield Path(path)
    except AicompError as error:
        raise ParseError(f"{path}: {error}") from error
    except OSError as error:
        raise InputValueError(f"{path}: cannot be read: {error.strerror or error}") from error
    except DAMAGE as error:
        raise ParseError(f"{path}: damaged, or not what its name says: {error}") from error


def load_npz(path: Pathname) -> dict[str, Array]:
    """Return the arrays of an `.npz` archive, in native byte order.

    Raises ParseError on pickled objects, on sizes that do not add up and on archives that expand beyond 1 GiB and 20
    times their own size; InputValueError where the file cannot be read.
    """
    with reading(path) as file, zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
        _check_expansion(entries, file.stat().st_size)
        return {entry.filename.removesuffix(".npy"): _read_entry(archive, entry) for entry in entries}


def _check_expansion(entries: Sequence[zipfile.ZipInfo], size: int) -> None:
    names = [entry.filename for entry in entries]
    if len(set(names)) < len(names):
        raise ParseError("two entries have one name")
    total = sum(entry.file_size for entry in entries)
    if total > max(FREE_EXPANSION, MAX_EXPANSION * size):
        raise ParseError(f"{total} bytes in an archive of {size} look like a decompression bomb")
    for entry in entries:
        if entry.file_size > MAX_DEFLATE * min(entry.compress_size, size) + MAX_DEFLATE:
            raise ParseError(f"{entry.filename} claims {entry.file_size} bytes, more than it can hold")


def _read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Array:
    with archive.open(entry) as stream:
        shape, fortran, found = _read_header(stream, entry.filename)
        nbytes = prod(shape) * found.itemsize
        if stream.tell() + nbytes != entry.file_size:
            raise ParseError(f"{entry.filename} has {entry.file_size} bytes, which {found}{list(shape)} does not fit")
        flat = np.frombuffer(stream.read(nbytes), found)
    array = flat.reshape(shape[::-1]).T if fortran else flat.reshape(shape)
    return array.astype(dtype(found), copy=False)


def _read_header(stream: IO[bytes], name: str) -> tuple[Shape, bool, DType]:
    """Return shape, Fortran order and dtype of an `.npy` stream. Raises ParseError on objects."""
    version = npy.read_magic(stream)
    if version not in ((1, 0), (2, 0)):
        raise ParseError(f"{name} is in .npy format {version}, expected (1, 0) or (2, 0)")
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, fortran, found = read(stream)
    if found.hasobject:
        raise ParseError(f"{name} holds pickled Python objects, which can run code; save plain arrays instead")
    dtype(found)
    return shape, fortran, found


def load_safetensors(path: Pathname) -> dict[str, Array]:
    """Return the tensors of a safetensors file as read-only views of the mapped file.

    Raises ParseError where the header is not valid, has a dtype the compiler lacks, or offsets that leave the file,
    overlap or leave holes; InputValueError where the file cannot be read.
    """
    with reading(path) as file, file.open("rb") as stream:
        size = file.stat().st_size
        length = int.from_bytes(stream.read(8), "little")
        if size < 8 or length > min(MAX_HEADER, size - 8):
            raise ParseError(f"a header of {length} bytes does not fit a file of {size}")
        header = _parse_header(stream.read(length))
        _check_offsets(header, size - 8 - length)
        mapped = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        return {name: _view(mapped, 8 + length, name, **entry) for name, entry in header.items()}


def _parse_header(text: bytes) -> dict[str, dict[str, Any]]:
    """Return dtype, shape and begin of every tensor, in the order of the data."""
    try:
        header = json.loads(text.decode(), object_pairs_hook=_unique)
    except RecursionError as error:
        raise ParseError("the header is nested too deeply") from error
    if not isinstance(header, dict):
        raise ParseError("the header is not a JSON object")
    entries = {name: _parse_entry(name, entry) for name, entry in header.items() if name != "__metadata__"}
    return dict(sorted(entries.items(), key=lambda item: (item[1]["begin"], item[1]["end"])))


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ParseError("the header names something twice")
    return found


def _parse_entry(name: str, entry: Any) -> dict[str, Any]:
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise ParseError(f"tensor {name!r} needs dtype, shape and data_offsets and nothing else")
    if not isinstance(entry["dtype"], str) or entry["dtype"] not in NAMES:
        raise ParseError(f"tensor {name!r} has dtype {entry['dtype']!r}, expected one of {', '.join(NAMES)}")
    shape, offsets = (_sizes(name, key, entry[key]) for key in ("shape", "data_offsets"))
    found = NAMES[entry["dtype"]]
    if len(offsets) != 2 or offsets[1] - offsets[0] != prod(shape) * found.itemsize:
        raise ParseError(f"tensor {name!r}, {entry['dtype']}{list(shape)}, does not fit data_offsets {list(offsets)}")
    return {"found": found, "shape": shape, "begin": offsets[0], "end": offsets[1]}


def _sizes(name: str, key: str, values: Any) -> Shape:
    if not isinstance(values, list) or not all(type(n) is int and n >= 0 for n in values):
        raise ParseError(f"{key} of tensor {name!r} must be a list of integers from 0")
    return tuple(values)


def _check_offsets(header: Mapping[str, Mapping[str, Any]], size: int) -> None:
    """Raise ParseError unless the tensors, in order, cover the data without holes or overlaps."""
    at = 0
    for name, entry in header.items():
        if entry["begin"] != at:
            raise ParseError(f"tensor {name!r} begins at {entry['begin']}, expected {at}: a hole or an overlap")
        at = entry["end"]
    if at != size:
        raise ParseError(f"the tensors end at {at} of {size} bytes of data")


def _view(mapped: mmap.mmap, base: int, name: str, found: DType, shape: Shape, begin: int, end: int) -> Array:
    """Return one tensor; a copy where the file does not align it."""
    if begin == end:
        return np.zeros(shape, found)
    flat = np.frombuffer(mapped, np.uint8, end - begin, base + begin)
    if found == BOOL and flat.max() > 1:
        raise ParseError(f"tensor {name!r} is BOOL but has bytes other than 0 and 1")
    array = np.ndarray(shape, found.newbyteorder("<"), flat)
    return (array if array.flags.aligned else array.copy()).astype(found, copy=False)


def save_safetensors(
    path: Pathname, tensors: Mapping[str, Array], metadata: Mapping[str, str] = MappingProxyType({})
) -> None:
    """Write tensors, widest dtypes first so that all are aligned, in little-endian row-major order."""
    arrays = {name: np.asarray(array) for name, array in tensors.items()}
    ordered = sorted(arrays, key=lambda name: (-arrays[name].itemsize, name))
    header: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    at = 0
    for name in ordered:
        array = arrays[name]
        entry = {"dtype": CODES[dtype(array.dtype)], "shape": list(array.shape)}
        header[name] = entry | {"data_offsets": [at, at + array.nbytes]}
        at += array.nbytes
    text = json.dumps(header, ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    with Path(path).open("wb") as stream:
        stream.write(len(text).to_bytes(8, "little") + text)
        for name in ordered:
            little = arrays[name].astype(arrays[name].dtype.newbyteorder("<"), copy=False)
            stream.write(np.ascontiguousarray(little).tobytes())
