"""Composites that only rearrange axes and elements: flips, splits, stacks, tiles.

In: tensors of any rank and dtype. Out: their elements elsewhere, written in the movement primitives: a
backend needs to know nothing but reshapes, transposes, slices and broadcasts.

    flip(x, axes=0)                    # slice with step -1
    tile(x, repeats=(2, 3))            # reshape, broadcast, reshape
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from math import prod
from typing import Any

from ..errors import GraphError
from ..types import Shape
from . import movement as mv
from .base import as_tuple, normal_axes, normal_axis
from .composite import composite
from .symbol import Symbol


def along(x: Symbol, axis: int, start: int, size: int, step: int = 1) -> Any:
    """Return `size` elements of one axis, from `start` on, `step` apart; other axes whole."""
    others = [(0, n, 1) for n in x.shape]
    others[axis] = (start, size, step)
    starts, sizes, steps = zip(*others, strict=True)
    return mv.slice_(x, starts=starts, sizes=sizes, steps=steps)


def with_axis(shape: Shape, axis: int, *sizes: int) -> Shape:
    """Return the shape with one axis replaced by others."""
    return (*shape[:axis], *sizes, *shape[axis + 1 :])


@composite
def squeeze(x: Symbol, *, axes: int | Sequence[int] | None = None) -> Any:
    """Drop axes of size 1: those named (GraphError where one is longer), or all of them."""
    found = normal_axes(axes, x.ndim)
    longer = [axis for axis in found if x.shape[axis] != 1]
    if axes is not None and longer:
        raise GraphError(f"axis {longer[0]} has size {x.shape[longer[0]]}; only size 1 can be dropped")
    kept = (n for axis, n in enumerate(x.shape) if axis not in found or n != 1)
    return mv.reshape(x, shape=tuple(kept))


@composite
def expand_dims(x: Symbol, *, axes: int | Sequence[int]) -> Any:
    """Insert axes of size 1, at these positions of the result."""
    count = len(as_tuple(axes))
    found = normal_axes(axes, x.ndim + count)
    sizes = iter(x.shape)
    shape = tuple(1 if axis in found else next(sizes) for axis in range(x.ndim + count))
    return mv.reshape(x, shape=shape)


@composite
def swapaxes(x: Symbol, *, axis1: int, axis2: int) -> Any:
    """Exchange two axes."""
    perm = list(range(x.ndim))
    a, b = normal_axis(axis1, x.ndim), normal_axis(axis2, x.ndim)
    perm[a], perm[b] = perm[b], perm[a]
    return mv.transpose(x, perm=tuple(perm))


@composite
def moveaxis(x: Symbol, *, source: int | Sequence[int], destination: int | Sequence[int]) -> Any:
    """Move axes to new positions; the others keep their order."""
    return mv.transpose(x, perm=moved(x.ndim, source, destination))


def moved(rank: int, source: int | Sequence[int], destination: int | Sequence[int]) -> Shape:
    """Return the permutation that moves the source axes to their destinations."""
    old = [normal_axis(axis, rank) for axis in as_tuple(source)]
    new = [normal_axis(axis, rank) for axis in as_tuple(destination)]
    if len(old) != len(new) or len(set(old)) != len(old) or len(set(new)) != len(new):
        raise GraphError(f"needs as many destinations as sources, none twice: {source} to {destination}")
    perm = [axis for axis in range(rank) if axis not in old]
    for position, axis in sorted(zip(new, old, strict=True)):
        perm.insert(position, axis)
    return tuple(perm)


@composite
def flip(x: Symbol, *, axes: int | Sequence[int] | None = None) -> Any:
    """Reverse the elements along axes (all by default)."""
    found = [axis for axis in normal_axes(axes, x.ndim) if x.shape[axis] > 1]
    steps = tuple(-1 if axis in found else 1 for axis in range(x.ndim))
    starts = tuple(n - 1 if step < 0 else 0 for n, step in zip(x.shape, steps, strict=True))
    return mv.slice_(x, starts=starts, sizes=x.shape, steps=steps)


@composite
def tile(x: Symbol, *, repeats: int | Sequence[int]) -> Any:
    """Lay copies side by side, `repeats` along each axis; the shorter shape gets leading ones."""
    counts = as_tuple(repeats)
    rank = max(len(counts), x.ndim)
    counts = (1,) * (rank - len(counts)) + counts
    shape = (1,) * (rank - x.ndim) + x.shape
    pairs = tuple(zip(counts, shape, strict=True))
    column = mv.reshape(x, shape=tuple(size for _, n in pairs for size in (1, n)))
    spread = mv.broadcast_to(column, shape=tuple(size for pair in pairs for size in pair))
    return mv.reshape(spread, shape=tuple(map(prod, pairs)))


@composite
def stack(*xs: Symbol, axis: int = 0) -> Any:
    """Join tensors of one shape along a new axis."""
    if not xs:
        raise GraphError("stack needs at least one tensor")
    position = normal_axis(axis, xs[0].ndim + 1)
    if any(x.shape != xs[0].shape for x in xs):
        raise GraphError(f"stack needs tensors of one shape, got {', '.join(str(x.shape) for x in xs)}")
    shape = (*xs[0].shape[:position], 1, *xs[0].shape[position:])
    return mv.concat(*(mv.reshape(x, shape=shape) for x in xs), axis=position)


@composite
def split(x: Symbol, *, sections: int | Sequence[int], axis: int = 0) -> tuple[Any, ...]:
    """Cut an axis into equal `sections`, or into pieces of the sizes given."""
    found = normal_axis(axis, x.ndim)
    sizes = section_sizes(x.shape[found], sections)
    starts = (0, *accumulate(sizes[:-1]))
    return tuple(along(x, found, start, size) for start, size in zip(starts, sizes, strict=True))


def section_sizes(length: int, sections: int | Sequence[int]) -> tuple[int, ...]:
    """Return the sizes of the pieces of an axis. Raises GraphError where they do not make up its length."""
    if isinstance(sections, int):
        if sections < 1 or length % sections:
            raise GraphError(f"an axis of size {length} does not split into {sections} equal sections")
        return (length // sections,) * sections
    sizes = tuple(sections)
    if not sizes or min(sizes) < 0 or sum(sizes) != length:
        raise GraphError(f"sections {sizes} do not make up an axis of size {length}")
    return sizes


@composite
def unstack(x: Symbol, *, axis: int = 0) -> tuple[Any, ...]:
    """Return the slices along an axis, without it."""
    found = normal_axis(axis, x.ndim)
    if not x.shape[found]:
        raise GraphError("an axis of size 0 has nothing to unstack")
    shape = with_axis(x.shape, found)
    return tuple(mv.reshape(along(x, found, i, 1), shape=shape) for i in range(x.shape[found]))
