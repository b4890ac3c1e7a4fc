"""Compiles operators for the CPU, many to a graph, and compares with the interpreter.

disagreements([case("add", x, y), case("sum", x, axes=0)], level=2)      # [] where all agree
"""

from typing import Any, NamedTuple

import ml_dtypes
import numpy as np

import aicomp as ac
from aicomp import ops
from aicomp.interpreter import interpret
from aicomp.ir import Graph, Kind, Value
from aicomp.types import HALVES, TensorType, dtype, is_float


class Case(NamedTuple):
    """An application of an operator: its inputs, attributes and regions."""

    op: str
    arrays: tuple[Any, ...]
    attrs: dict[str, Any]

    def __str__(self):
        types = (TensorType(a.shape, a.dtype) for a in self.arrays)
        return f"{self.op}({', '.join(map(str, types))}, {self.attrs})"


def case(op, *arrays, **attrs):
    """Return a case."""
    return Case(op, tuple(map(np.asarray, arrays)), attrs)


def graph_of(cases):
    """Return one graph of all cases, its arrays, and for each output its case. Equal arrays are one input."""
    values, arrays, outputs, owners = {}, {}, [], []
    for each in cases:
        for array in each.arrays:
            arrays[id(array)] = array
            values.setdefault(id(array), Value(TensorType(array.shape, dtype(array.dtype))))
        results = ops.OPS[each.op](*(values[id(array)] for array in each.arrays), **each.attrs)
        results = results if isinstance(results, tuple) else (results,)
        outputs += results
        owners += [each] * len(results)
    return Graph.build("cases", list(values.values()), outputs), [arrays[key] for key in values], owners


def disagreements(cases, level, **options):
    """Return a line for each output of a case where compiled code differs from the interpreter."""
    graph, arrays, owners = graph_of(cases)
    executable = ac.compile(graph, opt_level=level, **{"threads": 1, "cache": False, **options})
    got = executable(*arrays)
    got = got if isinstance(got, tuple) else (got,)
    rows = zip(owners, got, interpret(graph, arrays), strict=True)
    return [f"{owner}: {problem}" for owner, g, w in rows if (problem := difference(owner, g, w))]


# Operators that give the same bits as the interpreter; of two equal zeros, maximum and its like may give either.
EITHER_ZERO = {"maximum", "minimum", "fmax", "fmin", "clip", "relu", "relu6", "hard_tanh", "max", "min", "hard_sigmoid"}
SAME_BITS = {
    "add", "subtract", "multiply", "divide", "floor_divide", "remainder", "fmod", "copysign", "negative", "positive", "abs",
    "sign", "square", "sqrt", "rsqrt", "reciprocal", "where", "cast", "bitcast", "floor", "ceil", "trunc", "round",
    "nextafter", "leaky_relu", "prelu", "thresholded_relu", "shrink", "hard_swish", "softsign", "argsort", "argmax",
    "argmin", "squeeze", "expand_dims", "swapaxes", "moveaxis", "flip", "tile", "stack", "split", "unstack", "repeat",
    "roll", "tril", "triu", "one_hot", "take", "take_along_axis", "pad_mode", "diagonal", "sort", "top_k", "embedding",
    "iota",
}  # fmt: skip


def difference(owner, got, want):
    """Return how a result differs beyond what its operator may; empty where it does not."""
    if got.shape != want.shape or got.dtype != want.dtype:
        return f"{got.dtype}{got.shape} for {want.dtype}{want.shape}"
    if not is_float(dtype(got.dtype)):
        return unequal(got, want, got == want)
    exact = owner.op in SAME_BITS or ops.OPS[owner.op].kind is Kind.MOVEMENT
    if exact or owner.op in EITHER_ZERO:
        with np.errstate(invalid="ignore"):
            same = (got == want) & ((not exact) | (np.signbit(got) == np.signbit(want)))
            return unequal(got, want, same | (np.isnan(got) & np.isnan(want)))
    if ops.OPS[owner.op].kind is Kind.ELEMENTWISE:
        same = steps(got, want) <= (1 if got.dtype in HALVES else 8)
        if owner.op == "gelu":  # 1 + erf(x) cancels below 0
            with np.errstate(invalid="ignore"):
                reach = np.abs(owner.arrays[0].astype(np.float64)) * float(ml_dtypes.finfo(got.dtype).eps)
                same |= np.abs(got.astype(np.float64) - want) <= 2 * reach
        return unequal(got, want, same)
    return unequal(got, want, close(got, want))


def close(got, want, factor=64):
    """Return where floats differ by few roundings of the largest finite element."""
    wide, other = want.astype(np.float64), got.astype(np.float64)
    finite = np.isfinite(wide)
    scale = np.abs(wide[finite]).max(initial=0)
    same = (wide == other) | (np.isnan(wide) & np.isnan(other))
    with np.errstate(invalid="ignore"):
        return same | (finite & (np.abs(wide - other) <= factor * float(ml_dtypes.finfo(got.dtype).eps) * scale))


def steps(got, want):
    """Return how many floats lie between two arrays' elements; 0 for NaN and NaN, and for zeros of either sign."""
    bits = np.dtype(f"i{got.dtype.itemsize}")
    a, b = (x.view(bits).astype(np.longdouble) for x in (got, want))
    low = np.longdouble(np.iinfo(bits).min)
    a, b = (np.where(x < 0, low - x, x) for x in (a, b))
    missing = np.isnan(got), np.isnan(want)
    return np.where(missing[0] & missing[1], 0, np.where(missing[0] | missing[1], np.inf, np.abs(a - b)))


def unequal(got, want, same):
    """Return how many elements differ, and the first of them; empty where none does."""
    if np.all(same):
        return ""
    where = tuple(np.argwhere(~np.asarray(same))[0].tolist())
    return f"{np.sum(~same)} of {got.size} differ, first at {where}: {got[where]!r} for {want[where]!r}"
