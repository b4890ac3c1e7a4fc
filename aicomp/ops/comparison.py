"""Elementwise comparisons, float classification and logic: results are bool.

In: tensors of one dtype for comparisons, of any for logic, where everything but 0 is true. Out: bool.
"""

from __future__ import annotations

import math
from functools import partial

from .. import expr as e
from ..expr import Expr
from ..types import BOOL, is_float, is_signed
from .base import elementwise
from .elementwise import commutative, involution

symmetric = partial(elementwise, traits=("commutative",))


@symmetric
def equal(x: Expr, y: Expr) -> Expr:
    """x == y."""
    return e.equal(x, y)


@symmetric
def not_equal(x: Expr, y: Expr) -> Expr:
    """x != y; true where either is NaN."""
    return e.not_equal(x, y)


@elementwise
def less(x: Expr, y: Expr) -> Expr:
    """x < y."""
    return x < y


@elementwise
def less_equal(x: Expr, y: Expr) -> Expr:
    """x <= y."""
    return x <= y


@elementwise
def greater(x: Expr, y: Expr) -> Expr:
    """x > y."""
    return x > y


@elementwise
def greater_equal(x: Expr, y: Expr) -> Expr:
    """x >= y."""
    return x >= y


@elementwise
def isnan(x: Expr) -> Expr:
    """Whether x is NaN; never on integers."""
    return e.not_equal(x, x) if is_float(x.dtype) else e.const(False, BOOL)


@elementwise
def isinf(x: Expr) -> Expr:
    """Whether x is infinite; never on integers."""
    return e.equal(e.absolute(x), math.inf) if is_float(x.dtype) else e.const(False, BOOL)


@elementwise
def isfinite(x: Expr) -> Expr:
    """Whether x is neither NaN nor infinite; always on integers."""
    return e.absolute(x) < math.inf if is_float(x.dtype) else e.const(True, BOOL)


@elementwise
def signbit(x: Expr) -> Expr:
    """Whether x is negative, -0.0 and NaN with a sign included."""
    if not is_signed(x.dtype):
        return e.const(False, BOOL)
    return (e.copysign(e.const(1.0, x.dtype), x) if is_float(x.dtype) else x) < 0


def _truth(x: Expr) -> Expr:
    return e.cast(x, BOOL)


@commutative
def logical_and(x: Expr, y: Expr) -> Expr:
    """x != 0 and y != 0."""
    return _truth(x) & _truth(y)


@commutative
def logical_or(x: Expr, y: Expr) -> Expr:
    """x != 0 or y != 0."""
    return _truth(x) | _truth(y)


@commutative
def logical_xor(x: Expr, y: Expr) -> Expr:
    """(x != 0) != (y != 0)."""
    return _truth(x) ^ _truth(y)


@involution
def logical_not(x: Expr) -> Expr:
    """x == 0."""
    return ~_truth(x)
