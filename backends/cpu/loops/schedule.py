"""How a loop nest is run: which loop is vectorised, which are cut into parallel tasks, what is kept between stages.

In: a `Nest` and the `Machine`. Out: an equivalent nest, its loops split until indices are affine and merged where
memory is contiguous, and its `Schedule`. Nothing here depends on the number of threads.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import prod

from aicomp.expr import Expr
from aicomp.types import BOOL

from ..aligned import LINE
from ..machine import Machine
from .index import ZERO, FloorDiv, Linear, Mod, Var
from .nest import Apply, Choose, Load, Nest, Position, Reduction, Scalar, Store, ordered

GRAIN = 1 << 16  # work of a parallel task worth its hand-over, in element operations (about ten microseconds)
INNER = 1 << 12  # work below which the loops around the vector loop stay inside a task
SCRATCH = 32 << 10  # bytes of a row kept between stages
GATHER_COST = 8  # element operations that a strided access costs
FULL = 8  # turns of a loop that fill a vector
HEAVY = frozenset(
    {"exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sin", "cos", "tan", "atan", "atan2", "tanh", "erf"}
    | {"pow", "div", "sqrt", "floordiv", "mod", "fmod"}
)
HEAVY_COST = 8
KEEP_COST = 6  # a scalar this dear is kept between stages rather than computed again


@dataclass(frozen=True, eq=False)
class Schedule:
    """A nest and its run: tasks cover `outer` rows (flattened) times blocks of the vector row.

    `vector` is a row (then each lane is a row) or a column (then lanes are folded together), `lanes` at a time; `block`
    is the length of a block of a vectorised row; `turns` the number of outer positions and blocks in a task. `saved`
    scalars are kept in a scratch row from the stage that computes them to the later ones. What it `streams` passes the
    caches by.
    """

    nest: Nest
    vector: Var | None
    lanes: int
    outer: tuple[Var, ...]
    middle: tuple[Var, ...]
    block: int
    turns: int
    saved: tuple[Scalar, ...]
    streams: bool = False

    @property
    def by_rows(self) -> bool:
        """Whether each lane is a row of its own."""
        return self.vector in self.nest.rows

    @property
    def blocks(self) -> int:
        """The number of blocks of a vectorised row."""
        extent = self.vector.extent if self.vector and self.by_rows else 1
        return max(1, -(-extent // max(self.block, 1)))

    @property
    def positions(self) -> int:
        """The number of outer positions and blocks."""
        return prod(v.extent for v in self.outer) * self.blocks

    @property
    def tasks(self) -> int:
        """The number of parallel tasks."""
        return -(-self.positions // self.turns)


def schedule(nest: Nest, machine: Machine, stream: bool = False) -> Schedule:
    """Choose how to run a nest that is already split and merged; `stream` results that nobody reads soon, if it can."""
    vector = choose_vector(nest)
    lanes = choose_lanes(nest, vector, machine)
    others = tuple(v for v in nest.rows if v is not vector)
    cost = work(nest) * prod(v.extent for v in nest.cols)
    by_rows = vector in nest.rows
    inner = cost * (vector.extent if vector and by_rows else 1)
    middle: list[Var] = []
    while others and inner < INNER and prod(v.extent for v in others[:-1]) * inner > GRAIN:
        middle.insert(0, others[-1])
        inner *= others[-1].extent
        others = others[:-1]
    block = vector.extent if vector else 1
    if vector and by_rows and not others and inner > GRAIN:
        wanted = -(-GRAIN * vector.extent // inner)
        block = -(-wanted // lanes) * lanes
    positions = prod(v.extent for v in others) * max(1, -(-(vector.extent if vector else 1) // max(block, 1)))
    each = max(1, inner * block // max(vector.extent if vector else 1, 1))
    turns = max(1, min(positions, GRAIN // each))
    saved = choose_saved(nest, lanes if by_rows else 1)
    streams = stream and by_rows and not nest.cols and all(fills_lines(store, vector, lanes) for store in nest.stores)
    return Schedule(nest, vector, lanes, others, tuple(middle), block, turns, saved, streams)


def fills_lines(store: Store, vector: Var | None, lanes: int) -> bool:
    """Return whether vectors of a store are whole cache lines, if its buffer begins with one."""
    size, index = store.value.dtype.itemsize, store.index
    steps = [lanes, index.constant, *(step for atom, step in index.terms if atom is not vector)]
    smooth = vector is not None and _smooth(index, vector) and index.depends(vector)
    return smooth and not any(step * size % LINE for step in steps)


# -- splitting and merging loops ---------------------------------------------------------------------
def indices(nest: Nest) -> Iterator[Linear]:
    """Yield every index of a nest: addresses, bounds, positions."""
    for s in ordered(nest.roots()):
        if isinstance(s, (Load, Position)):
            yield s.index
        if isinstance(s, (Load, Choose)):
            yield from (b.index for b in s.inside)
    for reduction in nest.reductions():
        if reduction.position is not None:
            yield reduction.position
    yield from (store.index for store in nest.stores)


def split(nest: Nest) -> Nest:
    """Split loop variables at the divisors that indices divide them by, until none is left or none can be."""
    for _ in range(16):
        found = next(filter(None, (_divisor(index) for index in indices(nest))), None)
        if found is None or (found[0] not in nest.rows and found[0] not in nest.cols):
            return nest
        var, by = found
        high, low = Var(f"{var.name}h", var.extent // by), Var(f"{var.name}l", by)
        new = {var: high.linear * by + low.linear}
        nest = nest.substitute(new, _replace(nest.rows, var, high, low), _replace(nest.cols, var, high, low))
    return nest


def _replace(variables: Sequence[Var], old: Var, *new: Var) -> tuple[Var, ...]:
    return tuple(v for var in variables for v in (new if var is old else (var,)))


def _divisor(index: Linear) -> tuple[Var, int] | None:
    for atom, _ in index.terms:
        if not isinstance(atom, (FloorDiv, Mod)):
            continue
        terms = atom.of.terms
        if len(terms) == 1 and isinstance(terms[0][0], Var) and terms[0][1] == 1 and atom.of.constant == 0:
            var = terms[0][0]
            if var.extent % atom.by == 0 and 1 < atom.by < var.extent:
                return var, atom.by
        found = _divisor(atom.of)
        if found:
            return found
    return None


def merge(nest: Nest) -> Nest:
    """Drop loops of one turn, and join neighbours that every index walks as one."""
    nest = nest.substitute({}, _long(nest.rows), _long(nest.cols))
    for group in ("rows", "cols"):
        at = 0
        while at + 1 < len(getattr(nest, group)):
            outer, inner = getattr(nest, group)[at : at + 2]
            if not all(_joinable(index, outer, inner) for index in indices(nest)):
                at += 1
                continue
            joined = Var(inner.name, outer.extent * inner.extent)
            new = {outer: ZERO, inner: joined.linear}
            rows = _replace(_replace(nest.rows, outer), inner, joined)
            cols = _replace(_replace(nest.cols, outer), inner, joined)
            nest = nest.substitute(new, rows, cols)
            at = max(at - 1, 0)
    return nest


def _long(variables: Sequence[Var]) -> list[Var]:
    return [v for v in variables if v.extent != 1]


def _joinable(index: Linear, outer: Var, inner: Var) -> bool:
    if not (index.is_affine_in(outer) and index.is_affine_in(inner)):
        return False
    return index.coefficient(outer) == index.coefficient(inner) * inner.extent


# -- choosing the vector loop ------------------------------------------------------------------------
def choose_vector(nest: Nest) -> Var | None:
    """Return the loop whose neighbours lie side by side in memory most often; a late row or column if undecided."""
    candidates = [*nest.cols[-1:], *nest.rows]
    return min(reversed(candidates), key=lambda var: strided_cost(nest, var), default=None)


def strided_cost(nest: Nest, var: Var) -> int:
    """Return what gathers and scatters cost if `var` is vectorised, and what a short loop leaves of a vector unused."""
    loads = [s for s in ordered(nest.roots()) if isinstance(s, Load)]
    cost = sum(GATHER_COST * (not _smooth(load.index, var)) for load in loads)
    if var in nest.rows:
        cost += sum(GATHER_COST * (not _smooth(store.index, var)) for store in nest.stores)
    elif var.extent <= 4 and nest.rows:
        cost += GATHER_COST * (len(loads) + 1)
    if var.extent < FULL:
        cost += max(4, work(nest) * (FULL - var.extent) // max(var.extent, 1))
    return cost


def _smooth(index: Linear, var: Var) -> bool:
    return index.is_affine_in(var) and index.coefficient(var) in (0, 1)


def choose_lanes(nest: Nest, vector: Var | None, machine: Machine) -> int:
    """Return how many elements are computed at a time: a few registers full, for independent chains."""
    if vector is None:
        return 1
    scalars = [s for s in ordered(nest.roots()) if changes_with(s, [vector])]
    bits = max((s.dtype.itemsize * 8 for s in scalars if s.dtype != BOOL), default=32)
    heavy = any(isinstance(s, Apply) and expr_cost(s.expr) >= HEAVY_COST for s in scalars)
    registers = 2 if heavy or len(scalars) > 12 else 4
    return min(machine.lanes(max(bits, 16)) * registers, 1 << max(vector.extent - 1, 0).bit_length())


def changes_with(s: Scalar, variables: Iterable[Var]) -> bool:
    """Return whether a scalar can differ from one turn of one of the loops to the next."""
    return any(v in s.deps for v in variables)


def expr_cost(expr: Expr) -> int:
    """Return the element operations of a scalar expression."""
    seen: set[int] = set()
    stack, cost = [expr], 0
    while stack:
        e = stack.pop()
        if id(e) not in seen:
            seen.add(id(e))
            stack.extend(e.args)
            cost += HEAVY_COST if e.op in HEAVY else int(e.op not in ("arg", "const"))
    return cost


def scalar_cost(s: Scalar) -> int:
    """Return the element operations of one scalar, its operands aside."""
    if isinstance(s, Apply):
        return expr_cost(s.expr)
    return 1


def work(nest: Nest) -> int:
    """Return the element operations of one row and column."""
    inner = nest.cols or nest.rows
    return sum(scalar_cost(s) for s in ordered(nest.roots()) if changes_with(s, inner)) + len(nest.stores)


# -- keeping scalars between stages ------------------------------------------------------------------
def phases(nest: Nest) -> list[list[Scalar]]:
    """Return the scalars each pass over the columns computes: one pass a stage, one for the stores by column."""
    found: list[list[Scalar]] = [[r.value for r in stage] for stage in nest.stages()]
    return [*found, [s.value for s in column_stores(nest)]]


def column_stores(nest: Nest) -> list[Store]:
    """Return the stores that run once a column."""
    return [s for s in nest.stores if any(s.index.depends(v) for v in nest.cols)]


def choose_saved(nest: Nest, lanes: int) -> tuple[Scalar, ...]:
    """Return the dear scalars that more than one pass needs, if a row of them fits the cache."""
    columns = prod(v.extent for v in nest.cols)
    first: dict[int, int] = {}
    saved: dict[int, Scalar] = {}
    for phase, roots in enumerate(phases(nest)):
        for s in _topmost(roots, first, phase, nest.cols):
            if columns * lanes * s.dtype.itemsize <= SCRATCH:
                saved[id(s)] = s
        for s in ordered(roots):
            first.setdefault(id(s), phase)
    return tuple(saved.values())


def _topmost(roots: Iterable[Scalar], first: dict[int, int], phase: int, cols: Sequence[Var]) -> Iterator[Scalar]:
    """Yield the largest scalars that an earlier pass has computed and that are worth keeping."""
    stack, seen = list(roots), set[int]()
    while stack:
        s = stack.pop()
        if id(s) in seen or isinstance(s, Reduction):
            continue
        seen.add(id(s))
        known = first.get(id(s), phase) < phase and changes_with(s, cols)
        if known and sum(scalar_cost(part) for part in ordered([s]) if changes_with(part, cols)) >= KEEP_COST:
            yield s
        else:
            stack.extend(s.operands)
