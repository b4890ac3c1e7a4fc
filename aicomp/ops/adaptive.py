"""Pooling into a given number of windows, or of whole images: global and adaptive means and maxima.

In: x [N,C,*S] (or [N,*S,C] with `channels_last`). Out: the same layout with S pooled to `output_size`. Where sizes
divide, it is a reshape and one reduction; elsewhere the windows, which overlap, are gathered first.

    adaptive_avg_pool(x, output_size=(7, 7))
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import GraphError
from . import elementwise as ew
from . import movement as mv
from . import reduce as rd
from .base import Array
from .composite import composite
from .lookup import gather
from .pooling import divisor, spatial_axes
from .shaping import with_axis
from .statistics import average, narrow, widen
from .symbol import Symbol


@composite
def global_avg_pool(x: Symbol, *, channels_last: bool = False) -> Any:
    """The mean of each channel, spatial axes kept with size 1."""
    return narrow(average(widen(x), tuple(spatial_axes(x, channels_last))), x)


@composite
def global_max_pool(x: Symbol, *, channels_last: bool = False) -> Any:
    """The maximum of each channel, spatial axes kept with size 1."""
    return rd.reduce_max(x, axes=tuple(spatial_axes(x, channels_last)), keepdims=True)


@composite
def adaptive_avg_pool(x: Symbol, *, output_size: Any, channels_last: bool = False) -> Any:
    """Means of windows that divide each spatial axis into `output_size` parts (None: the axis as it is).

    Window i of an axis of n covers floor(i * n / parts) to ceil((i + 1) * n / parts), PyTorch's rule.
    """
    axes = spatial_axes(x, channels_last)
    parts = _parts(x, axes, output_size)
    wide = widen(x)
    counts = []
    for axis, count in zip(axes, parts, strict=True):
        starts, ends = bounds(x.shape[axis], count)
        counts.append(ends - starts)
        wide = _windows(wide, axis, starts, ends, outside=0.0)
    blocks, folded = _blocks(wide, axes, parts)
    total = rd.reduce_sum(blocks, axes=folded)
    return narrow(total / divisor(counts, axes, total), x)


@composite
def adaptive_max_pool(x: Symbol, *, output_size: Any, channels_last: bool = False) -> Any:
    """Maxima of the windows of adaptive_avg_pool."""
    axes = spatial_axes(x, channels_last)
    parts = _parts(x, axes, output_size)
    for axis, count in zip(axes, parts, strict=True):
        x = _windows(x, axis, *bounds(x.shape[axis], count))
    blocks, folded = _blocks(x, axes, parts)
    return rd.reduce_max(blocks, axes=folded)


def _parts(x: Symbol, axes: range, output_size: Any) -> list[int]:
    """Return the number of windows along each spatial axis."""
    wanted = output_size if isinstance(output_size, (tuple, list)) else (output_size,) * len(axes)
    if len(wanted) != len(axes):
        raise GraphError(f"output_size {tuple(wanted)} needs {len(axes)} entries, one a spatial axis")
    parts = [x.shape[axis] if n is None else int(n) for axis, n in zip(axes, wanted, strict=True)]
    if min(parts) < 1 or any(not x.shape[axis] for axis in axes):
        raise GraphError(f"output_size {tuple(wanted)} and the spatial axes of {x.shape} must be at least 1")
    return parts


def bounds(size: int, parts: int) -> tuple[Array, Array]:
    """Return the first elements of the windows and the elements after their last."""
    windows = np.arange(parts)
    return windows * size // parts, -(-(windows + 1) * size // parts)


def _windows(x: Symbol, axis: int, starts: Array, ends: Array, outside: float | None = None) -> Any:
    """Return x with the windows along an axis one after the other, all of the widest's size.

    A narrower window repeats its last element, or has the value `outside` there.
    """
    width = int((ends - starts).max())
    if len(starts) * width == x.shape[axis]:
        return x
    places = starts[:, None] + np.arange(width)
    flat = gather(x, np.minimum(places, ends[:, None] - 1).reshape(-1), axis=axis)
    if outside is None or (places < ends[:, None]).all():
        return flat
    shape = [-1 if i == axis else 1 for i in range(x.ndim)]
    return ew.where((places < ends[:, None]).reshape(shape), flat, outside)


def _blocks(x: Symbol, axes: range, parts: Sequence[int]) -> tuple[Any, tuple[int, ...]]:
    """Return x with each spatial axis split into windows and their elements, and the axes of the elements."""
    shape = x.shape
    for axis, count in reversed(list(zip(axes, parts, strict=True))):
        shape = with_axis(shape, axis, count, x.shape[axis] // count)
    return mv.reshape(x, shape=shape), tuple(2 * axis + 1 - axes[0] for axis in axes)
