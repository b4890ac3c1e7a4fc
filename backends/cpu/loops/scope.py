"""Where scalars are computed: a stack of scopes, one a loop, each holding what is known inside it.

In: loop variables as they are bound, reductions as they are finished. Out: operands for scalars and addresses, each
computed in the outermost scope that has all it needs (`prepare`), so that loops hold only what changes in them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from aicomp.expr import arg
from aicomp.expr import cast as cast_expr
from aicomp.expr import const as const_expr
from aicomp.types import HALVES, INT64, DType

from ..codegen import scalar
from ..codegen.casts import memory_type
from ..codegen.llvm import Function, V, constant, i64, mangle, vector
from ..machine import Machine
from .index import Atom, Dynamic, Linear, Mod, Var
from .nest import Apply, Bound, Choose, Load, Position, Reduction, Scalar, Store, index_deps, ordered


@dataclass(frozen=True)
class Lane:
    """The vectorised variable: its bound value is that of the first of `lanes` lanes; `mask` tells the live ones."""

    var: Var
    lanes: int
    mask: V | None = None


@dataclass
class Scope:
    """What one loop body, or the code after a stage, adds: bound variables and reductions, operands, index sums."""

    bound: dict[Any, V]
    lane: Lane | None
    values: dict[int, V] = field(default_factory=dict)
    sums: dict[Linear, tuple[V, Linear]] = field(default_factory=dict)
    atoms: dict[Atom, V] = field(default_factory=dict)


class Scopes:
    """Computes scalars in a function, innermost scope last. `status` is the slot of the status word, if any."""

    def __init__(self, f: Function, machine: Machine, slots: int, status: int | None, error: int = 1) -> None:
        self.f = f
        self.machine = machine
        self.status = status
        self.error = error
        self.pointers = [f.load("ptr", f.gep("ptr", f.args[0], slot)) for slot in range(slots)]
        self.shelters: dict[tuple[DType, str, int], V] = {}  # stack memory that holds padding
        self.stack = [Scope({}, None)]
        self.streaming = False  # whether stores of full vectors are to pass the caches by

    # -- binding -------------------------------------------------------------------------------------
    @contextmanager
    def bind(self, bound: Mapping[Any, V | int], lane: Lane | None = None) -> Iterator[None]:
        """Open a scope in which variables (or reductions) have values."""
        values = {key: i64(value) for key, value in bound.items()}
        self.stack.append(Scope(values, lane or self.stack[-1].lane))
        yield
        self.stack.pop()

    @property
    def lane(self) -> Lane | None:
        """The vectorised variable, if its loop is open."""
        return self.stack[-1].lane

    def bound(self, key: Any) -> V | None:
        """Return the value of a variable or reduction, None where it has none yet."""
        return next((scope.bound[key] for scope in reversed(self.stack) if key in scope.bound), None)

    def ready(self, deps: Iterable[Any]) -> bool:
        """Return whether everything in `deps` has a value."""
        return all(self.bound(key) is not None for key in deps)

    def known(self, s: Scalar) -> V | None:
        """Return a scalar's operand, None where it is not computed yet."""
        if isinstance(s, Reduction):
            return self.bound(s)
        return next((scope.values[id(s)] for scope in reversed(self.stack) if id(s) in scope.values), None)

    def keep(self, s: Scalar, value: V) -> None:
        """Record a scalar's operand in the innermost scope."""
        self.stack[-1].values[id(s)] = value

    # -- computing -----------------------------------------------------------------------------------
    def prepare(self, roots: Iterable[Scalar | Store]) -> None:
        """Compute, here, every scalar and index sum under the roots that has all it needs."""
        stores = [r for r in roots if isinstance(r, Store)]
        scalars = [r.value if isinstance(r, (Store, Reduction)) else r for r in roots]
        for s in ordered(scalars, through_reductions=True):
            if not isinstance(s, Reduction) and self.known(s) is None and self.ready(s.deps):
                self.keep(s, self._compute(s))
            elif isinstance(s, Load) and self.known(s) is None:
                self._advance(s.index)
        for store in stores:
            self._advance(store.index)

    def value(self, s: Scalar, lanes: int = 1) -> V:
        """Return a prepared scalar's operand, repeated in all lanes where it is the same in all."""
        found = self.known(s)
        assert found is not None, s
        return self.f.splat(found, lanes) if found.lanes < lanes else found

    def lanes_of(self, deps: Iterable[Any], operands: Sequence[Scalar] = ()) -> int:
        """Return how many lanes a scalar with these needs has."""
        if self.lane and self.lane.var in deps:
            return self.lane.lanes
        return max((v.lanes for o in operands if (v := self.known(o))), default=1)

    def _compute(self, s: Scalar) -> V:
        if isinstance(s, Load):
            return self._load(s)
        if isinstance(s, Position):
            lanes = self.lanes_of(s.deps)
            return self._convert(self.index(s.index, lanes), INT64, s.dtype)
        if isinstance(s, Choose):
            lanes = self.lanes_of(s.deps, s.operands)
            condition = self.condition(s.inside, lanes)
            return self.f.select(condition, self.value(s.then, lanes), self.value(s.other, lanes))
        assert isinstance(s, Apply), s
        lanes = self.lanes_of(s.deps, s.operands)
        return scalar.emit(self.f, self.machine, s.expr, [self.value(o, lanes) for o in s.operands], lanes)

    def _convert(self, value: V, source: DType, target: DType) -> V:
        return scalar.emit(self.f, self.machine, cast_expr(arg(0, source), target), [value])

    # -- indices -------------------------------------------------------------------------------------
    def _advance(self, index: Linear) -> tuple[V, Linear]:
        """Return the sum of an index's terms that are ready, and the terms that are not (lanes count as not)."""
        total, rest = next(
            (scope.sums[index] for scope in reversed(self.stack) if index in scope.sums),
            (i64(index.constant), Linear(index.terms, 0)),
        )
        now = [(a, c) for a, c in rest.terms if self._uniform(a) and self.ready(index_deps(Linear(((a, 1),), 0)))]
        for atom, coefficient in now:
            total = self.f.add(total, self.f.mul(self._atom(atom), coefficient))
        rest = Linear(tuple(term for term in rest.terms if term not in now), 0)
        self.stack[-1].sums[index] = total, rest
        return total, rest

    def _uniform(self, atom: Atom) -> bool:
        """Return whether an atom is the same in all lanes."""
        return self.lane is None or self.lane.var not in index_deps(Linear(((atom, 1),), 0))

    def _atom(self, atom: Atom) -> V:
        """Return the value of an atom that is the same in all lanes."""
        found = next((scope.atoms[atom] for scope in reversed(self.stack) if atom in scope.atoms), None)
        if found is None:
            found = self._make_atom(atom, 1)
            self.stack[-1].atoms[atom] = found
        return found

    def _make_atom(self, atom: Atom, lanes: int) -> V:
        if isinstance(atom, Var):
            value = self.bound(atom)
            assert value is not None, atom
            return value if lanes == 1 else self._ramp(value, lanes)
        if isinstance(atom, Dynamic):
            return self._checked(atom, lanes)
        below = max(0, -(atom.of.bounds()[0] // atom.by))  # so many times `by` make it non-negative: // rounds down
        number = self.index(atom.of + below * atom.by, lanes)
        divisor = self.f.splat(i64(atom.by), lanes)
        if isinstance(atom, Mod):
            return self.f.binary("urem", number, divisor)
        return self.f.sub(self.f.binary("udiv", number, divisor), self.f.splat(i64(below), lanes))

    def _ramp(self, first: V, lanes: int) -> V:
        return self.f.add(self.f.splat(first, lanes), self.f.steps(lanes))

    def _checked(self, atom: Dynamic, lanes: int) -> V:
        """Return an index read at run time; one out of range sets the status word and becomes 0."""
        f = self.f
        value = self._convert(self.value(atom.scalar, lanes), atom.scalar.dtype, INT64)
        good = f.icmp("ult", value, f.splat(i64(atom.extent), lanes))
        if self.lane and self.lane.mask and lanes > 1:
            good = f.binary("or", good, f.binary("xor", self.lane.mask, f.splat(V("true", "i1"), lanes)))
        fine = good if lanes == 1 else f.call(f"llvm.vector.reduce.and.{mangle(good.type)}", "i1", [good])
        assert self.status is not None
        with f.if_(f.binary("xor", fine, V("true", "i1"))):
            f.store(V(str(self.error), "i32"), self.pointers[self.status])
        return f.select(good, value, constant(value.type, 0))

    def index(self, index: Linear, lanes: int) -> V:
        """Return an index as i64, a vector of them where lanes differ."""
        total, rest = self._advance(index)
        if lanes == 1:
            for atom, coefficient in rest.terms:
                total = self.f.add(total, self.f.mul(self._atom(atom), coefficient))
            return total
        result = self.f.splat(total, lanes)
        for atom, coefficient in rest.terms:
            term = self._make_atom(atom, lanes)
            if coefficient != 1:
                term = self.f.mul(term, self.f.splat(i64(coefficient), lanes))
            result = self.f.add(result, term)
        return result

    def condition(self, inside: Sequence[Bound], lanes: int) -> V:
        """Return whether all bounds hold, in each lane."""
        f = self.f
        result: V | None = None
        for b in inside:
            count = lanes if self.lane and self.lane.var in index_deps(b.index) else 1
            where = self.index(b.index, count)
            holds = f.icmp("ult", where, f.splat(i64(b.extent), count))
            if b.by > 1:
                rest = f.binary("srem", where, f.splat(i64(b.by), count))
                holds = f.binary("and", holds, f.icmp("eq", rest, constant(rest.type, 0)))
            holds = f.splat(holds, lanes) if holds.lanes < lanes else holds
            result = holds if result is None else f.binary("and", result, holds)
        assert result is not None
        return result

    # -- memory --------------------------------------------------------------------------------------
    def _load(self, s: Load) -> V:
        lane = self.lane
        lanes = self.lanes_of(s.deps)
        smooth = lanes == 1 or (lane and s.index.is_affine_in(lane.var) and s.index.coefficient(lane.var) == 1)
        mask = lane.mask if lane and lanes > 1 else None
        if smooth and not any(lanes > 1 and lane and b.index.depends(lane.var) for b in s.inside):
            return scalar.load(self.f, s.dtype, self._sheltered(s, lanes), lanes, mask)
        bounds = self.condition(s.inside, lanes) if s.inside else None
        mask = both(self.f, bounds, mask)
        if smooth:
            value = scalar.load(self.f, s.dtype, self.address(s.slot, s.index, s.dtype), lanes, mask)
        else:
            every = V("splat (i1 true)", vector("i1", lanes))
            value = scalar.gather(self.f, s.dtype, self.addresses(s.slot, s.index, s.dtype, lanes), mask or every)
        if bounds is None or (s.other == 0 and math.copysign(1, s.other) > 0):  # masks leave 0.0, never -0.0
            return value
        other = scalar.emit(self.f, self.machine, const_expr(s.other, s.dtype), [], lanes)
        return self.f.select(bounds, value, other)

    def _sheltered(self, s: Load, lanes: int) -> V:
        """Return the address of a load whose bounds hold for all lanes or none: where they fail, that of `other`."""
        pointer = self.address(s.slot, s.index, s.dtype)
        if not s.inside:
            return pointer
        key = (s.dtype, repr(s.other), lanes)
        if key not in self.shelters:
            literal = memory_literal(s.other, s.dtype, lanes)
            self.shelters[key] = self.f.alloca(literal.element, lanes)
            self.f.locals.append(f"  store {literal}, {self.shelters[key]}, align 64")
        return self.f.select(self.condition(s.inside, 1), pointer, self.shelters[key])

    def address(self, slot: int, index: Linear, dtype: DType) -> V:
        """Return the address of an element (of the first lane's, where lanes lie side by side)."""
        total, rest = self._advance(index)
        for atom, coefficient in rest.terms:
            total = self.f.add(total, self.f.mul(self._atom(atom), coefficient))
        return self.f.gep(memory_type(dtype), self.pointers[slot], total)

    def addresses(self, slot: int, index: Linear, dtype: DType, lanes: int) -> V:
        """Return a vector of addresses."""
        offsets = self.index(index, lanes)
        text = f"getelementptr {memory_type(dtype)}, {self.pointers[slot]}, {offsets}"
        return self.f.ins(text, vector("ptr", lanes))

    def store(self, s: Store) -> None:
        """Write a store's prepared value: one element, a vector side by side, or a scatter."""
        f, lane, dtype = self.f, self.lane, s.value.dtype
        lanes = lane.lanes if lane and s.index.depends(lane.var) else 1
        value = self.value(s.value, lanes)
        if lanes == 1 or lane is None:
            scalar.store(f, dtype, value, self.address(s.slot, s.index, dtype))
        elif s.index.is_affine_in(lane.var) and s.index.coefficient(lane.var) == 1:
            scalar.store(f, dtype, value, self.address(s.slot, s.index, dtype), lane.mask, self.streaming)
        else:
            self._scatter(value, dtype, self.addresses(s.slot, s.index, dtype, lanes), lane.mask)

    def _scatter(self, value: V, dtype: DType, pointers: V, mask: V | None) -> None:
        f = self.f
        memory = f.convert("zext", value, vector("i8", value.lanes)) if dtype.kind == "b" else value
        mask = mask or V("splat (i1 true)", vector("i1", value.lanes))
        f.masked_scatter(memory, pointers, mask)


def memory_literal(value: float | int | bool, dtype: DType, lanes: int) -> V:
    """Return a constant as it lies in memory, in all lanes."""
    type_ = vector(memory_type(dtype), lanes)
    if dtype in HALVES:
        return constant(type_, int(np.asarray(value).astype(dtype).view(np.uint16)))
    return constant(type_, value)


def both(f: Function, a: V | None, b: V | None) -> V | None:
    """Return the conjunction of two masks, of which either may be missing."""
    if a is None or b is None:
        return a or b
    return f.binary("and", a, b)
