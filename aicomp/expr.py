"""Scalar expressions: the few dozen scalar operations that everything elementwise is made of.

In: arguments and constants combined with Python operators and the functions below. Out: an `Expr`, a typed
DAG, which `evaluate` computes with NumPy (the reference) and a backend turns into machine code.

    x = arg(0, FLOAT32)
    silu = x / (exp(-x) + 1)
    evaluate(silu, [np.ones(3, np.float32)])

Arithmetic is on bool, integers, float32 and float64. The 16-bit floats are storage types: they appear in
casts, comparisons and selects only, so that their arithmetic is always done, and rounded, in float32.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from .errors import GraphError
from .types import BOOL, FLOAT64, HALVES, DType, is_float, is_integer

Array = np.ndarray[Any, Any]
Number = bool | int | float


@dataclass(frozen=True, slots=True, eq=False)
class Expr:
    """One scalar operation. `value` is the number of a `const`, the position of an `arg`, else None."""

    op: str
    args: tuple[Expr, ...]
    dtype: DType
    value: Any = None

    def __add__(self, other: Expr | Number) -> Expr:
        return make("add", self, other)

    def __radd__(self, other: Number) -> Expr:
        return make("add", lift(other, self), self)

    def __sub__(self, other: Expr | Number) -> Expr:
        return make("sub", self, other)

    def __rsub__(self, other: Number) -> Expr:
        return make("sub", lift(other, self), self)

    def __mul__(self, other: Expr | Number) -> Expr:
        return make("mul", self, other)

    def __rmul__(self, other: Number) -> Expr:
        return make("mul", lift(other, self), self)

    def __truediv__(self, other: Expr | Number) -> Expr:
        return make("div", self, other)

    def __rtruediv__(self, other: Number) -> Expr:
        return make("div", lift(other, self), self)

    def __neg__(self) -> Expr:
        return make("neg", self)

    def __lt__(self, other: Expr | Number) -> Expr:
        return make("lt", self, other)

    def __le__(self, other: Expr | Number) -> Expr:
        return make("le", self, other)

    def __gt__(self, other: Expr | Number) -> Expr:
        return make("lt", lift(other, self), self)

    def __ge__(self, other: Expr | Number) -> Expr:
        return make("le", lift(other, self), self)

    def __and__(self, other: Expr | Number) -> Expr:
        return make("and", self, other)

    def __or__(self, other: Expr | Number) -> Expr:
        return make("or", self, other)

    def __xor__(self, other: Expr | Number) -> Expr:
        return make("xor", self, other)

    def __invert__(self) -> Expr:
        return make("not", self)

    def __str__(self) -> str:
        if self.op == "arg":
            return f"${self.value}"
        if self.op == "const":
            return repr(self.value)
        suffix = f":{self.dtype}" if self.op in ("cast", "bitcast") else ""
        return f"{self.op}{suffix}({', '.join(map(str, self.args))})"


def arg(index: int, dtype: DType) -> Expr:
    """Return the `index`-th argument of the expression."""
    return Expr("arg", (), dtype, index)


def const(value: Number, dtype: DType) -> Expr:
    """Return a constant, rounded to its dtype."""
    rounded = np.asarray(value).astype(dtype)
    return Expr("const", (), dtype, float(rounded) if is_float(dtype) else rounded.item())


def lift(value: Expr | Number, like: Expr) -> Expr:
    """Return `value` as an expression; a Python number takes the dtype of `like`."""
    return value if isinstance(value, Expr) else const(value, like.dtype)


def make(op: str, *args: Expr | Number) -> Expr:
    """Return `op(args)`; Python numbers take the dtype of the first expression among the arguments.

    Raises GraphError where the operation is not defined on those dtypes.
    """
    like = next(a for a in args if isinstance(a, Expr))
    exprs = tuple(lift(a, like) for a in args)
    return Expr(op, exprs, SCALAR_OPS[op].result(op, tuple(e.dtype for e in exprs)))


def select(condition: Expr, a: Expr | Number, b: Expr | Number) -> Expr:
    """Return a where the condition holds, else b."""
    like = a if isinstance(a, Expr) else b
    assert isinstance(like, Expr)
    return make("select", condition, lift(a, like), lift(b, like))


def cast(a: Expr, dtype: DType) -> Expr:
    """Return `a` converted: float to integer saturates (NaN gives 0), anything to bool is `!= 0`."""
    return a if a.dtype == dtype else Expr("cast", (a,), dtype)


def bitcast(a: Expr, dtype: DType) -> Expr:
    """Return the bits of `a` as another dtype of the same width."""
    return Expr("bitcast", (a,), dtype)


@dataclass(frozen=True, slots=True)
class ScalarOp:
    """A scalar operation: the kinds it takes (b, i, f), what it returns, and its NumPy reference."""

    kinds: str
    returns: str  # "same" as the arguments, "bool", or "select"
    reference: Callable[..., Any]

    def result(self, op: str, dtypes: tuple[DType, ...]) -> DType:
        """Return the result's dtype. Raises GraphError on dtypes the operation does not take."""
        operands = dtypes[1:] if self.returns == "select" else dtypes
        first = operands[0]
        if any(d != first for d in operands) or (self.returns == "select" and dtypes[0] != BOOL):
            raise GraphError(f"{op} needs operands of one dtype, got {', '.join(map(str, dtypes))}; cast first")
        if _kind(first) not in self.kinds:
            raise GraphError(f"{op} is not defined on {first}; cast first")
        return BOOL if self.returns == "bool" else first


def _kind(dtype: DType) -> str:
    if dtype == BOOL:
        return "b"
    if is_integer(dtype):
        return "i"
    return "h" if dtype in HALVES else "f"


