"""Writes argsort: a bottom-up merge sort of positions, stable, NaN above everything.

In: the node and its operands. Out: a `Recipe` with two scratch rows of positions a sorted row. Knuth, The Art of
Computer Programming 3, 5.2.4, algorithm L without the lists.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from aicomp.expr import arg, equal, not_equal
from aicomp.ir import Node
from aicomp.types import BOOL, DType, is_float

from ..codegen import scalar
from ..codegen.casts import memory_type
from ..codegen.llvm import Function, Index, V, i64
from ..machine import Machine
from ..recipe import Operand, Part, Recipe
from .emit import PARAMS, digits


def lower_argsort(node: Node, operands: tuple[Operand, ...], machine: Machine, name: str) -> Recipe:
    """Return the recipe of an argsort: a task a row."""
    (x,) = node.inputs
    axis = node.attrs["axis"]
    n, inner = x.shape[axis], prod(x.shape[axis + 1 :])
    f = Function(name, PARAMS)
    args, begin, end = f.args
    source, target, left, right = (f.load("ptr", f.gep("ptr", args, slot)) for slot in range(4))
    rows = x.type.size // max(n, 1)
    with f.loop(begin, end) as task:
        outer, column = digits(f, task.index, (max(rows // max(inner, 1), 1), inner))
        base = f.add(f.mul(outer, n * inner), column)
        keys = Keys(f, machine, x.dtype, source, base, inner, node.attrs["descending"])
        row = f.mul(task.index, n)
        ordered = merge_sort(keys, n, f.gep("i64", left, row), f.gep("i64", right, row))
        with f.loop(0, n) as i:
            value = f.load("i64", f.gep("i64", ordered, i.index))
            f.store(value, f.gep("i64", target, f.add(base, f.mul(i.index, inner))))
    f.ret()
    nbytes = x.type.size * 8
    slots = (*operands, Operand("output"), Operand("scratch", 0), Operand("scratch", 1))
    return Recipe((Part(f, slots, rows),), (nbytes, nbytes))


@dataclass(frozen=True)
class Keys:
    """The keys of one row: element i is at base + i * step; `descending` sorts the largest first."""

    f: Function
    machine: Machine
    dtype: DType
    pointer: V
    base: V
    step: int
    descending: bool

    def load(self, position: V) -> V:
        """Return a key."""
        offset = self.f.add(self.base, self.f.mul(position, self.step))
        return scalar.load(self.f, self.dtype, self.f.gep(memory_type(self.dtype), self.pointer, offset))

    def goes_before(self, a: V, b: V) -> V:
        """Return whether key a must stand before key b, which came first."""
        x, y = arg(0, self.dtype), arg(1, self.dtype)
        if self.descending:
            x, y = y, x
        less = (~x & y) if self.dtype == BOOL else x < y
        if is_float(self.dtype):
            less = less | (equal(x, x) & not_equal(y, y))
        return scalar.emit(self.f, self.machine, less, [a, b])


def merge_sort(keys: Keys, n: int, source: V, spare: V) -> V:
    """Write the sort of positions 0..n-1 by key; return the pointer to the sorted row, one of the two."""
    f = keys.f
    with f.loop(0, n) as i:
        f.store(i.index, f.gep("i64", source, i.index))
    passes = max(n - 1, 0).bit_length()
    with f.loop(0, passes, carry=(source, spare)) as turn:
        here, there = turn.carry
        width = f.binary("shl", i64(1), turn.index)
        with f.loop(0, n, f.mul(width, 2)) as run:
            middle, stop = (_least(f, f.add(run.index, f.mul(width, k)), n) for k in (1, 2))
            merge(keys, here, there, run.index, middle, stop)
        turn.next = (there, here)
    return turn.results[0]


def merge(keys: Keys, source: V, target: V, start: V, middle: V, stop: V) -> None:
    """Write the merge of the sorted runs [start, middle) and [middle, stop)."""
    f = keys.f
    with f.loop(start, stop, carry=(start, middle)) as out:
        i, j = out.carry
        left, right = f.icmp("slt", i, middle), f.icmp("slt", j, stop)
        a = f.load("i64", f.gep("i64", source, f.select(left, i, start)))
        b = f.load("i64", f.gep("i64", source, f.select(right, j, start)))
        wins = keys.goes_before(keys.load(b), keys.load(a))
        take_right = f.binary("and", right, f.binary("or", wins, f.binary("xor", left, V("true", "i1"))))
        f.store(f.select(take_right, b, a), f.gep("i64", target, out.index))
        moved = f.convert("zext", take_right, "i64")
        out.next = (f.add(i, f.sub(1, moved)), f.add(j, moved))


def _least(f: Function, a: Index, b: Index) -> V:
    return f.call("llvm.smin.i64", "i64", [i64(a), i64(b)])
