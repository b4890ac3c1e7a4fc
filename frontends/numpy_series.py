"""NumPy's functions along an axis, under NumPy's names and signatures: running sums, differences, convolutions.

In: tracers. Out: tracers.
"""

from __future__ import annotations

from math import pi
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from aicomp import ops
from aicomp.types import BOOL, FLOAT64, is_integer
from aicomp.types import dtype as dtype_of

from .numpy_reductions import axes_of, sum_dtype
from .promotion import array, arrays, cast, common_dtype, is_inexact, is_traced, promote


def cumsum(a: Any, axis: Any = None, dtype: Any = None) -> Any:
    """The running sum."""
    return _running("sum", a, axis, dtype)


def cumprod(a: Any, axis: Any = None, dtype: Any = None) -> Any:
    """The running product."""
    return _running("prod", a, axis, dtype)


def _running(kind: str, a: Any, axis: Any, dtype: Any) -> Any:
    x = cast(a, sum_dtype(a.dtype) if dtype is None else dtype_of(dtype))
    if axis is None:
        x, axis = np.ravel(x), 0
    return ops.cumulative(x, kind=kind, axis=normalize_axis_index(axis, x.ndim))


def cumulative_sum(x: Any, /, *, axis: Any = None, dtype: Any = None, include_initial: bool = False) -> Any:
    """The running sum, with a leading zero where wanted."""
    return _with_initial(cumsum(x, axis, dtype), axis, 0, include_initial)


def cumulative_prod(x: Any, /, *, axis: Any = None, dtype: Any = None, include_initial: bool = False) -> Any:
    """The running product, with a leading one where wanted."""
    return _with_initial(cumprod(x, axis, dtype), axis, 1, include_initial)


def _with_initial(result: Any, axis: Any, value: int, wanted: bool) -> Any:
    if not wanted:
        return result
    at = normalize_axis_index(axis or 0, result.ndim)
    first = np.full((*result.shape[:at], 1, *result.shape[at + 1 :]), value, result.dtype)
    return np.concatenate([first, result], at)


def diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Any:
    """The differences of neighbours along an axis, n times over."""
    at = normalize_axis_index(axis, a.ndim)
    parts = [_as_slab(prepend, a, at), a, _as_slab(append, a, at)]
    given = [x for x in parts if x is not None]
    a = np.concatenate(given, at) if len(given) > 1 else a
    for _ in range(n):
        later, earlier = _along(a, at, slice(1, None)), _along(a, at, slice(None, -1))
        a = np.not_equal(later, earlier) if a.dtype == BOOL else later - earlier
    return a


def _as_slab(x: Any, a: Any, axis: int) -> Any:
    if x is None or x is np._NoValue:
        return None
    x = array(x)
    return np.broadcast_to(x, (*a.shape[:axis], 1, *a.shape[axis + 1 :])) if x.ndim == 0 else x


def _along(a: Any, axis: int, part: Any) -> Any:
    return a[(*(slice(None),) * axis, part)]


def ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    """The differences of neighbouring elements, with others before and after."""
    flat = np.ravel(ary)
    middle = flat[1:] - flat[:-1]
    ends = [None if x is None else np.ravel(array(x)) for x in (to_begin, to_end)]
    if not all(x is None or np.can_cast(x.dtype, middle.dtype, "same_kind") for x in ends):
        raise TypeError("dtype of `to_begin` and `to_end` must be compatible with that of `ary`")
    parts = [cast(x, middle.dtype) for x in (ends[0], middle, ends[1]) if x is not None]
    return np.concatenate(parts) if len(parts) > 1 else middle


def gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    """Central differences along axes, one-sided at the ends; varargs are the spacings, one or one an axis."""
    axes = axes_of(f, axis)
    spacings = varargs * len(axes) if len(varargs) == 1 else varargs or (1.0,) * len(axes)
    if edge_order != 1 or any(np.ndim(h) for h in spacings):
        raise ValueError("edge_order is 1 and spacings are numbers in traced code")
    if len(spacings) != len(axes):
        raise TypeError("invalid number of arguments")
    to = f.dtype if is_inexact(f.dtype) else FLOAT64
    f = cast(f, to) if is_integer(f.dtype) else f
    found = tuple(cast(_slope(f, h, i), to) for h, i in zip(spacings, axes, strict=True))
    return found[0] if len(found) == 1 else found


