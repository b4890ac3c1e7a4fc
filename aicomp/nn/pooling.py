"""Pooling layers over any number of axes; the names that end in 1d, 2d and 3d are the same classes.

In: x [N, C, *S]. Out: [N, C, *S'].

    nn.MaxPool2d(3, stride=2, padding=1)
"""

from __future__ import annotations

from typing import Any

from .. import ops
from .module import Module, Tensor

Sizes = int | tuple[int, ...]


class MaxPool(Module):
    """The largest element of every window; `stride` is the window unless given."""

    def __init__(
        self,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Any = 0,
        dilation: Sizes = 1,
        ceil_mode: bool = False,
    ) -> None:
        self._attrs = {"window": kernel_size, "strides": stride, "padding": padding}
        self._attrs |= {"dilation": dilation, "ceil_mode": ceil_mode}

    def __call__(self, x: Tensor) -> Tensor:
        """Return the maxima."""
        return ops.max_pool(x, **self._attrs)


class AvgPool(Module):
    """The mean of every window; `stride` is the window unless given."""

    def __init__(
        self,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        self._attrs = {"window": kernel_size, "strides": stride, "padding": padding}
        self._attrs |= {"ceil_mode": ceil_mode, "count_include_pad": count_include_pad}

    def __call__(self, x: Tensor) -> Tensor:
        """Return the means."""
        return ops.avg_pool(x, **self._attrs)


class AdaptiveAvgPool(Module):
    """Means of windows that make `output_size` results along each spatial axis (None: the axis as it is)."""

    def __init__(self, output_size: int | tuple[int | None, ...] | None) -> None:
        self.output_size = output_size

    def __call__(self, x: Tensor) -> Tensor:
        """Return the means."""
        return ops.adaptive_avg_pool(x, output_size=self.output_size)


class AdaptiveMaxPool(Module):
    """Maxima of windows that make `output_size` results along each spatial axis (None: the axis as it is)."""

    def __init__(self, output_size: int | tuple[int | None, ...] | None) -> None:
        self.output_size = output_size

    def __call__(self, x: Tensor) -> Tensor:
        """Return the maxima."""
        return ops.adaptive_max_pool(x, output_size=self.output_size)


MaxPool1d = MaxPool2d = MaxPool3d = MaxPool
AvgPool1d = AvgPool2d = AvgPool3d = AvgPool
AdaptiveAvgPool1d = AdaptiveAvgPool2d = AdaptiveAvgPool3d = AdaptiveAvgPool
AdaptiveMaxPool1d = AdaptiveMaxPool2d = AdaptiveMaxPool3d = AdaptiveMaxPool
