"""The register tile: one generator of multiply-add loops for products, convolutions and whatever reduces to them.

In: the tile's shape, where the rows of A are (one pointer and constant displacements, or a pointer a row),
where the panel of B is, and how many steps k to take. Out: LLVM text that keeps `rows x vectors` accumulators
in registers,

    acc[r, v] += A[r, k] * B[k, v * lanes : (v + 1) * lanes]        for k in order

and hands them to a store callback. The sum of one result runs over k in order; with `phases` p there are p
partial sums, over k mod p, added pairwise at the end: so that small tiles hide the latency of an addition.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from aicomp.types import DType

from ..codegen.llvm import Function, Index, V
from .arithmetic import Arithmetic
from .tails import load_some

LATENCY = 8  # multiply-adds in flight that keep the units busy: latency 4, two a cycle
BLOCK = 32  # multiply-adds in one basic block, about
MOST_PASSES = 64  # with more tiles to a panel than this, a cold panel costs nothing that shows


@dataclass(frozen=True)
class Tile:
    """The shape of a block of results held in registers: `rows` x (`vectors` of `lanes`)."""

    rows: int
    vectors: int
    lanes: int

    @property
    def width(self) -> int:
        """Return the number of columns."""
        return self.vectors * self.lanes

    def phases(self, count: int) -> int:
        """Return the number of partial sums for a reduction of `count` steps."""
        phases = 1
        while phases * 2 * self.rows * self.vectors <= LATENCY and phases * 4 <= count:
            phases *= 2
        return phases


@dataclass(frozen=True)
class Rows:
    """The A side: row r at step k is at `pointers[r] + offsets[r] + k * step` bytes (one pointer may serve all).

    It is one value, to be broadcast; or, where `valid` is a number, a vector of which so many lanes may be
    read.
    """

    dtype: DType
    pointers: tuple[V, ...]
    offsets: tuple[int, ...]
    step: int
    valid: int | None = None

    def pointer(self, row: int) -> V:
        """Return the pointer of a row."""
        return self.pointers[row if len(self.pointers) > 1 else 0]


@dataclass(frozen=True)
class Panel:
    """The B side: vector v of step k is at `pointer + k * pitch + v * spacing` bytes; `valid[v]` lanes may be read."""

    dtype: DType
    pointer: V
    pitch: int
    spacing: int
    valid: tuple[int, ...]


@dataclass(frozen=True)
class Stream:
    """Cache lines to ask for on the way: `step` bytes further each step k."""

    pointer: V
    step: int


def next_panel(f: Function, panel: Panel, steps: int, turn: Index, passes: int) -> Stream | None:
    """Return a tile's share of the next panel: each of the `passes` tiles that read a panel fetches a part of it."""
    if passes > MOST_PASSES:
        return None
    share = -(-panel.pitch // passes)
    ahead = f.add(f.mul(turn, share * steps), panel.pitch * steps)
    return Stream(f.gep("i8", panel.pointer, ahead), share)


def zeros(math: Arithmetic, tile: Tile, phases: int = 1) -> tuple[V, ...]:
    """Return the accumulators of a tile at zero, ordered by phase, row, vector."""
    return (math.zero(tile.lanes),) * (tile.rows * tile.vectors * phases)


def contract(
    f: Function,
    math: Arithmetic,
    tile: Tile,
    acc: Sequence[V],
    a: Rows,
    b: Panel,
    count: int,
    active: range | None = None,
    stream: Stream | None = None,
) -> tuple[V, ...]:
    """Return the accumulators after `count` steps; only the rows in `active` take part."""
    rows = range(tile.rows) if active is None else active
    phases = len(acc) // (tile.rows * tile.vectors)
    unroll = unroll_factor(count, len(rows) * tile.vectors, phases)
    turns, rest = divmod(count, unroll)
    steps = Steps(f, math, tile, rows, phases)
    if turns > 1:
        carry = (b.pointer, *a.pointers, *((stream.pointer,) if stream else ()), *acc)
        with f.loop(0, turns, carry=carry, at_least_once=True) as loop:
            a, b, stream, acc = unpack(loop.carry, a, b, stream)
            acc = steps.emit(acc, a, b, unroll, stream)
            a, b, stream = advance(f, a, b, stream, unroll)
            loop.next = (b.pointer, *a.pointers, *((stream.pointer,) if stream else ()), *acc)
    else:
        rest = count
    return tuple(steps.emit(acc, a, b, rest, None))


def unroll_factor(count: int, products: int, phases: int) -> int:
    """Return how many steps one turn of the loop takes: a divisor of `count` if a good one exists."""
    most = max(1, BLOCK // max(1, products * phases)) * phases
    if count <= most:
        return max(1, count)
    fitting = [u for u in range(phases, most + 1, phases) if count % u == 0 and 2 * u >= most]
    return max(fitting) if fitting else most


def unpack(
    carry: Sequence[V], a: Rows, b: Panel, stream: Stream | None
) -> tuple[Rows, Panel, Stream | None, Sequence[V]]:
    """Return the operands at the top of a turn of the loop that carries (b, a pointers, stream, accumulators)."""
    n = 1 + len(a.pointers)
    rows, panel = replace(a, pointers=tuple(carry[1:n])), replace(b, pointer=carry[0])
    if stream is None:
        return rows, panel, None, carry[n:]
    return rows, panel, Stream(carry[n], stream.step), carry[n + 1 :]


def advance(f: Function, a: Rows, b: Panel, stream: Stream | None, steps: int) -> tuple[Rows, Panel, Stream | None]:
    """Return the operands some steps further."""
    rows = replace(a, pointers=tuple(f.gep("i8", p, a.step * steps) for p in a.pointers))
    panel = replace(b, pointer=f.gep("i8", b.pointer, b.pitch * steps))
    return rows, panel, stream and Stream(f.gep("i8", stream.pointer, stream.step * steps), stream.step)


@dataclass(frozen=True)
class Steps:
    """Writes consecutive steps k without a loop."""

    f: Function
    math: Arithmetic
    tile: Tile
    rows: range
    phases: int

    def emit(self, acc: Sequence[V], a: Rows, b: Panel, count: int, stream: Stream | None) -> list[V]:
        """Write `count` steps and return the accumulators."""
        result = list(acc)
        if stream:
            for line in range(0, stream.step * count, 64):
                self.f.prefetch(self.f.gep("i8", stream.pointer, line), 2)
        for k in range(count):
            self._step(result, a, b, k)
        return result

    def _step(self, acc: list[V], a: Rows, b: Panel, k: int) -> None:
        tile = self.tile
        columns = [self._column(b, k, v) for v in range(tile.vectors)]
        first = (k % self.phases) * tile.rows * tile.vectors
        for row in self.rows:
            left = self._row(a, k, row)
            for v, right in enumerate(columns):
                at = first + row * tile.vectors + v
                acc[at] = self.math.multiply_add(self.f, left, right, acc[at])

    def _row(self, a: Rows, k: int, row: int) -> V:
        address = self.f.gep("i8", a.pointer(row), a.offsets[row] + k * a.step)
        if a.valid is not None:
            return load_some(self.f, self.math, a.dtype, address, self.tile.lanes, a.valid)
        return self.f.splat(self.math.load(self.f, a.dtype, address, 1), self.tile.lanes)

    def _column(self, b: Panel, k: int, v: int) -> V:
        address = self.f.gep("i8", b.pointer, k * b.pitch + v * b.spacing)
        return load_some(self.f, self.math, b.dtype, address, self.tile.lanes, b.valid[v])


def add_phases(f: Function, math: Arithmetic, tile: Tile, acc: Sequence[V]) -> list[V]:
    """Return the accumulators of one phase: partial sums are added pairwise."""
    size, parts = tile.rows * tile.vectors, list(acc)
    while len(parts) > size:
        half = len(parts) // 2
        parts = [math.add(f, x, y) for x, y in zip(parts[:half], parts[half:], strict=True)]
    return parts
