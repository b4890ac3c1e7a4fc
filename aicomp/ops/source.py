"""Operators without inputs: constants and index ramps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import types
from ..elided import Elided
from ..ir import Kind
from ..types import INT64, DType, Shape, TensorType
from .base import Array, Sizes, as_tuple, normal_axis, primitive


def _normalize_constant(operands: Sequence[TensorType], attrs: dict[str, Any]) -> dict[str, Any]:
    if isinstance(attrs["value"], Elided):
        return attrs
    array = np.asarray(attrs["value"])
    return {"value": array.astype(types.dtype(array.dtype), copy=False)}


def _infer_constant(*, value: Array | Elided) -> TensorType:
    return TensorType(value.shape, value.dtype)


@primitive(Kind.SOURCE, _infer_constant, normalize=_normalize_constant)
def constant(*, value: Any) -> Array:
    """A tensor known at compile time; `value` is the array."""
    return np.asarray(value)


def _normalize_iota(operands: Sequence[TensorType], attrs: dict[str, Any]) -> dict[str, Any]:
    shape = as_tuple(attrs["shape"])
    return {"shape": shape, "axis": normal_axis(attrs["axis"], len(shape)), "dtype": types.dtype(attrs["dtype"])}


def _infer_iota(*, shape: Shape, axis: int, dtype: DType) -> TensorType:
    return TensorType(shape, dtype)


@primitive(Kind.SOURCE, _infer_iota, normalize=_normalize_iota)
def iota(*, shape: Sizes, axis: int = 0, dtype: Any = INT64) -> Array:
    """A tensor whose elements are their own index along one axis."""
    ramp = np.arange(shape[axis]).astype(dtype)
    return np.broadcast_to(ramp.reshape([-1 if i == axis else 1 for i in range(len(shape))]), shape)
