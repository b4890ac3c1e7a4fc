"""`x[index]` by NumPy's rules: ints, slices, None, Ellipsis, integer arrays (traced or not), constant masks.

In: a tracer and an index. Out: a tracer. Basic indexing becomes one slice and a reshape, integer arrays become a
gather. Several integer arrays broadcast together; their axes stand where the arrays stood if those were
neighbours, else first (numpy.org/doc/stable/user/basics.indexing.html).

    read(x, (0, slice(None, None, -1), None))
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from aicomp import ops
from aicomp.ops.symbol import Symbol
from aicomp.types import BOOL, INT64, is_integer

from .promotion import cast


@dataclass(frozen=True, slots=True)
class Cut:
    """One entry of an index: a slice of an axis (start, size, step), `dropped` where it was an int."""

    start: int
    size: int
    step: int = 1
    dropped: bool = False


Entry = Cut | Symbol | np.ndarray[Any, Any] | None  # None inserts an axis; arrays and tracers pick along one


def read(x: Symbol, index: Any) -> Any:
    """Return x[index]. Raises IndexError or TypeError as NumPy does."""
    entries, dots = resolve(x, index if isinstance(index, tuple) else (index,))
    if any(isinstance(e, np.ndarray) or (isinstance(e, Symbol) and e.ndim) for e in entries):
        return pick(x, [_as_array(e) for e in entries], dots)
    return basic(x, entries)


def is_view(index: Any) -> bool:
    """Return whether NumPy gives a view of the array for an index."""
    parts = index if isinstance(index, tuple) else (index,)
    return all(part is None or part is Ellipsis or isinstance(part, (int, slice, np.integer)) for part in parts)


def resolve(x: Symbol, index: tuple[Any, ...]) -> tuple[list[Entry], int]:
    """Return one entry for each axis of x and each inserted axis, in order, and where the Ellipsis stands."""
    if sum(part is Ellipsis for part in index) > 1:
        raise IndexError("an index can only have a single ellipsis ('...')")
    parts = [each for part in index for each in _parts(part)]
    missing = x.ndim - sum(part is not None and part is not Ellipsis for part in parts)
    if missing < 0:
        raise IndexError(f"too many indices: the array has {x.ndim} axes")
    at = next((i for i, part in enumerate(parts) if part is Ellipsis), len(parts))
    full = [*parts[:at], *[slice(None)] * missing, *parts[at + 1 :]]
    sizes = iter(x.shape)
    return [None if part is None else _entry(part, next(sizes)) for part in full], at


def _parts(part: Any) -> Sequence[Any]:
    """Return an index part, a mask as the positions of its True elements along its axes."""
    if part is None or part is Ellipsis or isinstance(part, slice):
        return (part,)
    if isinstance(part, Symbol):
        if part.dtype == BOOL:
            raise TypeError(
                f"a traced mask {part!r} selects a number of elements that is unknown while tracing; "
                "use np.where(mask, x, 0), or a sum over the mask"
            )
        if not is_integer(part.dtype):
            raise IndexError(f"{part!r} is not an index: integers are")
        return (part,)
    if isinstance(part, (bool, np.bool_)):
        raise IndexError("a single bool is not supported as an index")
    found = np.asarray(part)
    if found.size == 0 and not isinstance(part, np.ndarray):
        found = found.astype(INT64)
    return found.nonzero() if found.dtype == BOOL else (part if found.ndim == 0 else found,)


def _entry(part: Any, size: int) -> Entry:
    if isinstance(part, slice):
        whole = range(size)[slice(*map(_bound, (part.start, part.stop, part.step)))]
        return Cut(whole.start if len(whole) else 0, len(whole), whole.step if len(whole) > 1 else 1)
    if isinstance(part, Symbol):
        return part
    found = np.asarray(part)
    if found.dtype.kind not in "iu":
        raise IndexError(f"{part!r} is not an index: ints, slices, None, ... and integer arrays are")
    outside = found[(found < -size) | (found >= size)]
    if outside.size:
        raise IndexError(f"index {outside.flat[0]} is out of bounds for an axis of size {size}")
    normal = np.where(found < 0, found + size, found).astype(INT64)
    return normal if normal.ndim else Cut(int(normal), 1, dropped=True)


def _bound(bound: Any) -> Any:
    if isinstance(bound, Symbol):
        raise TypeError(
            f"a slice bound {bound!r} is unknown while tracing; use np.take(x, start + np.arange(length), axis)"
        )
    return bound


def basic(x: Symbol, entries: Sequence[Entry]) -> Any:
    """Apply cuts and inserted axes; a traced integer drops its axis by a gather."""
    x = cut(x, entries)
    axes = [entry for entry in entries if entry is not None]
    for axis in reversed(range(len(axes))):
        if isinstance(axes[axis], Symbol):
            x = ops.gather(x, axes[axis], axis=axis)
    kept = [entry for entry in entries if not isinstance(entry, Symbol)]
    sizes = [1 if e is None else e.size for e in kept if not (isinstance(e, Cut) and e.dropped)]
    return ops.reshape(x, shape=tuple(sizes)) if tuple(sizes) != x.shape else x


def cut(x: Symbol, entries: Sequence[Entry]) -> Any:
    """Return x sliced along the axes that have cuts; all axes kept."""
    axes = [entry for entry in entries if entry is not None]
    cuts = [e if isinstance(e, Cut) else Cut(0, n) for e, n in zip(axes, x.shape, strict=True)]
    if all(c == Cut(0, n) for c, n in zip(cuts, x.shape, strict=True)):
        return x
    triples = [(c.start, c.size, c.step) for c in cuts]
    starts, sizes, steps = zip(*triples, strict=True)
    return ops.slice(x, starts=starts, sizes=sizes, steps=steps)


def _as_array(entry: Entry) -> Entry:
    """Return an int as an array of rank 0: beside integer arrays it broadcasts with them."""
    return np.asarray(entry.start, INT64) if isinstance(entry, Cut) and entry.dropped else entry


def pick(x: Symbol, entries: Sequence[Entry], dots: int) -> Any:
    """Apply integer arrays: gather their axes at once, put the broadcast axes where NumPy does.

    An Ellipsis (before entry `dots`) between them parts them even where it stands for no axis.
    """
    where = [i for i, entry in enumerate(entries) if _picks(entry)]
    indices = [entries[i] for i in where]
    axes = [sum(e is not None for e in entries[:i]) for i in where]
    taken = gather_axes(cut(x, entries), indices, axes)
    rank = taken.ndim - (x.ndim - len(axes))
    neighbours = where == list(range(where[0], where[0] + len(where))) and not where[0] < dots <= where[-1]
    front = axes[0] if neighbours else 0
    taken = np.moveaxis(taken, range(rank), range(front, front + rank))
    position = sum(not _picks(e) for e in entries[: where[0]]) if neighbours else 0
    rest = [e for e in entries if not _picks(e)]
    spread = list(taken.shape[front : front + rank])
    sizes = [1 if entry is None else entry.size for entry in rest if entry is None or isinstance(entry, Cut)]
    shape = (*sizes[:position], *spread, *sizes[position:])
    return taken.reshape(shape) if shape != taken.shape else taken


def _picks(entry: Entry) -> bool:
    return isinstance(entry, (np.ndarray, Symbol))


def gather_axes(x: Any, indices: Sequence[Any], axes: Sequence[int]) -> Any:
    """Return x at index arrays along axes: the indices' broadcast shape, then x's other axes."""
    if len(axes) == 1:
        found = ops.gather(x, indices[0], axis=axes[0])
        rank = indices[0].ndim
        return np.moveaxis(found, range(axes[0], axes[0] + rank), range(rank))
    shape = np.broadcast_shapes(*(index.shape for index in indices))
    front = np.moveaxis(x, axes, range(len(axes)))
    if not any(isinstance(index, Symbol) for index in indices):
        flat = np.ravel_multi_index(tuple(np.broadcast_arrays(*indices)), front.shape[: len(axes)])
        rows = front.reshape((prod(front.shape[: len(axes)]), *front.shape[len(axes) :]))
        return ops.gather(rows, np.asarray(flat, INT64), axis=0)
    columns = [np.broadcast_to(cast(index, INT64), shape) for index in indices]
    return ops.gather_nd(front, np.stack(columns, axis=-1), batch_dims=0)
