"""Normalisation layers as composites: layer, RMS, batch, group and instance norm.

In: float tensors, with optional scale and bias. Out: a tensor of x's shape and dtype; 16-bit floats are computed in
float32 and rounded once. Variances are of centred values, in two reductions; batch norm at inference is one
multiply-add, whose factors are computed on the channel vectors first, where constant folding finds them.

    layer_norm(x, scale, bias, axes=-1)
    batch_norm(x, scale, bias, mean, var)          # channels along axis 1
"""

from __future__ import annotations

from typing import Any

from ..errors import GraphError
from ..types import Shape
from . import elementwise as ew
from . import movement as mv
from .base import normal_axis
from .composite import composite
from .statistics import average, centred, narrow, widen
from .symbol import Symbol


def standardised(x: Symbol, axes: tuple[int, ...], epsilon: float) -> Any:
    """Return (x - mean) / sqrt(var + epsilon) over axes."""
    difference = centred(x, axes)
    return difference * ew.rsqrt(average(ew.square(difference), axes) + epsilon)


def affine(x: Symbol, scale: Symbol | None, bias: Symbol | None, own: Shape, shape: Shape) -> Any:
    """Return x * scale + bias, each optional, of shape `own` and broadcast as `shape`."""
    if scale is not None:
        x = x * mv.reshape(parameter("scale", scale, own), shape=shape)
    return x if bias is None else x + mv.reshape(parameter("bias", bias, own), shape=shape)


def parameter(name: str, value: Symbol, shape: Shape) -> Any:
    """Return a parameter, widened. Raises GraphError naming it where its shape is another."""
    if value.shape != shape:
        raise GraphError(f"{name} has shape {value.shape}, expected {shape}")
    return widen(value)


@composite
def layer_norm(
    x: Symbol,
    scale: Symbol | None = None,
    bias: Symbol | None = None,
    *,
    axes: int = -1,
    epsilon: float = 1e-5,
) -> Any:
    """Standardise over the axes from `axes` on, then scale and shift by tensors of those axes' shape."""
    first = normal_axis(axes, x.ndim)
    wide = standardised(widen(x), tuple(range(first, x.ndim)), epsilon)
    return narrow(affine(wide, scale, bias, x.shape[first:], x.shape[first:]), x)


@composite
def rms_norm(x: Symbol, scale: Symbol | None = None, *, axes: int = -1, epsilon: float = 1e-5) -> Any:
    """x / sqrt(mean(x ** 2) + epsilon) over the axes from `axes` on, then scaled by a tensor of those axes' shape."""
    first = normal_axis(axes, x.ndim)
    wide = widen(x)
    mean_square = average(ew.square(wide), tuple(range(first, x.ndim)))
    normal = wide * ew.rsqrt(mean_square + epsilon)
    return narrow(affine(normal, scale, None, x.shape[first:], x.shape[first:]), x)


@composite
def batch_norm(
    x: Symbol,
    scale: Symbol,
    bias: Symbol,
    mean: Symbol,
    var: Symbol,
    *,
    epsilon: float = 1e-5,
    axis: int = 1,
) -> Any:
    """(x - mean) / sqrt(var + epsilon) * scale + bias by given statistics, each one value a channel (inference).

    With factor = scale / sqrt(var + epsilon), it is x * factor + (bias - mean * factor).
    """
    channel = normal_axis(axis, x.ndim)
    size = (x.shape[channel],)
    named = {"scale": scale, "bias": bias, "mean": mean, "var": var}
    vectors = {name: parameter(name, value, size) for name, value in named.items()}
    factor = vectors["scale"] * ew.rsqrt(vectors["var"] + epsilon)
    shift = vectors["bias"] - vectors["mean"] * factor
    return narrow(affine(widen(x), factor, shift, size, channel_shape(x, channel)), x)


def channel_shape(x: Symbol, *channels: int) -> Shape:
    """Return the shape in which one value a channel broadcasts against x."""
    return tuple(n if axis in channels else 1 for axis, n in enumerate(x.shape))


@composite
def group_norm(
    x: Symbol,
    scale: Symbol | None = None,
    bias: Symbol | None = None,
    *,
    groups: int,
    epsilon: float = 1e-5,
) -> Any:
    """Standardise x [N,C,*S] over groups of C / groups channels and all of S; scale and bias are [C]."""
    channels = channel_count(x)
    if groups < 1 or channels % groups:
        raise GraphError(f"{channels} channels do not split into {groups} groups")
    split = (x.shape[0], groups, channels // groups, *x.shape[2:])
    grouped = mv.reshape(widen(x), shape=split)
    wide = standardised(grouped, tuple(range(2, len(split))), epsilon)
    scaled = affine(wide, scale, bias, (channels,), channel_shape(grouped, 1, 2))
    return narrow(mv.reshape(scaled, shape=x.shape), x)


@composite
def instance_norm(x: Symbol, scale: Symbol | None = None, bias: Symbol | None = None, *, epsilon: float = 1e-5) -> Any:
    """Standardise x [N,C,*S] over S, each channel of each sample on its own; scale and bias are [C]."""
    channels = channel_count(x)
    wide = standardised(widen(x), tuple(range(2, x.ndim)), epsilon)
    return narrow(affine(wide, scale, bias, (channels,), channel_shape(x, 1)), x)


def channel_count(x: Symbol) -> int:
    """Return the size of axis 1. Raises GraphError where there is none."""
    if x.ndim < 2:
        raise GraphError(f"needs a batch axis and a channel axis, got shape {x.shape}")
    return x.shape[1]
