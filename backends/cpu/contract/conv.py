"""Convolutions of any rank, stride, padding, dilation and groups: how one is cut into tiles, strips and tasks.

In: a `Conv`; activations lie channels-last, [batch, *spatial, channels]. Out: the register tile, the loops,
and how the weights are packed: per group and panel of filters, [*kernel][channels][filters]. `convolve`
writes the code.

A line is one row of output pixels; its tiles are runs of neighbouring pixels. Near a border some taps of the
kernel fall outside the input, for some rows of the tile: strips of equal tiles know at compile time which, so
that no input is copied to pad it and nothing is multiplied by padding.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import NamedTuple

import numpy as np

from aicomp.types import DType

from ..machine import Machine
from .arithmetic import Arithmetic
from .microkernel import Tile
from .nest import Nest, Strip
from .panels import Array, Matrix, Panelling, pack_array
from .point import Folds
from .schedule import MOST_ROWS, Work, choose_rows, choose_tile, column_lanes, make_nest, split_columns, split_rows

MOST_RUNS = 40  # loops over taps, in all kinds of tiles together


@dataclass(frozen=True)
class Conv:
    """A convolution; the output's axes are (batch, *out, filters), results are given to the epilogue in `dtype`.

    `padding` has (before, after) an axis and may be negative; weights have [*kernel, channels / groups,
    filters]. `x` and `w` are the dtypes in memory. Any size may be 0; without channels the results are 0.
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
    """`taps` neighbouring taps of a kernel row, from tap `first`, in which the tile's rows [begin, end) take part."""

    first: int
    taps: int
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
        if last[2:] == (begin, end) and last.first + last.taps == tap:
            runs[-1] = last._replace(taps=last.taps + 1)
        else:
            runs.append(Run(tap, 1, begin, end))
    return tuple(runs)


def split_line(spec: Conv, rows: int) -> tuple[Strip, ...]:
    """Return the tiles of a line, neighbours with the same runs of taps as one strip.

    Where that makes too many kinds (a wide kernel on a short line), tiles near the borders are cut into
    single pixels, whose taps are found at run time.
    """
    strips = _strips(spec, rows)
    if sum(len(s.kind) for s in strips) <= MOST_RUNS:
        return strips
    whole = (Run(0, spec.kernel[-1], 0, rows),)
    inner = next((s for s in strips if s.kind == whole), Strip(0, 0, 0))
    after = inner.first + inner.count * inner.rows
    cut = (Strip(0, inner.first, 1), inner, Strip(after, spec.out[-1] - after, 1))
    return tuple(s for s in cut if s.count)


def _strips(spec: Conv, rows: int) -> tuple[Strip, ...]:
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
    """Return the register tile of a collapsed convolution.

    Where each channel has few filters of its own, vectors hold the filters of several channels: as many as
    divide them.
    """
    math = Arithmetic(spec.dtype, machine)
    if not is_depthwise(spec, machine):
        return choose_tile(math, spec.out[-1], spec.width)
    limit = min(MOST_ROWS, machine.vector_registers // 2 - 2)  # as many accumulators as input pixels in registers
    return Tile(choose_rows(spec.out[-1], 1, limit), 1, column_lanes(math, spec.filters))


def is_depthwise(spec: Conv, machine: Machine) -> bool:
    """Return whether vectors run across channels: every channel is a group, and has few filters."""
    lanes = Arithmetic(spec.dtype, machine).lanes
    return spec.depth == 1 and spec.groups > 1 and 0 < 2 * spec.width <= lanes


def conv_nest(spec: Conv, machine: Machine) -> Nest:
    """Return the loops of a collapsed convolution: images are groups, lines those of all outputs of the batch."""
    tile, size = conv_tile(spec, machine), spec.x.itemsize
    steps = spec.depth * prod(spec.kernel)
    depthwise = is_depthwise(spec, machine)
    groups, width, depth = (1, spec.filters, spec.channels) if depthwise else (spec.groups, spec.width, spec.depth)
    line_bytes = spec.spatial[-1] * depth * size * prod(spec.stride[:-1])
    panels = split_columns(width, tile.vectors, vector_columns(spec, tile.lanes) if depthwise else tile.lanes)
    work = Work(groups, spec.batch * prod(spec.out[:-1]), steps * tile.vectors, line_bytes, steps * tile.width * size)
    return make_nest(machine, work, tile.rows, split_line(spec, tile.rows), panels)


def vector_columns(spec: Conv, lanes: int) -> int:
    """Return how many filters one vector of a depthwise convolution holds: those of whole channels."""
    return max(1, lanes // spec.width) * spec.width


def conv_tasks(spec: Conv, machine: Machine) -> int:
    """Return the number of parallel tasks; it does not depend on the number of threads."""
    return conv_nest(collapse(spec)[0], machine).tasks


def conv_panels(spec: Conv, machine: Machine) -> Panelling:
    """Return how the weights lie in memory."""
    flat, taps = collapse(spec)[0], prod(spec.kernel)
    if is_depthwise(flat, machine):
        return Panelling((), taps, spec.filters, spec.filters, 1, spec.w)
    tile = conv_tile(flat, machine)
    return Panelling((spec.groups,), taps * spec.depth, spec.width, tile.vectors, tile.lanes, spec.w)


def filter_source(spec: Conv, machine: Machine) -> Matrix:
    """Return dense weights [*kernel, channels / groups, filters] as the matrices that `conv_panels` packs."""
    batch = () if is_depthwise(collapse(spec)[0], machine) else (spec.width,)
    return Matrix(spec.w, spec.filters, 1, batch)


def pack_filters(spec: Conv, machine: Machine, w: Array) -> Array:
    """Return constant weights [*kernel, channels / groups, filters] in panels."""
    layout = conv_panels(spec, machine)
    if not layout.matrices:
        return pack_array(layout, w)
    groups = np.asarray(w).reshape(*spec.kernel, spec.depth, spec.groups, spec.width)
    return pack_array(layout, np.moveaxis(groups, -2, 0))
