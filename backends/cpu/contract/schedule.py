"""Chooses register tiles, strips, panels and tasks from sizes alone.

In: the number of rows and columns, the bytes and flops behind them, the machine. Out: a `Nest`. The model
counts cycles a step k: a tile of r x w costs r*w multiply-adds, and a little for its r broadcasts and w
loads.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..machine import Machine
from .arithmetic import Arithmetic
from .microkernel import Tile
from .nest import Nest, Panels, Strip

TASK = 48 << 10  # cycles, about: a task takes tens of microseconds, long beside handing it to a thread
STREAM = 8  # bytes of B that come from beyond the caches in a cycle, about
MOST_ROWS = 12


@dataclass(frozen=True)
class Work:
    """Sizes that decide the blocking."""

    images: int
    lines: int
    row_work: int  # vector multiply-adds of one row of one panel
    line_bytes: int  # of A behind one line
    panel_bytes: int  # of B behind one panel


def column_lanes(math: Arithmetic, columns: int) -> int:
    """Return the lanes of one vector: narrower than a register where all columns fit in less."""
    lanes = math.lanes
    while lanes > 1 and columns <= lanes // 2:
        lanes //= 2
    return lanes


def tile_cost(rows: int, vectors: int) -> float:
    """Return the cycles, about, of one step of a tile."""
    return rows * vectors + 0.25 * (rows + vectors) + 1


def row_limit(math: Arithmetic, vectors: int) -> int:
    """Return the most rows whose accumulators, B vectors, broadcast and product stay in registers."""
    machine = math.machine
    spare = machine.vector_registers - vectors - (1 if machine.fma and math.is_float else 2)
    return max(1, min(MOST_ROWS, spare // vectors))


def choose_tile(math: Arithmetic, rows: int, columns: int) -> Tile:
    """Return the tile that covers rows x columns at the least cost."""
    lanes = column_lanes(math, columns)
    vectors = max(1, -(-columns // lanes))
    sizes = [
        (covering_cost(rows, vectors, r, w), -r, w)
        for w in range(1, min(4, vectors) + 1)
        for r in range(1, min(row_limit(math, w), max(rows, 1)) + 1)
    ]
    _, negative, w = min(sizes)
    return Tile(-negative, w, lanes)


def choose_rows(rows: int, vectors: int, limit: int) -> int:
    """Return the rows of the tile that covers rows x (one panel of `vectors`) at the least cost."""
    return -min((covering_cost(rows, vectors, r, vectors), -r) for r in range(1, min(limit, max(rows, 1)) + 1))[1]


def covering_cost(rows: int, vectors: int, r: int, w: int) -> float:
    """Return the cycles of one step of all tiles, remainders included."""
    total = 0.0
    for tile_rows, row_count in ((r, rows // r), (rows % r, 1)):
        for tile_vectors, count in ((w, vectors // w), (vectors % w, 1)):
            if tile_rows and tile_vectors:
                total += row_count * count * tile_cost(tile_rows, tile_vectors)
    return total


def split_rows(rows: int, tile_rows: int) -> tuple[Strip, ...]:
    """Return full tiles, then one of what is left."""
    full, rest = divmod(rows, tile_rows)
    strips = (Strip(0, full, tile_rows), Strip(full * tile_rows, 1, rest))
    return tuple(s for s in strips if s.count and s.rows)


def split_columns(columns: int, vectors: int, lanes: int) -> tuple[Panels, ...]:
    """Return full panels, then one of what is left, as narrow as that allows."""
    width = vectors * lanes
    full, rest = divmod(columns, width)
    panels = (Panels(0, full, vectors, width), Panels(full, 1, -(-rest // lanes), rest))
    return tuple(p for p in panels if p.count and p.columns)


def make_nest(machine: Machine, work: Work, rows: int, strips: tuple[Strip, ...], panels: tuple[Panels, ...]) -> Nest:
    """Return the loops, cut into tasks: rows in blocks that stay in L2, panels outermost if all rows stay there."""
    limit = machine.l2 // 2
    tiles, all_panels = sum(s.count for s in strips), sum(p.count for p in panels)
    tile_work = work.row_work * rows
    tile_bytes = work.line_bytes // max(1, tiles)
    fits = work.lines * work.line_bytes <= limit
    most = max(1, min(limit // max(1, tile_bytes), 2 * TASK // max(1, tile_work)))
    line_block, tile_block = row_blocks(work.lines, tiles, most)
    block_work = tile_work * line_block * tile_block + work.panel_bytes // STREAM
    panel_block = even_block(all_panels, TASK // max(1, block_work))
    nest = Nest(work.images, work.lines, strips, panels, line_block, tile_block, panel_block, fits)
    if nest.tasks > work.images:
        return nest
    return replace(nest, image_block=even_block(work.images, TASK // max(1, block_work * all_panels)))


def row_blocks(lines: int, tiles: int, most: int) -> tuple[int, int]:
    """Return how many lines, and tiles of a line, one task takes: at most so many tiles."""
    if most >= tiles:
        return even_block(lines, most // max(1, tiles)), max(1, tiles)
    return 1, even_block(tiles, most)


def even_block(total: int, most: int) -> int:
    """Return a block size of at most `most` that cuts `total` into nearly equal blocks."""
    blocks = -(-total // max(1, most))
    return max(1, -(-total // max(1, blocks)))
