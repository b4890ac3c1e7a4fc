"""Transposed convolution as a composite, written as ordinary convolutions.

In: x [N,C,*S], w [C,O/groups,*K] (PyTorch's layout). Out: [N,O,*S'] with
S' = (S - 1) * stride - padding + dilation * (K - 1) + output_padding + 1 along each axis.

With strides, the outputs at positions of one remainder modulo the stride (a phase) are a small convolution of x with
every stride-th weight, so that no product with an inserted zero is computed; phases are interleaved afterwards
(sub-pixel convolution, Shi et al. 2016). Dilated and strided at once, zeros are inserted between the elements of x.

    conv_transpose(x, w, strides=2, padding=1, output_padding=1)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

from ..errors import GraphError
from ..types import Shape
from . import movement as mv
from .base import widen
from .composite import composite
from .contract import conv
from .shaping import along, flip
from .symbol import Symbol
from .window import Padding, check_positive, extent, normal_padding

Sizes = int | Sequence[int]


@dataclass(frozen=True)
class Spread:
    """How a transposed convolution spreads each element over its output, along each spatial axis."""

    sizes: Shape
    kernel: Shape
    strides: Shape
    padding: Padding
    output_padding: Shape
    dilation: Shape
    groups: int

    @property
    def outputs(self) -> Shape:
        """Return the sizes of the output."""
        return tuple(
            (n - 1) * step - low - high + extent(k, holes) + more
            for n, k, step, (low, high), more, holes in zip(
                self.sizes, self.kernel, self.strides, self.padding, self.output_padding, self.dilation, strict=True
            )
        )


@composite
def conv_transpose(
    x: Symbol,
    w: Symbol,
    bias: Symbol | None = None,
    *,
    strides: Sizes = 1,
    padding: Any = 0,
    output_padding: Sizes = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> Any:
    """The gradient of a convolution by its input: each element adds x * w to the K outputs from stride * position on.

    `padding` cuts the output at both ends, `output_padding` (less than the stride or the dilation) extends its end.
    """
    spread = _spread(x, w, strides, padding, output_padding, dilation, groups)
    result = _without_bias(x, w, spread)
    if bias is None:
        return result
    if bias.shape != result.shape[1:2]:
        raise GraphError(f"bias has shape {bias.shape}, expected {result.shape[1:2]}")
    return result + mv.reshape(bias, shape=(*bias.shape, *(1,) * len(spread.kernel)))


def _without_bias(x: Symbol, w: Symbol, spread: Spread) -> Any:
    if 0 in spread.outputs:
        zero = x.wrap(x.lift(0, x.location()))
        return mv.broadcast_to(zero, shape=(x.shape[0], w.shape[1] * spread.groups, *spread.outputs))
    if max(spread.strides) > 1 and max(spread.dilation) == 1:
        return _by_phases(x, w, spread)
    return _by_holes(x, w, spread)


def _spread(
    x: Symbol, w: Symbol, strides: Sizes, padding: Any, output_padding: Sizes, dilation: Sizes, groups: int
) -> Spread:
    """Return the geometry in full. Raises GraphError where shapes and attributes do not fit."""
    rank = x.ndim - 2
    if isinstance(padding, str) and padding != "valid":
        raise GraphError(f"padding is {padding!r}, expected an int, ints or (low, high) pairs")
    if rank not in (1, 2, 3) or w.ndim != x.ndim or x.shape[1] != w.shape[0] or groups < 1 or w.shape[0] % groups:
        shapes = f"x has shape {x.shape} and w {w.shape}"
        raise GraphError(f"{shapes}, expected [N, C, *S] and [C, O / groups, *K] with 1 to 3 axes, groups {groups}")
    steps, holes = widen(strides, rank, "strides"), widen(dilation, rank, "dilation")
    more = widen(output_padding, rank, "output_padding")
    check_positive(kernel=w.shape[2:], strides=steps, dilation=holes)
    if any(not 0 <= n < max(step, hole) for n, step, hole in zip(more, steps, holes, strict=True)):
        raise GraphError(f"output_padding {more} must be less than the strides {steps} or the dilation {holes}")
    pairs = normal_padding(padding, x.shape[2:], w.shape[2:], steps, holes)
    spread = Spread(x.shape[2:], w.shape[2:], steps, pairs, more, holes, groups)
    if min(spread.outputs) < 0:
        raise GraphError(f"padding {pairs} cuts more than there is: the output would have sizes {spread.outputs}")
    return spread


def _by_holes(x: Symbol, w: Symbol, spread: Spread) -> Any:
    """Return the convolution of x, stride - 1 zeros between its elements, with the flipped weights."""
    reach = [extent(k, holes) - 1 for k, holes in zip(spread.kernel, spread.dilation, strict=True)]
    ends = zip(reach, spread.padding, spread.output_padding, strict=True)
    padding = tuple((n - low, n - high + more) for n, (low, high), more in ends)
    if max(spread.strides) > 1 or min(map(min, padding)) < 0:
        low, high = ((0, 0, *(min(pair[end], 0) for pair in padding)) for end in (0, 1))
        holes = (0, 0, *(step - 1 for step in spread.strides))
        x = mv.pad(x, low=low, high=high, interior=holes)
    padding = tuple((max(low, 0), max(high, 0)) for low, high in padding)
    weights = flip(_swap_channels(w, spread.groups), axes=tuple(range(2, w.ndim)))
    return conv(x, weights, padding=padding, dilation=spread.dilation, groups=spread.groups)


def _swap_channels(w: Symbol, groups: int) -> Any:
    """Return weights [C, O / groups, *K] as [O, C / groups, *K]."""
    c, o, *kernel = w.shape
    grouped = mv.reshape(w, shape=(groups, c // groups, o, *kernel))
    swapped = mv.transpose(grouped, perm=(0, 2, 1, *range(3, w.ndim + 1)))
    return mv.reshape(swapped, shape=(groups * o, c // groups, *kernel))


@dataclass(frozen=True)
class Phases:
    """Consecutive phases along an axis that have the same number of taps: weights first + phase + stride * tap."""

    first: int
    count: int
    taps: int


def phases(kernel: int, stride: int) -> list[Phases]:
    """Return the phases along an axis, those with most taps first; those without taps are left out."""
    taps = -(-kernel // stride)
    full = kernel - (taps - 1) * stride
    rest = Phases(full, stride - full, taps - 1)
    return [Phases(0, full, taps), *([rest] if rest.count and rest.taps else [])]


def _by_phases(x: Symbol, w: Symbol, spread: Spread) -> Any:
    """Return one convolution for each block of phases, interleaved and cut to the output's sizes."""
    rank = len(spread.kernel)
    axes = [phases(k, step) for k, step in zip(spread.kernel, spread.strides, strict=True)]
    folded = _fold_taps(w, spread)
    blocks = [_phase_block(x, folded, block, spread) for block in product(*axes)]
    for axis in reversed(range(rank)):
        size = len(axes[axis])
        groups = [blocks[i : i + size] for i in range(0, len(blocks), size)]
        blocks = [group[0] if size == 1 else mv.concat(*group, axis=2 + axis) for group in groups]
    return _interleave(blocks[0], spread)


