"""Writes a scheduled nest as a kernel: loops over tasks, rows and columns, vectors of scalars inside.

In: a `Schedule`. Out: an LLVM `Function` of the kernel ABI (see `program`): the loop over parallel tasks, the loops
over rows, and for each row (or vector of rows) its stages and stores, which `columns` writes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

from ..aligned import LINE
from ..codegen.llvm import Function, Index, V, i64
from ..machine import Machine
from .columns import Columns
from .index import Var
from .nest import Reduction, Store
from .schedule import Schedule
from .scope import Lane, Scopes

PARAMS = (("ptr", "args"), ("i64", "begin"), ("i64", "end"))


def emit_nest(plan: Schedule, machine: Machine, name: str) -> Function:
    """Return the kernel that runs a scheduled nest."""
    f = Function(name, PARAMS)
    RowLoops(f, machine, plan).emit()
    if plan.streams:
        f.fence()
    f.ret()
    return f


class RowLoops:
    """Writes the loops over tasks and rows of one schedule into a function."""

    def __init__(self, f: Function, machine: Machine, plan: Schedule) -> None:
        self.f = f
        self.machine = machine
        self.plan = plan
        self.scopes = Scopes(f, machine, plan.nest.slots, plan.nest.status)
        self.roots: list[Reduction | Store] = [*plan.nest.reductions(), *plan.nest.stores]

    def emit(self) -> None:
        """Write the loop over the tasks [begin, end)."""
        f, plan = self.f, self.plan
        _, begin, end = f.args
        self.scopes.prepare(self.roots)
        start, stop = f.mul(begin, plan.turns), f.mul(end, plan.turns)
        if plan.turns > 1:
            stop = f.call("llvm.smin.i64", "i64", [stop, i64(plan.positions)])
        with f.loop(start, stop) as loop:
            sizes = [*(v.extent for v in plan.outer), plan.blocks]
            *outer, block = digits(f, loop.index, sizes)
            with self.scopes.bind(dict(zip(plan.outer, outer, strict=True))):
                self.scopes.prepare(self.roots)
                self._middle(plan.middle, lambda: self._block(block))

    def _middle(self, variables: Sequence[Var], body: Callable[[], None]) -> None:
        if not variables:
            body()
            return
        first, *rest = variables
        with self.f.loop(0, first.extent, at_least_once=True) as loop, self.scopes.bind({first: loop.index}):
            self.scopes.prepare(self.roots)
            self._middle(rest, body)

    def _block(self, block: Index) -> None:
        plan, var, f = self.plan, self.plan.vector, self.f
        if var is None or not plan.by_rows:
            Columns(self.scopes, plan, 1).emit()
        elif plan.blocks == 1:
            whole = var.extent // plan.lanes * plan.lanes
            self._vectors(var, 0, whole)
            self._tail(var, whole, var.extent, var.extent - whole)
        else:
            start = f.mul(block, plan.block)
            stop = f.call("llvm.smin.i64", "i64", [f.add(start, plan.block), i64(var.extent)])
            rest = f.binary("urem", f.sub(stop, start), i64(plan.lanes))
            self._vectors(var, start, f.sub(stop, rest))
            self._tail(var, f.sub(stop, rest), stop, var.extent % plan.lanes)

    def _vectors(self, var: Var, start: Index, stop: Index) -> None:
        """Write the full vectors of [start, stop), a multiple of the lanes; as streams where the buffers allow it."""
        if not self.plan.streams:
            self._full(var, start, stop)
            return
        aligned = self._aligned()
        for condition, streaming in ((aligned, True), (self.f.binary("xor", aligned, V("true", "i1")), False)):
            with self.f.if_(condition):
                self.scopes.streaming = streaming
                self._full(var, start, stop)
        self.scopes.streaming = False

    def _aligned(self) -> V:
        """Return whether every buffer written to begins on a cache line."""
        f, slots = self.f, {store.slot for store in self.plan.nest.stores}
        address = i64(0)
        for slot in sorted(slots):
            address = f.binary("or", address, f.convert("ptrtoint", self.scopes.pointers[slot], "i64"))
        return f.icmp("eq", f.binary("and", address, i64(LINE - 1)), i64(0))

    def _full(self, var: Var, start: Index, stop: Index) -> None:
        lanes = self.plan.lanes
        if isinstance(stop, int) and stop <= lanes:
            if stop:
                self._rows(var, start, lanes, None)
            return
        with self.f.loop(start, stop, lanes, at_least_once=isinstance(stop, int)) as loop:
            self._rows(var, loop.index, lanes, None)

    def _tail(self, var: Var, start: Index, stop: Index, count: int) -> None:
        """Write the `count` rows that no full vector holds: masked where that is cheap, else one by one."""
        f = self.f
        if count == 0:
            return
        if not self.machine.masked or count == 1:
            with f.loop(start, stop) as loop:
                self._rows(var, loop.index, 1, None)
            return
        lanes = 1 << (count - 1).bit_length()
        with f.if_(f.icmp("slt", start, stop)):
            mask = None if lanes == count else f.tail_mask(count, lanes)
            self._rows(var, start, lanes, mask)

    def _rows(self, var: Var, index: Index, lanes: int, mask: V | None) -> None:
        with self.scopes.bind({var: index}, Lane(var, lanes, mask) if lanes > 1 else None):
            self.scopes.prepare(self.roots)
            Columns(self.scopes, self.plan, lanes).emit()


def digits(f: Function, number: V, sizes: Sequence[int]) -> list[Index]:
    """Return the digits of a number in the mixed radix `sizes`, the last fastest."""
    found: list[Index] = []
    rest = number
    for position, size in reversed(list(enumerate(sizes))):
        last = prod(sizes[:position]) == 1
        found.append(0 if size == 1 else rest if last else f.binary("urem", rest, i64(size)))
        if size != 1 and not last:
            rest = f.binary("udiv", rest, i64(size))
    return found[::-1]
