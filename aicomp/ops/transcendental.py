"""Elementwise exponentials, logarithms, trigonometric and hyperbolic functions, on floats.

In: floats. Out: floats of the same dtype. What the scalar operations lack is composed of those they have,
without cancellation or premature overflow.
"""

from __future__ import annotations

import math

from .. import expr as e
from ..expr import Expr
from .base import elementwise
from .elementwise import commutative

LN_2 = math.log(2.0)
LARGE = 1e9  # x * x + 1 == x * x in float32 and float64, and does not overflow


@elementwise
def exp(x: Expr) -> Expr:
    """e ** x."""
    return e.exp(x)


@elementwise
def exp2(x: Expr) -> Expr:
    """2 ** x."""
    return e.exp2(x)


@elementwise
def expm1(x: Expr) -> Expr:
    """e ** x - 1, accurate near 0."""
    return e.expm1(x)


@elementwise
def log(x: Expr) -> Expr:
    """The natural logarithm; -inf at 0, NaN below."""
    return e.log(x)


@elementwise
def log2(x: Expr) -> Expr:
    """The logarithm to base 2."""
    return e.log2(x)


@elementwise
def log10(x: Expr) -> Expr:
    """The logarithm to base 10."""
    return e.log10(x)


@elementwise
def log1p(x: Expr) -> Expr:
    """log(1 + x), accurate near 0."""
    return e.log1p(x)


@elementwise
def sin(x: Expr) -> Expr:
    """The sine of an angle in radians."""
    return e.sin(x)


@elementwise
def cos(x: Expr) -> Expr:
    """The cosine of an angle in radians."""
    return e.cos(x)


@elementwise
def tan(x: Expr) -> Expr:
    """The tangent of an angle in radians."""
    return e.tan(x)


@elementwise
def asin(x: Expr) -> Expr:
    """The angle in [-pi/2, pi/2] of that sine: atan2(x, sqrt((1 - x) * (1 + x)))."""
    return e.atan2(x, e.sqrt((1.0 - x) * (1.0 + x)))


@elementwise
def acos(x: Expr) -> Expr:
    """The angle in [0, pi] of that cosine: atan2(sqrt((1 - x) * (1 + x)), x)."""
    return e.atan2(e.sqrt((1.0 - x) * (1.0 + x)), x)


@elementwise
def atan(x: Expr) -> Expr:
    """The angle in [-pi/2, pi/2] of that tangent."""
    return e.atan(x)


@elementwise
def atan2(y: Expr, x: Expr) -> Expr:
    """The angle of the point (x, y), in [-pi, pi]."""
    return e.atan2(y, x)


@elementwise
def sinh(x: Expr) -> Expr:
    """(t + t / (t + 1)) / 2 with t = expm1(|x|), and x's sign; e ** (|x| / 2) squared, halved, if large."""
    a = e.absolute(x)
    t = e.expm1(a)
    return e.copysign(e.select(a > 30.0, _half_exp(a), 0.5 * (t + t / (t + 1.0))), x)


@elementwise
def cosh(x: Expr) -> Expr:
    """(t + 1 / t) / 2 with t = e ** |x|; e ** (|x| / 2) squared, halved, for large x."""
    a = e.absolute(x)
    t = e.exp(a)
    return e.select(a > 30.0, _half_exp(a), 0.5 * t + 0.5 / t)


def _half_exp(x: Expr) -> Expr:
    root = e.exp(0.5 * x)
    return (0.5 * root) * root


@elementwise
def tanh(x: Expr) -> Expr:
    """The hyperbolic tangent."""
    return e.tanh(x)


@elementwise
def asinh(x: Expr) -> Expr:
    """log1p(a + a * a / (1 + sqrt(a * a + 1))) with a = |x|, and the sign of x; log(2 a) where a is large."""
    a = e.absolute(x)
    small = e.log1p(a + a * a / (e.sqrt(a * a + 1.0) + 1.0))
    return e.copysign(e.select(a > LARGE, e.log(a) + LN_2, small), x)


@elementwise
def acosh(x: Expr) -> Expr:
    """log1p(t + sqrt(t * t + 2 t)) with t = x - 1; log(2 x) where x is large; NaN below 1."""
    t = x - 1.0
    near = e.log1p(t + e.sqrt(t * t + (t + t)))
    return e.select(x < 1.0, e.const(math.nan, x.dtype), e.select(x > LARGE, e.log(x) + LN_2, near))


@elementwise
def atanh(x: Expr) -> Expr:
    """log1p(2 a / (1 - a)) / 2 with a = |x|, and the sign of x."""
    a = e.absolute(x)
    return e.copysign(0.5 * e.log1p((a + a) / (1.0 - a)), x)


@elementwise
def erf(x: Expr) -> Expr:
    """The error function, 2 / sqrt(pi) times the integral of e ** -t**2 from 0 to x."""
    return e.erf(x)


@commutative
def hypot(x: Expr, y: Expr) -> Expr:
    """sqrt(x * x + y * y) without overflow; inf where either is infinite."""
    a, b = e.absolute(x), e.absolute(y)
    most, least = e.maximum(a, b), e.minimum(a, b)
    ratio = e.select(most > 0.0, least / most, least)
    length = most * e.sqrt(ratio * ratio + 1.0)
    return e.select(e.equal(a, math.inf) | e.equal(b, math.inf), e.const(math.inf, x.dtype), length)


@commutative
def logaddexp(x: Expr, y: Expr) -> Expr:
    """log(e ** x + e ** y) without overflow."""
    apart = e.maximum(x, y) + e.log1p(e.exp(-e.absolute(x - y)))
    return e.select(e.equal(x, y), x + LN_2, apart)
