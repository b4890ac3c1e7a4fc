"""Writes what a kernel does for one row, or for a vector of rows: its reductions, stage by stage, and its stores.

In: scopes in which the row is bound. Out: LLVM text. Where lanes are columns, a reduction accumulates a vector and
folds its lanes at the end; the columns that fill no vector are masked, or taken one by one into accumulators of their
own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from math import prod

from ..codegen import scalar
from ..codegen.casts import memory_type
from ..codegen.llvm import V
from .fold import Fold, State
from .index import Linear, Var, flatten
from .nest import Reduction, Scalar, Store, ordered
from .schedule import Schedule, column_stores, phases
from .scope import Lane, Scopes

Visit = Callable[[tuple[V, ...], int], tuple[V, ...]]  # accumulators, lanes -> accumulators


@dataclass(frozen=True)
class Saved:
    """A scalar kept in a scratch row: where, and the pass that computes it."""

    scalar: Scalar
    pointer: V
    phase: int


class Columns:
    """Writes the passes over the columns of `lanes` rows side by side (1 where lanes are columns)."""

    def __init__(self, scopes: Scopes, plan: Schedule, lanes: int) -> None:
        self.scopes = scopes
        self.f = scopes.f
        self.plan = plan
        self.nest = plan.nest
        self.rows = lanes
        self.saved = self._scratch_rows()

    def emit(self) -> None:
        """Write all stages, then the stores."""
        stages = self.nest.stages()
        later: list[Reduction | Store] = [*self.nest.reductions(), *self.nest.stores]
        with ExitStack() as finished:
            for phase, stage in enumerate(stages):
                results = self._stage(phase, stage)
                finished.enter_context(self.scopes.bind(results))
                self.scopes.prepare(later)
            by_column = column_stores(self.nest)
            for store in self.nest.stores:
                if store not in by_column:
                    self.scopes.store(store)
            if by_column:
                self._columns(len(stages), by_column, (), (), lambda accumulators, lanes: self._stores(by_column))

    def _stores(self, stores: Sequence[Store]) -> tuple[V, ...]:
        for store in stores:
            self.scopes.store(store)
        return ()

    def _stage(self, phase: int, stage: Sequence[Reduction]) -> dict[Reduction, V]:
        """Write one pass that folds the reductions of a stage; return their results."""
        folds = [Fold.of(self.f, self.scopes.machine, r) for r in stage]
        sizes = [len(fold.start(1)) for fold in folds]
        wide = self.plan.lanes if self._lanes_are_columns else self.rows
        vectors = [v for fold in folds for v in fold.start(wide)]
        singles = [v for fold in folds for v in fold.start(1)] if self._loose else []

        def visit(accumulators: tuple[V, ...], lanes: int) -> tuple[V, ...]:
            found: list[V] = []
            states = _groups(accumulators, sizes)
            for reduction, fold, state in zip(stage, folds, states, strict=True):
                found += fold.step(state, self._new(reduction, lanes), self._mask(lanes))
            return tuple(found)

        accumulators = self._columns(phase, stage, vectors, singles, visit)
        states = _groups(accumulators[: len(vectors)], sizes)
        loose = _groups(accumulators[len(vectors) :], sizes) if singles else [()] * len(stage)
        results = {}
        for reduction, fold, state, rest in zip(stage, folds, states, loose, strict=True):
            if self._lanes_are_columns:
                state = fold.across(state)
                state = fold.join(state, rest) if rest else state
            results[reduction] = fold.result(state)
        return results

    def _new(self, reduction: Reduction, lanes: int) -> State:
        value = self.scopes.value(reduction.value, lanes)
        if reduction.position is None:
            return (value,)
        return value, self._position(reduction.position, lanes)

    def _position(self, index: Linear, lanes: int) -> V:
        if self._lanes_are_columns and lanes > 1:
            return self.scopes.index(index, lanes)
        return self.f.splat(self.scopes.index(index, 1), lanes)

    def _mask(self, lanes: int) -> V | None:
        lane = self.scopes.lane
        return lane.mask if lane and self._lanes_are_columns and lanes > 1 else None

    # -- loops over columns --------------------------------------------------------------------------
    @property
    def _lanes_are_columns(self) -> bool:
        return self.plan.vector in self.nest.cols

    @property
    def _loose(self) -> int:
        """The columns that are taken one by one: those that fill no vector, where masks are dear."""
        if not self._lanes_are_columns or self.scopes.machine.masked:
            return 0
        assert self.plan.vector is not None
        return self.plan.vector.extent % self.plan.lanes

    def _columns(
        self,
        phase: int,
        roots: Sequence[Reduction | Store],
        vectors: Sequence[V],
        singles: Sequence[V],
        visit: Visit,
    ) -> tuple[V, ...]:
        """Write the loops over all columns around `visit`; return the accumulators (vectors, then singles)."""
        inner = self.plan.vector if self._lanes_are_columns else None
        outer = [v for v in self.nest.cols if v is not inner]

        def body(carry: tuple[V, ...], lanes: int) -> tuple[V, ...]:
            self._recall(phase)
            self.scopes.prepare(roots)
            result = visit(carry, lanes)
            self._remember(phase)
            return result

        def nested(variables: Sequence[Var], carry: tuple[V, ...]) -> tuple[V, ...]:
            if variables:
                first, *rest = variables
                loops = self.f.loop(0, first.extent, carry=carry, at_least_once=first.extent > 0)
                with loops as loop, self.scopes.bind({first: loop.index}):
                    if rest or inner:
                        self._recall(phase)
                        self.scopes.prepare(roots)
                    loop.next = nested(rest, loop.carry)
                return loop.results
            if inner is None:
                return body(carry, self.rows)
            return self._vectors(inner, carry[: len(vectors)], carry[len(vectors) :], body)

        return nested(outer, (*vectors, *singles))

    def _vectors(self, var: Var, carry: tuple[V, ...], singles: tuple[V, ...], body: Visit) -> tuple[V, ...]:
        """Write the loop over full vectors of columns, and what is left."""
        f, lanes = self.f, self.plan.lanes
        whole = var.extent // lanes * lanes
        if whole > lanes:
            with f.loop(0, whole, lanes, carry=carry, at_least_once=True) as loop:
                loop.next = self._at(var, loop.index, lanes, None, loop.carry, body)
            carry = loop.results
        elif whole:
            carry = self._at(var, V("0", "i64"), lanes, None, carry, body)
        if self._loose:
            with f.loop(whole, var.extent, carry=singles, at_least_once=True) as loop:
                loop.next = self._at(var, loop.index, 1, None, loop.carry, body)
            singles = loop.results
        elif whole < var.extent:
            mask = f.tail_mask(var.extent - whole, lanes)
            carry = self._at(var, V(str(whole), "i64"), lanes, mask, carry, body)
        return (*carry, *singles)

    def _at(self, var: Var, index: V, lanes: int, mask: V | None, carry: tuple[V, ...], body: Visit) -> tuple[V, ...]:
        with self.scopes.bind({var: index}, Lane(var, lanes, mask) if lanes > 1 else None):
            return body(carry, lanes)

    # -- saved scalars -------------------------------------------------------------------------------
    def _scratch_rows(self) -> list[Saved]:
        found = []
        passes = [{id(s) for s in ordered(roots)} for roots in phases(self.nest)]
        for s in self.plan.saved:
            size = prod(v.extent for v in self.nest.cols) * self.rows + self.plan.lanes
            pointer = self.f.alloca(memory_type(s.dtype), size)
            found.append(Saved(s, pointer, next(n for n, ids in enumerate(passes) if id(s) in ids)))
        return found

    def _place(self, s: Saved) -> V:
        """Return the address of a saved scalar's element at the columns bound."""
        shape = tuple(v.extent for v in self.nest.cols)
        flat = self.scopes.index(flatten([v.linear for v in self.nest.cols], shape), 1)
        return self.f.gep(memory_type(s.scalar.dtype), s.pointer, self.f.mul(flat, self.rows))

    def _width(self) -> int:
        lane = self.scopes.lane
        return lane.lanes if lane else 1

    def _recall(self, phase: int) -> None:
        """Load the scalars that an earlier pass has saved, once all columns are bound."""
        if not self.scopes.ready(self.nest.cols):
            return
        for s in self.saved:
            if s.phase < phase:
                self.scopes.keep(s.scalar, scalar.load(self.f, s.scalar.dtype, self._place(s), self._width()))

    def _remember(self, phase: int) -> None:
        for s in self.saved:
            if s.phase == phase:
                value = self.scopes.value(s.scalar, self._width())
                scalar.store(self.f, s.scalar.dtype, value, self._place(s))


def _groups(values: Sequence[V], sizes: Sequence[int]) -> list[State]:
    found, at = [], 0
    for size in sizes:
        found.append(tuple(values[at : at + size]))
        at += size
    return found
