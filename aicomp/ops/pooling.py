"""Pooling as composites: maxima and means of sliding windows.

In: x [N,C,*S] (or [N,*S,C] with `channels_last`), windows over the spatial axes S, of any number. Out: the same
layout with S pooled. Means divide by counts known at compile time, in float32 for 16-bit floats.

    max_pool(x, window=2)                                # strides = window
    avg_pool(x, window=3, strides=2, padding=1, count_include_pad=False)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from ..errors import GraphError
from ..types import Shape
from .base import Array, widen
from .composite import composite
from .statistics import narrow
from .statistics import widen as wide_float
from .symbol import Symbol
from .window import Padding, check_positive, extent, normal_padding, reduce_window

Sizes = int | Sequence[int]


def spatial_axes(x: Symbol, channels_last: bool = False) -> range:
    """Return the axes that are neither batch nor channels. Raises GraphError where there are none."""
    if x.ndim < 3:
        raise GraphError(f"needs a batch axis, a channel axis and spatial axes, got shape {x.shape}")
    return range(1, x.ndim - 1) if channels_last else range(2, x.ndim)


@dataclass(frozen=True)
class Pooling:
    """Windows over the spatial axes of a tensor: `padding` counts as input, `extra` follows it in ceil mode."""

    axes: range
    sizes: Shape
    window: Shape
    strides: Shape
    padding: Padding
    dilation: Shape
    extra: Shape

    @staticmethod
    def over(
        x: Symbol, window: Sizes, strides: Sizes | None, padding: Any, dilation: Sizes, ceil: bool, last: bool
    ) -> Pooling:
        """Return the windows that pooling attributes describe. Raises GraphError where they do not fit."""
        axes = spatial_axes(x, last)
        sizes = tuple(x.shape[axis] for axis in axes)
        window = widen(window, len(axes), "window")
        steps = window if strides is None else widen(strides, len(axes), "strides")
        holes = widen(dilation, len(axes), "dilation")
        check_positive(window=window, strides=steps, dilation=holes)
        padding = normal_padding(padding, sizes, window, steps, holes)
        spans = tuple(map(extent, window, holes))
        geometry = zip(sizes, spans, steps, padding, strict=True)
        extra = tuple(_ceil_extra(*each) if ceil else 0 for each in geometry)
        return Pooling(axes, sizes, window, steps, padding, holes, extra)

    def reduce(self, x: Symbol, kind: str) -> Any:
        """Return the max or sum of every window."""
        padding = tuple((low, high + more) for (low, high), more in zip(self.padding, self.extra, strict=True))
        attrs = {"window": self.window, "strides": self.strides, "dilation": self.dilation}
        full = {name: self.spread(x.ndim, sizes, 1) for name, sizes in attrs.items()}
        return reduce_window(x, kind=kind, padding=self.spread(x.ndim, padding, (0, 0)), **full)

    def spread(self, rank: int, entries: Sequence[Any], rest: Any) -> tuple[Any, ...]:
        """Return one entry an axis of the tensor: those given on the spatial axes, `rest` on the others."""
        return tuple(entries[axis - self.axes[0]] if axis in self.axes else rest for axis in range(rank))

    def counts(self, axis: int, outputs: int, include_pad: bool) -> Array:
        """Return how many elements each window has along a spatial axis, padding included or not."""
        low, high = self.padding[axis]
        first, end = (-low, self.sizes[axis] + high) if include_pad else (0, self.sizes[axis])
        starts = np.arange(outputs)[:, None] * self.strides[axis] - low
        places = starts + np.arange(self.window[axis]) * self.dilation[axis]
        return np.asarray(((places >= first) & (places < end)).sum(1))


def _ceil_extra(size: int, span: int, step: int, padding: tuple[int, int]) -> int:
    """Return how much padding more lets a last, partial window fit; it must start inside the input or before it."""
    low, high = padding
    count = max(-(-(low + size + high - span) // step) + 1, 0)
    count -= count > 0 and (count - 1) * step >= size + low
    return max((count - 1) * step + span - (low + size + high), 0)


@composite
def max_pool(
    x: Symbol,
    *,
    window: Sizes,
    strides: Sizes | None = None,
    padding: Any = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    channels_last: bool = False,
) -> Any:
    """The largest element of every window; NaN where there is one. Padding: as `conv` takes it, of lowest values.

    In ceil mode a last window may reach beyond the padding, if it starts inside the input (PyTorch's rule).
    """
    return Pooling.over(x, window, strides, padding, dilation, ceil_mode, channels_last).reduce(x, "max")


@composite
def avg_pool(
    x: Symbol,
    *,
    window: Sizes,
    strides: Sizes | None = None,
    padding: Any = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    channels_last: bool = False,
) -> Any:
    """The mean of every window, zero padding counted as elements or not; what ceil mode adds is never counted."""
    pooling = Pooling.over(x, window, strides, padding, dilation, ceil_mode, channels_last)
    total = pooling.reduce(wide_float(x), "sum")
    outputs = [total.shape[axis] for axis in pooling.axes]
    counts = [pooling.counts(i, n, count_include_pad) for i, n in enumerate(outputs)]
    return narrow(total / divisor(counts, pooling.axes, total), x)


def divisor(counts: Sequence[Array], axes: range, total: Symbol) -> Any:
    """Return the number of elements of each window: one number where it is the same for all, else a constant."""
    if all(each.size and (each == each[0]).all() for each in counts):
        return float(prod(int(each[0]) for each in counts))
    table = np.ones((1,) * total.ndim, total.dtype)
    for axis, each in zip(axes, counts, strict=True):
        table = table * each.astype(total.dtype).reshape([-1 if i == axis else 1 for i in range(total.ndim)])
    return table
