"""Contractions: matmul and convolution.

In: tensors of one dtype. Out: sums of products over the axes they share; 16-bit floats accumulate in
float32 and are rounded once, integers wrap around, bool is "or" of "and".

    matmul(a, b)                         # f32[8,1,4,5], f32[3,5,2] -> f32[8,3,4,2]
    conv(x, w, padding="same")           # f32[1,3,32,32], f32[16,3,5,5] -> f32[1,16,32,32]
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from ..errors import GraphError
from ..ir import Kind
from ..types import Shape, TensorType, compute_dtype
from .base import Array, Sizes, broadcast_shapes, primitive, same_dtype, widen
from .elementwise import add
from .movement import reshape
from .window import Padding, check_positive, normal_padding, window_counts, windows


def _infer_matmul(a: TensorType, b: TensorType) -> TensorType:
    dtype = same_dtype((a, b))
    if not a.rank or not b.rank:
        raise GraphError("needs at least one axis on either side; use multiply for scalars")
    rows = b.shape[-2] if b.rank > 1 else b.shape[0]
    if a.shape[-1] != rows:
        raise GraphError(f"the last axis of {a} is {a.shape[-1]}, but {b} has {rows} rows")
    batch = broadcast_shapes([a.shape[:-2], b.shape[:-2]])
    return TensorType((*batch, *a.shape[-2:-1], *(b.shape[-1:] if b.rank > 1 else ())), dtype)


def _decompose_matmul(a: Any, b: Any) -> Any:
    if len(a.shape) > 1 and len(b.shape) > 1:
        return NotImplemented
    left = a if len(a.shape) > 1 else reshape(a, shape=(1, -1))
    right = b if len(b.shape) > 1 else reshape(b, shape=(-1, 1))
    result = _infer_matmul(TensorType(a.shape, a.dtype), TensorType(b.shape, b.dtype))
    return reshape(matmul(left, right), shape=result.shape)


@primitive(Kind.CONTRACT, _infer_matmul, decompose=_decompose_matmul)
def matmul(a: Array, b: Array) -> Array:
    """a @ b as in NumPy: over a's last and b's last but one axis; other axes broadcast; rank 1: a vector."""
    wide = compute_dtype(a.dtype)
    return np.asarray(np.matmul(a.astype(wide, copy=False), b.astype(wide, copy=False))).astype(a.dtype)


def _normalize_conv(types: Sequence[TensorType], attrs: dict[str, Any]) -> dict[str, Any]:
    x, w = types[:2]
    rank = x.rank - 2
    if rank not in (1, 2, 3) or w.rank != x.rank:
        raise GraphError(f"needs x and w of one rank, 3 to 5 (batch, channels, 1 to 3 axes), got {x} and {w}")
    last = bool(attrs["channels_last"])
    sizes, kernel = (x.shape[1:-1], w.shape[:-2]) if last else (x.shape[2:], w.shape[2:])
    strides, dilation = (widen(attrs[name], rank, name) for name in ("strides", "dilation"))
    check_positive(kernel=kernel, strides=strides, dilation=dilation, groups=(attrs["groups"],))
    padding = normal_padding(attrs["padding"], sizes, kernel, strides, dilation)
    geometry = {"strides": strides, "padding": padding, "dilation": dilation}
    return {**geometry, "groups": int(attrs["groups"]), "channels_last": last}


def _channels_first(x: Shape, w: Shape, channels_last: bool) -> tuple[Shape, Shape]:
    if not channels_last:
        return x, w
    return (x[0], x[-1], *x[1:-1]), (w[-1], w[-2], *w[:-2])


def _infer_conv(
    x: TensorType,
    w: TensorType,
    bias: TensorType | None = None,
    *,
    strides: Shape,
    padding: Padding,
    dilation: Shape,
    groups: int,
    channels_last: bool,
) -> TensorType:
    dtype = same_dtype([x, w, *([bias] if bias else [])])
    (n, c, *sizes), (o, c_group, *kernel) = _channels_first(x.shape, w.shape, channels_last)
    if c != c_group * groups or o % groups:
        raise GraphError(f"{c} channels in and {o} out, in {groups} groups, do not fit weights {w}")
    if bias and bias.shape != (o,):
        raise GraphError(f"bias is {bias}, expected {TensorType((o,), dtype)}")
    counts = window_counts(tuple(sizes), tuple(kernel), strides, padding, dilation)
    return TensorType((n, *counts, o) if channels_last else (n, o, *counts), dtype)


def _decompose_conv(x: Any, w: Any, bias: Any = None, **attrs: Any) -> Any:
    if bias is None:
        return NotImplemented
    shape = bias.shape if attrs["channels_last"] else (*bias.shape, *(1,) * len(attrs["strides"]))
    return add(conv(x, w, **attrs), reshape(bias, shape=shape))


def _patches(x: Array, kernel: Shape, strides: Shape, padding: Padding, dilation: Shape) -> Array:
    """Return a view of x [N,*S,C] as [N,*S',C,*K]: what each output sums over."""
    padded = np.pad(x, ((0, 0), *padding, (0, 0)))
    views = windows(padded, (1, *kernel, 1), (1, *strides, 1), (1, *dilation, 1))
    return np.squeeze(views, (x.ndim, -1))


def _conv_last(x: Array, w: Array, groups: int, geometry: dict[str, Any]) -> Array:
    """Convolve x [N,*S,C] with w [O,C/G,*K] into [N,*S',O]: one matrix product a group (im2col)."""
    patches = _patches(x, w.shape[2:], **geometry)
    counts, depth, width = patches.shape[: x.ndim - 1], prod(w.shape[1:]), w.shape[0] // groups
    rows = patches.reshape(prod(counts), groups, depth).swapaxes(0, 1)
    columns = w.reshape(groups, width, depth).swapaxes(1, 2)
    products: Array = np.matmul(rows, columns)
    return products.swapaxes(0, 1).reshape(*counts, w.shape[0])


@primitive(Kind.CONTRACT, _infer_conv, normalize=_normalize_conv, decompose=_decompose_conv)
def conv(
    x: Array,
    w: Array,
    bias: Array | None = None,
    *,
    strides: Sizes = 1,
    padding: Any = 0,
    dilation: Sizes = 1,
    groups: int = 1,
    channels_last: bool = False,
) -> Array:
    """Cross-correlation over 1 to 3 axes: x [N,C,*S], w [O,C/groups,*K] -> [N,O,*S'].

    With channels_last, x [N,*S,C], w [*K,C/groups,O] -> [N,*S',O]. Bias [O]. Padding: an int, one an axis,
    (low, high) pairs, "same" or "valid".
    """
    wide = compute_dtype(x.dtype)
    last = x if channels_last else np.moveaxis(x, 1, -1)
    first = np.moveaxis(w, (-1, -2), (0, 1)) if channels_last else w
    geometry = {"strides": strides, "padding": padding, "dilation": dilation}
    result = _conv_last(last.astype(wide, copy=False), first.astype(wide, copy=False), groups, geometry)
    result = result.astype(x.dtype, copy=False)
    result = result if bias is None else np.add(result, bias, dtype=x.dtype)
    return result if channels_last else np.moveaxis(result, -1, 1)
