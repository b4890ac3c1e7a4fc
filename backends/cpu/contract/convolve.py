"""Writes convolutions: the body of the loops that `conv` lays out.

In: a `Conv`, pointers to the activations (channels-last) and to the packed weights, a range of tasks, and an `Epilogue`
that gets vectors of results. Out: LLVM text. The sum of one result runs over the kernel's taps, first axis slowest, and
within each over the channels.

    emit_conv(f, machine, spec, x, w, begin, end, Epilogue(store))       # of conv_tasks(spec, machine) tasks
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

from ..llvm import Function, Index, V
from ..machine import Machine
from .arithmetic import Arithmetic
from .conv import Conv, Run, collapse, conv_nest, conv_tile
from .microkernel import Panel, Rows, Stream, Tile, add_phases, contract, next_panel, zeros
from .nest import Nest, Site, at_least, at_most, digits, emit_nest
from .point import Folds, Point, dot
from .results import Epilogue, store_tile

Taps = tuple[Index, Index]


def emit_conv(
    f: Function, machine: Machine, spec: Conv, x: V, w: V, begin: V, end: V, epilogue: Epilogue
) -> None:
    """Write the convolution's tasks [begin, end); `w` points to panels laid out as `conv_panels` says."""
    flat, folds = collapse(spec)
    tile, nest = conv_tile(flat, machine), conv_nest(flat, machine)
    body = Convolution(f, Arithmetic(spec.dtype, machine), flat, folds, tile, nest, x, w, epilogue)
    emit_nest(f, nest, begin, end, body.tile_at)


@dataclass(frozen=True)
class Operands:
    """Where the tile's pixels, the weights and what is prefetched are, at some tap of the kernel."""

    rows: Rows
    panel: Panel
    stream: Stream | None

    def moved(self, f: Function, pixels: Index, steps: Index) -> Operands:
        """Return the operands so many bytes of input, and steps of weights, further."""
        rows = replace(self.rows, pointers=tuple(f.gep("i8", p, pixels) for p in self.rows.pointers))
        panel = replace(self.panel, pointer=f.gep("i8", self.panel.pointer, f.mul(steps, self.panel.pitch)))
        ahead = self.stream and replace(
            self.stream, pointer=f.gep("i8", self.stream.pointer, f.mul(steps, self.stream.step))
        )
        return Operands(rows, panel, ahead)


