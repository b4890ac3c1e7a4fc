"""Elementwise arithmetic, selection and casts: an operator is one scalar formula.

In: tensors of one dtype, broadcast as NumPy does. Out: a tensor of the broadcast shape. Integers wrap
around, and give 0 where divided by 0. The families rounding, transcendental, comparison, bitwise and activations are
declared alike.

    @elementwise
    def square(x: Expr) -> Expr: ...
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from .. import expr as e
from .. import types
from ..errors import GraphError
from ..expr import Expr
from ..types import BOOL, TensorType, is_float, is_signed
from .base import elementwise

commutative = partial(elementwise, traits=("commutative", "associative"))
idempotent = partial(elementwise, traits=("idempotent",))
involution = partial(elementwise, traits=("involution",))


@commutative
def add(x: Expr, y: Expr) -> Expr:
    """x + y; on bool, logical or."""
    return x | y if x.dtype == BOOL else x + y


@elementwise
def subtract(x: Expr, y: Expr) -> Expr:
    """x - y."""
    return x - y


@commutative
def multiply(x: Expr, y: Expr) -> Expr:
    """x * y; on bool, logical and."""
    return x & y if x.dtype == BOOL else x * y


@elementwise
def divide(x: Expr, y: Expr) -> Expr:
    """x / y on floats."""
    return x / y


@elementwise
def floor_divide(x: Expr, y: Expr) -> Expr:
    """floor(x / y); integers by 0 give 0."""
    return e.floordiv(x, y)


@elementwise
def remainder(x: Expr, y: Expr) -> Expr:
    """x - y * floor(x / y), which has the sign of y (Python's %); integers by 0 give 0."""
    return e.mod(x, y)


@elementwise
def fmod(x: Expr, y: Expr) -> Expr:
    """x - y * trunc(x / y), which has the sign of x (C's fmod); integers by 0 give 0."""
    return e.fmod(x, y)


@elementwise
def pow_(x: Expr, y: Expr) -> Expr:
    """x ** y; integers wrap around, and a negative exponent truncates towards zero."""
    return e.power(x, y)


@commutative
def maximum(x: Expr, y: Expr) -> Expr:
    """The larger; NaN where either is."""
    return e.maximum(x, y)


@commutative
def minimum(x: Expr, y: Expr) -> Expr:
    """The smaller; NaN where either is."""
    return e.minimum(x, y)


@commutative
def fmax(x: Expr, y: Expr) -> Expr:
    """The larger; of a number and NaN, the number."""
    return _other_than_nan(x, y, e.maximum(x, y))


@commutative
def fmin(x: Expr, y: Expr) -> Expr:
    """The smaller; of a number and NaN, the number."""
    return _other_than_nan(x, y, e.minimum(x, y))


def _other_than_nan(x: Expr, y: Expr, both: Expr) -> Expr:
    if not is_float(x.dtype):
        return both
    return e.select(e.not_equal(x, x), y, e.select(e.not_equal(y, y), x, both))


@elementwise
def copysign(x: Expr, y: Expr) -> Expr:
    """|x| with the sign of y."""
    return e.copysign(x, y)


@involution
def negative(x: Expr) -> Expr:
    """-x."""
    return -x


@idempotent
def positive(x: Expr) -> Expr:
    """x."""
    return x


@idempotent
def abs_(x: Expr) -> Expr:
    """|x|; the most negative integer stays."""
    return x if x.dtype == BOOL else e.absolute(x)


@idempotent
def sign(x: Expr) -> Expr:
    """-1, 0 or 1; NaN stays."""
    if not is_signed(x.dtype):
        return e.minimum(x, 1)
    zero_or_nan = e.select(e.equal(x, 0), e.const(0, x.dtype), x)
    return e.select(x > 0, e.const(1, x.dtype), e.select(x < 0, e.const(-1, x.dtype), zero_or_nan))


@elementwise
def square(x: Expr) -> Expr:
    """x * x."""
    return x * x


@elementwise
def sqrt(x: Expr) -> Expr:
    """The square root; NaN below 0."""
    return e.sqrt(x)


@elementwise
def rsqrt(x: Expr) -> Expr:
    """1 / sqrt(x)."""
    return 1.0 / e.sqrt(x)


@elementwise
def reciprocal(x: Expr) -> Expr:
    """1 / x on floats."""
    return 1.0 / x


def _where(condition: Expr, x: Expr, y: Expr) -> Expr:
    """x where the condition (bool) holds, else y."""
    if condition.dtype != BOOL:
        raise GraphError(f"the condition is bool, got {condition.dtype}; compare or cast first")
    return e.select(condition, x, y)


where = elementwise(_where, storage=True)


@elementwise
def clip(x: Expr, lo: Expr, hi: Expr) -> Expr:
    """min(max(x, lo), hi); NaN where any is."""
    return e.minimum(e.maximum(x, lo), hi)


def _normalize_dtype(operands: Sequence[TensorType], attrs: dict[str, Any]) -> dict[str, Any]:
    return {"dtype": types.dtype(attrs["dtype"])}


def _cast(x: Expr, *, dtype: Any) -> Expr:
    """Convert to another dtype: float to integer saturates (NaN gives 0), anything to bool is `!= 0`."""
    return e.cast(x, dtype)


cast = elementwise(_cast, storage=True, normalize=_normalize_dtype)


def _bitcast(x: Expr, *, dtype: Any) -> Expr:
    """The same bits as another dtype of the same width."""
    if x.dtype.itemsize != dtype.itemsize or BOOL in (x.dtype, dtype):
        raise GraphError(f"the bits of {x.dtype} are not those of a {dtype}")
    return e.bitcast(x, dtype)


bitcast = elementwise(_bitcast, storage=True, normalize=_normalize_dtype)
