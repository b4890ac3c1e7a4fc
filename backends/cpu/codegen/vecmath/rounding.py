"""floor, ceil, trunc and round-half-to-even of floats, signed zeros kept, with no call into libm.

In: float or double `Lanes`. Out: the same type. One instruction each where the machine has it (AVX, NEON); otherwise
adding and subtracting 2^23 (2^52) rounds, and a correction by one makes the other three of it.

    floor(x)
"""

from __future__ import annotations

from ..lanes import Lanes, where


def rint(x: Lanes) -> Lanes:
    """Return the nearest integer, halves to even."""
    return x.intrinsic("rint") if _in_hardware(x) else _outside(x, _nearest(x))


def floor(x: Lanes) -> Lanes:
    """Return the largest integer <= x."""
    if _in_hardware(x):
        return x.intrinsic("floor")
    near = _nearest(x)
    return _outside(x, where(near > x, near - 1.0, near))


def ceil(x: Lanes) -> Lanes:
    """Return the smallest integer >= x."""
    if _in_hardware(x):
        return x.intrinsic("ceil")
    near = _nearest(x)
    return _outside(x, where(near < x, near + 1.0, near))


def trunc(x: Lanes) -> Lanes:
    """Return x without its fraction."""
    if _in_hardware(x):
        return x.intrinsic("trunc")
    magnitude = abs(x)
    near = _nearest(magnitude)
    return _outside(x, where(near > magnitude, near - 1.0, near))


def _in_hardware(x: Lanes) -> bool:
    return not x.machine.is_x86 or x.machine.vector_bits >= 256


def _limit(x: Lanes) -> float:
    """Return the magnitude from which on every float is an integer."""
    return 2.0**52 if x.is_double else 2.0**23


def _nearest(x: Lanes) -> Lanes:
    big = x.const(_limit(x)).copysign(x)
    return (x + big) - big


def _outside(x: Lanes, rounded: Lanes) -> Lanes:
    """Return `rounded` with the sign of x; x itself where it is large, infinite or NaN."""
    return where(abs(x) < _limit(x), rounded.copysign(x), x)