@dataclass(frozen=True)
class Convolution:
    """The body of the loops: one tile of neighbouring pixels and filters."""

    f: Function
    math: Arithmetic
    spec: Conv
    folds: Folds
    tile: Tile
    nest: Nest
    x: V
    w: V
    epilogue: Epilogue

    def tile_at(self, site: Site) -> None:
        """Write one tile: sum over taps and channels, then hand the results over."""
        f, math, spec = self.f, self.math, self.spec
        tile = Tile(site.strip.rows, site.panels.vectors, self.tile.lanes)
        image, *line = digits(f, site.line, (spec.batch, *spec.out[:-1]))
        pixel = [*line, site.row]
        acc = zeros(math, tile, tile.phases(spec.depth))
        if spec.depth:
            acc = self._taps(tile, acc, site.strip.kind, *self._operands(site, tile, image, pixel))
        filters = f.add(f.mul(site.image, spec.width), f.mul(site.panel, self.tile.width))
        base = (image, *pixel, filters)
        at = Point(base, (0,) * len(base), self.folds)
        store_tile(f, math, tile, add_phases(f, math, tile, acc), at, site.panels.columns, self.epilogue)

    def _operands(self, site: Site, tile: Tile, image: Index, pixel: list[Index]) -> tuple[Operands, list[Taps]]:
        """Return the operands at tap 0 (perhaps before the input's begin), and which taps of each axis to sum over."""
        f, spec = self.f, self.spec
        axes = zip(pixel, spec.stride, spec.padding, strict=True)
        origin = [f.sub(f.mul(o, step), low) for o, step, (low, _) in axes]
        sizes = (*spec.spatial, spec.channels)
        strides = [prod(sizes[axis:]) * spec.x.itemsize for axis in range(len(sizes) + 1)]
        offset = dot(f, (image, *origin, site.image), [*strides[:-1], spec.depth * spec.x.itemsize])
        step = spec.stride[-1] * strides[-2]
        x = Rows(spec.x, (f.gep("i8", self.x, offset),), tuple(r * step for r in range(tile.rows)), strides[-1])
        panel = self._panel(site, tile)
        steps = prod(spec.kernel) * spec.depth
        stream = next_panel(f, panel, steps, site.turn, self.nest.passes)
        taps = [tap_range(f, spec, axis, at) for axis, at in enumerate(origin[:-1])]
        return Operands(x, panel, stream), taps

    def _panel(self, site: Site, tile: Tile) -> Panel:
        spec, lanes, size = self.spec, self.tile.lanes, self.spec.w.itemsize
        steps = prod(spec.kernel) * spec.depth
        group = -(-spec.width // lanes) * lanes
        offset = dot(self.f, (site.image, site.panel), (steps * group * size, steps * self.tile.width * size))
        pointer = self.f.gep("i8", self.w, offset)
        return Panel(spec.w, pointer, tile.width * size, lanes * size, (lanes,) * tile.vectors)

    def _taps(
        self, tile: Tile, acc: Sequence[V], runs: Sequence[Run], at: Operands, taps: list[Taps], axis: int = 0
    ) -> Sequence[V]:
        """Sum over the taps of this axis and those after it; the last axis by runs known at compile time."""
        if axis == len(taps):
            for run in runs:
                acc = self._run(tile, acc, run, at)
            return acc
        pixels, steps = self._distances(axis)
        with self.f.loop(*taps[axis], carry=acc) as loop:
            here = at.moved(self.f, self.f.mul(loop.index, pixels), self.f.mul(loop.index, steps))
            loop.next = tuple(self._taps(tile, loop.carry, runs, here, taps, axis + 1))
        return loop.results

    def _run(self, tile: Tile, acc: Sequence[V], run: Run, at: Operands) -> Sequence[V]:
        """Sum over neighbouring taps of a kernel row: in one go where their channels are neighbours in memory too."""
        pixels, steps = self._distances(len(self.spec.kernel) - 1)
        at = at.moved(self.f, run.first * pixels, run.first * steps)
        if run.count == 1 or pixels == steps * self.spec.x.itemsize:
            return self._channels(tile, acc, run, at, run.count * steps)
        with self.f.loop(0, run.count, carry=acc, at_least_once=True) as loop:
            here = at.moved(self.f, self.f.mul(loop.index, pixels), self.f.mul(loop.index, steps))
            loop.next = tuple(self._channels(tile, loop.carry, run, here, steps))
        return loop.results

    def _channels(self, tile: Tile, acc: Sequence[V], run: Run, at: Operands, count: int) -> Sequence[V]:
        active = range(run.begin, run.end)
        return contract(self.f, self.math, tile, acc, at.rows, at.panel, count, active, at.stream)

    def _distances(self, axis: int) -> tuple[int, int]:
        """Return how far apart two taps of an axis are: in bytes of input, in steps of weights."""
        spec = self.spec
        pixels = prod(spec.spatial[axis + 1 :]) * spec.channels * spec.x.itemsize
        return pixels * spec.dilation[axis], prod(spec.kernel[axis + 1 :]) * spec.depth


def tap_range(f: Function, spec: Conv, axis: int, origin: V) -> Taps:
    """Return [first, last) of the taps of an axis that reach the input, where tap 0 is at `origin`."""
    size, taps, space = spec.spatial[axis], spec.kernel[axis], spec.dilation[axis]
    low, step = spec.padding[axis][0], spec.stride[axis]
    reach = (spec.out[axis] - 1) * step - low + (taps - 1) * space
    first: Index = 0
    last: Index = taps
    if low > 0:
        first = at_least(f, divide_up(f, f.sub(0, origin), space), 0)
    if reach >= size:
        last = at_most(f, divide_up(f, f.sub(size, origin), space), taps)
    return first, last


def divide_up(f: Function, value: V, by: int) -> V:
    """Return value / by, rounded up if positive; not above 0 if not."""
    return value if by == 1 else f.binary("sdiv", f.add(value, by - 1), V(str(by), "i64"))
