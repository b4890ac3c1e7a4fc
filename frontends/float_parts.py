"""Mantissa and exponent of floats, by their bits (IEEE 754): `np.frexp` and `np.ldexp`.

In: floats. Out: floats in [0.5, 1) and int32 exponents with x = mantissa * 2 ** exponent, and the way back.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from aicomp import ops
from aicomp.types import FLOAT32, FLOAT64, DType

from .promotion import cast


class Format(NamedTuple):
    """The layout of a float: the integers of its width, its fraction's bits, its exponent's bias."""

    bits: DType
    fraction: int
    bias: int


FORMATS = {FLOAT32: Format(np.dtype("i4"), 23, 127), FLOAT64: Format(np.dtype("i8"), 52, 1023)}


def _wide(x: Any) -> Any:
    return x if x.dtype in FORMATS else cast(x, FLOAT32)


def frexp(x: Any) -> Any:
    """The pair (mantissa, exponent); zeros, infinities and NaN are their own mantissa, with exponent 0."""
    x = _wide(x)
    bits, fraction, bias = FORMATS[x.dtype]
    lift = fraction + 2  # makes subnormal numbers normal
    small = ops.abs(x) < float(np.finfo(x.dtype).tiny)
    pattern = ops.bitcast(ops.where(small, x * 2.0**lift, x), dtype=bits)
    shifted = np.asarray(lift, bits) * cast(small, bits)
    exponent = ((pattern >> fraction) & (2 * bias + 1)) - (bias - 1) - shifted
    mantissa = (pattern & ~((2 * bias + 1) << fraction)) | ((bias - 1) << fraction)
    special = ops.logical_or(ops.equal(x, np.zeros((), x.dtype)), ops.logical_not(ops.isfinite(x)))
    parts = ops.where(special, x, ops.bitcast(mantissa, dtype=x.dtype))
    return parts, cast(ops.where(special, np.zeros((), bits), exponent), np.dtype("i4"))


def ldexp(x: Any, exponent: Any) -> Any:
    """x * 2 ** exponent, multiplied by three powers so that none overflows."""
    x = _wide(x)
    bits, fraction, bias = FORMATS[x.dtype]
    rest = np.clip(exponent, -3 * bias, 3 * bias).astype(bits)
    for _ in range(3):
        part = np.clip(rest, 1 - bias, bias)
        rest = rest - part
        x = x * ops.bitcast((part + bias) << fraction, dtype=x.dtype)
    return x
