"""Composites over reductions: means, variances, log-sum-exp, softmax, cumulative sums.

In: float tensors (cumulative sums: any number). Out: a tensor of the same dtype; 16-bit floats are computed in
float32 and rounded once. Reduced axes are kept until the end, so that each op is reductions and elementwise steps
over one iteration space: what fusion makes one kernel of.

    softmax(x, axis=-1)                # exp(x - max x) / sum exp(x - max x)
    var(x, axes=0, correction=1)
"""

from __future__ import annotations

from math import prod
from typing import Any

from ..errors import GraphError
from ..types import compute_dtype, is_float
from . import elementwise as ew
from . import movement as mv
from . import reduce as rd
from .base import normal_axes
from .comparison import isfinite
from .composite import composite
from .opaque import cumulative
from .symbol import Symbol
from .transcendental import exp, log


def widen(x: Symbol) -> Any:
    """Return x in the dtype arithmetic is done in. Raises GraphError unless it is a float."""
    if not is_float(x.dtype):
        raise GraphError(f"needs a float tensor, got {x.value.type}; cast it first")
    return ew.cast(x, dtype=compute_dtype(x.dtype)) if compute_dtype(x.dtype) != x.dtype else x


def narrow(x: Symbol, like: Symbol) -> Any:
    """Return x rounded to the dtype of another tensor."""
    return x if x.dtype == like.dtype else ew.cast(x, dtype=like.dtype)


def drop(x: Symbol, axes: rd.Axes, keepdims: bool) -> Any:
    """Return x, whose reduced axes have size 1, without them unless they are to be kept."""
    if keepdims:
        return x
    found = normal_axes(axes, x.ndim)
    return mv.reshape(x, shape=tuple(n for axis, n in enumerate(x.shape) if axis not in found))


def average(x: Symbol, axes: rd.Axes) -> Any:
    """Return the mean over axes, which stay with size 1; NaN of no elements."""
    count = prod(x.shape[axis] for axis in normal_axes(axes, x.ndim))
    return rd.reduce_sum(x, axes=axes, keepdims=True) / float(count)


def centred(x: Symbol, axes: rd.Axes) -> Any:
    """Return x less its mean over axes."""
    return x - average(x, axes)


@composite
def mean(x: Symbol, *, axes: rd.Axes = None, keepdims: bool = False) -> Any:
    """The arithmetic mean over axes (None: all); NaN of no elements."""
    return narrow(drop(average(widen(x), axes), axes, keepdims), x)


def variance(x: Symbol, axes: rd.Axes, correction: float) -> Any:
    """Return the mean square of the centred values, divided by their count less `correction`; axes are kept."""
    count = prod(x.shape[axis] for axis in normal_axes(axes, x.ndim))
    total = rd.reduce_sum(ew.square(centred(x, axes)), axes=axes, keepdims=True)
    return total / float(max(count - correction, 0))


@composite
def var(x: Symbol, *, axes: rd.Axes = None, keepdims: bool = False, correction: float = 0) -> Any:
    """The variance over axes: the mean is taken first, then the mean square of what differs from it (no cancellation).

    The sum of squares is divided by count - correction (0: population, 1: sample); by 0 where that is negative.
    """
    return narrow(drop(variance(widen(x), axes, correction), axes, keepdims), x)


@composite
def std(x: Symbol, *, axes: rd.Axes = None, keepdims: bool = False, correction: float = 0) -> Any:
    """The square root of the variance."""
    return narrow(drop(ew.sqrt(variance(widen(x), axes, correction)), axes, keepdims), x)


@composite
def logsumexp(x: Symbol, *, axes: rd.Axes = None, keepdims: bool = False) -> Any:
    """log(sum(exp(x))) without overflow: the largest value is taken out first, unless it is infinite.

    -inf of values that are all -inf, and of no values.
    """
    wide = widen(x)
    if not x.size:
        total = log(rd.reduce_sum(wide, axes=axes, keepdims=keepdims))
        return narrow(total, x)
    top = rd.reduce_max(wide, axes=axes, keepdims=True)
    shift = ew.where(isfinite(top), top, 0.0)
    total = log(rd.reduce_sum(exp(wide - shift), axes=axes, keepdims=True)) + shift
    return narrow(drop(total, axes, keepdims), x)


@composite
def softmax(x: Symbol, *, axis: int = -1) -> Any:
    """exp(x - max) / sum(exp(x - max)) along an axis; NaN where all are -inf, or one is inf or NaN."""
    if not x.size:
        return x
    wide = widen(x)
    powers = exp(wide - rd.reduce_max(wide, axes=axis, keepdims=True))
    return narrow(powers / rd.reduce_sum(powers, axes=axis, keepdims=True), x)


@composite
def log_softmax(x: Symbol, *, axis: int = -1) -> Any:
    """The logarithm of softmax, (x - max) - log(sum(exp(x - max))): exact where softmax itself underflows."""
    if not x.size:
        return x
    wide = widen(x)
    shifted = wide - rd.reduce_max(wide, axes=axis, keepdims=True)
    return narrow(shifted - log(rd.reduce_sum(exp(shifted), axes=axis, keepdims=True)), x)


@composite
def cumsum(x: Symbol, *, axis: int | None = None, exclusive: bool = False, reverse: bool = False) -> Any:
    """Running sums along an axis (None: of the flat tensor), in x's dtype.

    With `exclusive` an element's own value is left out; with `reverse` the sum runs from the end.
    """
    return _running("sum", x, axis, exclusive, reverse)


@composite
def cumprod(x: Symbol, *, axis: int | None = None, exclusive: bool = False, reverse: bool = False) -> Any:
    """Running products along an axis (None: of the flat tensor), in x's dtype; see cumsum."""
    return _running("prod", x, axis, exclusive, reverse)


def _running(kind: str, x: Symbol, axis: int | None, exclusive: bool, reverse: bool) -> Any:
    flat = mv.reshape(x, shape=(-1,)) if axis is None else x
    return cumulative(flat, kind=kind, axis=axis or 0, exclusive=exclusive, reverse=reverse)
