"""Identities of elementwise operators, exact for every input, NaN, infinities and signed zeros included.

Each row is an equation read from left to right. `x + 0.0 = x` is not among them: it turns -0.0 into 0.0.
"""

from __future__ import annotations

import numpy as np

from aicomp import ops
from aicomp.ops.symbol import Symbol
from aicomp.pattern import (
    Match,
    Var,
    any_of,
    boolean,
    call,
    constant,
    fill,
    floating,
    inner,
    integer,
    op,
    signed,
    with_trait,
)
from aicomp.rewrite import Rule
from aicomp.types import BFLOAT16, BOOL, FLOAT16, FLOAT32, FLOAT64, DType, is_float, is_integer

x, y, z, c = map(Var, "xyzc")
f, s = Var("f", floating), Var("s", signed)
i, j = Var("i", integer), Var("j", integer)
b = Var("b", boolean)
k = Var("k", constant)

FLOAT_BITS = {FLOAT16: (11, 5), BFLOAT16: (8, 8), FLOAT32: (24, 8), FLOAT64: (53, 11)}  # of mantissa, of exponent


def lossless(source: DType, target: DType) -> bool:
    """Return whether every value of one dtype is a value of the other."""
    if source in (BOOL, target) or target == BOOL:
        return source in (BOOL, target)
    if is_float(source):
        return is_float(target) and _holds(source, target)
    limits = np.iinfo(source)
    if is_integer(target):
        return bool(np.iinfo(target).min <= limits.min and limits.max <= np.iinfo(target).max)
    mantissa, _ = FLOAT_BITS[target]
    return bool(limits.bits <= mantissa)


def _holds(source: DType, target: DType) -> bool:
    return all(a <= b for a, b in zip(FLOAT_BITS[source], FLOAT_BITS[target], strict=True))


def _applied_twice(match: Match) -> Symbol | None:
    inner = match.node("inner")
    same = inner.op is match.root.op and inner.attrs == match.root.attrs
    return match["inner"] if same else None


def _undone(match: Match) -> Symbol | None:
    return match["x"] if match.node("inner").op is match.root.op else None


def _cast_of_cast(match: Match) -> Symbol | None:
    x = match["x"]
    source, middle, target = x.dtype, match.node("inner").attrs["dtype"], match.root.attrs["dtype"]
    saturates = is_integer(source) and is_float(middle) and is_integer(target)  # a direct cast would wrap around
    if not lossless(source, middle) or (saturates and not lossless(source, target)):
        return None
    return call(ops.cast, x, dtype=target)


def _bits_of_bits(match: Match) -> Symbol:
    return call(ops.bitcast, match["x"], dtype=match.root.attrs["dtype"])


def _times_inverse(match: Match) -> Symbol | None:
    """Return x * (1 / k) where that is exact: k holds powers of two with an inverse."""
    divisor = match.node("k").attrs["value"]
    with np.errstate(all="ignore"):
        inverse = (1 / divisor).astype(divisor.dtype)
        wide = inverse.astype(np.float64)
        exact = np.isfinite(wide) & (np.abs(np.frexp(divisor.astype(np.float64))[0]) == 0.5)
    return call(ops.multiply, match["f"], inverse) if exact.all() else None


ONE = fill(1, 1.0, True)
INF = fill(np.inf)
INVOLUTIONS, IDEMPOTENT = with_trait("involution"), with_trait("idempotent")
LATTICE = ("maximum", "minimum", "fmax", "fmin", "bitwise_and", "bitwise_or", "logical_and", "logical_or")

