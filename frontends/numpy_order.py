"""NumPy's functions about order, under NumPy's names and signatures: sorting, searching, medians and quantiles.

In: tracers. Out: tracers; sorts are stable, NaN counts as the largest.
"""

from __future__ import annotations

from math import prod
from typing import Any, Literal

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from aicomp import ops
from aicomp.types import BOOL, FLOAT64, INT64, is_float

from .numpy_picking import take
from .numpy_reductions import axes_of, count_nonzero, mean
from .promotion import array, cast, is_inexact, is_number, is_traced, promote


def sort(a: Any, axis: int | None = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> Any:
    """The elements in ascending order along an axis."""
    if axis is None:
        a, axis = np.ravel(a), 0
    return ops.sort(a, axis=normalize_axis_index(axis, a.ndim))


def argsort(a: Any, axis: int | None = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> Any:
    """The positions that sort the elements along an axis."""
    if axis is None:
        a, axis = np.ravel(a), 0
    return ops.argsort(a, axis=normalize_axis_index(axis, a.ndim))


def partition(a: Any, kth: Any, axis: int | None = -1, kind: str = "introselect", order: Any = None) -> Any:
    """The elements along an axis in sorted order, which puts the kth where it belongs."""
    return sort(a, axis)


def argpartition(a: Any, kth: Any, axis: int | None = -1, kind: str = "introselect", order: Any = None) -> Any:
    """The positions that sort the elements along an axis."""
    return argsort(a, axis)


def searchsorted(a: Any, v: Any, side: Literal["left", "right"] = "left", sorter: Any = None) -> Any:
    """Where to insert v into sorted a: before equal elements, or after, by binary search."""
    if side not in ("left", "right"):
        raise ValueError(f"side must be 'left' or 'right', got {side!r}")
    table, wanted = promote(array(a) if sorter is None else take(a, sorter), array(v))
    length = table.shape[0]
    if not (is_traced(table) or is_traced(wanted)):
        return np.searchsorted(table, wanted, side)
    position: Any = np.zeros(wanted.shape, INT64)
    for bit in reversed(range(length.bit_length())):
        after = position + (1 << bit)
        probe = take(table, np.minimum(after, length) - 1)
        below = _before(probe, wanted) if side == "left" else np.logical_not(_before(wanted, probe))
        position = np.where(np.logical_and(after <= length, below), after, position)
    return position


def _before(x: Any, y: Any) -> Any:
    """Return x < y in the order of sorting: NaN is the largest."""
    if not is_float(x.dtype):
        return np.less(x, y)
    return np.logical_or(np.less(x, y), np.logical_and(np.isnan(y), np.logical_not(np.isnan(x))))


def digitize(x: Any, bins: Any, right: bool = False) -> Any:
    """The number of the bin of each element; bins are sorted, either way."""
    edges = array(bins)
    if is_traced(edges) or bool(np.all(np.diff(edges) >= 0)):
        return searchsorted(edges, x, "left" if right else "right")
    return len(edges) - searchsorted(edges[::-1], x, "left" if right else "right")


def median(a: Any, axis: Any = None, out: None = None, overwrite_input: bool = False, keepdims: Any = False) -> Any:
    """The middle of the sorted elements over axes, or the mean of the middle two; NaN where there is one."""
    ordered = _merged(a, axis)
    n = ordered.shape[-1]
    middle = mean(ordered[..., (n - 1) // 2 : n // 2 + 1], -1)
    return _keep(_poisoned(middle, ordered), a, axis, keepdims)


def nanmedian(a: Any, axis: Any = None, out: None = None, overwrite_input: bool = False, keepdims: Any = False) -> Any:
    """The median of the elements that are not NaN."""
    if not is_float(a.dtype):
        return median(a, axis, keepdims=keepdims)
    ordered = _merged(a, axis)
    if not ordered.shape[-1]:
        return median(a, axis, keepdims=keepdims)
    count = count_nonzero(np.logical_not(np.isnan(ordered)), -1, keepdims=True)
    middle = [np.maximum((count - 1) // 2, 0), count // 2 * (count > 0)]
    pair = [np.take_along_axis(ordered, each, -1) for each in middle]
    return _keep(mean(np.concatenate(pair, -1), -1), a, axis, keepdims)


def _merged(a: Any, axis: Any) -> Any:
    """Return the elements sorted along one last axis, which holds those of all axes given."""
    axes = axes_of(a, axis)
    moved = np.moveaxis(a, axes, range(a.ndim - len(axes), a.ndim))
    return sort(moved.reshape((*moved.shape[: a.ndim - len(axes)], prod(a.shape[i] for i in axes))))


def _poisoned(result: Any, ordered: Any) -> Any:
    """Return the result, NaN where an element is: it is sorted to the end."""
    if not is_float(ordered.dtype) or not ordered.shape[-1]:
        return result
    return np.where(np.isnan(ordered[..., -1]), np.asarray(np.nan, result.dtype), result)


def _keep(result: Any, a: Any, axis: Any, keepdims: Any) -> Any:
    if not keepdims or keepdims is np._NoValue:
        return result
    axes = axes_of(a, axis)
    return result.reshape(tuple(1 if i in axes else n for i, n in enumerate(a.shape)))


def quantile(
    a: Any, q: Any, axis: Any = None, out: None = None, overwrite_input: bool = False,
    method: str = "linear", keepdims: Any = False,
) -> Any:  # fmt: skip
    """The q-th quantiles (q constant, 0 to 1) over axes; the methods are linear, lower, higher, midpoint, nearest."""
    if is_traced(q):
        raise TypeError("q must be constant")
    levels = np.asarray(q, a.dtype if is_number(q) and is_inexact(a.dtype) else None)
    if np.any(levels < 0) or np.any(levels > 1):
        raise ValueError("Quantiles must be in the range [0, 1]")
    ordered = _merged(a, axis)
    found = [_keep(_at_level(ordered, level, method), a, axis, keepdims) for level in levels.reshape(-1)]
    return np.stack(found).reshape((*levels.shape, *found[0].shape)) if levels.ndim else found[0]


def percentile(
    a: Any, q: Any, axis: Any = None, out: None = None, overwrite_input: bool = False,
    method: str = "linear", keepdims: Any = False,
) -> Any:  # fmt: skip
    """The q-th percentiles (q constant, 0 to 100) over axes."""
    level = np.true_divide(np.asarray(q, a.dtype if is_number(q) and is_inexact(a.dtype) else None), 100)
    return quantile(a, level, axis, method=method, keepdims=keepdims)


ROUNDING = {"lower": np.floor, "higher": np.ceil, "nearest": np.rint}


def _at_level(ordered: Any, level: Any, method: str) -> Any:
    """Return the elements at a fractional position of sorted rows, interpolated as NumPy does."""
    position = (ordered.shape[-1] - 1) * level
    if method in ROUNDING:
        return _poisoned(ordered[..., int(ROUNDING[method](position))], ordered)
    if method not in ("linear", "midpoint"):
        raise ValueError(f"method {method!r} is not supported; linear, midpoint, lower, higher and nearest are")
    if ordered.dtype == BOOL:
        raise TypeError("quantiles of booleans are not defined, as their differences are not")
    low, high = ordered[..., int(np.floor(position))], ordered[..., int(np.ceil(position))]
    share = position - np.floor(position)
    if method == "midpoint":
        share = share.dtype.type(0.5 if share else 0)
    if not is_inexact(ordered.dtype):
        low, high = cast(low, FLOAT64), cast(high, FLOAT64)
    step = high - low
    between = low + step * share if share < 0.5 else high - step * (1 - share)
    return _poisoned(between, ordered)


def interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: None = None) -> Any:
    """The piecewise linear function through the points (xp, fp) at x, in float64; constant outside."""
    if period is not None:
        raise TypeError("period= is not supported")
    x, xp, fp = (cast(array(each), FLOAT64) for each in (x, xp, fp))
    last = xp.shape[0] - 1
    segment = np.clip(searchsorted(xp, x, "right") - 1, 0, max(last - 1, 0))
    x0, x1 = (take(xp, each) for each in (segment, np.minimum(segment + 1, last)))
    y0, y1 = (take(fp, each) for each in (segment, np.minimum(segment + 1, last)))
    inside = (y1 - y0) / (x1 - x0) * (x - x0) + y0
    inside = np.where(np.equal(x, x1), y1, inside) if last else y0
    below = np.where(x < xp[0], fp[0] if left is None else left, inside)
    return np.where(x > xp[last], fp[last] if right is None else right, below)


def isin(
    element: Any, test_elements: Any, assume_unique: bool = False, invert: bool = False, *, kind: Any = None
) -> Any:
    """Whether each element is among others."""
    wanted = np.ravel(array(test_elements))
    found = np.any(np.equal(array(element)[..., None], wanted), axis=-1)
    return np.logical_not(found) if invert else found
