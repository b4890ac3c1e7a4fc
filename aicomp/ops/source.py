"""Operators without inputs: constants and index ramps."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..ir import Kind
from ..types import INT64, Shape, TensorType, dtype
from .base import Array, normal_axis, primitive


def _infer_constant(*, value: Any) -> TensorType:
    return TensorType(value.shape, dtype(value.dtype))


@primitive(Kind.SOURCE, _infer_constant)
def constant(*, value: Any) -> Array:
    """A tensor known at compile time; `value` is the array."""
    return np.asarray(value)


def _infer_iota(*, shape: Shape, axis: int, dtype: Any) -> TensorType:
    normal_axis(axis, len(shape))
    return TensorType(shape, np.dtype(dtype))


@primitive(Kind.SOURCE, _infer_iota)
def iota(*, shape: Shape, axis: int = 0, dtype: Any = INT64) -> Array:
    """A tensor whose elements are their own index along one axis."""
    ramp = np.arange(shape[axis]).astype(dtype)
    return np.broadcast_to(ramp.reshape([-1 if i == axis else 1 for i in range(len(shape))]), shape)
