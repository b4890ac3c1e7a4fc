"""Elementwise operations on bits.

In: integers of one dtype, or bool but for shifts. Out: the same dtype.
"""

from __future__ import annotations

from .. import expr as e
from ..expr import Expr
from .base import elementwise
from .elementwise import commutative, involution


@commutative
def bitwise_and(x: Expr, y: Expr) -> Expr:
    """x & y."""
    return x & y


@commutative
def bitwise_or(x: Expr, y: Expr) -> Expr:
    """x | y."""
    return x | y


@commutative
def bitwise_xor(x: Expr, y: Expr) -> Expr:
    """x ^ y."""
    return x ^ y


@involution
def bitwise_invert(x: Expr) -> Expr:
    """~x; on bool, not."""
    return ~x


@elementwise
def bitwise_left_shift(x: Expr, y: Expr) -> Expr:
    """x << y; 0 for counts below 0 or past the width."""
    return e.shl(x, y)


@elementwise
def bitwise_right_shift(x: Expr, y: Expr) -> Expr:
    """x >> y with the sign filled in; 0 or -1 for counts below 0 or past the width."""
    return e.shr(x, y)
