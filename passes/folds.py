"""Identities of reductions, windows and convolutions, all exact.

In the equations `r` is a reshape, `fold` a reduction.
"""

from __future__ import annotations

import numpy as np

from aicomp import ops
from aicomp.ir import Attrs
from aicomp.ops.reduce import folded
from aicomp.ops.symbol import Symbol
from aicomp.pattern import Match, Var, any_of, call, inner, op
from aicomp.rewrite import Rule
from aicomp.types import Shape, is_float

from .views import reshaped

x, y = Var("x"), Var("y")
REDUCTIONS = ("sum", "prod", "max", "min", "any", "all")
POSITIONS = ("argmax", "argmin")


def _fold_of_ones(match: Match) -> Symbol | None:
    """Return x where only axes of size 1 are folded."""
    if any(match["x"].shape[axis] != 1 for axis in match.root.attrs["axes"]):
        return None
    result = reshaped(match["x"], match.root.outputs[0].shape)
    return _from_zero(result) if match.root.op.name == "sum" else result


def _from_zero(x: Symbol) -> Symbol:
    """Return the sum of one term, which starts at 0.0 and so is never -0.0."""
    return call(ops.add, x, 0.0) if is_float(x.dtype) else x


def _fold_of_fold(match: Match) -> Symbol | None:
    """Return one reduction over the axes of both, where the order of folding does not matter."""
    if match.root.op.name in ("sum", "prod") and is_float(match["x"].dtype):
        return None
    return merged(match)


def merged(match: Match) -> Symbol | None:
    """Return one reduction for a reduction of one; None where they are not of one kind."""
    outer, first = match.root, match.node("inner")
    keepdims = outer.attrs["keepdims"]
    if first.op is not outer.op or first.attrs["keepdims"] != keepdims:
        return None
    folded_first = first.attrs["axes"]
    left = [axis for axis in range(match["x"].ndim) if keepdims or axis not in folded_first]
    axes = sorted({*folded_first, *(left[axis] for axis in outer.attrs["axes"])})
    return call(outer.op, match["x"], axes=tuple(axes), keepdims=keepdims)


def _fold_in_shape(match: Match) -> Symbol | None:
    """Return a reduction that keeps, or drops, the folded axes itself, as the reshape after it wants."""
    inner, wanted = match.node("inner"), match.root.outputs[0].shape
    axes = inner.attrs["axes"] if "axes" in inner.attrs else (inner.attrs["axis"],)
    keepdims = not inner.attrs["keepdims"]
    if folded(match["x"].shape, axes, keepdims) != wanted:
        return None
    return call(inner.op, match["x"], **{**inner.attrs, "keepdims": keepdims})


def _window_of_one(match: Match) -> Symbol | None:
    attrs, result = match.root.attrs, match.root.outputs[0]
    if any(n != 1 for n in attrs["window"]) or any(map(any, attrs["padding"])):
        return None
    zeros = (0,) * result.type.rank
    cut = call(ops.slice, match["x"], starts=zeros, sizes=result.shape, steps=attrs["strides"])
    return _from_zero(cut) if attrs["kind"] == "sum" else cut


def _padding_into_conv(match: Match) -> Symbol | None:
    """Return a conv that pads with zeros itself."""
    pad, conv = match.node("inner").attrs, match.root.attrs
    axes = slice(1, -1) if conv["channels_last"] else slice(2, None)
    others = [n for name in ("low", "high") for n in _outside(pad[name], axes)]
    if any(others) or not _is_padding(pad, 0.0 if match["x"].dtype.kind not in "iub" else 0):
        return None
    return call(match.root.op, match["x"], match["y"], **{**conv, "padding": _wider(conv, pad, axes)})


def _padding_into_window(match: Match) -> Symbol | None:
    """Return a window reduction that pads with the identity itself."""
    pad, window = match.node("inner").attrs, match.root.attrs
    identity = {"max": -np.inf, "sum": 0.0}[window["kind"]]
    if not _is_padding(pad, identity):
        return None
    return call(match.root.op, match["x"], **{**window, "padding": _wider(window, pad, slice(None))})


def _is_padding(pad: Attrs, value: float) -> bool:
    return repr(pad["value"]) == repr(value) and not any(pad["interior"]) and min((*pad["low"], *pad["high"])) >= 0


def _outside(sizes: Shape, axes: slice) -> list[int]:
    inside = range(len(sizes))[axes]
    return [n for axis, n in enumerate(sizes) if axis not in inside]


def _wider(attrs: Attrs, pad: Attrs, axes: slice) -> tuple[tuple[int, int], ...]:
    parts = zip(attrs["padding"], pad["low"][axes], pad["high"][axes], strict=True)
    return tuple((low + more, high + above) for (low, high), more, above in parts)


RULES = (
    Rule("fold(x) = r(x) over axes of size 1", any_of(REDUCTIONS, x), _fold_of_ones),
    Rule("fold(fold(x)) = fold(x)", any_of(REDUCTIONS, any_of(REDUCTIONS, x).named("inner")), _fold_of_fold),
    Rule(
        "r(fold(x)) = fold(x, keepdims)",
        op.reshape(any_of((*REDUCTIONS, *POSITIONS), x).named("inner")),
        _fold_in_shape,
    ),
    Rule("window(x, 1) = slice(x)", op.reduce_window(x), _window_of_one),
    Rule("conv(pad(x), w) = conv(x, w, padding)", op.conv(inner("pad"), y), _padding_into_conv),
    Rule("window(pad(x)) = window(x, padding)", op.reduce_window(inner("pad")), _padding_into_window),
)
