"""Whether two runs of a model agree.

In: the outputs of both, and tolerances or None. Out: for each output the largest difference and a verdict.

    compare(specs, expected, got, rtol=1e-4)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..contract import Contract
from ..types import TensorSpec

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Agreement:
    """What the comparison of one output found; `breach` is empty where it agrees."""

    output: str
    type: str
    largest_difference: float
    breach: str

    def row(self) -> dict[str, object]:
        """Return the finding as a row of a table."""
        difference = f"{self.largest_difference:.3g}"
        return {
            "output": self.output,
            "type": self.type,
            "largest difference": difference,
            "verdict": self.breach or "agrees",
        }


def compare(
    specs: Sequence[TensorSpec],
    expected: Sequence[Array],
    got: Sequence[Array],
    rtol: float | None = None,
    atol: float | None = None,
) -> list[Agreement]:
    """Return a finding for each output.

    Without tolerances, floats may differ by a few roundings of the largest element; others must be equal.
    """
    pairs = zip(specs, expected, got, strict=True)
    return [Agreement(s.name, str(s.type), difference(a, b), breach(a, b, rtol, atol)) for s, a, b in pairs]


def difference(expected: Array, got: Array) -> float:
    """Return the largest absolute difference of elements; infinite where the shapes differ."""
    if expected.shape != got.shape:
        return float("inf")
    with np.errstate(invalid="ignore"):
        gap = np.abs(expected.astype(np.float64) - got.astype(np.float64))
    return float(np.nanmax(gap, initial=0.0))


def breach(expected: Array, got: Array, rtol: float | None, atol: float | None) -> str:
    """Return how the two differ beyond the tolerances; empty where they do not."""
    if (rtol is None and atol is None) or expected.shape != got.shape or expected.dtype != got.dtype:
        return Contract.APPROXIMATES.breach(expected, got)
    wide, other = expected.astype(np.float64), got.astype(np.float64)
    close = np.isclose(other, wide, rtol=rtol or 0.0, atol=atol or 0.0, equal_nan=True)
    return "" if close.all() else f"{(~close).sum()} of {close.size} elements differ"
