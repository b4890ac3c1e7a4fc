"""Applies the fused rest of a contraction to its results, vector by vector, and stores them.

In: the scalars to store, over the output's axes, with a `Given` in place of the accumulator. Out: the store callback
that the micro-kernel calls with a vector of results and the `Point` where it goes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aicomp.expr import arg
from aicomp.expr import cast as cast_expr
from aicomp.types import INT64

from .codegen import scalar
from .codegen.casts import memory_type
from .codegen.llvm import Function, V, i64
from .contract import Point
from .loops.index import Linear, Var
from .loops.nest import Apply, Given, Load, Position, Scalar, Store, ordered
from .loops.scalars import Unlowerable
from .loops.schedule import HEAVY_COST, expr_cost
from .machine import Machine


@dataclass(frozen=True)
class Rest:
    """What is done with every result: `stores` over the axes `axes`, the last of which is vectorised."""

    axes: tuple[Var, ...]
    stores: tuple[Store, ...]

    def check(self) -> None:
        """Raise Unlowerable unless every address is affine, and a unit step or none along the vectorised axis."""
        for s in ordered([store.value for store in self.stores]):
            if isinstance(s, Load):
                self._steps(s.index, (0, 1))
                if s.inside or s.operands:
                    raise Unlowerable("a bounded load after a contraction")
            elif isinstance(s, Position):
                self._steps(s.index, None)
            elif not isinstance(s, (Apply, Given)):
                raise Unlowerable("a choice after a contraction")
        for store in self.stores:
            self._steps(store.index, (1,))

    def _steps(self, index: Linear, last: tuple[int, ...] | None) -> list[int]:
        if any(atom not in self.axes for atom, _ in index.terms):
            raise Unlowerable("an address that is not affine in the axes of a contraction")
        steps = [index.coefficient(axis) for axis in self.axes]
        if last is not None and self.axes[-1].extent > 1 and steps[-1] not in last:
            raise Unlowerable("a strided access after a contraction")
        return steps

    @property
    def slots(self) -> set[int]:
        """The slots of the buffers that are read."""
        return {s.slot for s in ordered([store.value for store in self.stores]) if isinstance(s, Load)}

    @property
    def heavy(self) -> bool:
        """Whether the expression is too long to be written once a vector of the tile."""
        costs = [expr_cost(s.expr) for s in ordered([s.value for s in self.stores]) if isinstance(s, Apply)]
        return sum(costs) >= 2 * HEAVY_COST

    def callback(self, machine: Machine, pointers: Sequence[V]) -> StoreBack:
        """Return the store callback; `pointers` are the kernel's operands by slot."""
        return StoreBack(self, machine, pointers)


class StoreBack:
    """The store callback of one kernel. It is called for every vector of a tile: what can be known before, is."""

    def __init__(self, rest: Rest, machine: Machine, pointers: Sequence[V]) -> None:
        self.rest = rest
        self.machine = machine
        self.order = ordered([store.value for store in rest.stores])
        accesses: list[Load | Store] = [*(s for s in self.order if isinstance(s, Load)), *rest.stores]
        self.strides = {id(s): [s.index.coefficient(axis) for axis in rest.axes] for s in accesses}
        self.slots = {id(s): (pointers[s.slot], s.index.constant) for s in accesses}
        self.elements = {id(s): memory_type(s.dtype if isinstance(s, Load) else s.value.dtype) for s in accesses}
        self.uniform = {key for key, strides in self.strides.items() if strides[-1] == 0}

    def __call__(self, f: Function, value: V, at: Point, mask: V | None) -> None:
        """Compute and store one vector of results."""
        addresses = {key: self._address(f, at, key) for key in self.strides}
        done: dict[int, V] = {}
        for s in self.order:
            done[id(s)] = self._compute(f, value, at, mask, s, done, addresses)
        for store in self.rest.stores:
            result = self._spread(f, done[id(store.value)], value.lanes)
            scalar.store(f, store.value.dtype, result, addresses[id(store)], mask)

    def _address(self, f: Function, at: Point, key: int) -> V:
        pointer, constant = self.slots[key]
        element = self.elements[key]
        return at.address(f, element, f.gep(element, pointer, constant), self.strides[key])

    def _compute(
        self, f: Function, value: V, at: Point, mask: V | None, s: Scalar, done: dict[int, V], addresses: dict[int, V]
    ) -> V:
        if isinstance(s, Given):
            return value
        if isinstance(s, Load):
            if id(s) in self.uniform:
                return scalar.load(f, s.dtype, addresses[id(s)])
            return scalar.load(f, s.dtype, addresses[id(s)], value.lanes, mask)
        if isinstance(s, Position):
            return self._position(f, at, s, value.lanes)
        assert isinstance(s, Apply), s
        lanes = max((done[id(o)].lanes for o in s.operands), default=1)
        operands = [self._spread(f, done[id(o)], lanes) for o in s.operands]
        return scalar.emit(f, self.machine, s.expr, operands, lanes)

    def _spread(self, f: Function, v: V, lanes: int) -> V:
        return f.splat(v, lanes) if v.lanes < lanes else v

    def _position(self, f: Function, at: Point, s: Position, lanes: int) -> V:
        total = i64(s.index.constant)
        for where, axis in zip(at.index(f), self.rest.axes, strict=True):
            total = f.add(total, f.mul(where, s.index.coefficient(axis)))
        step = s.index.coefficient(self.rest.axes[-1])
        if step and lanes > 1:
            ramp = f.mul(f.steps(lanes), f.splat(i64(step), lanes))
            total = f.add(f.splat(total, lanes), ramp)
        return scalar.emit(f, self.machine, cast_expr(arg(0, INT64), s.dtype), [total])
