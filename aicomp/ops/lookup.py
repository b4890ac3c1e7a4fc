"""Reading at computed positions: gather (np.take), gather_elements (np.take_along_axis), gather_nd.

In: a tensor and integer indices; negative ones count from the end. Out: a tensor of elements of the first.
An index out of range is an error at run time.

    gather(table, ids, axis=0)           # f32[1000,64], i64[8,5] -> f32[8,5,64]
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import GraphError, InputValueError
from ..ir import Kind
from ..types import INT64, Shape, TensorType, is_integer
from .base import Array, axis_normalizer, primitive


def check_index_type(indices: TensorType) -> None:
    """Raise GraphError unless indices are integers."""
    if not is_integer(indices.dtype):
        raise GraphError(f"indices are integers, got {indices}")


def positions(indices: Array, size: int, axis: int) -> Array:
    """Return indices as int64 counted from 0. Raises InputValueError naming one that is not on the axis."""
    outside = (indices < -size) | (indices >= size)
    if np.any(outside):
        index = indices[outside].flat[0]
        raise InputValueError(f"index {index} is out of range for axis {axis} of size {size}")
    wide = indices.astype(INT64)
    return np.where(wide < 0, wide + size, wide)


def _infer_gather(x: TensorType, indices: TensorType, *, axis: int) -> TensorType:
    check_index_type(indices)
    return TensorType((*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]), x.dtype)


@primitive(Kind.MOVEMENT, _infer_gather, normalize=axis_normalizer("axis"))
def gather(x: Array, indices: Array, *, axis: int = 0) -> Array:
    """x[..., indices, ...] at an axis, which the indices' axes replace (np.take)."""
    return np.take(x, positions(indices, x.shape[axis], axis), axis)


def check_elements(x: TensorType, indices: TensorType, axis: int) -> None:
    """Raise GraphError unless indices have x's rank and, off the axis, at most its sizes."""
    check_index_type(indices)
    sizes = enumerate(zip(indices.shape, x.shape, strict=False))
    if indices.rank != x.rank or any(n > limit for i, (n, limit) in sizes if i != axis):
        raise GraphError(f"indices {indices} need the rank of {x} and, off axis {axis}, at most its sizes")


def element_index(shape: Shape, indices: Array, axis: int) -> tuple[Array, ...]:
    """Return the NumPy index of the elements that gather_elements reads of a tensor of that shape."""
    index: list[Array] = list(np.indices(indices.shape, sparse=True))
    index[axis] = positions(indices, shape[axis], axis)
    return tuple(index)


def _infer_gather_elements(x: TensorType, indices: TensorType, *, axis: int) -> TensorType:
    check_elements(x, indices, axis)
    return TensorType(indices.shape, x.dtype)


@primitive(Kind.MOVEMENT, _infer_gather_elements, normalize=axis_normalizer("axis"))
def gather_elements(x: Array, indices: Array, *, axis: int) -> Array:
    """Element [i, j, k] is x[i, indices[i, j, k], k] for axis 1 (np.take_along_axis, not broadcasting)."""
    return np.asarray(x[element_index(x.shape, indices, axis)])


def normalize_batch_dims(types: Sequence[TensorType], attrs: dict[str, Any]) -> dict[str, Any]:
    """Raise GraphError unless the batch axes agree; the attributes stay as they are."""
    x, indices = types[:2]
    count = attrs["batch_dims"]
    if not 0 <= count < max(indices.rank, 1) or x.shape[:count] != indices.shape[:count]:
        raise GraphError(f"{x} and {indices} do not share {count} leading axes, one more left in the indices")
    return attrs


def slice_shape(x: TensorType, indices: TensorType, batch_dims: int = 0) -> Shape:
    """Return the shape of what each row of `indices` points at. Raises GraphError where rows are too long."""
    check_index_type(indices)
    if indices.rank == 0:
        raise GraphError("indices need at least one axis: the last is a position in x")
    depth = batch_dims + indices.shape[-1]
    if depth > x.rank:
        raise GraphError(f"a row of indices {indices} has more entries than {x} has axes to index")
    return x.shape[depth:]


def row_index(shape: Shape, indices: Array, batch_dims: int = 0) -> tuple[Array, ...]:
    """Return the NumPy index of the slices that the rows of `indices` point at."""
    batch = np.indices(indices.shape[:-1])[:batch_dims]
    depth = range(indices.shape[-1])
    return (*batch, *(positions(indices[..., i], shape[batch_dims + i], batch_dims + i) for i in depth))


def _infer_gather_nd(x: TensorType, indices: TensorType, *, batch_dims: int) -> TensorType:
    return TensorType((*indices.shape[:-1], *slice_shape(x, indices, batch_dims)), x.dtype)


@primitive(Kind.MOVEMENT, _infer_gather_nd, normalize=normalize_batch_dims)
def gather_nd(x: Array, indices: Array, *, batch_dims: int = 0) -> Array:
    """x[indices[..., 0], indices[..., 1], ...]: each row of indices is a position in x (after batch axes)."""
    index = row_index(x.shape, indices, batch_dims)
    return np.asarray(x[index]) if index else np.broadcast_to(x, (*indices.shape[:-1], *x.shape))
