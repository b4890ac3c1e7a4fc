"""How values of one dtype are loaded, multiplied and added: the arithmetic of a contraction.

In: the dtype of the results and the target. Out: LLVM types, zeros, loads that widen storage to what is
accumulated, one multiply-add, and the narrowing back. Halves accumulate in float32; 8-bit integers in 16
bits, which wraps to the same 8 bits at the end (multiplication modulo 2^16 reduces to that modulo 2^8); bool
is `or` of `and`.

    math = Arithmetic(FLOAT32, machine)
    acc = math.multiply_add(f, math.load(f, FLOAT16, a, 16), math.load(f, FLOAT32, b, 16), acc)
"""

from __future__ import annotations

from dataclasses import dataclass

from aicomp.types import BOOL, HALVES, DType, compute_dtype, is_float, is_signed

from ..codegen.casts import memory_type, register_type
from ..codegen.halves import widen
from ..codegen.lanes import Lanes
from ..codegen.llvm import Function, V, element_bytes, vector
from ..machine import Machine


@dataclass(frozen=True)
class Arithmetic:
    """Multiply-add over `dtype` on `machine`; a half dtype stands for its compute dtype, float32."""

    dtype: DType
    machine: Machine

    @property
    def type(self) -> str:
        """Return the LLVM type of an accumulator lane."""
        dtype = compute_dtype(self.dtype)
        return "i16" if dtype.itemsize == 1 and dtype != BOOL else memory_type(dtype)

    @property
    def is_float(self) -> bool:
        """Return whether accumulators are floats."""
        return is_float(self.dtype)

    @property
    def lanes(self) -> int:
        """Return how many accumulator lanes one vector register holds."""
        return self.machine.lanes(8 * element_bytes(self.type))

    def zero(self, lanes: int) -> V:
        """Return a vector of zeros."""
        return V("zeroinitializer", vector(self.type, lanes))

    def multiply_add(self, f: Function, a: V, b: V, acc: V) -> V:
        """Return acc + a * b (acc | a & b for bool); floats are fused where the target fuses."""
        if self.dtype == BOOL:
            return f.binary("or", acc, f.binary("and", a, b))
        return f.fma(a, b, acc) if self.is_float else f.add(acc, f.mul(a, b))

    def add(self, f: Function, a: V, b: V) -> V:
        """Return a + b (a | b for bool)."""
        if self.dtype == BOOL:
            return f.binary("or", a, b)
        return f.fadd(a, b) if self.is_float else f.add(a, b)

    def result(self, f: Function, acc: V) -> V:
        """Return the accumulator in the register type of its dtype: bool as i1, 8-bit integers as i8."""
        if self.dtype == BOOL:
            return f.icmp("ne", acc, self.zero(acc.lanes))
        wanted = vector(register_type(compute_dtype(self.dtype)), acc.lanes)
        return acc if acc.type == wanted else f.convert("trunc", acc, wanted)

    def load(self, f: Function, dtype: DType, pointer: V, lanes: int) -> V:
        """Load `lanes` consecutive values of `dtype` and widen them to accumulator lanes."""
        return self.widen(f, dtype, f.load(vector(memory_type(dtype), lanes), pointer))

    def widen(self, f: Function, dtype: DType, value: V) -> V:
        """Return stored values of `dtype` as accumulator lanes."""
        wanted = vector(self.type, value.lanes)
        if value.type == wanted:
            return value
        if dtype in HALVES:
            value, dtype = widen(Lanes(f, self.machine, value), dtype).v, compute_dtype(dtype)
            return self.widen(f, dtype, value)
        if is_float(dtype):
            return f.convert("fpext", value, wanted)
        return f.convert("sext" if is_signed(dtype) else "zext", value, wanted)
