"""Operators that fold axes: sum, prod, max, min, any, all, argmax, argmin.

In: a tensor and the axes to fold (None: all). Out: a tensor without them, or with `keepdims`, of size 1
there. 16-bit floats accumulate in float32 and are rounded once; integers wrap around.

    reduce_sum(x, axes=(0, 2))           # f32[2,3,4] -> f32[3]
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from types import MappingProxyType
from typing import Any

import numpy as np

from ..errors import GraphError
from ..ir import Kind
from ..types import BOOL, INT64, DType, Shape, TensorType, compute_dtype, is_float
from .base import Array, axis_normalizer, normal_axes, primitive

Axes = int | Sequence[int] | None


def lowest(dtype: DType) -> Any:
    """Return the smallest value of a dtype, the identity of max: -inf, the least integer, False."""
    if dtype == BOOL:
        return False
    return -np.inf if is_float(dtype) else np.iinfo(dtype).min


def highest(dtype: DType) -> Any:
    """Return the largest value of a dtype, the identity of min: inf, the greatest integer, True."""
    if dtype == BOOL:
        return True
    return np.inf if is_float(dtype) else np.iinfo(dtype).max


@dataclass(frozen=True, slots=True)
class Fold:
    """An associative function of two elements, and what it gives over none."""

    function: np.ufunc
    identity: Callable[[DType], Any]


FOLDS = MappingProxyType({
    "sum": Fold(np.add, lambda dtype: 0),
    "prod": Fold(np.multiply, lambda dtype: 1),
    "max": Fold(np.maximum, lowest),
    "min": Fold(np.minimum, highest),
})  # fmt: skip


def folded(shape: Shape, axes: Sequence[int], keepdims: bool) -> Shape:
    """Return a shape without the axes, or with size 1 there."""
    if keepdims:
        return tuple(1 if i in axes else n for i, n in enumerate(shape))
    return tuple(n for i, n in enumerate(shape) if i not in axes)


def _normalize(types: Sequence[TensorType], attrs: dict[str, Any]) -> dict[str, Any]:
    return {"axes": normal_axes(attrs["axes"], types[0].rank), "keepdims": bool(attrs["keepdims"])}


def _infer_arithmetic(x: TensorType, *, axes: Shape, keepdims: bool) -> TensorType:
    if x.dtype == BOOL:
        raise GraphError("not defined on bool; cast to an integer dtype first, or use any or all")
    return TensorType(folded(x.shape, axes, keepdims), x.dtype)


def _infer_extremum(x: TensorType, *, axes: Shape, keepdims: bool) -> TensorType:
    result = TensorType(folded(x.shape, axes, keepdims), x.dtype)
    if result.size and not prod(x.shape[axis] for axis in axes):
        raise GraphError(f"the largest or smallest of no elements is not defined: {x} over axes {axes}")
    return result


def _infer_logical(x: TensorType, *, axes: Shape, keepdims: bool) -> TensorType:
    if x.dtype != BOOL:
        raise GraphError(f"needs bool, got {x}; cast first")
    return TensorType(folded(x.shape, axes, keepdims), BOOL)


def _fold(function: Callable[..., Any], x: Array, axes: Axes, keepdims: bool) -> Array:
    wide = compute_dtype(x.dtype)
    result = function(x.astype(wide, copy=False), axis=axes, keepdims=keepdims, dtype=wide)
    return np.asarray(result).astype(x.dtype, copy=False)


def _extremum(function: Callable[..., Any], x: Array, axes: Any, keepdims: bool) -> Array:
    if not x.size:  # NumPy refuses, if only to fold none into none
        return np.empty(folded(x.shape, axes, keepdims), x.dtype)
    return _fold(function, x, axes, keepdims)


@primitive(Kind.REDUCE, _infer_arithmetic, name="sum", normalize=_normalize)
def reduce_sum(x: Array, *, axes: Axes = None, keepdims: bool = False) -> Array:
    """The sum over axes, in x's dtype; of no elements, 0."""
    return _fold(np.add.reduce, x, axes, keepdims)


@primitive(Kind.REDUCE, _infer_arithmetic, name="prod", normalize=_normalize)
def reduce_prod(x: Array, *, axes: Axes = None, keepdims: bool = False) -> Array:
    """The product over axes, in x's dtype; of no elements, 1."""
    return _fold(np.multiply.reduce, x, axes, keepdims)


@primitive(Kind.REDUCE, _infer_extremum, name="max", normalize=_normalize)
def reduce_max(x: Array, *, axes: Axes = None, keepdims: bool = False) -> Array:
    """The largest over axes; NaN where there is one."""
    return _extremum(np.maximum.reduce, x, axes, keepdims)


@primitive(Kind.REDUCE, _infer_extremum, name="min", normalize=_normalize)
def reduce_min(x: Array, *, axes: Axes = None, keepdims: bool = False) -> Array:
    """The smallest over axes; NaN where there is one."""
    return _extremum(np.minimum.reduce, x, axes, keepdims)


@primitive(Kind.REDUCE, _infer_logical, name="any", normalize=_normalize)
def reduce_any(x: Array, *, axes: Axes = None, keepdims: bool = False) -> Array:
    """Whether any element over axes is true."""
    return _fold(np.logical_or.reduce, x, axes, keepdims)


@primitive(Kind.REDUCE, _infer_logical, name="all", normalize=_normalize)
def reduce_all(x: Array, *, axes: Axes = None, keepdims: bool = False) -> Array:
    """Whether every element over axes is true."""
    return _fold(np.logical_and.reduce, x, axes, keepdims)


def _infer_position(x: TensorType, *, axis: int, keepdims: bool) -> TensorType:
    if not x.shape[axis]:
        raise GraphError(f"the position of the largest or smallest of no elements is not defined: {x} axis {axis}")
    return TensorType(folded(x.shape, (axis,), keepdims), INT64)


def _position(function: Callable[..., Any], x: Array, axis: int, keepdims: bool) -> Array:
    wide = x.astype(compute_dtype(x.dtype), copy=False)
    return np.asarray(function(wide, axis=axis, keepdims=keepdims)).astype(INT64, copy=False)


@primitive(Kind.REDUCE, _infer_position, normalize=axis_normalizer("axis"))
def argmax(x: Array, *, axis: int, keepdims: bool = False) -> Array:
    """The int64 position of the first largest element along an axis, or of the first NaN."""
    return _position(np.argmax, x, axis, keepdims)


@primitive(Kind.REDUCE, _infer_position, normalize=axis_normalizer("axis"))
def argmin(x: Array, *, axis: int, keepdims: bool = False) -> Array:
    """The int64 position of the first smallest element along an axis, or of the first NaN."""
    return _position(np.argmin, x, axis, keepdims)
