"""The loops around the register tile: parallel tasks, panels of columns, lines, strips of equal tiles.

In: a `Nest`, which says what the loops run over and how it is cut into tasks, and a body. Out: LLVM text that
runs the tasks [begin, end) and calls the body once for every kind of tile (full or remainder, border or
interior).

A line is one row of outputs along the tiled axis: all m rows of a product, or one row of pixels of a
convolution. An image is an independent problem: one matrix of a batch, one image and group. The cut never
depends on the number of threads, and no sum crosses a task: results have the same bits however the tasks are
run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from math import prod
from typing import Any

from ..codegen.llvm import Function, Index, V, i64


@dataclass(frozen=True)
class Strip:
    """`count` equal tiles of `rows` rows, one after the other from row `first`; `kind` is the contraction's own."""

    first: int
    count: int
    rows: int
    kind: Any = None


@dataclass(frozen=True)
class Panels:
    """`count` equal panels of `vectors` vectors, of which `columns` columns exist; `first` is a panel number."""

    first: int
    count: int
    vectors: int
    columns: int


@dataclass(frozen=True)
class Nest:
    """What the loops run over; a task is `line_block` x `tile_block` x `panel_block` of `image_block` images."""

    images: int
    lines: int
    strips: tuple[Strip, ...]
    panels: tuple[Panels, ...]
    line_block: int
    tile_block: int
    panel_block: int
    panels_outer: bool  # tasks that follow one another share a panel, else the rows
    image_block: int = 1

    @property
    def tiles(self) -> int:
        """Return the number of tiles along a line."""
        return sum(s.count for s in self.strips)

    @property
    def all_panels(self) -> int:
        """Return the number of panels."""
        return sum(p.count for p in self.panels)

    @property
    def blocks(self) -> tuple[int, int, int, int]:
        """Return how many blocks of images, lines, tiles and panels there are."""
        sizes = (self.images, self.lines, self.tiles, self.all_panels)
        images, lines, tiles, panels = (
            -(-size // block)
            for size, block in zip(
                sizes, (self.image_block, self.line_block, self.tile_block, self.panel_block), strict=True
            )
        )
        return images, lines, tiles, panels

    @property
    def tasks(self) -> int:
        """Return the number of parallel tasks."""
        return prod(self.blocks)

    @property
    def passes(self) -> int:
        """Return how many tiles read a panel before the next panel's turn."""
        if self.panels_outer:
            return self.lines * self.tiles
        return min(self.lines, self.line_block) * min(self.tiles, self.tile_block)


@dataclass(frozen=True)
class Site:
    """Where the body is: the tile begins at row `row` of `line`, in panel number `panel`."""

    image: Index
    line: Index
    row: Index
    strip: Strip
    panel: Index
    panels: Panels
    turn: Index  # number of this tile among `Nest.passes`


Body = Callable[[Site], None]


def emit_nest(f: Function, nest: Nest, begin: V, end: V, body: Body) -> None:
    """Write the loops that run the tasks [begin, end)."""
    if nest.tasks == 0:
        return
    with f.loop(begin, end) as task:
        image_block, line_block, tile_block, panel_block = _decode(f, nest, task.index)
        images = _range(f, *_span(f, image_block, nest.image_block, 0, nest.images, nest.images))
        lines = _span(f, line_block, nest.line_block, 0, nest.lines, nest.lines)
        tiles = _span(f, tile_block, nest.tile_block, 0, nest.tiles, nest.tiles)
        with images if nest.image_block > 1 else nullcontext(image_block) as image:
            for panels in nest.panels:
                last = panels.first + panels.count
                block = _span(f, panel_block, nest.panel_block, panels.first, last, nest.all_panels)
                with _range(f, *block) as panel, _range(f, *lines) as line:
                    site = Site(image, line, 0, nest.strips[0], panel, panels, 0)
                    _strips(f, nest, tile_block, site, body, lines, tiles)


Span = tuple[Index, Index]


def _strips(f: Function, nest: Nest, block: Index, site: Site, body: Body, lines: Span, tiles: Span) -> None:
    before = 0
    for strip in nest.strips:
        span = _span(f, block, nest.tile_block, before, before + strip.count, nest.tiles)
        with _range(f, *span) as tile:
            row = f.add(f.mul(f.sub(tile, before), strip.rows), strip.first)
            turn = _turn(f, nest, site.line, tile, lines[0], tiles[0])
            body(Site(site.image, site.line, row, strip, site.panel, site.panels, turn))
        before += strip.count


def _turn(f: Function, nest: Nest, line: Index, tile: Index, line0: Index, tile0: Index) -> Index:
    if nest.panels_outer:
        return f.add(f.mul(line, nest.tiles), tile)
    return f.add(f.mul(f.sub(line, line0), min(nest.tiles, nest.tile_block)), f.sub(tile, tile0))


def _decode(f: Function, nest: Nest, task: V) -> tuple[Index, Index, Index, Index]:
    images, lines, tiles, panels = nest.blocks
    if nest.panels_outer:
        image, panel, line, tile = digits(f, task, (images, panels, lines, tiles))
    else:
        image, line, tile, panel = digits(f, task, (images, lines, tiles, panels))
    return image, line, tile, panel


def digits(f: Function, number: Index, sizes: tuple[int, ...]) -> list[Index]:
    """Return the digits of a number in the mixed radix `sizes`, the last fastest."""
    result: list[Index] = []
    rest = i64(number)
    for size in reversed(sizes[1:]):
        result.append(0 if size == 1 else f.binary("urem", rest, i64(size)))
        rest = rest if size == 1 else f.binary("udiv", rest, i64(size))
    return [0 if sizes[0] == 1 else rest, *reversed(result)]


def _span(f: Function, block: Index, size: int, first: int, last: int, total: int) -> Span:
    """Return what of [first, last) lies in a block of `size`; literals if one block holds it all."""
    if size >= total:
        return first, last
    begin = f.mul(block, size)
    end = f.add(begin, size)
    whole = last == total and total % size == 0
    return at_least(f, begin, first) if first else begin, end if whole else at_most(f, end, last)


def at_least(f: Function, value: V, least: int) -> V:
    """Return max(value, least)."""
    return f.call("llvm.smax.i64", "i64", [value, i64(least)])


def at_most(f: Function, value: V, most: int) -> V:
    """Return min(value, most)."""
    return f.call("llvm.smin.i64", "i64", [value, i64(most)])


@contextmanager
def _range(f: Function, start: Index, stop: Index) -> Iterator[Index]:
    """Write a loop, or nothing around a body that runs exactly once."""
    if isinstance(start, int) and isinstance(stop, int) and stop - start == 1:
        yield start
        return
    known = isinstance(start, int) and isinstance(stop, int) and start < stop
    with f.loop(start, stop, at_least_once=known) as loop:
        yield loop.index
