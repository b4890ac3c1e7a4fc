"""NumPy's functions of one element at a time that are no ufuncs, under NumPy's names and signatures.

In: tracers. Out: tracers: selections, rounding, comparisons with tolerance, special cases.
"""

from __future__ import annotations

from math import pi
from typing import Any

import ml_dtypes
import numpy as np

from aicomp import ops
from aicomp.types import BOOL, FLOAT16, FLOAT64, is_float, is_integer
from aicomp.types import dtype as dtype_of

from .promotion import array, arrays, asked_dtype, cast, common_dtype, is_number, is_traced, promote

FINFO: Any = ml_dtypes.finfo  # NumPy's, which knows bfloat16 too


def where(condition: Any, x: Any = None, y: Any = None, /) -> Any:
    """x where the condition holds, else y."""
    if x is None or y is None:
        raise TypeError("np.where(mask) has a size that depends on values; use np.where(mask, a, b)")
    return ops.where(cast(array(condition), BOOL), *promote(x, y))


def select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    """The first choice whose condition holds, else the default."""
    result = default
    for condition, choice in zip(reversed(condlist), reversed(choicelist), strict=True):
        result = np.where(condition, choice, result)
    return result


def choose(a: Any, choices: Any, mode: str = "raise") -> Any:
    """The a-th of the choices, each element its own."""
    count = len(choices)
    a = np.remainder(a, count) if mode == "wrap" else np.clip(a, 0, count - 1) if mode == "clip" else a
    picked: Any = choices[-1]
    for i in reversed(range(count - 1)):
        picked = np.where(np.equal(a, i), choices[i], picked)
    return picked


def clip(a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None, dtype: Any = None) -> Any:
    """The elements brought between two bounds, either of which may be missing."""
    low = _in_range(a_min if min is None else min, a, below=True)
    high = _in_range(a_max if max is None else max, a, below=False)
    bounds = [x if x is None or is_number(x) else array(x) for x in (low, high)]
    to = asked_dtype(np.clip, a, *bounds) if dtype is None else dtype_of(dtype)
    x, (low, high) = cast(a, to), (None if each is None else cast(each, to) for each in bounds)
    if low is not None and high is not None:
        return ops.clip(x, low, high)
    bounded = x if low is None else ops.maximum(x, low)
    return bounded if high is None else ops.minimum(bounded, high)


def _in_range(bound: Any, a: Any, below: bool) -> Any:
    """Return a bound; None where it is a Python integer past the end of the dtype, where it bounds nothing."""
    if not is_number(bound) or not is_integer(a.dtype) or isinstance(bound, (bool, float)):
        return bound
    limits = np.iinfo(a.dtype)
    return None if (bound < limits.min if below else bound > limits.max) else bound


def round(a: Any, decimals: int = 0) -> Any:
    """The elements rounded to decimals, halves to even."""
    if a.dtype == BOOL:
        return ops.cast(a, dtype=FLOAT16)
    if decimals == 0 or (decimals > 0 and not is_float(a.dtype)):
        return ops.round(a) if is_float(a.dtype) else a
    scale = np.asarray(10.0 ** abs(decimals), a.dtype if is_float(a.dtype) else FLOAT64)
    x = cast(a, scale.dtype)
    rounded = ops.round(x * scale) / scale if decimals > 0 else ops.round(x / scale) * scale
    return cast(rounded, a.dtype)


around = round


def fix(x: Any) -> Any:
    """The elements rounded towards zero."""
    return np.trunc(x)


