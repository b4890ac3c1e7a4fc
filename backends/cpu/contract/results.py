"""From accumulators to the store callback: every vector of a finished tile, in place or by way of scratch memory.

In: a tile's accumulators and the `Epilogue`. Out: calls of its `store` with results in the register type of
the product's dtype, where each goes, and the constant mask of the lanes that exist (None where all do). The
callback loads biases and residuals itself, writes one output or several, and must leave the open block
reachable (no `ret`).

Written out for every vector of every kind of tile, an epilogue takes longer to compile than all else. Behind
a long sum, or where it is long itself (`looped`), the tile goes to the stack first, and its instructions are
there once a vector of a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..codegen.llvm import Function, V, vector
from .arithmetic import Arithmetic
from .microkernel import Tile
from .nest import Site
from .point import Point, Store
from .tails import store_some

LONG_SUM = 64  # steps, beside which a detour over the stack does not show


@dataclass(frozen=True)
class Epilogue:
    """What happens to results: `store(f, value, point, mask)` for every vector of them."""

    store: Store
    looped: bool = False


def store_tile(
    f: Function, math: Arithmetic, tile: Tile, acc: Sequence[V], at: Point, site: Site, epilogue: Epilogue, steps: int
) -> None:
    """Hand every sum of `steps` products to the callback; of the last vector only the columns that exist."""
    columns = site.panels.columns
    if tile.rows > 1 and (epilogue.looped or steps >= LONG_SUM):
        _store_looped(f, math, tile, acc, at, columns, epilogue)
        return
    for row in range(tile.rows):
        vectors = acc[row * tile.vectors : (row + 1) * tile.vectors]
        store_row(f, math, vectors, at.moved(row, 0), columns, epilogue.store)


def store_row(f: Function, math: Arithmetic, vectors: Sequence[V], at: Point, columns: int, store: Store) -> None:
    """Hand consecutive vectors of a row to the callback."""
    for v, value in enumerate(vectors):
        first = v * value.lanes
        store_some(f, math, math.result(f, value), at.moved(0, first), min(value.lanes, columns - first), store)


def _store_looped(
    f: Function, math: Arithmetic, tile: Tile, acc: Sequence[V], at: Point, columns: int, epilogue: Epilogue
) -> None:
    scratch = f.alloca(math.type, tile.rows * tile.width)
    for i, value in enumerate(acc):
        f.store(value, f.gep(math.type, scratch, i * tile.lanes))
    with f.loop(0, tile.rows, at_least_once=True) as loop:
        row = f.gep(math.type, scratch, f.mul(loop.index, tile.width))
        type_ = vector(math.type, tile.lanes)
        vectors = [f.load(type_, f.gep(math.type, row, v * tile.lanes)) for v in range(tile.vectors)]
        base = (*at.base[:-2], f.add(at.base[-2], loop.index), at.base[-1])
        store_row(f, math, vectors, replace(at, base=base, memo={}), columns, epilogue.store)
