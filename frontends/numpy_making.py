"""NumPy's functions that make or extend arrays, under NumPy's names and signatures.

In: tracers whose shape, dtype or elements the result takes. Out: tracers: constants, ranges, triangles, padding.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from aicomp import ops
from aicomp.types import dtype as dtype_of

from .promotion import array, arrays, cast, common_dtype, is_traced


def full_like(
    a: Any, fill_value: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None, *,
    device: None = None,
) -> Any:  # fmt: skip
    """An array of one value, of the shape and dtype of another."""
    to = a.dtype if dtype is None else dtype_of(dtype)
    sizes = a.shape if shape is None else (shape,) if isinstance(shape, int) else tuple(shape)
    value = cast(array(fill_value), to) if is_traced(fill_value) else np.full((), fill_value, to)
    if not is_traced(value):
        value = a.constant(value)
    return np.broadcast_to(value, sizes)


def zeros_like(
    a: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None, *, device: None = None
) -> Any:
    """Zeros, of the shape and dtype of another array."""
    return full_like(a, 0, dtype, shape=shape)


def ones_like(
    a: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None, *, device: None = None
) -> Any:
    """Ones, of the shape and dtype of another array."""
    return full_like(a, 1, dtype, shape=shape)


def empty_like(
    prototype: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None, *,
    device: None = None,
) -> Any:  # fmt: skip
    """Zeros, of the shape and dtype of another array."""
    return full_like(prototype, 0, dtype, shape=shape)


def linspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, retstep: bool = False, dtype: Any = None,
    axis: int = 0, *, device: None = None,
) -> Any:  # fmt: skip
    """num numbers in equal steps from start to stop, along a new axis."""
    inner = common_dtype(start, stop, float(num))
    first, last = (cast(array(x), inner) for x in (start, stop))
    pieces = num - 1 if endpoint else num
    span = last - first
    step = span / pieces if pieces > 0 else span * np.asarray(np.nan, inner)
    ramp = np.arange(num, dtype=inner).reshape((-1,) + (1,) * span.ndim)
    values = ramp * step + first if pieces > 0 else ramp * span + first
    if endpoint and num > 1:
        values = np.concatenate([values[:-1], np.broadcast_to(last, span.shape)[None]])
    if dtype is not None:
        to = dtype_of(dtype)
        values = cast(np.floor(values) if to.kind in "iu" else values, to)
    values = np.moveaxis(values, 0, axis)
    return (values, step) if retstep else values


def logspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, base: Any = 10.0, dtype: Any = None, axis: int = 0
) -> Any:
    """base to the power of numbers in equal steps."""
    values = np.power(base, linspace(start, stop, num, endpoint, axis=axis))
    return values if dtype is None else cast(values, dtype_of(dtype))


def tril(m: Any, k: int = 0) -> Any:
    """The elements on and below a diagonal, zeros above."""
    return ops.tril(m if m.ndim > 1 else np.broadcast_to(m, m.shape * 2), k=k)


def triu(m: Any, k: int = 0) -> Any:
    """The elements on and above a diagonal, zeros below."""
    return ops.triu(m if m.ndim > 1 else np.broadcast_to(m, m.shape * 2), k=k)


def diag(v: Any, k: int = 0) -> Any:
    """The diagonal of a matrix, or the matrix with a vector on its diagonal."""
    if v.ndim == 2:
        return np.diagonal(v, k)
    if v.ndim != 1:
        raise ValueError("Input must be 1- or 2-d.")
    n = v.shape[0] + abs(k)
    spread = ops.pad(v, low=(0,), high=(abs(k),), value=0)  # element i is on row i, or on column i, of the diagonal
    spread = spread[:, None] if k >= 0 else spread[None, :]
    return ops.where(np.eye(n, k=k, dtype=bool), spread, np.zeros((), v.dtype))


def diagflat(v: Any, k: int = 0) -> Any:
    """The matrix with the elements on its diagonal."""
    return diag(np.ravel(v), k)


def meshgrid(*xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> tuple[Any, ...]:
    """The coordinates of a grid: one array for each vector, varying along its axis."""
    xs = [np.ravel(x) for x in arrays(xi)]
    rank = len(xs)
    grids = [x.reshape(tuple(-1 if i == j else 1 for j in range(rank))) for i, x in enumerate(xs)]
    if indexing == "xy" and rank > 1:
        grids = [np.swapaxes(x, 0, 1) for x in grids]
    return tuple(grids) if sparse else tuple(np.broadcast_arrays(*grids))


def ix_(*args: Any) -> tuple[Any, ...]:
    """Index vectors shaped so that they pick a grid."""
    rank = len(args)
    return tuple(array(x).reshape((1,) * i + (-1,) + (1,) * (rank - i - 1)) for i, x in enumerate(args))


def append(arr: Any, values: Any, axis: int | None = None) -> Any:
    """An array with others after it; without an axis, their elements."""
    if axis is None:
        arr, values, axis = np.ravel(arr), np.ravel(array(values)), 0
    return np.concatenate([arr, values], axis)


def delete(arr: Any, obj: Any, axis: int | None = None) -> Any:
    """The array without the elements at constant positions along an axis."""
    if axis is None:
        arr, axis = np.ravel(arr), 0
    return np.take(arr, np.delete(np.arange(arr.shape[axis]), obj), axis)


def resize(a: Any, new_shape: Any) -> Any:
    """The elements, repeated as often as needed, under another shape."""
    shape = (new_shape,) if isinstance(new_shape, int) else tuple(new_shape)
    flat, size = np.ravel(a), int(np.prod(shape))
    if not flat.size:
        return np.zeros_like(a, shape=shape)
    return np.tile(flat, -(-size // flat.size))[:size].reshape(shape)


def pad(array: Any, pad_width: Any, mode: str = "constant", **kwargs: Any) -> Any:
    """The array with margins: a constant, copies of its own elements, or a statistic of each row."""
    widths = _pairs(pad_width, array.ndim)
    if mode == "constant":
        return _pad_constant(array, widths, kwargs.pop("constant_values", 0), kwargs)
    if kwargs:
        raise TypeError(f"{', '.join(kwargs)}= is not supported for mode {mode!r}")
    if mode == "empty":
        return _pad_constant(array, widths, 0, {})
    if mode in ("edge", "reflect", "symmetric", "wrap"):
        return ops.pad_mode(array, pads=widths, mode=mode)
    if mode not in STATISTICS:
        raise ValueError(f"mode {mode!r} is not supported; use edge, reflect, symmetric, wrap, maximum or minimum")
    for axis, (before, after) in enumerate(widths):
        array = _pad_statistic(array, axis, before, after, STATISTICS[mode])
    return array


STATISTICS = {"maximum": np.max, "minimum": np.min}


def _pairs(given: Any, rank: int) -> tuple[tuple[int, int], ...]:
    if isinstance(given, dict):
        pairs = {normalize_axis_index(axis, rank): given[axis] for axis in given}
        full = [np.broadcast_to(pairs.get(axis, 0), (2,)).tolist() for axis in range(rank)]
    else:
        full = np.broadcast_to(np.asarray(given), (rank, 2)).tolist()
    return tuple((operator.index(a), operator.index(b)) for a, b in full)


def _pad_constant(x: Any, widths: Any, values: Any, rest: dict[str, Any]) -> Any:
    if rest:
        raise TypeError(f"{', '.join(rest)}= is not supported")
    if np.ndim(values) == 0 and not is_traced(values):
        low, high = (tuple(side) for side in zip(*widths, strict=True)) if widths else ((), ())
        return ops.pad(x, low=low, high=high, value=np.asarray(values).astype(x.dtype).item())
    values = np.broadcast_to(values, (x.ndim, 2))
    for axis, (before, after) in enumerate(widths):
        slabs = [_slab(x, axis, size, values[axis, i]) for i, size in enumerate((before, after))]
        x = np.concatenate([slabs[0], x, slabs[1]], axis)
    return x


def _slab(x: Any, axis: int, size: int, value: Any) -> Any:
    return np.broadcast_to(cast(array(value), x.dtype), (*x.shape[:axis], size, *x.shape[axis + 1 :]))


def _pad_statistic(x: Any, axis: int, before: int, after: int, statistic: Any) -> Any:
    value = statistic(x, axis=axis, keepdims=True)
    return np.concatenate([_slab(x, axis, before, value), x, _slab(x, axis, after, value)], axis)
