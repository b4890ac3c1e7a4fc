"""Composites that order elements: sort and top_k, an argsort and a gather.

In: a tensor. Out: its elements in order along an axis; equal ones keep their order, NaN counts as the largest.

    top_k(x, k=3)                      # values f32[...,3], indices i64[...,3]
"""

from __future__ import annotations

from typing import Any

from ..errors import GraphError
from .base import normal_axis
from .composite import composite
from .lookup import gather_elements
from .opaque import argsort
from .symbol import Symbol


@composite
def sort(x: Symbol, *, axis: int = -1, descending: bool = False) -> Any:
    """The elements in ascending order along an axis, NaN last; or in descending order, NaN first."""
    return gather_elements(x, argsort(x, axis=axis, descending=descending), axis=axis)


@composite
def top_k(x: Symbol, *, k: int, axis: int = -1, largest: bool = True) -> tuple[Any, Any]:
    """The k largest (or smallest) elements along an axis in order, and their int64 positions; the first of equals."""
    found = normal_axis(axis, x.ndim)
    if not 0 <= k <= x.shape[found]:
        raise GraphError(f"k is {k}, but axis {axis} has {x.shape[found]} elements")
    indices = argsort(x, axis=found, descending=largest, count=k)
    return gather_elements(x, indices, axis=found), indices