def _slope(f: Any, h: Any, axis: int) -> Any:
    if f.shape[axis] < 2:
        raise ValueError("Shape of array too small to calculate a numerical gradient")
    middle = (_along(f, axis, slice(2, None)) - _along(f, axis, slice(None, -2))) / (2.0 * h)
    first = (_along(f, axis, slice(1, 2)) - _along(f, axis, slice(0, 1))) / h
    last = (_along(f, axis, slice(-1, None)) - _along(f, axis, slice(-2, -1))) / h
    return np.concatenate([first, middle, last], axis)


def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    """The integral along an axis by the trapezoidal rule."""
    y = array(y)
    at = normalize_axis_index(axis, y.ndim)
    step = dx
    if x is not None:
        points = array(x)
        step = diff(points, axis=-1 if points.ndim == 1 else at) if is_traced(points) else np.diff(points)
        step = step.reshape((-1,) + (1,) * (y.ndim - at - 1)) if step.ndim == 1 else step
    return np.sum(step * (_along(y, at, slice(1, None)) + _along(y, at, slice(None, -1))) / 2.0, axis=at)


def unwrap(p: Any, discont: Any = None, axis: int = -1, *, period: Any = 2 * pi) -> Any:
    """Angles without jumps of more than half a period."""
    at = normalize_axis_index(axis, p.ndim)
    steps = diff(p, axis=at)
    to = common_dtype(steps, period)
    high, odd = divmod(period, 2) if is_integer(to) else (period / 2, 0)
    wrapped = np.remainder(steps + high, period) - high
    if not odd:  # the two ends of the interval are one angle: keep the sign of the step
        wrapped = np.where(np.logical_and(np.equal(wrapped, -high), steps > 0), cast(high, wrapped.dtype), wrapped)
    small = np.abs(steps) < (period / 2 if discont is None else discont)
    shift = np.where(small, 0, wrapped - steps)
    rest = _along(p, at, slice(1, None)) + cumsum(shift, at)
    return np.concatenate([cast(_along(p, at, slice(0, 1)), to), cast(rest, to)], at)


def convolve(a: Any, v: Any, mode: str = "full") -> Any:
    """The convolution of two vectors: sum over k of a[k] * v[n - k]."""
    x, kernel = promote(*arrays((a, v)))
    if kernel.shape[0] > x.shape[0]:
        x, kernel = kernel, x
    return _slide(x, kernel[::-1], mode)


def correlate(a: Any, v: Any, mode: str = "valid") -> Any:
    """The cross-correlation of two vectors: sum over k of a[n + k] * v[k]."""
    x, kernel = promote(*arrays((a, v)))
    if kernel.shape[0] > x.shape[0]:
        return _slide(kernel, x, mode)[::-1]
    return _slide(x, kernel, mode)


def _slide(x: Any, kernel: Any, mode: str) -> Any:
    """Return the products of the kernel laid over x at each place: inside it, centred on it, or touching it."""
    size = kernel.shape[0]
    if not size:
        raise ValueError("v cannot be empty")
    margins = {"valid": (0, 0), "same": (size // 2, size - 1 - size // 2), "full": (size - 1, size - 1)}
    if mode not in margins:
        raise ValueError(f"mode must be 'valid', 'same' or 'full', got {mode!r}")
    if x.dtype == BOOL:
        return _slide(x.astype(np.uint8), kernel.astype(np.uint8), mode).astype(bool)
    return ops.conv(x.reshape(1, 1, -1), kernel.reshape(1, 1, -1), padding=(margins[mode],)).reshape(-1)


def vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    """The powers of each element as rows, the highest first."""
    count = len(x) if N is None else N
    base = cast(x, np.promote_types(x.dtype, int))
    if not count:
        return base[:, None][:, :0]
    powers = [np.ones_like(base), *[base] * (count - 1)][:count]
    for i in range(2, count):
        powers[i] = powers[i - 1] * base
    return np.stack(powers if increasing else powers[::-1], axis=1)
