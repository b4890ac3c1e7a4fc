"""Writes depthwise convolutions: vectors run across channels, since every channel has filters of its own.

In: as for `direct`. Out: LLVM text. A tile is some neighbouring pixels of a few vectors of filters; each
input pixel of a row of taps is loaded once. With m filters a channel, a vector of filters needs each channel
m times: one shuffle.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..codegen.llvm import Index, V
from .conv import Run, vector_columns
from .direct import Convolution, Operands
from .microkernel import Panel, Tile
from .nest import Site
from .tails import load_some

MOST_TAPS = 8  # of a row of taps, written out


class Depthwise(Convolution):
    """The body of the loops: one tile of neighbouring pixels and filters."""

    @property
    def columns(self) -> int:
        """Return the filters that one vector holds."""
        return vector_columns(self.spec, self.tile.lanes)

    def _channel(self, site: Site) -> Index:
        return self.f.mul(site.panel, self.tile.vectors * self.columns // self.spec.width)

    def _filter(self, site: Site) -> Index:
        return self.f.mul(site.panel, self.tile.vectors * self.columns)

    def _panel(self, site: Site, tile: Tile) -> Panel:
        spec, size = self.spec, self.spec.w.itemsize
        pointer = self.f.gep("i8", self.w, self.f.mul(self._filter(site), size))
        valid = tuple(min(self.columns, site.panels.columns - v * self.columns) for v in range(tile.vectors))
        return Panel(spec.w, pointer, spec.filters * size, self.columns * size, valid)

    def _row(self, tile: Tile, acc: Sequence[V], runs: Sequence[Run], at: Operands) -> Sequence[V]:
        if max((run.taps for run in runs), default=0) <= MOST_TAPS:
            return self._unrolled(tile, acc, runs, at)
        for run in runs:
            pixels, steps = self._distances(len(self.spec.kernel) - 1)
            at_run = at.moved(self.f, run.first * pixels, run.first * steps)
            with self.f.loop(0, run.taps, carry=acc, at_least_once=True) as loop:
                here = at_run.moved(self.f, self.f.mul(loop.index, pixels), self.f.mul(loop.index, steps))
                loop.next = tuple(self._unrolled(tile, loop.carry, (run._replace(first=0, taps=1),), here))
            acc = loop.results
        return acc

    def _unrolled(self, tile: Tile, acc: Sequence[V], runs: Sequence[Run], at: Operands) -> list[V]:
        """Sum over a row of taps; `seen` are the input pixels loaded so far."""
        result, seen = list(acc), dict[tuple[int, int], V]()
        taps = [(tap, run) for run in runs for tap in range(run.first, run.first + run.taps)]
        for tap, run in taps:
            weights = [self._weights(tile, at.panel, tap, v) for v in range(tile.vectors)]
            for row in range(run.begin, run.end):
                pixel = row * self.spec.stride[-1] + tap * self.spec.dilation[-1]
                for v, weight in enumerate(weights):
                    if (pixel, v) not in seen:
                        seen[pixel, v] = self._pixel(tile, at, pixel, v)
                    i = row * tile.vectors + v
                    result[i] = self.math.multiply_add(self.f, seen[pixel, v], weight, result[i])
        return result

    def _weights(self, tile: Tile, panel: Panel, tap: int, v: int) -> V:
        address = self.f.gep("i8", panel.pointer, tap * panel.pitch + v * panel.spacing)
        return load_some(self.f, self.math, panel.dtype, address, tile.lanes, panel.valid[v])

    def _pixel(self, tile: Tile, at: Operands, pixel: int, v: int) -> V:
        """Load the channels of one input pixel, each as often as it has filters."""
        spec, size, repeat = self.spec, self.spec.x.itemsize, self.spec.width
        offset = (pixel * spec.channels + v * self.columns // repeat) * size
        address = self.f.gep("i8", at.rows.pointer(0), offset)
        channels = at.panel.valid[v] // repeat
        if repeat == 1:
            return load_some(self.f, self.math, spec.x, address, tile.lanes, channels)
        narrow = load_some(self.f, self.math, spec.x, address, tile.lanes, channels)
        return self.f.shuffle(narrow, narrow, [lane // repeat for lane in range(tile.lanes)])