def _fold_taps(w: Symbol, spread: Spread) -> Any:
    """Return weights [C, O / groups, *K] as [C, O / groups, taps, stride, taps, stride, ...], zeros at the end."""
    pairs = [(-(-k // step), step) for k, step in zip(spread.kernel, spread.strides, strict=True)]
    more = (taps * step - k for k, (taps, step) in zip(spread.kernel, pairs, strict=True))
    padded = mv.pad(w, low=0, high=(0, 0, *more))
    return mv.reshape(padded, shape=(*w.shape[:2], *(n for pair in pairs for n in pair)))


def _phase_block(x: Symbol, folded: Symbol, block: Sequence[Phases], spread: Spread) -> Any:
    """Return the outputs of some phases, [N, O, *phases, *positions], of one convolution."""
    rank, groups = len(block), spread.groups
    for i, each in enumerate(block):
        folded = along(folded, 2 + 2 * i, 0, each.taps)
        folded = along(folded, 3 + 2 * i, each.first, each.count)
    c, o, *taps_and_phases = folded.shape
    grouped = mv.reshape(folded, shape=(groups, c // groups, o, *taps_and_phases))
    taps, counts = range(3, 3 + 2 * rank, 2), range(4, 4 + 2 * rank, 2)
    ordered = mv.transpose(grouped, perm=(0, 2, *counts, 1, *taps))
    channels = groups * o * prod(each.count for each in block)
    weights = mv.reshape(ordered, shape=(channels, c // groups, *(each.taps for each in block)))
    most = [-(-k // step) for k, step in zip(spread.kernel, spread.strides, strict=True)]
    padding = tuple((each.taps - 1, n - 1) for each, n in zip(block, most, strict=True))
    result = conv(x, flip(weights, axes=tuple(range(2, 2 + rank))), padding=padding, groups=groups)
    split = (x.shape[0], groups * o, *(each.count for each in block), *result.shape[2:])
    return mv.reshape(result, shape=split)


def _interleave(blocks: Symbol, spread: Spread) -> Any:
    """Return [N, O, *phases, *positions] as [N, O, *S'], phases without taps filled with zeros."""
    rank = len(spread.kernel)
    n, o, *sizes = blocks.shape
    counts, positions = sizes[:rank], sizes[rank:]
    missing = [step - count for step, count in zip(spread.strides, counts, strict=True)]
    if any(missing):
        blocks = mv.pad(blocks, low=0, high=(0, 0, *missing, *(0,) * rank))
    perm = (0, 1, *(axis for i in range(rank) for axis in (2 + rank + i, 2 + i)))
    whole = [count * step for count, step in zip(positions, spread.strides, strict=True)]
    full = mv.reshape(mv.transpose(blocks, perm=perm), shape=(n, o, *whole))
    low = tuple(-low for low, _ in spread.padding)
    high = tuple(wanted - (size + a) for wanted, size, a in zip(spread.outputs, whole, low, strict=True))
    return mv.pad(full, low=(0, 0, *low), high=(0, 0, *high)) if any(low + high) else full
