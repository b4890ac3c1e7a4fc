"""Elementwise rounding to whole numbers, and the step to the next float.

In: numbers; whole ones stay as they are. Out: the same dtype and shape.
"""

from __future__ import annotations

import numpy as np

from .. import expr as e
from .. import types
from ..errors import GraphError
from ..expr import Expr
from ..types import is_float
from .base import elementwise
from .elementwise import idempotent


@idempotent
def floor(x: Expr) -> Expr:
    """The largest whole number that is not above x."""
    return e.floor(x) if is_float(x.dtype) else x


@idempotent
def ceil(x: Expr) -> Expr:
    """The smallest whole number that is not below x."""
    return e.ceil(x) if is_float(x.dtype) else x


@idempotent
def trunc(x: Expr) -> Expr:
    """The whole part of x."""
    return e.trunc(x) if is_float(x.dtype) else x


@idempotent
def round_(x: Expr) -> Expr:
    """The nearest whole number; halves go to the even one."""
    return e.rint(x) if is_float(x.dtype) else x


def _nextafter(x: Expr, y: Expr) -> Expr:
    """The float after x in the direction of y."""
    if not is_float(x.dtype) or x.dtype != y.dtype:
        raise GraphError(f"needs floats of one dtype, got {x.dtype} and {y.dtype}; cast first")
    signed = types.dtype(f"int{8 * x.dtype.itemsize}")
    bits, zero = e.bitcast(x, signed), e.const(0.0, x.dtype)
    away = e.equal(x < y, zero < x)  # the magnitude, and with it the bit pattern, grows
    step = e.select(away, bits + 1, bits - 1)
    smallest = (e.bitcast(y, signed) & int(np.iinfo(signed).min)) | 1  # from 0, to the least float of y's sign
    moved = e.bitcast(e.select(e.equal(x, zero), smallest, step), x.dtype)
    return e.select(e.not_equal(x, x), x, e.select(e.equal(x, y) | e.not_equal(y, y), y, moved))


nextafter = elementwise(_nextafter, storage=True)
