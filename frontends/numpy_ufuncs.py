"""NumPy's universal functions on tracers: which op, in which dtype.

In: a ufunc and its operands, at least one a tracer. Out: a tracer, or a tuple, of the dtype NumPy gives.
Most ufuncs are an op of the same meaning; the others are written here, under NumPy's names, in ops.

    apply_ufunc(np.arctan2, (y, x))          # ops.atan2 on the promoted operands
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from math import log, pi
from types import MappingProxyType
from typing import Any

import numpy as np

from aicomp import ops
from aicomp.ir import unwrap
from aicomp.types import BOOL, FLOAT16, DType, is_float, is_integer
from aicomp.types import dtype as dtype_of

from . import float_parts
from .promotion import cast, strength, strong, ufunc_dtypes

SAME_NAME = (
    "add", "subtract", "multiply", "divide", "floor_divide", "remainder", "fmod", "maximum", "minimum",
    "hypot", "copysign", "nextafter", "logaddexp", "negative", "positive", "square", "sqrt",
    "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sin", "cos", "tan", "sinh", "cosh", "tanh",
    "signbit", "logical_and", "logical_or", "logical_xor", "logical_not",
    "bitwise_and", "bitwise_or", "bitwise_xor", "erf", "matmul",
)  # fmt: skip
RENAMED = {
    "arcsin": "asin", "arccos": "acos", "arctan": "atan", "arctan2": "atan2",
    "arcsinh": "asinh", "arccosh": "acosh", "arctanh": "atanh", "rint": "round", "invert": "bitwise_invert",
    "left_shift": "bitwise_left_shift", "right_shift": "bitwise_right_shift",
    "fabs": "abs", "expit": "sigmoid",
}  # fmt: skip
COMPARISONS = ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")


def apply_ufunc(ufunc: np.ufunc, operands: Sequence[Any], dtype: Any = None) -> Any:
    """Return a ufunc's result: a tracer, or a tuple of them.

    Raises TypeError where NumPy has no loop for the dtypes, KeyError where the ufunc has no translation.
    """
    function = UFUNCS[ufunc.__name__]
    dtypes = _resolve(ufunc, tuple(map(strength, operands)), dtype)
    if ufunc.__name__ in COMPARISONS and not all(map(_fits, operands, dtypes)):
        return _compare_far(ufunc, operands)
    results = function(*map(cast, operands, dtypes))
    results = results if isinstance(results, tuple) else (results,)
    return unwrap([cast(result, to) for result, to in zip(results, dtypes[ufunc.nin :], strict=True)])


@cache
def _resolve(ufunc: np.ufunc, operands: tuple[Any, ...], dtype: Any) -> tuple[DType, ...]:
    if dtype is None:
        return ufunc_dtypes(ufunc, operands)
    signature = (None,) * ufunc.nin + (dtype_of(dtype),) * ufunc.nout
    return tuple(ufunc.resolve_dtypes((*strong(operands), *(None,) * ufunc.nout), signature=signature))


def _fits(x: Any, dtype: DType) -> bool:
    if not isinstance(x, int) or not is_integer(dtype):
        return True
    return bool(np.iinfo(dtype).min <= x <= np.iinfo(dtype).max)


def _compare_far(ufunc: np.ufunc, operands: Sequence[Any]) -> Any:
    """Compare with a Python integer outside the dtype's range: the result is the same for every element."""
    zeros = [x if isinstance(x, int) else np.zeros(x.shape, x.dtype) for x in operands]
    traced = next(x for x in operands if not isinstance(x, int))
    return ops.logical_and(np.asarray(ufunc(*zeros)), ops.equal(traced, traced))


def _compare(name: str, x: Any, y: Any) -> Any:
    op = getattr(ops, name)
    if x.dtype == y.dtype:
        return op(x, y)
    # int64 against uint64: a negative number is below every unsigned one
    negative, far = (x < 0, (-1, 0)) if x.dtype.kind == "i" else (y < 0, (0, -1))
    near = op(cast(x, np.dtype("u8")), cast(y, np.dtype("u8")))
    return ops.where(negative, np.asarray(getattr(np, name)(*far)), near)


def _on_floats(op: str, otherwise: Callable[[Any], Any], x: Any) -> Any:
    return getattr(ops, op)(x) if is_float(x.dtype) else otherwise(x)


def _everywhere(value: bool, x: Any) -> Any:
    return ops.logical_or(ops.not_equal(x, x), np.asarray(value))


def _same(x: Any) -> Any:
    return x


def absolute(x: Any) -> Any:
    """|x|; of booleans, themselves."""
    return x if x.dtype == BOOL else ops.abs(x)


def sign(x: Any) -> Any:
    """-1, 0 or 1."""
    return ops.cast(x != 0, dtype=x.dtype) if x.dtype.kind == "u" else ops.sign(x)


def fmax(x: Any, y: Any) -> Any:
    """The larger; NaN only where both are."""
    return ops.fmax(x, y) if is_float(x.dtype) else ops.maximum(x, y)


