"""NumPy's reductions that skip NaN, under NumPy's names and signatures.

In: tracers. Out: tracers: the reduction of what is left when NaN is replaced by what changes nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from aicomp.types import is_float

from . import numpy_reductions as plain
from .promotion import cast


def _replaced(a: Any, value: Any) -> Any:
    return np.where(np.isnan(a), np.asarray(value, a.dtype), a) if is_float(a.dtype) else a


def _present(a: Any, axis: Any, keepdims: Any) -> Any:
    """Return how many elements are not NaN."""
    return plain.count_nonzero(np.logical_not(np.isnan(a)), axis, keepdims=keepdims)


def nansum(a: Any, axis: Any = None, dtype: Any = None, *, keepdims: Any = False) -> Any:
    """The sum, NaN counting as 0."""
    return plain.sum(_replaced(a, 0), axis, dtype, keepdims=keepdims)


def nanprod(a: Any, axis: Any = None, dtype: Any = None, *, keepdims: Any = False) -> Any:
    """The product, NaN counting as 1."""
    return plain.prod(_replaced(a, 1), axis, dtype, keepdims=keepdims)


def nancumsum(a: Any, axis: Any = None, dtype: Any = None) -> Any:
    """The running sum, NaN counting as 0."""
    return np.cumsum(_replaced(a, 0), axis, dtype)


def nancumprod(a: Any, axis: Any = None, dtype: Any = None) -> Any:
    """The running product, NaN counting as 1."""
    return np.cumprod(_replaced(a, 1), axis, dtype)


def nanmean(a: Any, axis: Any = None, dtype: Any = None, *, keepdims: Any = False) -> Any:
    """The mean of what is not NaN; NaN of nothing."""
    if not is_float(a.dtype):
        return plain.mean(a, axis, dtype, keepdims=keepdims)
    total = nansum(a, axis, dtype, keepdims=keepdims)
    return total / cast(_present(a, axis, keepdims), total.dtype)


def nanvar(
    a: Any, axis: Any = None, dtype: Any = None, out: None = None, ddof: Any = 0, *, keepdims: Any = False
) -> Any:
    """The variance of what is not NaN."""
    if not is_float(a.dtype):
        return plain.var(a, axis, dtype, ddof=ddof, keepdims=keepdims)
    deviation = a - nanmean(a, axis, dtype, keepdims=True)
    total = nansum(deviation * deviation, axis, dtype, keepdims=keepdims)
    free = cast(_present(a, axis, keepdims), total.dtype) - ddof
    return np.where(free > 0, total / free, np.asarray(np.nan, total.dtype))


def nanstd(
    a: Any, axis: Any = None, dtype: Any = None, out: None = None, ddof: Any = 0, *, keepdims: Any = False
) -> Any:
    """The standard deviation of what is not NaN."""
    return np.sqrt(nanvar(a, axis, dtype, ddof=ddof, keepdims=keepdims))


def nanmax(a: Any, axis: Any = None, *, keepdims: Any = False) -> Any:
    """The largest of what is not NaN."""
    return _extremum(plain.max, a, axis, keepdims, -np.inf)


def nanmin(a: Any, axis: Any = None, *, keepdims: Any = False) -> Any:
    """The smallest of what is not NaN."""
    return _extremum(plain.min, a, axis, keepdims, np.inf)


def _extremum(reduction: Any, a: Any, axis: Any, keepdims: Any, worst: float) -> Any:
    if not is_float(a.dtype):
        return reduction(a, axis, keepdims=keepdims)
    best = reduction(_replaced(a, worst), axis, keepdims=keepdims)
    return np.where(_present(a, axis, keepdims) > 0, best, np.asarray(np.nan, a.dtype))


def nanargmax(a: Any, axis: Any = None, *, keepdims: Any = False) -> Any:
    """The position of the largest of what is not NaN; 0 of nothing."""
    return plain.argmax(_replaced(a, -np.inf), axis, keepdims=keepdims)


def nanargmin(a: Any, axis: Any = None, *, keepdims: Any = False) -> Any:
    """The position of the smallest of what is not NaN; 0 of nothing."""
    return plain.argmin(_replaced(a, np.inf), axis, keepdims=keepdims)
