"""Direct convolution as an implicit matrix product: the body of the loops that `conv` lays out.

In: the place of a tile: neighbouring pixels of a line, a panel of filters. Out: LLVM text that sums over the
kernel's taps, first axis slowest, and within each over the channels. The steps k of the register tile are the
channels of one tap, or of a whole row of taps where they lie next to each other in memory; only input that
exists is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

from ..codegen.llvm import Function, Index, V
from .arithmetic import Arithmetic
from .conv import Conv, Run
from .microkernel import Panel, Rows, Stream, Tile, add_phases, contract, next_panel, zeros
from .nest import Nest, Site, at_least, at_most, digits
from .point import Folds, Point, dot
from .results import Epilogue, store_tile

Taps = tuple[Index, Index]
Runs = Sequence[Run] | None


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
        acc: Sequence[V] = zeros(math, tile, tile.phases(spec.depth))
        if spec.depth:
            acc = self._taps(tile, acc, site.strip.kind, *self._operands(site, tile, image, pixel))
        base = (image, *pixel, self._filter(site))
        at = Point(base, (0,) * len(base), self.folds)
        store_tile(
            f, math, tile, add_phases(f, math, tile, acc), at, site, self.epilogue, prod(spec.kernel) * spec.depth
        )

    def _operands(self, site: Site, tile: Tile, image: Index, pixel: list[Index]) -> tuple[Operands, list[Taps]]:
        """Return the operands at tap 0 (perhaps before the input's begin), and which taps of each axis to sum over."""
        f, spec = self.f, self.spec
        axes = zip(pixel, spec.stride, spec.padding, strict=True)
        origin = [f.sub(f.mul(o, step), low) for o, step, (low, _) in axes]
        sizes = (*spec.spatial, spec.channels)
        strides = [prod(sizes[axis:]) * spec.x.itemsize for axis in range(len(sizes) + 1)]
        offset = dot(f, (image, *origin, self._channel(site)), strides)
        step = spec.stride[-1] * strides[-2]
        x = Rows(spec.x, (f.gep("i8", self.x, offset),), tuple(r * step for r in range(tile.rows)), strides[-1])
        panel = self._panel(site, tile)
        stream = next_panel(f, panel, prod(spec.kernel) * spec.depth, site.turn, self.nest.passes)
        known = site.strip.kind is not None
        taps = [tap_range(f, spec, axis, at) for axis, at in enumerate(origin[:-1] if known else origin)]
        return Operands(x, panel, stream), taps

    def _channel(self, site: Site) -> Index:
        """Return the first input channel that the tile reads."""
        return self.f.mul(site.image, self.spec.depth)

    def _filter(self, site: Site) -> Index:
        """Return the first filter of the tile."""
        return self.f.add(self.f.mul(site.image, self.spec.width), self.f.mul(site.panel, self.tile.width))

    def _panel(self, site: Site, tile: Tile) -> Panel:
        spec, lanes, size = self.spec, self.tile.lanes, self.spec.w.itemsize
        steps = prod(spec.kernel) * spec.depth
        group = -(-spec.width // lanes) * lanes
        offset = dot(self.f, (site.image, site.panel), (steps * group * size, steps * self.tile.width * size))
        pointer = self.f.gep("i8", self.w, offset)
        return Panel(spec.w, pointer, tile.width * size, lanes * size, (lanes,) * tile.vectors)

    def _taps(
        self, tile: Tile, acc: Sequence[V], runs: Runs, at: Operands, taps: list[Taps], axis: int = 0
    ) -> Sequence[V]:
        """Sum over the taps of this axis and those after it; the last axis by runs where they are known."""
        if axis == len(taps):
            return self._row(tile, acc, (Run(0, 1, 0, tile.rows),) if runs is None else runs, at)
        pixels, steps = self._distances(axis)
        with self.f.loop(*taps[axis], carry=acc) as loop:
            here = at.moved(self.f, self.f.mul(loop.index, pixels), self.f.mul(loop.index, steps))
            loop.next = tuple(self._taps(tile, loop.carry, runs, here, taps, axis + 1))
        return loop.results

    def _row(self, tile: Tile, acc: Sequence[V], runs: Sequence[Run], at: Operands) -> Sequence[V]:
        """Sum over the taps of one kernel row."""
        for run in runs:
            acc = self._run(tile, acc, run, at)
        return acc

    def _run(self, tile: Tile, acc: Sequence[V], run: Run, at: Operands) -> Sequence[V]:
        """Sum over neighbouring taps of a kernel row: in one go where their channels are neighbours in memory too."""
        pixels, steps = self._distances(len(self.spec.kernel) - 1)
        at = at.moved(self.f, run.first * pixels, run.first * steps)
        if run.taps == 1 or pixels == steps * self.spec.x.itemsize:
            return self._channels(tile, acc, run, at, run.taps * steps)
        with self.f.loop(0, run.taps, carry=acc, at_least_once=True) as loop:
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