def fmin(x: Any, y: Any) -> Any:
    """The smaller; NaN only where both are."""
    return ops.fmin(x, y) if is_float(x.dtype) else ops.minimum(x, y)


def power(x: Any, y: Any) -> Any:
    """x ** y. Raises ValueError for a constant negative integer exponent of integers, as NumPy does."""
    if is_integer(x.dtype) and isinstance(y, np.ndarray) and np.any(y < 0):
        raise ValueError("integers to negative integer powers are not allowed; cast to float first")
    return ops.pow(x, y)


def reciprocal(x: Any) -> Any:
    """1 / x; of integers, truncated."""
    return ops.reciprocal(x) if is_float(x.dtype) else x * cast(ops.equal(x * x, np.ones((), x.dtype)), x.dtype)


def divmod_(x: Any, y: Any) -> Any:
    """The pair (x // y, x % y)."""
    return ops.floor_divide(x, y), ops.remainder(x, y)


def modf(x: Any) -> Any:
    """The pair (fractional part, whole part), both with the sign of x."""
    whole = ops.trunc(x)
    fraction = ops.where(ops.isinf(x), np.zeros((), x.dtype), x - whole)
    return ops.copysign(fraction, x), whole


def cbrt(x: Any) -> Any:
    """The cube root, by one Newton step from |x| ** (1/3)."""
    wide = cast(ops.abs(x), np.dtype("f8"))
    guess = ops.pow(wide, np.asarray(1 / 3))
    better = guess - (guess * guess * guess - wide) / (guess * guess * 3.0)
    usable = ops.logical_and(ops.isfinite(wide), wide > 0)
    return ops.copysign(cast(ops.where(usable, better, guess), x.dtype), x)


def heaviside(x: Any, y: Any) -> Any:
    """0 below zero, y at zero, 1 above; NaN for NaN."""
    step = ops.where(x > 0, np.ones((), x.dtype), np.zeros((), x.dtype))
    return ops.where(ops.isnan(x), x, ops.where(ops.equal(x, np.zeros((), x.dtype)), y, step))


def spacing(x: Any) -> Any:
    """The distance to the next number away from zero, with the sign of x; NumPy's is positive for float16."""
    x = ops.abs(x) if x.dtype == FLOAT16 else x
    return ops.nextafter(x, ops.copysign(np.asarray(np.inf, x.dtype), x)) - x


def logaddexp2(x: Any, y: Any) -> Any:
    """log2(2 ** x + 2 ** y)."""
    return ops.logaddexp(x * log(2.0), y * log(2.0)) / log(2.0)


def bitwise_count(x: Any) -> Any:
    """The number of one bits of |x|, summed in pairs, nibbles, then bytes (Hacker's Delight, 5-1)."""
    x = cast(x if x.dtype.kind in "bu" else ops.abs(x), np.dtype("u8"))
    x = x - ((x >> 1) & 0x5555555555555555)
    x = (x & 0x3333333333333333) + ((x >> 2) & 0x3333333333333333)
    x = (x + (x >> 4)) & 0x0F0F0F0F0F0F0F0F
    return (x * 0x0101010101010101) >> 56


def vecdot(x: Any, y: Any) -> Any:
    """The sum of products over the last axis."""
    return np.matmul(x[..., None, :], y[..., :, None])[..., 0, 0]


def matvec(x: Any, y: Any) -> Any:
    """Matrices times vectors."""
    return np.matmul(x, y[..., :, None])[..., 0]


def vecmat(x: Any, y: Any) -> Any:
    """Vectors times matrices."""
    return np.matmul(x[..., None, :], y)[..., 0, :]


def logit(x: Any) -> Any:
    """log(x / (1 - x)), SciPy's."""
    return ops.log(x / (1.0 - x))


def _scaled(factor: float, x: Any) -> Any:
    return x * factor


def _op(name: str) -> Callable[..., Any]:
    return lambda *xs: getattr(ops, name)(*xs)


OWN: tuple[Callable[..., Any], ...] = (
    absolute, sign, fmax, fmin, power, reciprocal, modf, cbrt, heaviside,
    spacing, logaddexp2, bitwise_count, vecdot, matvec, vecmat, logit, float_parts.frexp, float_parts.ldexp,
)  # fmt: skip
UFUNCS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {name: _op(name) for name in SAME_NAME}
    | {name: _op(op) for name, op in RENAMED.items()}
    | {name: partial(_compare, name) for name in COMPARISONS}
    | {name: partial(_on_floats, name, _same) for name in ("floor", "ceil", "trunc")}
    | {name: partial(_on_floats, name, partial(_everywhere, False)) for name in ("isnan", "isinf")}
    | {"isfinite": partial(_on_floats, "isfinite", partial(_everywhere, True))}
    | {name: partial(_scaled, pi / 180) for name in ("deg2rad", "radians")}
    | {name: partial(_scaled, 180 / pi) for name in ("rad2deg", "degrees")}
    | {"float_power": power, "conjugate": _same, "divmod": divmod_}
    | {each.__name__: each for each in OWN}
)
