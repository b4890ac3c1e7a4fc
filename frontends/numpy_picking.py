"""NumPy's functions that pick elements by position, under NumPy's names and signatures.

In: arrays and positions, either of them traced. Out: tracers, through gathers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from aicomp import ops

from .promotion import array, is_traced


def take(a: Any, indices: Any, axis: int | None = None, mode: str = "raise") -> Any:
    """The slices at positions along an axis; of all elements without one."""
    a, indices = array(a), array(indices)
    if axis is None:
        a, axis = np.ravel(a), 0
    at = normalize_axis_index(axis, a.ndim)
    if mode == "wrap":
        indices = np.remainder(indices, a.shape[at])
    elif mode == "clip":
        indices = np.clip(indices, 0, a.shape[at] - 1)
    return ops.gather(a, indices, axis=at)


def take_along_axis(arr: Any, indices: Any, axis: int | None = -1) -> Any:
    """One element for each position along an axis."""
    arr, indices = array(arr), array(indices)
    if axis is None:
        arr, axis = np.ravel(arr), 0
    return ops.take_along_axis(arr, indices, axis=normalize_axis_index(axis, arr.ndim))


def compress(condition: Any, a: Any, axis: int | None = None) -> Any:
    """The slices along an axis where a constant condition holds."""
    return take(a, np.flatnonzero(_constant(condition)), axis)


def extract(condition: Any, arr: Any) -> Any:
    """The elements where a constant condition holds."""
    return take(arr, np.flatnonzero(_constant(condition)))


def _constant(condition: Any) -> Any:
    if is_traced(condition):
        raise TypeError("a traced condition selects an unknown number of elements; use np.where(condition, a, b)")
    return np.asarray(condition)
