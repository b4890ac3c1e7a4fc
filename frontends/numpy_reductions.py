"""NumPy's reductions under NumPy's names and signatures: sums, extrema, statistics, and those that skip NaN.

In: tracers. Out: tracers of NumPy's dtypes: sums of small integers are int64 or uint64, means of integers float64.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod as product
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from aicomp import ops
from aicomp.types import BOOL, FLOAT64, INT64, UINT64, DType, is_float
from aicomp.types import dtype as dtype_of

from .promotion import array, cast, common_dtype

ABSENT = np._NoValue


def axes_of(a: Any, axis: Any) -> tuple[int, ...]:
    """Return axes counted from 0; None means all."""
    return tuple(range(a.ndim)) if axis is None else normalize_axis_tuple(axis, a.ndim)


def count_of(a: Any, axis: Any) -> int:
    """Return the number of elements that are folded into one."""
    return product(a.shape[i] for i in axes_of(a, axis))


def sum_dtype(dtype: DType) -> DType:
    """Return the dtype NumPy sums in: at least 64 bits for integers."""
    if dtype.kind not in "biu":
        return dtype
    return UINT64 if dtype.kind == "u" else INT64


def _fold(op: Callable[..., Any], a: Any, axis: Any, keepdims: Any, where: Any, fill: Any) -> Any:
    if where is not True and where is not ABSENT:
        a = np.where(where, a, np.asarray(fill, a.dtype))
    return op(a, axes=axes_of(a, axis), keepdims=bool(keepdims) and keepdims is not ABSENT)


def _given(initial: Any) -> bool:
    return initial is not ABSENT and initial is not None


def sum(
    a: Any, axis: Any = None, dtype: Any = None, *, keepdims: Any = False, initial: Any = ABSENT, where: Any = True
) -> Any:
    """Sums over axes."""
    x = cast(array(a), sum_dtype(a.dtype) if dtype is None else dtype_of(dtype))
    total = _fold(ops.sum, x, axis, keepdims, where, 0) if x.dtype != BOOL else any(x, axis, keepdims=keepdims)
    return total + np.asarray(initial, x.dtype) if _given(initial) else total


def prod(
    a: Any, axis: Any = None, dtype: Any = None, *, keepdims: Any = False, initial: Any = ABSENT, where: Any = True
) -> Any:
    """Products over axes."""
    x = cast(array(a), sum_dtype(a.dtype) if dtype is None else dtype_of(dtype))
    total = _fold(ops.prod, x, axis, keepdims, where, 1)
    return total * np.asarray(initial, x.dtype) if _given(initial) else total


def max(a: Any, axis: Any = None, *, keepdims: Any = False, initial: Any = ABSENT, where: Any = True) -> Any:
    """The largest over axes; NaN where there is one."""
    return _extremum(ops.max, np.maximum, a, axis, keepdims, initial, where)


def min(a: Any, axis: Any = None, *, keepdims: Any = False, initial: Any = ABSENT, where: Any = True) -> Any:
    """The smallest over axes; NaN where there is one."""
    return _extremum(ops.min, np.minimum, a, axis, keepdims, initial, where)


def _extremum(op: Any, ufunc: np.ufunc, a: Any, axis: Any, keepdims: Any, initial: Any, where: Any) -> Any:
    if not _given(initial):
        if where is not True and where is not ABSENT:
            raise ValueError("where= needs initial=")
        return _fold(op, a, axis, keepdims, True, 0)
    first = np.asarray(initial, a.dtype)
    if count_of(a, axis) == 0:
        shape = _fold(ops.any, cast(a, BOOL), axis, keepdims, True, 0).shape
        return np.broadcast_to(a.constant(first), shape)
    return ufunc(_fold(op, a, axis, keepdims, where, initial), first)


amax, amin = max, min


def any(a: Any, axis: Any = None, *, keepdims: Any = False, where: Any = True) -> Any:
    """Whether some element over axes is not zero."""
    return _fold(ops.any, cast(a, BOOL), axis, keepdims, where, False)


def all(a: Any, axis: Any = None, *, keepdims: Any = False, where: Any = True) -> Any:
    """Whether all elements over axes are not zero."""
    return _fold(ops.all, cast(a, BOOL), axis, keepdims, where, True)


def mean(a: Any, axis: Any = None, dtype: Any = None, *, keepdims: Any = False, where: Any = True) -> Any:
    """Means over axes; of the elements where the mask holds."""
    x = cast(a, _mean_dtype(a, dtype))
    if where is True or where is ABSENT:
        return _fold(ops.mean, x, axis, keepdims, True, 0)
    counts = sum(np.broadcast_to(where, a.shape), axis, x.dtype, keepdims=keepdims)
    return sum(x, axis, keepdims=keepdims, where=where) / counts


def _mean_dtype(a: Any, dtype: Any) -> DType:
    if dtype is not None and dtype is not ABSENT:
        return dtype_of(dtype)
    return a.dtype if is_float(a.dtype) else FLOAT64


def var(
    a: Any, axis: Any = None, dtype: Any = None, out: None = None, ddof: Any = 0, *,
    keepdims: Any = False, mean: Any = ABSENT, correction: Any = ABSENT,
) -> Any:  # fmt: skip
    """Variances over axes: mean square deviations, divided by the count less `ddof`."""
    return _spread(ops.var, a, axis, dtype, ddof if correction is ABSENT else correction, keepdims)


def std(
    a: Any, axis: Any = None, dtype: Any = None, out: None = None, ddof: Any = 0, *,
    keepdims: Any = False, mean: Any = ABSENT, correction: Any = ABSENT,
) -> Any:  # fmt: skip
    """Standard deviations over axes."""
    return _spread(ops.std, a, axis, dtype, ddof if correction is ABSENT else correction, keepdims)


def _spread(op: Any, a: Any, axis: Any, dtype: Any, correction: Any, keepdims: Any) -> Any:
    x = cast(a, _mean_dtype(a, dtype))
    kept = bool(keepdims) and keepdims is not ABSENT
    return op(x, axes=axes_of(a, axis), keepdims=kept, correction=correction)


def argmax(a: Any, axis: Any = None, *, keepdims: Any = False) -> Any:
    """The position of the largest; the first of several."""
    return _position(ops.argmax, a, axis, keepdims)


def argmin(a: Any, axis: Any = None, *, keepdims: Any = False) -> Any:
    """The position of the smallest; the first of several."""
    return _position(ops.argmin, a, axis, keepdims)


def _position(op: Any, a: Any, axis: Any, keepdims: Any) -> Any:
    kept = bool(keepdims) and keepdims is not ABSENT
    if axis is not None:
        return op(a, axis=axes_of(a, axis)[0], keepdims=kept)
    found = op(np.ravel(a), axis=0)
    return found.reshape((1,) * a.ndim) if kept else found


def count_nonzero(a: Any, axis: Any = None, *, keepdims: Any = False) -> Any:
    """The number of elements over axes that are not zero."""
    return sum(cast(a, BOOL), axis, keepdims=keepdims)


def ptp(a: Any, axis: Any = None, *, keepdims: Any = False) -> Any:
    """The largest less the smallest."""
    return max(a, axis, keepdims=keepdims) - min(a, axis, keepdims=keepdims)


def average(a: Any, axis: Any = None, weights: Any = None, returned: bool = False, *, keepdims: Any = False) -> Any:
    """Weighted means over axes."""
    if weights is None:
        result: Any = mean(a, axis, keepdims=keepdims)
        scale = np.full(result.shape, count_of(a, axis), result.dtype)
    else:
        result, scale = _weighted(array(a), axis, array(weights), keepdims)
    return (result, np.broadcast_to(scale, result.shape)) if returned else result


def _weighted(a: Any, axis: Any, weights: Any, keepdims: Any) -> tuple[Any, Any]:
    to = common_dtype(a, weights) if is_float(a.dtype) else common_dtype(a, weights, np.zeros((), FLOAT64))
    if weights.shape != a.shape:
        axes = axes_of(a, axis)
        if weights.shape != tuple(a.shape[i] for i in axes):
            raise ValueError("Shape of weights must be consistent with shape of a along specified axis.")
        shape = tuple(n if i in axes else 1 for i, n in enumerate(a.shape))
        order = sorted(range(len(axes)), key=axes.__getitem__)
        weights = np.transpose(weights, order).reshape(shape)
    x, w = cast(a, to), cast(np.broadcast_to(weights, a.shape), to)
    scale = np.sum(w, axis=axis, keepdims=keepdims)
    return np.sum(x * w, axis=axis, keepdims=keepdims) / scale, scale


def cov(
    m: Any, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: int | None = None, *, dtype: Any = None
) -> Any:
    """The covariances of variables (rows), each with one observation a column."""
    x = np.atleast_2d(cast(array(m), common_dtype(m, FLOAT64.type(0)) if dtype is None else dtype_of(dtype)))
    x = x.T if not rowvar and array(m).ndim != 1 else x
    if y is not None:
        other = np.atleast_2d(cast(array(y), x.dtype))
        x = np.concatenate([x, other.T if not rowvar and array(y).ndim != 1 else other])
    correction = (0 if bias else 1) if ddof is None else ddof
    centred = x - mean(x, 1, keepdims=True)
    return np.squeeze(np.matmul(centred, centred.T) / float(np.maximum(x.shape[1] - correction, 0)))


def corrcoef(x: Any, y: Any = None, rowvar: bool = True, *, dtype: Any = None) -> Any:
    """The correlation coefficients of variables."""
    c = cov(x, y, rowvar, dtype=dtype)
    if c.ndim == 0:
        return c / c
    deviation = np.sqrt(np.diagonal(c))
    return np.clip(c / deviation[:, None] / deviation[None, :], -1, 1)
