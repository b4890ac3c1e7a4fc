"""How reductions accumulate: the state they carry, a step, and the fold of a vector's lanes into one.

In: operands of one dtype. Out: operands of the state: one accumulator, or value and position for argmax and argmin.
Lanes are folded by halves, so the order of a sum is fixed by the number of lanes.
"""

from __future__ import annotations

from dataclasses import dataclass

from aicomp.expr import Expr, arg, equal, make, not_equal, select
from aicomp.types import BOOL, INT64, DType, is_float

from ..codegen import scalar
from ..codegen.casts import register_type
from ..codegen.llvm import Function, V, constant, vector
from ..machine import Machine
from .build import fold_identity
from .nest import Reduction

State = tuple[V, ...]
COMBINE = {"sum": "add", "prod": "mul", "max": "max", "min": "min", "any": "or", "all": "and"}
FARTHEST = (1 << 63) - 1


def combine(f: Function, machine: Machine, kind: str, dtype: DType, a: V, b: V) -> V:
    """Return the fold of two values: their sum, product, maximum, ..."""
    return scalar.emit(f, machine, make(COMBINE[kind], arg(0, dtype), arg(1, dtype)), [a, b])


@dataclass(frozen=True)
class Fold:
    """The accumulation of one reduction."""

    f: Function
    machine: Machine
    kind: str
    dtype: DType

    @staticmethod
    def of(f: Function, machine: Machine, reduction: Reduction) -> Fold:
        """Return the accumulation of a reduction."""
        return Fold(f, machine, reduction.kind, reduction.value.dtype)

    @property
    def tracks_position(self) -> bool:
        """Whether the state holds a position too."""
        return self.kind in ("argmax", "argmin")

    @property
    def tracks_nan(self) -> bool:
        """Whether the state holds, beside the extremum of the numbers, whether there was a NaN."""
        return self.kind in ("max", "min") and is_float(self.dtype)

    def start(self, lanes: int) -> State:
        """Return the state before the first step."""
        first = constant(vector(register_type(self.dtype), lanes), fold_identity(self.kind, self.dtype))
        if self.tracks_nan:
            return first, constant(vector("i1", lanes), 0)
        return (first, constant(vector("i64", lanes), FARTHEST)) if self.tracks_position else (first,)

    def step(self, state: State, new: State, mask: V | None = None) -> State:
        """Return the state that includes `new` (a value, with its position where that counts), where the mask holds."""
        if self.tracks_nan:
            new = (new[0], self.f.fcmp("uno", new[0], new[0]))
        combined = self.join(state, new)
        if mask is None:
            return combined
        return tuple(self.f.select(mask, c, s) for c, s in zip(combined, state, strict=True))

    def join(self, a: State, b: State) -> State:
        """Return the state that folds two states, the first of which came first."""
        if self.tracks_position:
            return self._better(a, b)
        if self.tracks_nan:
            wins = self.f.fcmp("ogt" if self.kind == "max" else "olt", a[0], b[0])
            return self.f.select(wins, a[0], b[0]), self.f.binary("or", a[1], b[1])
        return (combine(self.f, self.machine, self.kind, self.dtype, a[0], b[0]),)

    def _emit(self, expr: Expr, args: list[V]) -> V:
        return scalar.emit(self.f, self.machine, expr, args)

    def _better(self, state: State, new: State) -> State:
        """Return the larger (smaller) value, NaN before all, the earlier of equals."""
        best, value = arg(0, self.dtype), arg(1, self.dtype)
        at, here = arg(2, INT64), arg(3, INT64)
        wins = self._wins(best, value)
        ties = equal(best, value)
        if is_float(self.dtype):
            ties = ties | (not_equal(best, best) & not_equal(value, value))
        take = wins | (ties & (here < at))
        args = [*state[:1], *new[:1], state[1], new[1]]
        chosen = self._emit(select(take, value, best), args)
        return chosen, self._emit(select(take, here, at), args)

    def _wins(self, best: Expr, value: Expr) -> Expr:
        if self.dtype == BOOL:
            return (value & ~best) if self.kind == "argmax" else (~value & best)
        wins = best < value if self.kind == "argmax" else value < best
        if is_float(self.dtype):
            wins = wins | (not_equal(value, value) & equal(best, best))
        return wins

    def across(self, state: State) -> State:
        """Return the state of one lane that folds all lanes, by halves."""
        while (lanes := state[0].lanes) > 1:
            half = lanes // 2
            low = tuple(self._part(v, 0, half) for v in state)
            high = tuple(self._part(v, half, half) for v in state)
            state = self.join(low, high)
        return state

    def _part(self, v: V, first: int, count: int) -> V:
        if count == 1:
            return self.f.extract(v, first)
        return self.f.shuffle(v, v, list(range(first, first + count)))

    def result(self, state: State) -> V:
        """Return what the reduction gives."""
        if self.tracks_nan:
            return self.f.select(state[1], constant(state[0].type, float("nan")), state[0])
        return state[-1]
