"""The methods of ufuncs on tracers: `np.add.reduce`, `np.maximum.accumulate`, `np.multiply.outer`.

In: a ufunc and the method's arguments. Out: a tracer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from aicomp import ops

from .numpy_reductions import axes_of
from .promotion import array, cast, ufunc_dtypes

REDUCTIONS: Mapping[str, Callable[..., Any]] = MappingProxyType({
    "add": np.sum, "multiply": np.prod, "maximum": np.max, "minimum": np.min,
    "logical_and": np.all, "logical_or": np.any,
})  # fmt: skip
ASSOCIATIVE = frozenset(
    {"bitwise_and", "bitwise_or", "bitwise_xor", "logical_xor", "fmax", "fmin", "logaddexp", "hypot"}
)
CUMULATIVE = MappingProxyType({"maximum": "max", "minimum": "min"})


def reduce(ufunc: np.ufunc, a: Any, axis: Any = 0, dtype: Any = None, keepdims: bool = False, **rest: Any) -> Any:
    """Fold axes; the first by default."""
    if dtype is not None:
        a = a.astype(dtype)
    if ufunc.__name__ in REDUCTIONS:
        return REDUCTIONS[ufunc.__name__](a, axis=axis, keepdims=keepdims, **rest)
    if ufunc.__name__ not in ASSOCIATIVE or rest:
        raise TypeError("is not supported in traced code; use ac.scan")
    a = cast(a, ufunc_dtypes(ufunc, (a.dtype, a.dtype))[-1])
    for each in axes_of(a, axis):
        a = _fold(ufunc, a, each)
    return a if keepdims else np.squeeze(a, axes_of(a, axis))


def _fold(ufunc: np.ufunc, a: Any, axis: int) -> Any:
    """Fold one axis, which stays with size 1, by halves."""
    if not a.shape[axis]:
        raise ValueError("zero-size array to reduction operation which has no identity")
    while a.shape[axis] > 1:
        half = a.shape[axis] // 2
        first, second, rest = np.split(a, [half, 2 * half], axis)
        a = np.concatenate([ufunc(first, second), rest], axis)
    return a


def accumulate(ufunc: np.ufunc, a: Any, axis: int = 0, dtype: Any = None) -> Any:
    """Fold along an axis and keep what each step gives."""
    if ufunc.__name__ in ("add", "multiply"):
        return (np.cumsum if ufunc is np.add else np.cumprod)(a, axis=axis, dtype=dtype)
    if ufunc.__name__ not in CUMULATIVE:
        raise TypeError("is not supported in traced code; use ac.scan")
    return ops.cumulative(a, kind=CUMULATIVE[ufunc.__name__], axis=normalize_axis_index(axis, a.ndim))


def outer(ufunc: np.ufunc, a: Any, b: Any, dtype: Any = None) -> Any:
    """Apply to each element of one and each of the other."""
    x, y = array(a), array(b)
    if dtype is not None:
        x, y = cast(x, np.dtype(dtype)), cast(y, np.dtype(dtype))
    return ufunc(x.reshape((*x.shape, *(1,) * y.ndim)), y)


UFUNC_METHODS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {"reduce": reduce, "accumulate": accumulate, "outer": outer}
)
