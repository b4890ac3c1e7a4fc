"""Matrix products: batches of C[m, n] = sum over k of A[m, k] B[k, n], for any sizes, strides and dtypes.

In: a `Gemm`. Out: how it is computed: tile, loops, tasks, whether B should be packed; `product` writes the
code. A is read in place. B is read from panels packed beforehand (`pack_array` for constants, `emit_pack` at
run time), or in place where one of its two axes is contiguous. For a matrix times a vector, make the matrix B
(m = 1): results are vectors along n.

    spec = Gemm(m=384, n=768, k=768, dtype=FLOAT32, a=Matrix(FLOAT32, 768, 1), b=Matrix(FLOAT32, 768, 1))
    if needs_packing(spec):                                        # or B is constant
        spec, source = packed(spec), pack_source(spec)
        layout = gemm_panels(spec, machine)
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import Literal

from aicomp.types import HALVES, DType, compute_dtype

from ..machine import Machine
from .arithmetic import Arithmetic
from .microkernel import Tile
from .nest import Nest
from .panels import Matrix, Panelling
from .point import Folds
from .schedule import Work, choose_tile, column_lanes, make_nest, split_columns, split_rows

FEW_ROWS = 4  # up to so many, B is read about once: packing it would double the traffic
MANY_ROWS = 48  # from so many on, reading B in even steps repays the packing
SAME_SETS = 4096  # bytes: rows of B so far apart share a few sets of the caches, and packing repays sooner
SMALL_B = 64 << 10  # bytes of B that stay in cache whichever way they lie


@dataclass(frozen=True)
class Gemm:
    """A batch of products of [m, k] and [k, n]; the output's axes are (*batch, m, n).

    `dtype` is what is accumulated and given to the epilogue (float32 for the 16-bit floats). Any size may be
    0: without a k the results are 0. Where b is `packed`, only its dtype counts, and its batch strides count
    matrices.
    """

    m: int
    n: int
    k: int
    dtype: DType
    a: Matrix
    b: Matrix
    batch: tuple[int, ...] = ()
    packed: bool = False

    @property
    def folds(self) -> Folds:
        """Return the output's axes as the loops see them before any are collapsed."""
        return tuple((size,) for size in (*self.batch, self.m, self.n))


def packed(spec: Gemm) -> Gemm:
    """Return the same product with B in panels (one set for every matrix that is not a broadcast of another).

    Panels of halves are float32, unless so few rows read them that they are better read as they are.
    """
    steps, count = [], 1
    for size, step in zip(reversed(spec.batch), reversed(spec.b.batch), strict=True):
        steps.append(count if step else 0)
        count *= size if step else 1
    wide = spec.b.dtype in HALVES and spec.m > FEW_ROWS
    dtype = compute_dtype(spec.b.dtype) if wide else spec.b.dtype
    return replace(spec, b=Matrix(dtype, 0, 0, tuple(reversed(steps))), packed=True)


def reads(spec: Gemm) -> Literal["rows", "columns"] | None:
    """Return how the product reads B: vectors along n, vectors along k (dot products), or not at all as it lies."""
    dots = (spec.b.row == 1 or spec.k == 1) and (spec.a.column == 1 or spec.k == 1)
    if spec.packed or (spec.b.column == 1 and spec.n > 1) or (spec.n == 1 and not dots):
        return "rows"
    return "columns" if dots else None


def needs_packing(spec: Gemm) -> bool:
    """Return whether B, known only at run time, should be packed by a kernel of its own before the product."""
    spec, _ = collapse(spec)
    way = reads(spec)
    if way == "rows":
        size = spec.b.dtype.itemsize
        many = MANY_ROWS if spec.b.row * size % SAME_SETS else MANY_ROWS // 3
        return spec.m >= many and spec.k * spec.n * size > SMALL_B
    return way is None or (spec.m > FEW_ROWS and spec.n > 1)


def collapse(spec: Gemm) -> tuple[Gemm, Folds]:
    """Return the product with batch axes folded into m where B is the same for all and A is evenly strided."""
    folds = list(spec.folds)
    while spec.batch and spec.b.batch[-1] == 0:
        size, step = spec.batch[-1], spec.a.batch[-1]
        if spec.m != 1 and size != 1 and step != spec.m * spec.a.row:
            break
        row = spec.a.row if spec.m != 1 else step
        a = replace(spec.a, row=row, batch=spec.a.batch[:-1])
        b = replace(spec.b, batch=spec.b.batch[:-1])
        spec = replace(spec, m=size * spec.m, a=a, b=b, batch=spec.batch[:-1])
        folds[-3:-1] = [(*folds[-3], *folds[-2])]
    return spec, tuple(folds)


def gemm_tile(spec: Gemm, machine: Machine) -> Tile:
    """Return the register tile of a collapsed product: its width is that of B's panels, or its vectors lie along k."""
    math = Arithmetic(spec.dtype, machine)
    if reads(spec) == "columns":
        rows, columns = (8, 1) if spec.n == 1 else (1, 8) if spec.m == 1 else (2, 4)
        return Tile(min(rows, max(spec.m, 1)), min(columns, max(spec.n, 1)), column_lanes(math, spec.k))
    tile = choose_tile(math, spec.m, spec.n)
    if spec.packed or spec.m > 2:
        return tile
    # Long pieces of B's rows: a row is read once, and memory gives what is contiguous at twice the rate.
    wide = machine.vector_registers // 2 // max(1, spec.m)
    return replace(tile, vectors=max(tile.vectors, min(wide, spec.n // tile.lanes // 8)))


def gemm_nest(spec: Gemm, machine: Machine) -> Nest:
    """Return the loops of a collapsed product."""
    tile = gemm_tile(spec, machine)
    lanes = tile.lanes if reads(spec) == "rows" else 1
    panels = split_columns(spec.n, tile.vectors, lanes)
    steps = spec.k * lanes // tile.lanes
    a_bytes, b_bytes = (spec.k * size for size in (spec.m * spec.a.dtype.itemsize, tile.width * spec.b.dtype.itemsize))
    work = Work(prod(spec.batch), 1, steps * tile.vectors, a_bytes, b_bytes * lanes // tile.lanes)
    return make_nest(machine, work, tile.rows, split_rows(spec.m, tile.rows), panels)


def gemm_tasks(spec: Gemm, machine: Machine) -> int:
    """Return the number of parallel tasks; it does not depend on the number of threads."""
    return gemm_nest(collapse(spec)[0], machine).tasks


def gemm_panels(spec: Gemm, machine: Machine) -> Panelling:
    """Return how B lies in the panels of a packed product."""
    tile = gemm_tile(collapse(spec)[0], machine)
    sizes = tuple(size for size, step in zip(spec.batch, spec.b.batch, strict=True) if step)
    return Panelling(sizes, spec.k, spec.n, tile.vectors, tile.lanes, spec.b.dtype)


def pack_source(spec: Gemm) -> Matrix:
    """Return how B, not packed yet, lies in memory, without the axes along which it is broadcast."""
    return replace(spec.b, batch=tuple(step for step in spec.b.batch if step))
