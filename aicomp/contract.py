"""What a rewrite promises about the numbers it changes, and how to check the promise.

In: two arrays, before and after. Out: how they break the contract, or an empty string.

    Contract.EXACT.breach(before, after)              # "" where every bit agrees; any NaN equals any other
    Contract.REASSOCIATES.breach(before, after)       # "" within a few roundings of the largest element
"""

from __future__ import annotations

import enum
from typing import Any

import numpy as np

from .types import BFLOAT16, FLOAT16, FLOAT32, FLOAT64, is_float

Array = np.ndarray[Any, Any]

TOLERANCES = {BFLOAT16: 4e-2, FLOAT16: 5e-3, FLOAT32: 2e-4, FLOAT64: 1e-10}


class Contract(enum.Enum):
    """How far a rewrite may move the results, from the strictest."""

    EXACT = "exact"  # the same bits, for every input
    REASSOCIATES = "reassociates"  # the same real numbers, rounded in another order
    APPROXIMATES = "approximates"  # another formula for almost the same numbers

    def breach(self, before: Array, after: Array) -> str:
        """Return how `after` breaks the contract, seen from `before`; empty where it holds."""
        if before.shape != after.shape or before.dtype != after.dtype:
            return f"{before.dtype}{list(before.shape)} became {after.dtype}{list(after.shape)}"
        if self is Contract.EXACT or not is_float(before.dtype):
            wrong = ~same_bits(before, after)
            return f"{wrong.sum()} of {wrong.size} elements differ" if wrong.any() else ""
        return _far(before.astype(FLOAT64), after.astype(FLOAT64), TOLERANCES[before.dtype])


def same_bits(before: Array, after: Array) -> Array:
    """Return where two arrays of one dtype hold the same bits; every NaN is the same."""
    equal = np.equal(before, after)
    if not is_float(before.dtype):
        return np.asarray(equal)
    same_sign = np.signbit(before) == np.signbit(after)
    return np.asarray((equal & same_sign) | (np.isnan(before) & np.isnan(after)))


def _far(before: Array, after: Array, tolerance: float) -> str:
    finite = np.isfinite(before)
    if not np.array_equal(before[~finite], after[~finite], equal_nan=True):
        return "NaN or infinite elements differ"
    scale = np.abs(before[finite]).max(initial=1e-30)
    error = np.abs(after[finite] - before[finite]).max(initial=0.0) / scale
    return "" if error <= tolerance else f"off by {error:.1e} of the largest element, {tolerance:.0e} allowed"
