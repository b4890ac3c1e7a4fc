"""Floor division and remainders of floats, bit for bit as NumPy's, in registers of any lane count.

In: two float or double `Lanes`. Out: one. The remainder of any two floats is exact, however far apart they are.

    fmod(a, b)        # the sign of a (C's fmod);   modulo(a, b)   # the sign of b (Python's %)
"""

from __future__ import annotations

from .lanes import Lanes, each_lane, fma, out_of_line, unless, where
from .vecmath.rounding import floor, trunc

MANTISSA = (1 << 52) - 1
STEP = 11  # bits of quotient a turn: a 53-bit remainder shifted by 11 still fits 64


def fmod(a: Lanes, b: Lanes) -> Lanes:
    """Return a - trunc(a / b) * b, exactly.

    Where the quotient is small enough the product is exact (float32: in float64; float64: by FMA); the quotient,
    rounded, may be one too many. Otherwise each lane is divided in integers.
    """
    if not a.is_double:
        wide = _fmod(a.convert("fpext", "double"), b.convert("fpext", "double"), 2.0**29)
        return wide.convert("fptrunc", "float")
    return _fmod(a, b, 2.0**52) if a.machine.fma else _exact_fmod(a, b)


def modulo(a: Lanes, b: Lanes) -> Lanes:
    """Return the remainder with the sign of b (`np.remainder`)."""
    remainder = fmod(a, b)
    return where(remainder.differs(0.0), remainder_of_floor(remainder, b), b.const(0.0).copysign(b))


def floor_divide(a: Lanes, b: Lanes) -> Lanes:
    """Return floor(a / b) as `np.floor_divide` rounds it: from the exact remainder."""
    remainder = fmod(a, b)
    quotient = (a - remainder) / b
    quotient = where(_opposite(remainder, b), quotient - 1.0, quotient)
    down = floor(quotient)
    down = where(quotient - down > 0.5, down + 1.0, down)
    plain = a / b
    result = where(quotient.equals(0.0), a.const(0.0).copysign(plain), down)
    return where(b.equals(0.0), plain, result)


def remainder_of_floor(remainder: Lanes, b: Lanes) -> Lanes:
    """Return a non-zero remainder moved to the sign of b."""
    return where(_opposite(remainder, b), remainder + b, remainder)


def _opposite(remainder: Lanes, b: Lanes) -> Lanes:
    return remainder.differs(0.0) & ((remainder < 0.0) ^ (b < 0.0))


def _fmod(a: Lanes, b: Lanes, limit: float) -> Lanes:
    quotient = trunc(a / b)
    rest = fma(-quotient, b, a)
    overshot = (rest.as_int() ^ a.as_int()) < 0
    rest = where(overshot & rest.differs(0.0), rest + b.copysign(a), rest).copysign(a)
    usual = where(abs(a) < abs(b), a, rest)
    return unless(~(abs(quotient) < limit), usual, lambda: _exact_fmod(a, b))


def _exact_fmod(a: Lanes, b: Lanes) -> Lanes:
    return out_of_line("fmod", lambda x, y: each_lane(_long_division, x, y), a, b, rare=True)


def _long_division(a: Lanes, b: Lanes) -> Lanes:
    """Divide the significands of two doubles, `STEP` bits of the quotient at a time."""
    x, y = abs(a), abs(b)
    (high, m), (low, n) = _significand(x), _significand(y)
    n = where(n.equals(0), 1, n)
    distance = high - low
    distance = where(distance < 0, 0, distance)
    f = a.f
    first = (m.op("urem", n) << distance.op("urem", STEP)).op("urem", n)
    with f.loop(0, distance.op("udiv", STEP).v, carry=[first.v]) as loop:
        loop.next = ((a.new(loop.carry[0]) << STEP).op("urem", n).v,)
    rest = a.new(loop.results[0]).convert("sitofp", "double") * 2.0**-52 * (low << 52).as_float()
    result = where(x < y, a, rest.copysign(a))
    invalid = (b.equals(0.0) | b.is_nan()) | ~(x < float("inf"))
    return where(invalid, float("nan"), result)


def _significand(x: Lanes) -> tuple[Lanes, Lanes]:
    """Return the exponent field (1 for subnormals) and the integer significand of a double >= 0."""
    bits = x.as_int()
    field = bits.op("lshr", 52)
    subnormal = field.equals(0)
    m = bits & MANTISSA
    return where(subnormal, 1, field), where(subnormal, m, m | (MANTISSA + 1))
