"""Convolutions of any rank, stride, padding, dilation and groups: how one is cut into tiles, strips and tasks.

In: a `Conv`; activations lie channels-last, [batch, *spatial, channels]. Out: the register tile, the loops, and how the
weights are packed: per group and panel of filters, [*kernel][channels][filters]. `convolve` writes the code.

A line is one row of output pixels; its tiles are runs of neighbouring pixels. Near a border some taps of the kernel fall
outside the input, for some rows of the tile: strips of equal tiles know at compile time which, so that no input is copied
to pad it and nothing is multiplied by padding.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import NamedTuple

from aicomp.types import DType

from ..machine import Machine
from .arithmetic import Arithmetic
from .microkernel import Tile
from .nest import Nest, Strip
from .panels import Panelling
from .point import Folds
from .schedule import Work, choose_tile, make_nest, split_columns, split_rows


@dataclass(frozen=True)
class Conv:
    """A convolution; the output's axes are (batch, *out, filters), results are given to the epilogue in `dtype`.

    `padding` has (before, after) an axis and may be negative; weights have [*kernel, channels / groups, filters].
    `x` and `w` are the dtypes in memory. Any size may be 0; without channels the results are 0.
    """

    batch: int
    spatial: tuple[int, ...]
    channels: int
    filters: int
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    groups: int
    dtype: DType
    x: DType
    w: DType

    @property
    def out(self) -> tuple[int, ...]:
        """Return the output's spatial sizes."""
        axes = zip(self.spatial, self.kernel, self.stride, self.padding, self.dilation, strict=True)
        return tuple(max(0, (n + sum(p) - d * (k - 1) - 1) // s + 1) for n, k, s, p, d in axes)

    @property
    def depth(self) -> int:
        """Return the channels of one group."""
        return self.channels // self.groups

    @property
    def width(self) -> int:
        """Return the filters of one group."""
        return self.filters // self.groups

    @property
    def folds(self) -> Folds:
        """Return the output's axes as the loops see them."""
        return tuple((size,) for size in (self.batch, *self.out, self.filters))


class Run(NamedTuple):
    """`count` neighbouring taps of a kernel row, from tap `first`, in which the tile's rows [begin, end) take part."""

    first: int
    count: int
    begin: int
    end: int


def collapse(spec: Conv) -> tuple[Conv, Folds]:
    """Return a convolution whose kernel is one pixel, on every pixel, as one over a single long line."""
    unit = (1,) * len(spec.kernel)
    if (spec.kernel, spec.stride, spec.padding) != (unit, unit, ((0, 0),) * len(unit)):
        return spec, spec.folds
    pixels = (spec.batch * prod(spec.spatial),)
    flat = replace(spec, batch=1, spatial=pixels, kernel=(1,), stride=(1,), padding=((0, 0),), dilation=(1,))
    return flat, ((), (spec.batch, *spec.spatial), (spec.filters,))


def tap_runs(spec: Conv, first: int, rows: int) -> tuple[Run, ...]:
    """Return the taps that reach the input from `rows` pixels of a line from pixel `first` on."""
    runs: list[Run] = []
    size, step, low, space = spec.spatial[-1], spec.stride[-1], spec.padding[-1][0], spec.dilation[-1]
    for tap in range(spec.kernel[-1]):
        base = first * step - low + tap * space
        begin = min(rows, max(0, -(base // step)))
        end = max(begin, min(rows, (size - base + step - 1) // step))
        if begin == end:
            continue
        last = runs[-1] if runs else Run(-1, 0, 0, 0)
        if last[2:] == (begin, end) and last.first + last.count == tap:
            runs[-1] = last._replace(count=last.count + 1)
        else:
            runs.append(Run(tap, 1, begin, end))
    return tuple(runs)


def split_line(spec: Conv, rows: int) -> tuple[Strip, ...]:
    """Return the tiles of a line, neighbours with the same runs of taps as one strip."""
    strips: list[Strip] = []
    for part in split_rows(spec.out[-1], rows):
        first, stop = part.first, part.first + part.count * part.rows
        while first < stop:
            runs = tap_runs(spec, first, part.rows)
            count = min(inner_tiles(spec, first, part.rows), (stop - first) // part.rows)
            last = strips[-1] if strips else None
            if last and (last.rows, last.kind) == (part.rows, runs):
                strips[-1] = replace(last, count=last.count + count)
            else:
                strips.append(Strip(first, count, part.rows, runs))
            first += count * part.rows
    return tuple(strips)


def inner_tiles(spec: Conv, first: int, rows: int) -> int:
    """Return how many tiles from pixel `first` on see only input, at least 1."""
    size, step, low = spec.spatial[-1], spec.stride[-1], spec.padding[-1][0]
    if first * step < low:
        return 1
    reach = (spec.kernel[-1] - 1) * spec.dilation[-1]
    last_pixel = (size - 1 - reach + low) // step
    return max(1, (last_pixel + 1 - first) // rows)


def conv_tile(spec: Conv, machine: Machine) -> Tile:
    """Return the register tile of a collapsed convolution."""
    return choose_tile(Arithmetic(spec.dtype, machine), spec.out[-1], spec.width)


def conv_nest(spec: Conv, machine: Machine) -> Nest:
    """Return the loops of a collapsed convolution: images are groups, lines those of all outputs of the batch."""
    tile, size = conv_tile(spec, machine), spec.x.itemsize
    steps = spec.depth * prod(spec.kernel)
    line_bytes = spec.spatial[-1] * spec.depth * size * prod(spec.stride[:-1])
    work = Work(spec.groups, spec.batch * prod(spec.out[:-1]), steps * tile.vectors, line_bytes, steps * tile.width * size)
    panels = split_columns(spec.width, tile.vectors, tile.lanes)
    return make_nest(machine, work, tile.rows, split_line(spec, tile.rows), panels)


def conv_tasks(spec: Conv, machine: Machine) -> int:
    """Return the number of parallel tasks; it does not depend on the number of threads."""
    return conv_nest(collapse(spec)[0], machine).tasks


def conv_panels(spec: Conv, machine: Machine) -> Panelling:
    """Return how the weights, as [groups, kernel x channels, filters] of each group, lie in panels."""
    tile = conv_tile(collapse(spec)[0], machine)
    return Panelling((spec.groups,), prod(spec.kernel) * spec.depth, spec.width, tile.vectors, tile.lanes, spec.w)
