"""Composites that pick elements by their index: rolls, repeats, triangles, one-hot, padding modes, takes.

In: a tensor, and positions known at compile time (attributes) or at run time (an index tensor). Out: its
elements there, through slices where the positions are known and through gathers where they are not.

    pad_mode(x, pads=((0, 0), (2, 2)), mode="reflect")
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from .. import types
from ..errors import GraphError
from ..types import FLOAT32, INT64, Shape
from . import elementwise as ew
from . import lookup as lk
from . import movement as mv
from .base import Array, as_tuple, broadcast_shapes, normal_axis, widen
from .comparison import equal, greater_equal
from .composite import composite
from .shaping import along, with_axis
from .source import iota
from .symbol import Symbol

MAX_RUNS = 8  # more pieces than this are gathered by a constant index instead of joined


def _reflect(i: Array, n: int) -> Array:
    period = max(2 * n - 2, 1)
    return np.asarray(np.minimum(i % period, period - i % period))


# How each padding mode maps an index outside 0 .. n - 1 inside.
BORDERS: Mapping[str, Callable[[Array, int], Array]] = MappingProxyType({
    "reflect": _reflect,
    "symmetric": lambda i, n: np.minimum(i % (2 * n), 2 * n - 1 - i % (2 * n)),
    "edge": lambda i, n: np.clip(i, 0, n - 1),
    "wrap": lambda i, n: i % n,
})  # fmt: skip


@composite
def repeat(x: Symbol, *, repeats: int | Sequence[int], axis: int | None = None) -> Any:
    """Repeat elements along an axis, all as often or one count each; without an axis, of the flat tensor."""
    if axis is None:
        return repeat(mv.reshape(x, shape=(-1,)), repeats=repeats, axis=0)
    found = normal_axis(axis, x.ndim)
    length = x.shape[found]
    if not isinstance(repeats, int):
        if len(repeats) != length:
            raise GraphError(f"repeats {tuple(repeats)} must have one count for each of {length} elements")
        return lk.gather(x, np.repeat(np.arange(length), repeats), axis=found)
    column = mv.reshape(x, shape=with_axis(x.shape, found, length, 1))
    spread = mv.broadcast_to(column, shape=with_axis(x.shape, found, length, repeats))
    return mv.reshape(spread, shape=with_axis(x.shape, found, length * repeats))


@composite
def roll(x: Symbol, *, shift: int | Sequence[int], axis: int | Sequence[int] | None = None) -> Any:
    """Rotate elements by `shift` towards higher indices along axes; without an axis, of the flat tensor."""
    if axis is None:
        return mv.reshape(roll(mv.reshape(x, shape=(-1,)), shift=shift, axis=0), shape=x.shape)
    axes = as_tuple(axis)
    for amount, one in zip(widen(shift, len(axes), "shift"), axes, strict=True):
        x = _rotate(x, amount, normal_axis(one, x.ndim))
    return x


def _rotate(x: Symbol, shift: int, axis: int) -> Any:
    length = x.shape[axis]
    cut = shift % length if length else 0
    if not cut:
        return x
    return mv.concat(along(x, axis, length - cut, cut), along(x, axis, 0, length - cut), axis=axis)


@composite
def tril(x: Symbol, *, k: int = 0) -> Any:
    """Zero the elements above the k-th diagonal of the last two axes."""
    return ew.where(lower_triangle(x, x.shape, k), x, 0)


@composite
def triu(x: Symbol, *, k: int = 0) -> Any:
    """Zero the elements below the k-th diagonal of the last two axes."""
    return ew.where(lower_triangle(x, x.shape, k - 1), 0, x)


def lower_triangle(like: Symbol, shape: Shape, k: int = 0) -> Any:
    """Return a bool matrix [rows, columns], True on and below the k-th diagonal, from two index ramps."""
    if len(shape) < 2:
        raise GraphError(f"a triangle needs at least two axes, got shape {shape}")
    rows = ramp(like, (shape[-2], 1), 0)
    columns = ramp(like, (1, shape[-1]), 1)
    return greater_equal(rows + k if k else rows, columns)


def ramp(like: Symbol, shape: Shape, axis: int, of: Any = INT64) -> Any:
    """Return a symbol whose elements are their own index along an axis."""
    return like.wrap(iota(shape=shape, axis=axis, dtype=of))


@composite
def one_hot(indices: Symbol, *, depth: int, dtype: Any = FLOAT32, axis: int = -1) -> Any:
    """Return zeros with a one at the index, on a new axis of size `depth`; only zeros for an index outside."""
    position = normal_axis(axis, indices.ndim + 1)
    column = mv.reshape(indices, shape=(*indices.shape[:position], 1, *indices.shape[position:]))
    shape = tuple(depth if i == position else 1 for i in range(indices.ndim + 1))
    return ew.cast(equal(column, ramp(indices, shape, position, indices.dtype)), dtype=types.dtype(dtype))


@composite
def take(x: Symbol, indices: Symbol, *, axis: int | None = None) -> Any:
    """Pick slices along an axis, as `np.take`; without an axis, elements of the flat tensor."""
    if axis is None:
        return lk.gather(mv.reshape(x, shape=(-1,)), indices, axis=0)
    return lk.gather(x, indices, axis=axis)


@composite
def take_along_axis(x: Symbol, indices: Symbol, *, axis: int | None = -1) -> Any:
    """Pick one element for each index along an axis, as `np.take_along_axis`: the other axes broadcast."""
    if axis is None:
        return lk.gather_elements(mv.reshape(x, shape=(-1,)), indices, axis=0)
    found = normal_axis(axis, x.ndim)
    if indices.ndim != x.ndim:
        raise GraphError(f"indices must have the rank of x, {x.ndim}, got shape {indices.shape}")
    others = broadcast_shapes([with_axis(x.shape, found, 1), with_axis(indices.shape, found, 1)])
    table, wanted = (mv.broadcast_to(each, shape=with_axis(others, found, each.shape[found])) for each in (x, indices))
    return lk.gather_elements(table, wanted, axis=found)


@composite
def pad_mode(x: Symbol, *, pads: Sequence[tuple[int, int]], mode: str = "reflect") -> Any:
    """Extend axes by their own elements, as `np.pad`: mode "reflect", "symmetric", "edge" or "wrap"."""
    if mode not in BORDERS:
        raise GraphError(f"mode is {mode!r}; it can be {', '.join(BORDERS)}")
    if len(pads) != x.ndim:
        raise GraphError(f"pads needs one pair for each of {x.ndim} axes, got {len(pads)}")
    for axis, pair in enumerate(pads):
        if tuple(pair) != (0, 0):
            x = _select(x, axis, _padded_indices(x.shape[axis], pair, mode))
    return x


def _padded_indices(length: int, pair: tuple[int, int], mode: str) -> Array:
    if min(pair) < 0 or not length:
        raise GraphError(f"cannot pad an axis of size {length} by {tuple(pair)} of its own elements")
    return BORDERS[mode](np.arange(-pair[0], length + pair[1]), length)


def _select(x: Symbol, axis: int, indices: Array) -> Any:
    pieces = runs(indices)
    if len(pieces) > MAX_RUNS:
        return lk.gather(x, indices, axis=axis)
    return mv.concat(*(_run(x, axis, *piece) for piece in pieces), axis=axis)


def _run(x: Symbol, axis: int, start: int, size: int, step: int) -> Any:
    if step:
        return along(x, axis, start, size, step)
    return mv.broadcast_to(along(x, axis, start, 1), shape=with_axis(x.shape, axis, size))


def runs(indices: Array) -> list[tuple[int, int, int]]:
    """Return the runs (start, size, step) of constant step -1, 0 or 1 that make up an index vector."""
    steps = np.diff(indices).tolist()
    found: list[tuple[int, int, int]] = []
    begin = 0
    while begin < len(indices):
        step = steps[begin] if begin < len(steps) and abs(steps[begin]) <= 1 else 1
        end = begin
        while end < len(steps) and steps[end] == step:
            end += 1
        found.append((int(indices[begin]), end - begin + 1, step))
        begin = end + 1
    return found
