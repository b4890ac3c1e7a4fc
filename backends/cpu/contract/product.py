"""Writes matrix products: the bodies of the loops that `gemm` lays out.

In: a `Gemm`, pointers to A and B, a range of tasks, and an `Epilogue` that gets vectors of results. Out: LLVM
text.

    emit_gemm(f, machine, spec, a, b, begin, end, Epilogue(store))       # of gemm_tasks(spec, machine) tasks
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..codegen.llvm import Function, Index, V, vector
from ..machine import Machine
from .arithmetic import Arithmetic
from .gemm import Gemm, collapse, gemm_nest, gemm_tile, reads
from .microkernel import Panel, Rows, Tile, add_phases, advance, contract, next_panel, zeros
from .nest import Nest, Site, digits, emit_nest
from .point import Folds, Point, dot
from .results import Epilogue, store_row, store_tile


def emit_gemm(f: Function, machine: Machine, spec: Gemm, a: V, b: V, begin: V, end: V, epilogue: Epilogue) -> None:
    """Write the product's tasks [begin, end).

    Raises ValueError where B can neither be read in place nor is packed (see `needs_packing`).
    """
    flat, folds = collapse(spec)
    way = reads(flat)
    if way is None:
        raise ValueError(f"B with strides {flat.b.row}, {flat.b.column} must be packed first")
    tile, nest = gemm_tile(flat, machine), gemm_nest(flat, machine)
    kind = Product if way == "rows" else DotProduct
    product = kind(f, Arithmetic(spec.dtype, machine), flat, folds, tile, nest, a, b, epilogue)
    emit_nest(f, nest, begin, end, product.tile_at)


@dataclass(frozen=True)
class Product:
    """The body of the loops where vectors lie along n: one tile, for which values of A are broadcast."""

    f: Function
    math: Arithmetic
    spec: Gemm
    folds: Folds
    tile: Tile
    nest: Nest
    a: V
    b: V
    epilogue: Epilogue

    def tile_at(self, site: Site) -> None:
        """Write one tile: sum over k, then hand the results over."""
        f, math = self.f, self.math
        tile = Tile(site.strip.rows, site.panels.vectors, self.tile.lanes)
        panel = self._panel(site, tile)
        stream = next_panel(f, panel, self.spec.k, site.turn, self.nest.passes) if self.spec.packed else None
        acc = zeros(math, tile, tile.phases(self.spec.k))
        acc = contract(f, math, tile, acc, self.rows(site), panel, self.spec.k, stream=stream)
        at = self.point(site, self.tile.width)
        store_tile(f, math, tile, add_phases(f, math, tile, acc), at, site, self.epilogue, self.spec.k)

    def batch(self, site: Site) -> list[Index]:
        """Return the index on each batch axis."""
        return digits(self.f, site.image, self.spec.batch) if self.spec.batch else []

    def point(self, site: Site, width: int) -> Point:
        """Return where the tile's first result goes; panels are `width` columns wide."""
        base = (*self.batch(site), site.row, self.f.mul(site.panel, width))
        return Point(base, (0,) * len(base), self.folds)

    def rows(self, site: Site) -> Rows:
        """Return the tile's rows of A, one value a step."""
        a, size = self.spec.a, self.spec.a.dtype.itemsize
        offset = dot(self.f, (*self.batch(site), site.row), [s * size for s in (*a.batch, a.row)])
        offsets = tuple(row * a.row * size for row in range(site.strip.rows))
        return Rows(a.dtype, (self.f.gep("i8", self.a, offset),), offsets, a.column * size)

    def _panel(self, site: Site, tile: Tile) -> Panel:
        spec, size = self.spec, self.spec.b.dtype.itemsize
        full = self.tile.width * size
        strides = [step * size * (self._matrix if spec.packed else 1) for step in spec.b.batch]
        offset = dot(self.f, (*self.batch(site), site.panel), [*strides, full * (spec.k if spec.packed else 1)])
        columns = tile.width if spec.packed else site.panels.columns
        valid = tuple(min(tile.lanes, columns - v * tile.lanes) for v in range(tile.vectors))
        pitch = (tile.width if spec.packed else spec.b.row) * size
        return Panel(spec.b.dtype, self.f.gep("i8", self.b, offset), pitch, tile.lanes * size, valid)

    @property
    def _matrix(self) -> int:
        return self.spec.k * -(-self.spec.n // self.tile.lanes) * self.tile.lanes


@dataclass(frozen=True)
class DotProduct(Product):
    """The body of the loops where vectors lie along k, contiguous in both operands: each result is a dot product."""

    def tile_at(self, site: Site) -> None:
        """Write one tile: sum over whole vectors of k, then over the rest, then across lanes."""
        f, math, lanes = self.f, self.math, self.tile.lanes
        tile = Tile(site.strip.rows, site.panels.vectors, lanes)
        whole, rest = divmod(self.spec.k, lanes)
        a, b = self.rows(site), self._columns(site, tile)
        acc = contract(f, math, tile, zeros(math, tile, tile.phases(whole)), a, b, whole)
        if rest:
            a, b, _ = advance(f, a, b, None, whole)
            b = replace(b, valid=(rest,) * tile.vectors)
            acc = contract(f, math, tile, acc, replace(a, valid=rest), b, 1)
        sums = [lane_sum(f, math, v) for v in add_phases(f, math, tile, acc)]
        self._store(site, tile, sums)

    def rows(self, site: Site) -> Rows:
        """Return the tile's rows of A, one vector a step."""
        a, lanes = super().rows(site), self.tile.lanes
        return replace(a, step=lanes * a.dtype.itemsize, valid=lanes)

    def _columns(self, site: Site, tile: Tile) -> Panel:
        b, size = self.spec.b, self.spec.b.dtype.itemsize
        strides = [s * size for s in (*b.batch, b.column * self.tile.vectors)]
        pointer = self.f.gep("i8", self.b, dot(self.f, (*self.batch(site), site.panel), strides))
        return Panel(b.dtype, pointer, tile.lanes * size, b.column * size, (tile.lanes,) * tile.vectors)

    def _store(self, site: Site, tile: Tile, sums: Sequence[V]) -> None:
        f, math, n = self.f, self.math, tile.vectors
        at = self.point(site, self.tile.vectors)
        lanes = 1 << (n - 1).bit_length()
        for row in range(tile.rows):
            value = V("poison", vector(math.type, lanes))
            for column, total in enumerate(sums[row * n : (row + 1) * n]):
                value = f.insert(value, total, column) if lanes > 1 else total
            store_row(f, math, [value], at.moved(row, 0), n, self.epilogue.store)


def lane_sum(f: Function, math: Arithmetic, value: V) -> V:
    """Return the sum of all lanes: of the two halves, again and again."""
    while value.lanes > 1:
        half = value.lanes // 2
        if half == 1:
            return math.add(f, f.extract(value, 0), f.extract(value, 1))
        low, high = (f.shuffle(value, value, range(first, first + half)) for first in (0, half))
        value = math.add(f, low, high)
    return value
