"""Operators with a loop of their own: argsort, running sums, scatter.

In: tensors, integer indices. Out: positions in sorted order, running folds, a copy of a tensor with some
elements changed. 16-bit floats accumulate in float32 and are rounded once.

    cumulative(x, kind="sum", axis=-1)                     # np.cumsum
    scatter_nd(x, rows, updates, reduction="add")          # x[rows] += updates, repeated rows adding up
"""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

import numpy as np

from ..errors import GraphError
from ..ir import Kind
from ..types import BOOL, INT64, TensorType, compute_dtype
from .base import Array, axis_normalizer, primitive, same_dtype
from .lookup import check_elements, element_index, row_index, slice_shape
from .reduce import FOLDS

REDUCTIONS = MappingProxyType({"none": None, "add": np.add, "mul": np.multiply, "max": np.maximum, "min": np.minimum})


def _infer_cumulative(x: TensorType, *, kind: str, axis: int, exclusive: bool, reverse: bool) -> TensorType:
    if kind not in FOLDS:
        raise GraphError(f"kind {kind!r} is not one of {', '.join(FOLDS)}")
    if x.dtype == BOOL and kind in ("sum", "prod"):
        raise GraphError(f"the {kind} is not defined on bool; cast to an integer dtype first")
    return x


@primitive(Kind.OPAQUE, _infer_cumulative, normalize=axis_normalizer("axis"))
def cumulative(x: Array, *, kind: str, axis: int, exclusive: bool = False, reverse: bool = False) -> Array:
    """The running sum, prod, max or min on an axis; exclusive: of what is before; reverse: from the end."""
    fold = FOLDS[kind]
    wide = np.moveaxis(x.astype(compute_dtype(x.dtype), copy=False), axis, 0)
    wide = wide[::-1] if reverse else wide
    if exclusive and len(wide):
        first = np.full((1, *wide.shape[1:]), fold.identity(wide.dtype), wide.dtype)
        wide = np.concatenate([first, wide[:-1]])
    result = fold.function.accumulate(wide, axis=0, dtype=wide.dtype)
    ordered = np.moveaxis(result[::-1] if reverse else result, 0, axis)
    return np.asarray(ordered).astype(x.dtype, copy=False)


def _infer_argsort(x: TensorType, *, axis: int, descending: bool, count: int | None) -> TensorType:
    n = x.shape[axis]
    if count is not None and not 0 <= count <= n:
        raise GraphError(f"count is {count}, but axis {axis} has {n} elements")
    return TensorType((*x.shape[:axis], n if count is None else count, *x.shape[axis + 1 :]), INT64)


@primitive(Kind.OPAQUE, _infer_argsort, normalize=axis_normalizer("axis"))
def argsort(x: Array, *, axis: int = -1, descending: bool = False, count: int | None = None) -> Array:
    """The int64 positions that sort x along an axis, or the first `count` of them; equal elements keep their order.

    NaN is largest.
    """
    wide = x.astype(compute_dtype(x.dtype), copy=False)
    if descending:
        backwards = np.argsort(np.flip(wide, axis), axis=axis, kind="stable")
        order = x.shape[axis] - 1 - np.flip(backwards, axis)
    else:
        order = np.argsort(wide, axis=axis, kind="stable")
    return np.take(order, range(count), axis) if count is not None else np.asarray(order)


def _check_reduction(x: TensorType, updates: TensorType, shape: Sequence[int], reduction: str) -> TensorType:
    same_dtype((x, updates))
    if reduction not in REDUCTIONS:
        raise GraphError(f"reduction {reduction!r} is not one of {', '.join(REDUCTIONS)}")
    if updates.shape != tuple(shape):
        raise GraphError(f"updates are {updates}, expected {TensorType(tuple(shape), x.dtype)}")
    return x


def _scatter(x: Array, index: tuple[Array, ...], updates: Array, reduction: str) -> Array:
    wide = compute_dtype(x.dtype)
    result, values = x.astype(wide), updates.astype(wide, copy=False)
    function = REDUCTIONS[reduction]
    if function is None:
        result[index] = values
    else:
        function.at(result, index, values)
    return result.astype(x.dtype, copy=False)


def _infer_scatter_nd(x: TensorType, indices: TensorType, updates: TensorType, *, reduction: str) -> TensorType:
    rest = slice_shape(x, indices)
    return _check_reduction(x, updates, (*indices.shape[:-1], *rest), reduction)


@primitive(Kind.OPAQUE, _infer_scatter_nd)
def scatter_nd(x: Array, indices: Array, updates: Array, *, reduction: str = "none") -> Array:
    """x with x[indices[..., 0], indices[..., 1], ...] set to, or combined with, updates; the last wins."""
    only = np.zeros(indices.shape[:-1], INT64)  # x as the one slice of a tensor: rows may be empty, and mean all of x
    return np.asarray(_scatter(x[None], (only, *row_index(x.shape, indices)), updates, reduction)[0])


def _infer_scatter_elements(
    x: TensorType, indices: TensorType, updates: TensorType, *, axis: int, reduction: str
) -> TensorType:
    check_elements(x, indices, axis)
    return _check_reduction(x, updates, indices.shape, reduction)


@primitive(Kind.OPAQUE, _infer_scatter_elements, normalize=axis_normalizer("axis"))
def scatter_elements(x: Array, indices: Array, updates: Array, *, axis: int, reduction: str = "none") -> Array:
    """x with x[i, indices[i, j, k], k] (for axis 1) set to, or combined with, updates; the last one wins."""
    return _scatter(x, element_index(x.shape, indices, axis), updates, reduction)
