"""NumPy 2's promotion rules (NEP 50): the dtypes a ufunc computes in, the dtype that operands share.

In: tracers, arrays, and Python scalars, which are weak: they take the dtype of what they meet. Out: the same
operands, cast. NumPy itself is asked for the dtypes, so ml_dtypes' bfloat16 promotes as it does there.

    x + 1.5                  # f32 + weak -> f32
    np.sqrt(i)               # i32 -> f64
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from aicomp import ops
from aicomp.ops.symbol import Symbol
from aicomp.types import BOOL, FLOAT64, INT64, DType, dtype

Strength = DType | type[int] | type[float]
WEAK = {INT64: int, FLOAT64: float}


def is_number(x: Any) -> bool:
    """Return whether x is a Python number, not a NumPy scalar."""
    return isinstance(x, (bool, int, float)) and not isinstance(x, np.generic)


def is_traced(x: Any) -> bool:
    """Return whether x is a tracer."""
    return isinstance(x, Symbol)


def strength(x: Any) -> Strength:
    """Return the dtype of an operand, or `int` or `float` for a weak scalar of that type.

    Raises AicompError where the compiler has no such dtype (complex, object, ...).
    """
    if isinstance(x, Symbol):
        return WEAK.get(x.dtype, x.dtype) if getattr(x, "weak", False) else x.dtype
    if is_number(x):
        return BOOL if isinstance(x, bool) else int if isinstance(x, int) else float
    return dtype(np.asarray(x).dtype)


@cache
def ufunc_dtypes(ufunc: np.ufunc, operands: tuple[Strength, ...]) -> tuple[DType, ...]:
    """Return the dtypes a ufunc converts its operands to, then its results'. TypeError where it has none."""
    return tuple(ufunc.resolve_dtypes((*strong(operands), *(None,) * ufunc.nout)))


def strong(operands: tuple[Strength, ...]) -> tuple[Strength, ...]:
    """Return weak operands as int64 and float64 where there is no other that they could take the dtype of."""
    if not all(isinstance(each, type) for each in operands):
        return operands
    return tuple(INT64 if each is int else FLOAT64 for each in operands)


@cache
def _common(operands: tuple[Strength, ...]) -> DType:
    return np.dtype(np.result_type(*(each(0) if isinstance(each, type) else each for each in operands)))


def common_dtype(*operands: Any) -> DType:
    """Return the dtype that operands are promoted to when they are joined (concatenate, where, dot)."""
    return _common(tuple(map(strength, operands)))


def cast(x: Any, to: DType) -> Any:
    """Return an operand in a dtype. Raises OverflowError for a Python integer that does not fit."""
    if isinstance(x, Symbol):
        return x if x.dtype == to else ops.cast(x, dtype=to)
    if isinstance(x, np.ndarray):
        return x if x.dtype == to else x.astype(to)
    with np.errstate(over="ignore"):
        return np.array(x, dtype=to)


def is_inexact(dtype_: DType) -> bool:
    """Return whether NumPy itself takes a dtype for a float; it does not know ml_dtypes' bfloat16 as one."""
    return dtype_.kind == "f"


def asked_dtype(function: Callable[..., Any], *operands: Any) -> DType:
    """Return the dtype of a NumPy function's result, by calling it on empty arrays."""
    empty = [x if x is None or is_number(x) else np.zeros(0, x.dtype) for x in operands]
    result: DType = function(*empty).dtype
    return result


def promote(*operands: Any) -> tuple[Any, ...]:
    """Return operands cast to their common dtype."""
    to = common_dtype(*operands)
    return tuple(cast(x, to) for x in operands)


def array(x: Any) -> Any:
    """Return a tracer as it is, anything else as an array."""
    return x if isinstance(x, Symbol) else np.asarray(x)


def arrays(xs: Sequence[Any]) -> list[Any]:
    """Return tracers as they are, anything else as arrays."""
    return [array(x) for x in xs]
