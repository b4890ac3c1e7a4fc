"""Elementwise operators: each is one scalar formula, from which the reference and the machine code both come.

In: tensors of one dtype, broadcast as NumPy does. Out: a tensor of the broadcast shape.
"""

from __future__ import annotations

from typing import Any

from .. import expr as e
from ..expr import Expr
from ..types import BOOL
from .base import elementwise


@elementwise
def add(x: Expr, y: Expr) -> Expr:
    """x + y; on bool, logical or."""
    return x | y if x.dtype == BOOL else x + y


@elementwise
def subtract(x: Expr, y: Expr) -> Expr:
    """x - y."""
    return x - y


@elementwise
def multiply(x: Expr, y: Expr) -> Expr:
    """x * y; on bool, logical and."""
    return x & y if x.dtype == BOOL else x * y


@elementwise
def divide(x: Expr, y: Expr) -> Expr:
    """x / y on floats."""
    return x / y


@elementwise
def exp(x: Expr) -> Expr:
    """e ** x."""
    return e.exp(x)


@elementwise
def sigmoid(x: Expr) -> Expr:
    """1 / (1 + e ** -x)."""
    return 1.0 / (e.exp(-x) + 1.0)


def _cast(x: Expr, *, dtype: Any) -> Expr:
    """Convert to another dtype: float to integer saturates (NaN gives 0), anything to bool is `!= 0`."""
    return e.cast(x, dtype)


cast = elementwise(_cast, storage=True)
