"""Operators that move elements without computing: reshape, transpose, broadcast, slice, pad, concat.

In: tensors of any dtype. Out: a tensor whose every element is one of theirs, or the padding value. References
return views where NumPy does.

    slice_(x, starts=(4, 0), sizes=(3, 2), steps=(-1, 1))      # x[4:1:-1, 0:2]
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from ..errors import GraphError
from ..ir import Kind
from ..types import BOOL, Shape, TensorType, is_integer
from .base import Array, Sizes, as_tuple, axis_normalizer, normal_axis, primitive, same_dtype, widen


def _normalize_reshape(types: Sequence[TensorType], attrs: dict[str, Any]) -> dict[str, Any]:
    shape = as_tuple(attrs["shape"])
    if -1 in shape:
        at, known = shape.index(-1), prod(n for n in shape if n != -1)
        if shape.count(-1) > 1 or known == 0 or types[0].size % known:
            raise GraphError(f"no size for -1 makes {types[0].size} elements fit shape {shape}")
        shape = (*shape[:at], types[0].size // known, *shape[at + 1 :])
    return {**attrs, "shape": shape}


def _infer_reshape(x: TensorType, *, shape: Shape) -> TensorType:
    result = TensorType(shape, x.dtype)
    if result.size != x.size:
        raise GraphError(f"{x.size} elements do not fit shape {shape}, which has {result.size}")
    return result


@primitive(Kind.MOVEMENT, _infer_reshape, normalize=_normalize_reshape)
def reshape(x: Array, *, shape: Sizes) -> Array:
    """The elements in row-major order under another shape; one size may be -1: whatever fits."""
    return x.reshape(shape)


def _normalize_transpose(types: Sequence[TensorType], attrs: dict[str, Any]) -> dict[str, Any]:
    rank, perm = types[0].rank, attrs["perm"]
    axes = range(rank)[::-1] if perm is None else as_tuple(perm)
    return {**attrs, "perm": tuple(normal_axis(axis, rank) for axis in axes)}


def _infer_transpose(x: TensorType, *, perm: Shape) -> TensorType:
    if sorted(perm) != list(range(x.rank)):
        raise GraphError(f"perm {perm} does not name each of the {x.rank} axes once")
    return TensorType(tuple(x.shape[axis] for axis in perm), x.dtype)


@primitive(Kind.MOVEMENT, _infer_transpose, normalize=_normalize_transpose)
def transpose(x: Array, *, perm: Sizes = None) -> Array:
    """Axis i of the result is axis perm[i] of x; None reverses the axes."""
    return np.transpose(x, perm)


def _normalize_broadcast(types: Sequence[TensorType], attrs: dict[str, Any]) -> dict[str, Any]:
    return {**attrs, "shape": as_tuple(attrs["shape"])}


def _infer_broadcast(x: TensorType, *, shape: Shape) -> TensorType:
    pairs = zip(reversed(x.shape), reversed(shape), strict=False)
    if x.rank > len(shape) or any(n not in (1, wanted) for n, wanted in pairs):
        raise GraphError(f"shape {x.shape} does not broadcast to {shape}")
    return TensorType(shape, x.dtype)


@primitive(Kind.MOVEMENT, _infer_broadcast, normalize=_normalize_broadcast)
def broadcast_to(x: Array, *, shape: Sizes) -> Array:
    """Axes of size 1, and missing leading axes, repeated up to a shape (NumPy's rule)."""
    return np.broadcast_to(x, shape)


def _normalize_slice(types: Sequence[TensorType], attrs: dict[str, Any]) -> dict[str, Any]:
    starts, sizes, steps = (widen(attrs[name], types[0].rank, name) for name in ("starts", "sizes", "steps"))
    starts = tuple(start if size else 0 for start, size in zip(starts, sizes, strict=True))
    steps = tuple(step if size > 1 else 1 for step, size in zip(steps, sizes, strict=True))
    return {"starts": starts, "sizes": sizes, "steps": steps}


def _infer_slice(x: TensorType, *, starts: Shape, sizes: Shape, steps: Shape) -> TensorType:
    for axis, (n, start, size, step) in enumerate(zip(x.shape, starts, sizes, steps, strict=True)):
        last = start + (size - 1) * step
        if step == 0 or (size and not (0 <= start < n and 0 <= last < n)):
            raise GraphError(f"slice {start}, {size} times by {step}, leaves axis {axis} of size {n}")
    return TensorType(sizes, x.dtype)


@primitive(Kind.MOVEMENT, _infer_slice, name="slice", normalize=_normalize_slice)
def slice_(x: Array, *, starts: Sizes, sizes: Sizes, steps: Sizes = 1) -> Array:
    """Element i along an axis is element start + i * step of x; steps may be negative, never out of range."""
    ends = (start + size * step for start, size, step in zip(starts, sizes, steps, strict=True))
    cuts = zip(starts, ends, steps, strict=True)
    return x[tuple(slice(start, end if end >= 0 else None, step) for start, end, step in cuts)]


def _pad_value(value: Any, x: TensorType) -> Any:
    if x.dtype == BOOL or is_integer(x.dtype):
        whole = np.isfinite(value) and int(value) == value
        low, high = (0, 1) if x.dtype == BOOL else (np.iinfo(x.dtype).min, np.iinfo(x.dtype).max)
        if not whole or not low <= value <= high:
            raise GraphError(f"padding value {value} is not a {x.dtype}")
        return bool(value) if x.dtype == BOOL else int(value)
    return float(np.asarray(value).astype(x.dtype))


def _normalize_pad(types: Sequence[TensorType], attrs: dict[str, Any]) -> dict[str, Any]:
    (x,) = types
    sizes = {name: widen(attrs[name], x.rank, name) for name in ("low", "high", "interior")}
    return {**sizes, "value": _pad_value(attrs["value"], x)}


def _infer_pad(x: TensorType, *, low: Shape, high: Shape, interior: Shape, value: Any) -> TensorType:
    if any(n < 0 for n in interior):
        raise GraphError(f"interior padding {interior} is negative")
    parts = zip(x.shape, low, high, interior, strict=True)
    sizes = tuple(a + n + max(n - 1, 0) * holes + b for n, a, b, holes in parts)
    if any(n < 0 for n in sizes):
        raise GraphError(f"padding low {low}, high {high} cuts more than shape {x.shape} has")
    return TensorType(sizes, x.dtype)


@primitive(Kind.MOVEMENT, _infer_pad, normalize=_normalize_pad)
def pad(x: Array, *, low: Sizes, high: Sizes, interior: Sizes = 0, value: Any = 0) -> Array:
    """x with `interior` values between elements, `low` before, `high` after; negative ones cut (XLA)."""
    shape = _infer_pad(TensorType(x.shape, x.dtype), low=low, high=high, interior=interior, value=value).shape
    result = np.full(shape, value, x.dtype)
    sources, targets = [], []
    for n, size, start, gap in zip(x.shape, shape, low, interior, strict=True):
        step = gap + 1
        first = max(0, -(start // step))  # the first element whose place, start + i * step, is not cut
        last = min(n - 1, (size - 1 - start) // step)
        count = max(last - first + 1, 0)
        place = start + first * step
        sources.append(slice(first, first + count))
        targets.append(slice(place, place + count * step, step) if count else slice(0, 0))
    result[tuple(targets)] = x[tuple(sources)]
    return result


def _infer_concat(*xs: TensorType, axis: int) -> TensorType:
    same_dtype(xs)
    first = xs[0]
    for x in xs:
        sizes = [n for i, n in enumerate(x.shape) if i != axis]
        if x.rank != first.rank or sizes != [n for i, n in enumerate(first.shape) if i != axis]:
            raise GraphError(f"{x} and {first} differ off axis {axis}")
    total = sum(x.shape[axis] for x in xs)
    return TensorType((*first.shape[:axis], total, *first.shape[axis + 1 :]), first.dtype)


@primitive(Kind.MOVEMENT, _infer_concat, normalize=axis_normalizer("axis"))
def concat(*xs: Array, axis: int) -> Array:
    """The tensors, which agree on every other axis, one after the other along an axis."""
    return np.concatenate(xs, axis)
