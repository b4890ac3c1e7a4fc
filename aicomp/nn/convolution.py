"""Convolution and pooling layers, in PyTorch's layouts and argument names.

In: x [N, in_channels, *S]. Out: [N, out_channels, *S'] ([N, C, *S'] of pools).

    nn.Conv2d(3, 16, 3, stride=2, padding=1, rng=rng)
    nn.MaxPool2d(2)
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

from .. import ops
from ..errors import InputValueError
from ..ops.base import widen
from .initial import Random, fan_in_uniform, generator
from .module import Module, Tensor

Sizes = int | tuple[int, ...]

PADDING_MODES: Mapping[str, str] = MappingProxyType({"reflect": "reflect", "replicate": "edge", "circular": "wrap"})


class Conv(Module):
    """The base of convolutions over `rank` axes: weight [out, in / groups, *kernel_size], bias [out]."""

    rank: ClassVar[int]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Any = 0,
        dilation: Sizes = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        *,
        rng: Random = None,
    ) -> None:
        if padding_mode != "zeros" and padding_mode not in PADDING_MODES:
            raise InputValueError(f"padding_mode is {padding_mode!r}, expected zeros, {', '.join(PADDING_MODES)}")
        if in_channels % groups or out_channels % groups:
            raise InputValueError(f"{in_channels} channels in, {out_channels} out do not split into {groups} groups")
        self.stride = stride
        self.padding = padding
        self.dilation = dilation
        self.groups = groups
        self.padding_mode = padding_mode
        kernel = widen(kernel_size, self.rank, "kernel_size")
        shapes = (out_channels, in_channels // groups, *kernel), (out_channels,)
        self.weight, *rest = fan_in_uniform(generator(rng), *shapes[: 2 if bias else 1])
        self.bias = rest[0] if rest else None

    def __call__(self, x: Tensor) -> Tensor:
        """Return the convolution."""
        padding = self.padding
        if self.padding_mode != "zeros":
            pads = [(n, n) for n in widen(padding, self.rank, "padding")]
            x = ops.pad_mode(x, pads=((0, 0), (0, 0), *pads), mode=PADDING_MODES[self.padding_mode])
            padding = 0
        return ops.conv(
            x,
            self.weight,
            self.bias,
            strides=self.stride,
            padding=padding,
            dilation=self.dilation,
            groups=self.groups,
        )


class Conv1d(Conv):
    """Convolution over one axis: x [N, C, W]."""

    rank = 1


class Conv2d(Conv):
    """Convolution over two axes: x [N, C, H, W]."""

    rank = 2


class Conv3d(Conv):
    """Convolution over three axes: x [N, C, D, H, W]."""

    rank = 3


class ConvTranspose(Module):
    """The base of transposed convolutions: weight [in, out / groups, *kernel_size], bias [out]."""

    rank: ClassVar[int]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Any = 0,
        output_padding: Sizes = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Sizes = 1,
        *,
        rng: Random = None,
    ) -> None:
        if in_channels % groups or out_channels % groups:
            raise InputValueError(f"{in_channels} channels in, {out_channels} out do not split into {groups} groups")
        self._attrs = {"strides": stride, "padding": padding, "output_padding": output_padding}
        self._attrs |= {"dilation": dilation, "groups": groups}
        kernel = widen(kernel_size, self.rank, "kernel_size")
        shapes = (in_channels, out_channels // groups, *kernel), (out_channels,)
        self.weight, *rest = fan_in_uniform(generator(rng), *shapes[: 2 if bias else 1])
        self.bias = rest[0] if rest else None

    def __call__(self, x: Tensor) -> Tensor:
        """Return the transposed convolution."""
        return ops.conv_transpose(x, self.weight, self.bias, **self._attrs)


class ConvTranspose1d(ConvTranspose):
    """Transposed convolution over one axis: x [N, C, W]."""

    rank = 1


class ConvTranspose2d(ConvTranspose):
    """Transposed convolution over two axes: x [N, C, H, W]."""

    rank = 2


class ConvTranspose3d(ConvTranspose):
    """Transposed convolution over three axes: x [N, C, D, H, W]."""

    rank = 3