def integer_power(base: Array, exponent: Array) -> Array:
    """Return base ** exponent with wrap-around; negative exponents truncate the real result towards zero."""
    power: Array = np.power(base, np.maximum(exponent, 0))
    if base.dtype.kind == "u":
        return power
    sign = np.where(exponent & 1, base, base * base)
    small = np.where(np.abs(base) == 1, sign, 0)
    return np.where(exponent < 0, small, power).astype(base.dtype)


def _power(base: Array, exponent: Array) -> Array:
    return integer_power(base, exponent) if base.dtype.kind in "iu" else np.power(base, exponent)


def _erf(x: Array) -> Array:
    wide = np.asarray(x, FLOAT64)
    values = np.fromiter(map(math.erf, wide.ravel().tolist()), FLOAT64, wide.size)
    return values.reshape(wide.shape).astype(x.dtype)


def cast_array(x: Array, dtype: DType) -> Array:
    """Return `x` converted as the scalar `cast` does: saturating from float to integer, NaN to 0."""
    if dtype == BOOL:
        return np.not_equal(x, np.zeros((), x.dtype))
    if not (is_float(x.dtype) and is_integer(dtype)):
        return x.astype(dtype)
    wide = np.trunc(np.nan_to_num(x.astype(FLOAT64), nan=0.0))
    limits = np.iinfo(dtype)
    low, high = float(limits.min), float(limits.max)
    inside = np.clip(wide, low, np.nextafter(high, 0) if high > limits.max else high).astype(dtype)
    return np.where(wide >= high, limits.max, np.where(wide <= low, limits.min, inside)).astype(dtype)


def _same(kinds: str, *pairs: tuple[str, Callable[..., Any]]) -> dict[str, ScalarOp]:
    return {name: ScalarOp(kinds, "same", reference) for name, reference in pairs}


SCALAR_OPS: Mapping[str, ScalarOp] = MappingProxyType({
    **_same("if", ("add", np.add), ("sub", np.subtract), ("mul", np.multiply)),
    **_same("if", ("neg", np.negative), ("abs", np.abs)),
    **_same("if", ("floordiv", np.floor_divide), ("mod", np.remainder), ("fmod", np.fmod), ("pow", _power)),
    **_same("bif", ("min", np.minimum), ("max", np.maximum)),
    **_same("f", ("div", np.divide), ("sqrt", np.sqrt), ("copysign", np.copysign), ("atan2", np.arctan2)),
    **_same("f", ("floor", np.floor), ("ceil", np.ceil), ("trunc", np.trunc), ("round", np.rint)),
    **_same("f", ("exp", np.exp), ("exp2", np.exp2), ("expm1", np.expm1), ("erf", _erf), ("tanh", np.tanh)),
    **_same("f", ("log", np.log), ("log2", np.log2), ("log10", np.log10), ("log1p", np.log1p)),
    **_same("f", ("sin", np.sin), ("cos", np.cos), ("tan", np.tan), ("atan", np.arctan)),
    **_same("bi", ("and", np.bitwise_and), ("or", np.bitwise_or), ("xor", np.bitwise_xor)),
    **_same("bi", ("not", np.invert)),
    **_same("i", ("shl", np.left_shift), ("shr", np.right_shift)),
    "eq": ScalarOp("bifh", "bool", np.equal),
    "ne": ScalarOp("bifh", "bool", np.not_equal),
    "lt": ScalarOp("bifh", "bool", np.less),
    "le": ScalarOp("bifh", "bool", np.less_equal),
    "select": ScalarOp("bifh", "select", np.where),
})  # fmt: skip


def evaluate(expr: Expr, args: Sequence[Array]) -> Array:
    """Compute the expression over broadcastable arrays, one NumPy call an operation."""
    memo: dict[int, Array] = {}

    def visit(e: Expr) -> Array:
        if id(e) not in memo:
            memo[id(e)] = _apply(e, args, [visit(a) for a in e.args])
        return memo[id(e)]

    with np.errstate(all="ignore"):
        return visit(expr)


def _apply(e: Expr, args: Sequence[Array], operands: list[Array]) -> Array:
    if e.op == "arg":
        return np.asarray(args[e.value])
    if e.op == "const":
        return np.full((), e.value, e.dtype)
    if e.op == "cast":
        return cast_array(operands[0], e.dtype)
    if e.op == "bitcast":
        return np.asarray(operands[0]).view(e.dtype)
    return np.asarray(SCALAR_OPS[e.op].reference(*operands)).astype(e.dtype, copy=False)


def unary(op: str) -> Callable[[Expr], Expr]:
    """Return the function that applies a one-argument operation."""
    return lambda a: make(op, a)


def binary(op: str) -> Callable[[Expr | Number, Expr | Number], Expr]:
    """Return the function that applies a two-argument operation."""
    return lambda a, b: make(op, a, b)


exp, exp2, expm1, erf, tanh = map(unary, ("exp", "exp2", "expm1", "erf", "tanh"))
log, log2, log10, log1p = map(unary, ("log", "log2", "log10", "log1p"))
sin, cos, tan, atan = map(unary, ("sin", "cos", "tan", "atan"))
sqrt, absolute, floor, ceil, trunc, rint = map(unary, ("sqrt", "abs", "floor", "ceil", "trunc", "round"))
power, minimum, maximum, copysign, atan2 = map(binary, ("pow", "min", "max", "copysign", "atan2"))
floordiv, mod, fmod, shl, shr = map(binary, ("floordiv", "mod", "fmod", "shl", "shr"))
equal, not_equal = map(binary, ("eq", "ne"))