def nan_to_num(x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    """The elements with numbers in place of NaN and infinities."""
    if not is_float(x.dtype):
        return x
    limits = FINFO(x.dtype)
    top = np.asarray(limits.max if posinf is None else posinf, x.dtype)
    bottom = np.asarray(limits.min if neginf is None else neginf, x.dtype)
    finite = ops.where(ops.isinf(x), ops.where(x > 0, top, bottom), x)
    return ops.where(ops.isnan(x), np.asarray(nan, x.dtype), finite)


def isclose(a: Any, b: Any, rtol: Any = 1e-05, atol: Any = 1e-08, equal_nan: bool = False) -> Any:
    """Whether |a - b| <= atol + rtol * |b|; infinities equal themselves."""
    x, y = arrays((a, b))
    if not is_float(y.dtype):
        y = cast(y, common_dtype(y, 1.0))
    near = np.less_equal(np.abs(x - y), atol + rtol * np.abs(y))
    result = np.logical_or(np.logical_and(near, np.isfinite(y)), np.equal(x, y))
    return np.logical_or(result, np.logical_and(np.isnan(x), np.isnan(y))) if equal_nan else result


def allclose(a: Any, b: Any, rtol: Any = 1e-05, atol: Any = 1e-08, equal_nan: bool = False) -> Any:
    """Whether all elements are close."""
    return np.all(isclose(a, b, rtol, atol, equal_nan))


def array_equal(a1: Any, a2: Any, equal_nan: bool = False) -> Any:
    """Whether shapes and all elements are the same."""
    x, y = arrays((a1, a2))
    if x.shape != y.shape:
        return False
    same = np.equal(x, y)
    return np.all(np.logical_or(same, np.logical_and(np.isnan(x), np.isnan(y))) if equal_nan else same)


def array_equiv(a1: Any, a2: Any) -> Any:
    """Whether the elements are the same once broadcast."""
    return np.all(np.equal(a1, a2))


def sinc(x: Any) -> Any:
    """sin(pi x) / (pi x), 1 at 0."""
    x = x if is_float(x.dtype) else cast(x, FLOAT64)
    y = pi * np.where(np.equal(x, 0), np.asarray(1e-20, x.dtype), x)
    return np.where(np.equal(x, 0), np.asarray(1, x.dtype), np.sin(y) / y)


def angle(z: Any, deg: bool = False) -> Any:
    """The angle of real numbers in the complex plane: 0, or pi where negative."""
    a = np.arctan2(0, z)
    return cast(a * (180 / pi), a.dtype) if deg else a


def real(val: Any) -> Any:
    """The elements: none is complex."""
    return val


def imag(val: Any) -> Any:
    """Zeros: no element is complex."""
    return np.zeros_like(val)


def isreal(x: Any) -> Any:
    """True: no element is complex."""
    return np.ones_like(x, dtype=bool)


def iscomplex(x: Any) -> Any:
    """False: no element is complex."""
    return np.zeros_like(x, dtype=bool)


def isrealobj(x: Any) -> bool:
    """True: no traced array is complex."""
    return True


def iscomplexobj(x: Any) -> bool:
    """False: no traced array is complex."""
    return False


def real_if_close(a: Any, tol: float = 100) -> Any:
    """The elements: none is complex."""
    return a


def isposinf(x: Any) -> Any:
    """Whether elements are +inf."""
    return np.logical_and(np.isinf(x), np.logical_not(np.signbit(x)))


def isneginf(x: Any) -> Any:
    """Whether elements are -inf."""
    return np.logical_and(np.isinf(x), np.signbit(x))


def astype(x: Any, dtype: Any, /, *, copy: bool = True, device: None = None) -> Any:
    """The elements converted; float to integer saturates."""
    return cast(x, dtype_of(dtype))


def result_type(*arrays_and_dtypes: Any) -> Any:
    """The dtype that operands are promoted to."""
    return np.result_type(*(x.dtype if is_traced(x) else x for x in arrays_and_dtypes))


def can_cast(from_: Any, to: Any, casting: str = "safe") -> bool:
    """Whether a dtype converts to another."""
    return bool(np.can_cast(from_.dtype, to, casting))  # type: ignore[arg-type]


def polyval(p: Any, x: Any) -> Any:
    """The polynomial with coefficients p, the highest power first, at x (Horner's scheme)."""
    result = np.zeros_like(x)
    for coefficient in array(p):
        result = result * x + coefficient
    return result
