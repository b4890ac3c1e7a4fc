"""Partial vectors: what reaches over the end of a row is never read, and never handed to a store callback.

In: a vector's lanes and how many of them exist, both known at compile time. Out: masked loads and stores
where the target has them; else loads lane by lane, and stores of 8, 4, 2 and 1 lanes.
"""

from __future__ import annotations

from aicomp.types import DType

from ..codegen.casts import memory_type
from ..codegen.llvm import Function, V, first_lanes, vector
from ..machine import Machine
from .arithmetic import Arithmetic
from .point import Point, Store


def load_some(f: Function, math: Arithmetic, dtype: DType, pointer: V, lanes: int, valid: int) -> V:
    """Return accumulator lanes, of which the first `valid` are loaded and the others zero."""
    return math.widen(f, dtype, load_bits(f, math.machine, dtype, pointer, lanes, valid))


def load_bits(f: Function, machine: Machine, dtype: DType, pointer: V, lanes: int, valid: int) -> V:
    """Return a vector as it is stored: the first `valid` lanes loaded, the others zero, nothing read beyond."""
    element = memory_type(dtype)
    value = V("zeroinitializer", vector(element, lanes))
    if valid == lanes:
        return f.load(value.type, pointer)
    if machine.masked:
        return f.masked_load(value.type, pointer, first_lanes(valid, lanes), value)
    for lane in range(valid):
        value = f.insert(value, f.load(element, f.gep(element, pointer, lane)), lane)
    return value


def store_some(f: Function, math: Arithmetic, value: V, at: Point, valid: int, store: Store) -> None:
    """Hand the first `valid` lanes to the callback: under a mask if that is cheap, else by powers of two."""
    if valid == value.lanes:
        store(f, value, at, None)
    elif math.machine.masked and value.lanes > 1:
        store(f, value, at, first_lanes(valid, value.lanes))
    else:
        first = 0
        while first < valid:
            size = 1 << ((valid - first).bit_length() - 1)
            order = range(first, first + size)
            part = f.shuffle(value, value, order) if size > 1 else f.extract(value, first)
            store(f, part, at.moved(0, first), None)
            first += size
