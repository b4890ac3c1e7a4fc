"""log, log2, log10 and log1p: x = 2^e (1 + f) with 1 + f in [2/3, 4/3), then e log(2) + log(1 + f).

In: float or double `Lanes`. Out: the same type; -inf at 0, NaN below, subnormals right. Float: a minimax polynomial
(own Remez fit). Double: log(1 + f) = log((1 + s) / (1 - s)), s = f / (2 + f), as in fdlibm's e_log.c, with own
coefficients.

    log(x)
"""

from __future__ import annotations

from typing import NamedTuple

from ..lanes import Lanes, fma, polynomial, where
from .formats import Format, format_of

TWO_THIRDS = {23: 0x3F2AAAAB, 52: 0x3FE5555555555555}  # bits of 2/3, by mantissa width
SINGLE_POLYNOMIAL = (
    3.3333215e-01, -2.5001588e-01, 2.0010942e-01, -1.6649294e-01, 1.3986005e-01, -1.2112605e-01, 1.412869e-01,
    -1.4852141e-01,
)  # fmt: skip
DOUBLE_POLYNOMIAL = (
    0.666666666666727, 0.3999999999616814, 0.2857142939430298, 0.22222138567964447, 0.1818635388366937,
    0.15250223002621605, 0.15367984681270144,
)  # fmt: skip


class _Base(NamedTuple):
    """log_b(x) = e * log_b(2) + ln(1 + f) / ln(b): each constant as a short high part and the rest."""

    of_two: tuple[float, float]
    factor: tuple[float, float]


NATURAL = {
    False: _Base((0.693145751953125, 1.4286068203094173e-06), (1.0, 0.0)),
    True: _Base((0.6931471805592082, 7.371002565167799e-13), (1.0, 0.0)),
}
BINARY = {
    False: _Base((1.0, 0.0), (1.4426950216293335, 1.925963033500011e-08)),
    True: _Base((1.0, 0.0), (1.4426950408889634, 2.0355273740931033e-17)),
}
DECIMAL = {
    False: _Base((0.301025390625, 4.605038981195214e-06), (0.4342944920063019, -1.0103049952192578e-08)),
    True: _Base((0.30102999566361177, 3.694239077158931e-13), (0.4342944819032518, 1.098319650216765e-17)),
}


def log(x: Lanes) -> Lanes:
    """Return the natural logarithm."""
    return _logarithm(x, NATURAL[x.is_double])


def log2(x: Lanes) -> Lanes:
    """Return the logarithm to base 2, exact at the powers of two."""
    return _logarithm(x, BINARY[x.is_double])


def log10(x: Lanes) -> Lanes:
    """Return the logarithm to base 10."""
    return _logarithm(x, DECIMAL[x.is_double])


def log1p(x: Lanes) -> Lanes:
    """Return log(1 + x), accurate near 0: f comes from x itself, not from the rounded 1 + x."""
    form = format_of(x)
    u = x + 1.0
    field, e, _ = _split(u, form)
    inverse = ((2 * form.bias + 2) - field << form.mantissa).as_float()  # 4 / 2^e, a normal number
    f = fma(x * inverse, 0.25, fma(inverse, 0.25, -1.0))
    return _finish(u, _combine(e, f, NATURAL[x.is_double])).copysign(x)


def _logarithm(x: Lanes, base: _Base) -> Lanes:
    return _finish(x, _combine(*normalized(x), base))


def normalized(x: Lanes) -> tuple[Lanes, Lanes]:
    """Return e and f of x = 2^e (1 + f), for 0 < x < inf; both exact, and f in [-1/3, 1/3)."""
    form = format_of(x)
    subnormal = x < form.smallest_normal
    lift = form.mantissa + 1
    _, e, f = _split(where(subnormal, x * 2.0**lift, x), form)
    return where(subnormal, e - lift, e), f


def _split(x: Lanes, form: Format) -> tuple[Lanes, Lanes, Lanes]:
    """Return e + bias in integers, e in floats, and f exactly, of a normal x > 0."""
    two_thirds = TWO_THIRDS[form.mantissa]
    shifted = x.as_int() + ((form.bias << form.mantissa) - two_thirds)
    field = shifted.op("lshr", form.mantissa)
    e = (field | x.const(2.0**form.mantissa).as_int()).as_float() - (2.0**form.mantissa + form.bias)
    m = ((shifted & ((1 << form.mantissa) - 1)) + two_thirds).as_float()
    return field, e, m - 1.0


def _combine(e: Lanes, f: Lanes, base: _Base) -> Lanes:
    """Return e log_b(2) + log_b(1 + f), the small terms first."""
    correction = _correction_double(f) if f.is_double else _correction_single(f)
    high, low = base.of_two
    small = fma(e, low, correction) if low else correction
    if base.factor == NATURAL[f.is_double].factor:
        return fma(e, high, f + small)
    factor, factor_low = base.factor
    rest = fma(f, factor_low, correction * factor)
    rest = fma(e, low, rest) if low else rest
    return fma(e, high, fma(f, factor, rest))


def _correction_single(f: Lanes) -> Lanes:
    """Return log(1 + f) - f."""
    square = f * f
    return square * fma(f, polynomial(f, SINGLE_POLYNOMIAL), -0.5)


def _correction_double(f: Lanes) -> Lanes:
    """Return log(1 + f) - f = s (f^2/2 + R) - f^2/2, where R is what log((1 + s)/(1 - s)) has beyond 2s."""
    s = f / (f + 2.0)
    z = s * s
    half_square = (f * 0.5) * f
    return fma(s, fma(z, polynomial(z, DOUBLE_POLYNOMIAL), half_square), -half_square)


def _finish(x: Lanes, result: Lanes) -> Lanes:
    """Return the logarithm with the values outside (0, inf) put in: -inf at 0, NaN below, else x itself."""
    result = where(x < float("inf"), result, x)
    at_most_zero = where(x.equals(0.0), float("-inf"), x.const(float("nan")))
    return where(x > 0.0, result, at_most_zero)
