"""Conversions between all dtypes, and the types that hold them in registers and in memory.

In: `Lanes` of one dtype. Out: `Lanes` of another, bit for bit as `aicomp.expr.cast_array` gives. In registers a bool
is an `i1`, the 16-bit floats are their bits in an `i16`, the rest is what LLVM calls it; in memory a bool is an `i8`.

    cast(Lanes(f, machine, x), FLOAT32, INT8)     # saturates; NaN gives 0
"""

from __future__ import annotations

from aicomp.types import BOOL, FLOAT32, FLOAT64, HALVES, DType, is_float, is_integer, is_signed

from .halves import narrow, widen
from .lanes import Lanes


def register_type(dtype: DType) -> str:
    """Return the LLVM type of one element in a register."""
    return "i1" if dtype == BOOL else memory_type(dtype)


def memory_type(dtype: DType) -> str:
    """Return the LLVM type of one element in memory."""
    if dtype in (FLOAT32, FLOAT64):
        return "float" if dtype == FLOAT32 else "double"
    return f"i{8 * dtype.itemsize}"


def cast(x: Lanes, source: DType, target: DType) -> Lanes:
    """Return the lanes converted from one dtype to another."""
    if source == target:
        return x
    if source in HALVES:
        return cast(widen(x, source), FLOAT32, target)
    if target == BOOL:
        return x.differs(0)
    if target in HALVES:
        return narrow(x if is_float(source) else cast(x, source, FLOAT32), target)
    if is_float(source):
        return _from_float(x, target)
    return _from_integer(x, source, target)


def bitcast(x: Lanes, source: DType, target: DType) -> Lanes:
    """Return the same bits as another dtype of the same width."""
    if source == BOOL or target == BOOL:
        return x.differs(0) if target == BOOL else x.convert("zext", register_type(target))
    return x.convert("bitcast", register_type(target))


def _from_float(x: Lanes, target: DType) -> Lanes:
    if is_integer(target):
        return _saturate(x, target)
    if target == FLOAT64:
        return x.convert("fpext", "double")
    return x.convert("fptrunc", "float")


def _saturate(x: Lanes, target: DType) -> Lanes:
    """Convert to an integer, clamped to its range; NaN gives 0 (`llvm.fptosi.sat`)."""
    element = register_type(target)
    operation = "fptosi" if is_signed(target) else "fptoui"
    return x.convert_by(f"llvm.{operation}.sat", element)


def _from_integer(x: Lanes, source: DType, target: DType) -> Lanes:
    signed = is_signed(source)
    if is_float(target):
        return x.convert("sitofp" if signed else "uitofp", register_type(target))
    bits = 8 * target.itemsize
    if bits == x.bits:
        return x
    widening = "sext" if signed else "zext"
    return x.convert("trunc" if bits < x.bits else widening, f"i{bits}")
