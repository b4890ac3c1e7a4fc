"""Sliding windows: their geometry, which conv and pooling share, and the reduce_window operator.

In: sizes, windows, strides, padding and dilation, one an axis. Out: output sizes, or a view of every window.

    reduce_window(x, kind="max", window=(1, 1, 2, 2), strides=(1, 1, 2, 2))      # 2x2 max pooling of NCHW
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import GraphError
from ..ir import Kind
from ..types import BOOL, Shape, TensorType, compute_dtype
from .base import Array, Sizes, primitive, widen
from .reduce import FOLDS

Padding = tuple[tuple[int, int], ...]


def extent(window: int, dilation: int) -> int:
    """Return how many elements a dilated window spans."""
    return (window - 1) * dilation + 1


def same_padding(sizes: Shape, window: Shape, strides: Shape, dilation: Shape) -> Padding:
    """Return the padding that gives ceil(size / stride) windows, the odd one last (TensorFlow's SAME)."""
    totals = (
        n and max((-(-n // step) - 1) * step + extent(k, holes) - n, 0)
        for n, k, step, holes in zip(sizes, window, strides, dilation, strict=True)
    )
    return tuple((total // 2, total - total // 2) for total in totals)


def normal_padding(padding: Any, sizes: Shape, window: Shape, strides: Shape, dilation: Shape) -> Padding:
    """Return padding as a (low, high) pair an axis, from "same", "valid", an int, ints or pairs.

    Raises GraphError on anything else and on negative padding.
    """
    if padding == "same":
        return same_padding(sizes, window, strides, dilation)
    if isinstance(padding, str) and padding != "valid":
        raise GraphError(f'padding {padding!r} is neither "same" nor "valid"')
    padding = 0 if padding == "valid" else padding
    entries = (padding,) * len(sizes) if isinstance(padding, int) else padding
    pairs = tuple((p, p) if isinstance(p, int) else tuple(p) for p in entries)
    if len(pairs) != len(sizes) or any(len(pair) != 2 or min(pair) < 0 for pair in pairs):
        raise GraphError(f"padding {padding} needs {len(sizes)} sizes, or (low, high) pairs, of at least 0")
    return tuple((int(low), int(high)) for low, high in pairs)


def check_positive(**sizes: Shape) -> None:
    """Raise GraphError unless every size is at least 1."""
    for name, values in sizes.items():
        if any(n < 1 for n in values):
            raise GraphError(f"{name} {values} has an entry below 1")


def window_counts(sizes: Shape, window: Shape, strides: Shape, padding: Padding, dilation: Shape) -> Shape:
    """Return how many windows fit each axis, none an empty one. Raises GraphError where none does."""
    counts = []
    for n, k, step, (low, high), holes in zip(sizes, window, strides, padding, dilation, strict=True):
        room = low + n + high - extent(k, holes)
        if room < 0 < low + n + high:
            raise GraphError(f"a window of {extent(k, holes)} does not fit an axis of {low + n + high} (padded)")
        counts.append(max(room // step + 1, 0))
    return tuple(counts)


def windows(x: Array, window: Shape, strides: Shape, dilation: Shape) -> Array:
    """Return a read-only view, of shape (*counts, *window), of every window of a padded array."""
    counts = window_counts(x.shape, window, strides, ((0, 0),) * x.ndim, dilation)
    steps = (stride * step for stride, step in zip(x.strides, strides, strict=True))
    holes = (stride * hole for stride, hole in zip(x.strides, dilation, strict=True))
    shape = (*counts, *window)
    if 0 in shape:
        return np.empty(shape, x.dtype)
    return np.lib.stride_tricks.as_strided(x, shape, (*steps, *holes), writeable=False)


KINDS = ("max", "sum")


def _normalize(types: Sequence[TensorType], attrs: dict[str, Any]) -> dict[str, Any]:
    (x,) = types
    window, strides, dilation = (widen(attrs[name], x.rank, name) for name in ("window", "strides", "dilation"))
    check_positive(window=window, strides=strides, dilation=dilation)
    padding = normal_padding(attrs["padding"], x.shape, window, strides, dilation)
    geometry = {"window": window, "strides": strides, "padding": padding, "dilation": dilation}
    return {"kind": attrs["kind"], **geometry}


def _infer(x: TensorType, *, kind: str, window: Shape, strides: Shape, padding: Padding, dilation: Shape) -> TensorType:
    if kind not in KINDS:
        raise GraphError(f"kind {kind!r} is not one of {', '.join(KINDS)}")
    if kind == "sum" and x.dtype == BOOL:
        raise GraphError("the sum is not defined on bool; cast to an integer dtype first")
    return TensorType(window_counts(x.shape, window, strides, padding, dilation), x.dtype)


@primitive(Kind.WINDOW, _infer, normalize=_normalize)
def reduce_window(
    x: Array,
    *,
    kind: str,
    window: Sizes,
    strides: Sizes = 1,
    padding: Any = 0,
    dilation: Sizes = 1,
) -> Array:
    """The max or sum of every window, sized on all axes; padding holds the identity: lowest value or 0."""
    fold, wide = FOLDS[kind], compute_dtype(x.dtype)
    if not x.ndim:
        return x
    padded = np.pad(x.astype(wide, copy=False), padding, constant_values=fold.identity(wide))
    views = windows(padded, window, strides, dilation)
    folded = fold.function.reduce(views, axis=tuple(range(x.ndim, 2 * x.ndim)), dtype=wide)
    return np.asarray(folded).astype(x.dtype, copy=False)
