"""Copies that change the order of axes: square blocks go through registers, so that reads and writes are both
contiguous.

In: a nest that only moves elements, contiguous in one row variable where it reads and in another where it writes.
Out: a kernel over blocks of the two. `recognise` returns None for any other nest; those are left to the general
loops.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

from ..codegen import scalar
from ..codegen.casts import memory_type
from ..codegen.llvm import Function, Index, V, i64
from ..contract.transpose import transpose
from ..machine import Machine
from .emit import PARAMS, digits
from .index import Linear, Var
from .nest import Load, Nest

GRAIN = 1 << 14  # elements of a task
LEAST_BLOCK = 4


@dataclass(frozen=True)
class Transposition:
    """A copy of `load` to the store of a nest: `across` is contiguous in the source, `along` in the target."""

    nest: Nest
    load: Load
    across: Var
    along: Var
    block: int

    @property
    def others(self) -> tuple[Var, ...]:
        """The remaining rows."""
        return tuple(v for v in self.nest.rows if v not in (self.across, self.along))

    @property
    def strip(self) -> int:
        """The length of `across` that one task covers, a multiple of the block."""
        wanted = max(GRAIN // max(self.along.extent, 1), 1)
        return min(-(-wanted // self.block) * self.block, self.across.extent)

    @property
    def strips(self) -> int:
        """The number of strips."""
        return -(-self.across.extent // self.strip)

    @property
    def tasks(self) -> int:
        """The number of parallel tasks."""
        return prod(v.extent for v in self.others) * self.strips


def recognise(nest: Nest, machine: Machine) -> Transposition | None:
    """Return the transposition that a merged nest is, if it is one."""
    if nest.cols or len(nest.stores) != 1 or nest.status is not None:
        return None
    (store,) = nest.stores
    load = store.value
    if not isinstance(load, Load) or load.inside:
        return None
    if any(not isinstance(atom, Var) for index in (load.index, store.index) for atom, _ in index.terms):
        return None
    across = next((v for v in nest.rows if load.index.coefficient(v) == 1), None)
    along = next((v for v in nest.rows if store.index.coefficient(v) == 1), None)
    if across is None or along is None or across is along:
        return None
    least = min(across.extent, along.extent, machine.lanes(load.dtype.itemsize * 8), 16)
    block = 1 << (least.bit_length() - 1)
    return Transposition(nest, load, across, along, block if block >= LEAST_BLOCK else 1)


def emit_transposition(plan: Transposition, name: str) -> Function:
    """Return the kernel of a transposition."""
    f = Function(name, PARAMS)
    Blocks(f, plan).emit()
    f.ret()
    return f


class Blocks:
    """Writes the loops over blocks."""

    def __init__(self, f: Function, plan: Transposition) -> None:
        self.f = f
        self.plan = plan
        self.store = plan.nest.stores[0]
        self.source, self.target = (
            f.load("ptr", f.gep("ptr", f.args[0], slot)) for slot in (plan.load.slot, self.store.slot)
        )
        self.where: dict[Var, Index] = {}

    def emit(self) -> None:
        """Write the loop over the tasks [begin, end): a strip of `across`, at one position of the other rows."""
        f, plan = self.f, self.plan
        _, begin, end = f.args
        with f.loop(begin, end) as task:
            *outer, strip = digits(f, task.index, [*(v.extent for v in plan.others), plan.strips])
            self.where = dict(zip(plan.others, outer, strict=True))
            start = f.mul(strip, plan.strip)
            stop = f.call("llvm.smin.i64", "i64", [f.add(start, plan.strip), i64(plan.across.extent)])
            self._strip(start, stop)

    def _strip(self, start: V, stop: V) -> None:
        f, plan = self.f, self.plan
        size = f.sub(stop, start)
        whole = f.add(start, f.sub(size, f.binary("urem", size, i64(plan.block))))
        full = plan.along.extent // plan.block * plan.block
        if plan.block > 1:
            self._loops((start, whole, plan.block), (0, full, plan.block), self._block)
            self._loops((start, whole, 1), (full, plan.along.extent, 1), self._element)
            self._loops((whole, stop, 1), (0, plan.along.extent, 1), self._element)
        else:
            self._loops((start, stop, 1), (0, plan.along.extent, 1), self._element)

    def _loops(
        self, across: tuple[Index, Index, int], along: tuple[int, int, int], body: Callable[[V, V], None]
    ) -> None:
        if along[0] >= along[1]:
            return
        with self.f.loop(*across) as outer, self.f.loop(*along, at_least_once=True) as inner:
            body(outer.index, inner.index)

    def _address(self, pointer: V, index: Linear, across: Index, along: Index) -> V:
        f, plan = self.f, self.plan
        total = i64(index.constant)
        for var, value in {**self.where, plan.across: across, plan.along: along}.items():
            total = f.add(total, f.mul(value, index.coefficient(var)))
        return f.gep(memory_type(plan.load.dtype), pointer, total)

    def _block(self, across: V, along: V) -> None:
        f, plan = self.f, self.plan
        element = memory_type(plan.load.dtype)
        source = self._address(self.source, plan.load.index, across, along)
        target = self._address(self.target, self.store.index, across, along)
        step, pitch = plan.load.index.coefficient(plan.along), self.store.index.coefficient(plan.across)
        type_ = f"<{plan.block} x {element}>"
        rows = [f.load(type_, f.gep(element, source, i * step)) for i in range(plan.block)]
        for i, row in enumerate(transpose(f, rows)):
            f.store(row, f.gep(element, target, i * pitch))

    def _element(self, across: V, along: V) -> None:
        dtype = self.plan.load.dtype
        value = scalar.load(self.f, dtype, self._address(self.source, self.plan.load.index, across, along))
        scalar.store(self.f, dtype, value, self._address(self.target, self.store.index, across, along))
