"""sin, cos and tan of any angle: subtract the nearest multiple of pi/2, then two polynomials on [-pi/4, pi/4].

In: float or double `Lanes`. Out: the same type; NaN for infinities. pi/2 is subtracted in parts (Cody and Waite) whose
products are exact, by FMA or for being short; angles beyond `limit` go to `payne_hanek`.

    sin(x)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ..lanes import Lanes, fma, out_of_line, polynomial, unless, where
from .formats import format_of
from .payne_hanek import reduce_huge

TWO_OVER_PI = 0.6366197723675814


class _Constants(NamedTuple):
    limit: tuple[float, float]  # the largest angle to reduce by subtraction: without FMA, with FMA
    short_parts: tuple[float, ...]  # of pi/2, none negative: they keep the sign of -0
    fma_parts: tuple[float, ...]
    sine: tuple[float, ...]  # (sin(r) - r) / r^3 in r^2
    cosine: tuple[float, ...]  # (cos(r) - 1 + r^2/2) / r^4 in r^2


SINGLE = _Constants(
    limit=(8192.0, 32768.0),
    short_parts=(
        1.5703125,
        0.0004837512969970703,
        7.549533620476723e-08,
        2.5632829192545614e-12,
        6.123234262925839e-17,
    ),
    fma_parts=(1.570796251296997, 7.549789415861596e-08, 5.390302529957765e-15),
    sine=(-1.6666654e-01, 8.332106e-03, -1.9507838e-04),
    cosine=(4.1666646e-02, -1.3887308e-03, 2.443209e-05),
)
DOUBLE = _Constants(
    limit=(2.0**20, 2.0**20),
    short_parts=(1.5707963267341256, 6.07710050359346e-11, 2.9127320548227e-20, 1.2706558760139879e-29),
    fma_parts=(1.5707963267948966, 6.123233995736765e-17, 1.0828566739219139e-32),
    sine=(
        -0.1666666666666663, 0.008333333333321835, -0.00019841269829352305, 2.7557313535678173e-06,
        -2.5050733849292902e-08, 1.5895397168207646e-10,
    ),
    cosine=(
        0.04166666666666659, -0.0013888888888872642, 2.480158728858467e-05, -2.755731410001903e-07,
        2.0875689796782446e-09, -1.1357951604764435e-11,
    ),
)  # fmt: skip


def sin(x: Lanes) -> Lanes:
    """Return the sine of an angle in radians."""
    return _any_angle(x, "sin", lambda a: _sine(a, 0), lambda a: _sine(reduce_huge(a, 0), 0))


def cos(x: Lanes) -> Lanes:
    """Return the cosine of an angle in radians."""
    return _any_angle(x, "cos", lambda a: _sine(a, 1), lambda a: _sine(reduce_huge(a, 1), 0))


def tan(x: Lanes) -> Lanes:
    """Return the tangent of an angle in radians."""
    return _any_angle(x, "tan", _tangent, lambda a: _sine(reduce_huge(a, 0), 0) / _sine(reduce_huge(a, 1), 0))


Angles = Callable[[Lanes], Lanes]


def _any_angle(x: Lanes, name: str, near: Angles, far: Angles) -> Lanes:
    """Return near(x), but far(x) in the lanes where the angle is too large for it, infinite or NaN."""
    c = _constants(x)
    huge = ~(abs(x) <= c.limit[x.machine.fma])
    usual = near(x)
    return unless(huge, usual, lambda: where(huge, out_of_line(name, far, x, rare=True), usual))


def _sine(x: Lanes, quarters: int) -> Lanes:
    """Return sin(x + quarters * pi/2)."""
    quadrant, sine, cosine = _both(x)
    turned = quadrant + quarters if quarters else quadrant
    result = where((turned & 1).equals(0), sine, cosine)
    return (result.as_int() ^ ((turned >> 1) << (x.bits - 1))).as_float()


def _tangent(x: Lanes) -> Lanes:
    quadrant, sine, cosine = _both(x)
    even = (quadrant & 1).equals(0)
    quotient = where(even, sine, cosine) / where(even, cosine, sine)
    return (quotient.as_int() ^ (quadrant << (x.bits - 1))).as_float()


def _both(x: Lanes) -> tuple[Lanes, Lanes, Lanes]:
    """Return n (in the low bits), sin(r) and cos(r), where x = n pi/2 + r and |r| is at most about pi/4."""
    c, form = _constants(x), format_of(x)
    rounded = fma(x, TWO_OVER_PI, form.rounder)
    n = rounded - form.rounder
    r = x
    for part in c.fma_parts if x.machine.fma else c.short_parts:
        r = fma(n, -part, r)
    z = r * r
    sine = fma(z * r, polynomial(z, c.sine), r).copysign(r)  # of -0
    cosine = fma(z * z, polynomial(z, c.cosine), fma(z, -0.5, 1.0))
    return rounded.as_int(), sine, cosine


def _constants(x: Lanes) -> _Constants:
    return DOUBLE if x.is_double else SINGLE
