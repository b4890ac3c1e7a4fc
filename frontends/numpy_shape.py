"""NumPy's functions that rearrange axes and elements, under NumPy's names and signatures.

In: tracers (or arrays among them). Out: tracers, through the movement ops.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from aicomp import ops

from .promotion import array, arrays, is_traced


def reshape(a: Any, shape: Any, order: str = "C", *, copy: Any = None) -> Any:
    """The elements in order `order` under another shape."""
    sizes = (int(shape),) if np.ndim(shape) == 0 else tuple(int(n) for n in shape)
    if order in ("C", "A", "K"):
        return ops.reshape(a, shape=sizes)
    return ops.transpose(ops.reshape(ops.transpose(a), shape=sizes[::-1]))


def ravel(a: Any, order: str = "C") -> Any:
    """The elements as one axis."""
    return reshape(a, -1 if a.size else 0, order)


def transpose(a: Any, axes: Any = None) -> Any:
    """The axes permuted; reversed by default."""
    return ops.transpose(a, perm=None if axes is None else normalize_axis_tuple(axes, a.ndim))


def matrix_transpose(x: Any) -> Any:
    """The last two axes exchanged."""
    if x.ndim < 2:
        raise ValueError(f"a matrix has at least two axes, got {x.ndim}")
    return swapaxes(x, -1, -2)


def swapaxes(a: Any, axis1: int, axis2: int) -> Any:
    """Two axes exchanged."""
    return ops.swapaxes(a, axis1=normalize_axis_index(axis1, a.ndim), axis2=normalize_axis_index(axis2, a.ndim))


def moveaxis(a: Any, source: Any, destination: Any) -> Any:
    """Axes moved to other places, the rest in order."""
    sources = normalize_axis_tuple(source, a.ndim)
    places = normalize_axis_tuple(destination, a.ndim)
    if len(sources) != len(places):
        raise ValueError(f"{len(sources)} source axes and {len(places)} destinations")
    order = [axis for axis in range(a.ndim) if axis not in sources]
    for place, axis in sorted(zip(places, sources, strict=True)):
        order.insert(place, axis)
    return a if order == list(range(a.ndim)) else ops.transpose(a, perm=tuple(order))


def rollaxis(a: Any, axis: int, start: int = 0) -> Any:
    """One axis moved before `start`."""
    axis = normalize_axis_index(axis, a.ndim)
    start = start + a.ndim if start < 0 else start
    return moveaxis(a, axis, start - 1 if axis < start else start)


def squeeze(a: Any, axis: Any = None) -> Any:
    """Axes of size 1 dropped."""
    axes = [i for i, n in enumerate(a.shape) if n == 1] if axis is None else normalize_axis_tuple(axis, a.ndim)
    if any(a.shape[i] != 1 for i in axes):
        raise ValueError("cannot squeeze an axis of size other than 1")
    return ops.reshape(a, shape=tuple(n for i, n in enumerate(a.shape) if i not in axes))


def expand_dims(a: Any, axis: Any) -> Any:
    """Axes of size 1 inserted."""
    count = 1 if isinstance(axis, int) else len(axis)
    axes = normalize_axis_tuple(axis, a.ndim + count)
    sizes = iter(a.shape)
    return ops.reshape(a, shape=tuple(1 if i in axes else next(sizes) for i in range(a.ndim + count)))


def broadcast_to(array: Any, shape: Any, subok: bool = False) -> Any:
    """The array repeated along axes of size 1 and new leading axes."""
    sizes = (int(shape),) if np.ndim(shape) == 0 else tuple(int(n) for n in shape)
    return ops.broadcast_to(array, shape=sizes)


def broadcast_arrays(*args: Any, subok: bool = False) -> tuple[Any, ...]:
    """The arrays, all of their common shape."""
    xs = arrays(args)
    shape = np.broadcast_shapes(*(x.shape for x in xs))
    return tuple(np.broadcast_to(x, shape) for x in xs)


def atleast_1d(*arys: Any) -> Any:
    """The arrays with at least one axis."""
    return _each(arys, lambda x: x if x.ndim else x.reshape(1))


def atleast_2d(*arys: Any) -> Any:
    """The arrays with at least two axes, new ones first."""
    return _each(arys, lambda x: x if x.ndim >= 2 else x.reshape(1, -1))


def atleast_3d(*arys: Any) -> Any:
    """The arrays with at least three axes: vectors become [1, n, 1], matrices [m, n, 1]."""
    return _each(arys, lambda x: x if x.ndim >= 3 else x[..., None] if x.ndim == 2 else x.reshape(1, -1, 1))


def _each(arys: tuple[Any, ...], change: Any) -> Any:
    results = tuple(change(x) for x in arrays(arys))
    return results[0] if len(results) == 1 else results


def tile(A: Any, reps: Any) -> Any:
    """Copies side by side along each axis."""
    counts = (int(reps),) if np.ndim(reps) == 0 else tuple(int(n) for n in reps)
    return ops.tile(A, repeats=counts)


def repeat(a: Any, repeats: Any, axis: int | None = None) -> Any:
    """Each element repeated along an axis; counts are constants."""
    x, axis = (np.ravel(a), 0) if axis is None else (a, normalize_axis_index(axis, a.ndim))
    counts = np.broadcast_to(_constant(repeats, "repeats"), (x.shape[axis],))
    return ops.gather(x, np.repeat(np.arange(x.shape[axis]), counts), axis=axis)


def _constant(x: Any, what: str) -> Any:
    if is_traced(x):
        raise TypeError(f"{what} must be constant: the result's shape depends on it")
    return np.asarray(x)


def flip(m: Any, axis: Any = None) -> Any:
    """The elements in reverse order along axes; all by default."""
    axes = range(m.ndim) if axis is None else normalize_axis_tuple(axis, m.ndim)
    return m[tuple(slice(None, None, -1 if i in axes else 1) for i in range(m.ndim))]


def flipud(m: Any) -> Any:
    """The elements in reverse order along axis 0."""
    return flip(m, 0)


def fliplr(m: Any) -> Any:
    """The elements in reverse order along axis 1."""
    return flip(m, 1)


def roll(a: Any, shift: Any, axis: Any = None) -> Any:
    """The elements moved along axes, around the ends; without an axis, through all elements."""
    if axis is None:
        return roll(np.ravel(a), shift, 0).reshape(a.shape)
    for amount, one in np.broadcast(_constant(shift, "shift"), axis):
        one = normalize_axis_index(int(one), a.ndim)
        length = max(a.shape[one], 1)
        a = np.concatenate(np.split(a, [length - int(amount) % length], one)[::-1], one)
    return a


def rot90(m: Any, k: int = 1, axes: Any = (0, 1)) -> Any:
    """The plane of two axes turned by k quarters, from the first axis towards the second."""
    a, b = normalize_axis_tuple(axes, m.ndim)
    quarter = k % 4
    if quarter == 0:
        return m
    if quarter == 2:
        return flip(m, (a, b))
    return flip(swapaxes(m, a, b), a) if quarter == 1 else swapaxes(flip(m, a), a, b)


def copy(a: Any, order: str = "K", subok: bool = False) -> Any:
    """The array."""
    return a


def shape(a: Any) -> tuple[int, ...]:
    """The sizes of the axes."""
    found: tuple[int, ...] = array(a).shape
    return found


def ndim(a: Any) -> int:
    """The number of axes."""
    return len(shape(a))


def size(a: Any, axis: Any = None) -> int:
    """The number of elements, or the size of axes."""
    sizes = shape(a)
    axes = range(len(sizes)) if axis is None else normalize_axis_tuple(axis, len(sizes))
    return int(np.prod([sizes[i] for i in axes]))
