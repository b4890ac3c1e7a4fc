"""Sums of two floats, for the places where one float is too short (Dekker 1971; Joldes, Muller, Popescu 2017).

In: `Lanes`. Out: pairs (high, low) whose exact sum is the value and whose high part is that sum rounded.

    multiply(two_product(a, b), c)
"""

from __future__ import annotations

from ..lanes import Lanes, Operand, fma
from .formats import format_of

Pair = tuple[Lanes, Lanes]


def constant(like: Lanes, parts: tuple[float, float]) -> Pair:
    """Return a constant in lanes like those given."""
    return like.const(parts[0]), like.const(parts[1])


def fast_two_sum(a: Operand, b: Lanes) -> Pair:
    """Return a + b exactly, for |a| >= |b| or a = 0."""
    total = b + a
    return total, b - (total - a)


def two_product(a: Lanes, b: Lanes) -> Pair:
    """Return a * b exactly (by FMA, or by splitting: then |a|, |b| < 2^996)."""
    product = a * b
    if a.machine.fma:
        return product, fma(a, b, -product)
    (a1, a2), (b1, b2) = _halves(a), _halves(b)
    return product, a2 * b2 - (((product - a1 * b1) - a2 * b1) - a1 * b2)


def multiply(a: Pair, b: Pair) -> Pair:
    """Return a * b to about twice the precision of a float."""
    high, low = two_product(a[0], b[0])
    return fast_two_sum(high, low + fma(a[0], b[1], a[1] * b[0]))


def add(a: Pair, b: Pair) -> Pair:
    """Return a + b for |a| >= |b| or a = 0."""
    high, low = fast_two_sum(a[0], b[0])
    return fast_two_sum(high, low + (a[1] + b[1]))


def divide(a: Lanes, b: Pair) -> Pair:
    """Return a / b to about twice the precision of a float."""
    quotient = a / b[0]
    product, error = two_product(quotient, b[0])
    rest = ((a - product) - error) - quotient * b[1]
    return fast_two_sum(quotient, rest / b[0])


def _halves(a: Lanes) -> Pair:
    """Return a as the sum of two numbers of half the bits (Veltkamp's splitting)."""
    scaled = a * (2.0 ** ((format_of(a).mantissa + 2) // 2) + 1.0)
    high = scaled - (scaled - a)
    return high, a - high