ARITHMETIC = (
    Rule("x + -0.0 = x", x + fill(0, -0.0, False), x),
    Rule("x - 0 = x", x - fill(0, 0.0), x),
    Rule("-0.0 - x = -x", fill(0, -0.0) - x, -x),
    Rule("x * 1 = x", x * ONE, x),
    Rule("x * -1 = -x", x * fill(-1, -1.0), -x),
    Rule("x * 0 = 0 on integers", i * 0, fill(0)),
    Rule("x - x = 0 on integers", i - i, fill(0)),
    Rule("x / 1 = x", x / 1.0, x),
    Rule("x / -1 = -x", x / -1.0, -x),
    Rule("x / 2^n = x * 2^-n", f / k, _times_inverse),
    Rule("x // 1 = x on integers", op.floor_divide(i, 1), i),
    Rule("x % 1 = 0 on integers", op.remainder(i, 1), fill(0)),
    Rule("x + -y = x - y", x + -y, x - y),
    Rule("x - -y = x + y", x - -y, x + y),
    Rule("-x * -y = x * y", -x * -y, x * y),
    Rule("-x / -y = x / y", -x / -y, x / y),
    Rule("|-x| = |x| where there is a sign", op.abs(-s), op.abs(s)),
    Rule("(-x)^2 = x^2", op.square(-x), op.square(x)),
    Rule("|x|^2 = x^2", op.square(op.abs(x)), op.square(x)),
    Rule("x ** 1 = x", op.pow(x, fill(1, 1.0)), x),
    Rule("x ** 0 = 1", op.pow(x, fill(0, 0.0, -0.0)), fill(1)),
    Rule("x ** 2 = x^2 on integers", op.pow(i, 2), op.square(i)),
    Rule("max(x, -inf) = x", op.maximum(x, -np.inf), x),
    Rule("min(x, inf) = x", op.minimum(x, INF), x),
    Rule("clip(x, -inf, inf) = x", op.clip(x, -np.inf, INF), x),
    Rule("f(x, x) = x", any_of(LATTICE, x, x), x),
    Rule("g(g(x)) = g(x) where g is idempotent", any_of(IDEMPOTENT, inner(*IDEMPOTENT)), _applied_twice),
    Rule("g(g(x)) = x where g is an involution", any_of(INVOLUTIONS, inner(*INVOLUTIONS)), _undone),
)

LOGIC = (
    Rule("x and true = x", any_of(("logical_and", "bitwise_and"), b, True), b),
    Rule("x and false = false", any_of(("logical_and", "bitwise_and"), b, False), fill(False)),
    Rule("x or false = x", any_of(("logical_or", "bitwise_or"), b, False), b),
    Rule("x or true = true", any_of(("logical_or", "bitwise_or"), b, True), fill(True)),
    Rule("x xor false = x", any_of(("logical_xor", "bitwise_xor"), b, False), b),
    Rule("x xor true = not x", any_of(("logical_xor", "bitwise_xor"), b, True), op.logical_not(b)),
    Rule("x & 0 = 0", op.bitwise_and(i, 0), fill(0)),
    Rule("x & ~0 = x", op.bitwise_and(i, -1), i),
    Rule("x | 0 = x", op.bitwise_or(i, 0), i),
    Rule("x ^ 0 = x", op.bitwise_xor(i, 0), i),
    Rule("x ^ x = 0", op.bitwise_xor(i, i), fill(0)),
    Rule("x << 0 = x", op.bitwise_left_shift(i, 0), i),
    Rule("x >> 0 = x", op.bitwise_right_shift(i, 0), i),
    Rule("not x == y = x != y", op.logical_not(op.equal(x, y)), op.not_equal(x, y)),
    Rule("not x != y = x == y", op.logical_not(op.not_equal(x, y)), op.equal(x, y)),
    Rule("not x < y = x >= y on integers", op.logical_not(op.less(i, j)), op.greater_equal(i, j)),
    Rule("not x <= y = x > y on integers", op.logical_not(op.less_equal(i, j)), op.greater(i, j)),
    Rule("not x > y = x <= y on integers", op.logical_not(op.greater(i, j)), op.less_equal(i, j)),
    Rule("not x >= y = x < y on integers", op.logical_not(op.greater_equal(i, j)), op.less(i, j)),
    Rule("x < x = false", any_of(("less", "greater"), x, x), fill(False)),
    Rule("x <= x = true on integers", any_of(("equal", "less_equal", "greater_equal"), i, i), fill(True)),
)

SELECTION = (
    Rule("where(c, x, x) = x", op.where(c, x, x), x),
    Rule("where(true, x, y) = x", op.where(True, x, y), x),
    Rule("where(false, x, y) = y", op.where(False, x, y), y),
    Rule("where(c, true, false) = c", op.where(c, True, False), c),
    Rule("where(c, false, true) = not c", op.where(c, False, True), op.logical_not(c)),
    Rule("where(not c, x, y) = where(c, y, x)", op.where(op.logical_not(b), x, y), op.where(b, y, x)),
    Rule("where(c, where(c, x, y), z) = where(c, x, z)", op.where(c, op.where(c, x, y), z), op.where(c, x, z)),
    Rule("where(c, x, where(c, y, z)) = where(c, x, z)", op.where(c, x, op.where(c, y, z)), op.where(c, x, z)),
)

CASTS = (
    Rule("cast(x: t, t) = x", any_of(("cast", "bitcast"), x), x),
    Rule("cast(cast(x, s), t) = cast(x, t) where s holds x", op.cast(inner("cast")), _cast_of_cast),
    Rule("bitcast(bitcast(x, s), t) = bitcast(x, t)", op.bitcast(op.bitcast(x)), _bits_of_bits),
)

RULES = (*ARITHMETIC, *LOGIC, *SELECTION, *CASTS)
