"""float16 and bfloat16: conversions between their 16 bits and float32 or float64, in registers of any lane count.

In: `i16` lanes that hold the bits, or float lanes. Out: the other. Everything is inline: integer operations, or the
conversion instructions of a machine that has them; never a call into a run-time library.

    widen(Lanes(f, machine, bits), FLOAT16)        # i16 -> float, exact
    narrow(Lanes(f, machine, x), BFLOAT16)         # float -> i16, to nearest even
"""

from __future__ import annotations

from aicomp.types import BFLOAT16, DType

from .lanes import Lanes, where

F16_INFINITY = 0x7C00
F16_NAN = 0x7E00
SMALLEST_ABOVE_F16 = 65520.0  # halfway between the largest float16 and 2^16: rounds to infinity


def widen(h: Lanes, dtype: DType) -> Lanes:
    """Return the float32 value of float16 or bfloat16 bits; exact."""
    if dtype == BFLOAT16:
        return (h.convert("zext", "i32") << 16).as_float()
    if h.machine.f16c:
        return h.convert("bitcast", "half").convert("fpext", "float")
    return _widen_f16(h)


def narrow(x: Lanes, dtype: DType) -> Lanes:
    """Return the float16 or bfloat16 bits of float or double lanes, rounded to nearest even.

    float64 is rounded to float16 once; to bfloat16 by way of float32, as ml_dtypes does.
    """
    if dtype == BFLOAT16:
        return _narrow_bf16(x.convert("fptrunc", "float") if x.is_double else x)
    single = _round_to_odd(x) if x.is_double else x
    if x.machine.f16c:
        return single.convert("fptrunc", "half").convert("bitcast", "i16")
    return _narrow_f16(single)


def _widen_f16(h: Lanes) -> Lanes:
    """Shift the fields into place; the multiplication corrects the exponent bias, of subnormals too."""
    wide = h.convert("zext", "i32")
    magnitude = wide & 0x7FFF
    value = ((magnitude << 13).as_float() * 2.0**112).as_int()
    value = where(magnitude >= F16_INFINITY, value | 0x7F800000, value)
    return (value | ((wide & 0x8000) << 16)).as_float()


def _narrow_f16(x: Lanes) -> Lanes:
    """Round in integers; below 2^-14, adding 0.5 leaves the float16 subnormal in the low bits."""
    magnitude = abs(x)
    bits = magnitude.as_int()
    rounded = bits + ((bits >> 13) & 1) + (0xFFF - (112 << 23))
    normal = rounded.op("lshr", 13)
    subnormal = (magnitude + 0.5).as_int() - 0x3F000000
    result = where(magnitude < 2.0**-14, subnormal, normal)
    result = where(magnitude >= SMALLEST_ABOVE_F16, F16_INFINITY, result)
    result = where(x.is_nan(), F16_NAN, result)
    return (result | (x.as_int().op("lshr", 16) & 0x8000)).convert("trunc", "i16")


def _narrow_bf16(x: Lanes) -> Lanes:
    bits = x.as_int()
    rounded = (bits + ((bits.op("lshr", 16) & 1) + 0x7FFF)).op("lshr", 16)
    quiet = (bits.op("lshr", 16) & 0x8000) | 0x7FC0
    return where(x.is_nan(), quiet, rounded).convert("trunc", "i16")


def _round_to_odd(x: Lanes) -> Lanes:
    """Return float32 lanes such that rounding them again is rounding the double once.

    An inexact result takes the neighbour with an odd last bit (Boldo and Melquiond 2008).
    """
    nearest = x.convert("fptrunc", "float")
    back = nearest.convert("fpext", "double")
    too_far = abs(back) > abs(x)
    bits = nearest.as_int()
    odd = where(too_far, bits - 1, bits) | 1
    return where(back.equals(x) | x.is_nan(), bits, odd).as_float()
