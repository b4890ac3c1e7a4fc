"""Identities of slice, pad, concat and gather, all exact.

In the equations `b` is a broadcast.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from aicomp import ops
from aicomp.ir import Attrs
from aicomp.ops.symbol import Symbol
from aicomp.pattern import Match, Var, call, constant, inner, op, root
from aicomp.rewrite import Rule
from aicomp.types import Shape

from .views import reshaped

x = Var("x")
indices = Var("indices", constant)


def _slice_of_slice(match: Match) -> Symbol:
    outer, inner = match.root.attrs, match.node("inner").attrs
    pairs = list(zip(inner["starts"], inner["steps"], outer["starts"], outer["steps"], strict=True))
    starts = tuple(a + b * s for a, s, b, _ in pairs)
    steps = tuple(s * t for _, s, _, t in pairs)
    return call(ops.slice, match["x"], starts=starts, sizes=outer["sizes"], steps=steps)


def _slice_of_everything(match: Match) -> Symbol | None:
    whole = match.root.attrs["sizes"] == match["x"].shape
    return match["x"] if whole and all(step == 1 for step in match.root.attrs["steps"]) else None


def _slice_of_concat(match: Match) -> Symbol | None:
    """Return the slice of the one piece of a concat that it reads."""
    concat, cut = match.node("inner"), match.root.attrs
    axis = concat.attrs["axis"]
    ends = (cut["starts"][axis], cut["starts"][axis] + (cut["sizes"][axis] - 1) * cut["steps"][axis])
    offset = 0
    for piece in concat.inputs:
        if offset <= min(ends) and max(ends) < offset + piece.shape[axis]:
            starts = _with(cut["starts"], axis, cut["starts"][axis] - offset)
            source = Symbol(piece, match.root.loc)
            return call(ops.slice, source, starts=starts, sizes=cut["sizes"], steps=cut["steps"])
        offset += piece.shape[axis]
    return None


def _slice_of_broadcast(match: Match) -> Symbol:
    """Return the slice of what is broadcast; along axes of size 1 there is nothing to cut."""
    x, cut = match["x"], match.root.attrs
    front = match.node("inner").outputs[0].type.rank - x.ndim
    parts = list(zip(x.shape, *(cut[name][front:] for name in ("starts", "sizes", "steps")), strict=True))
    starts = tuple(0 if n == 1 else start for n, start, _, _ in parts)
    sizes = tuple(1 if n == 1 else size for n, _, size, _ in parts)
    steps = tuple(1 if n == 1 else step for n, _, _, step in parts)
    return call(ops.slice, x, starts=starts, sizes=sizes, steps=steps)


def _with(sizes: Shape, axis: int, size: int) -> Shape:
    return (*sizes[:axis], size, *sizes[axis + 1 :])


def _pad_by_nothing(match: Match) -> Symbol | None:
    attrs = match.root.attrs
    holes = (hole and n > 1 for hole, n in zip(attrs["interior"], match["x"].shape, strict=True))
    return None if any(attrs["low"]) or any(attrs["high"]) or any(holes) else match["x"]


def _pad_as_slice(match: Match) -> Symbol | None:
    attrs, x = match.root.attrs, match["x"]
    if any(attrs["interior"]) or max((*attrs["low"], *attrs["high"]), default=0) > 0:
        return None
    starts = tuple(-n for n in attrs["low"])
    return call(ops.slice, x, starts=starts, sizes=match.root.outputs[0].shape, steps=(1,) * x.ndim)


def _pad_of_pad(match: Match) -> Symbol | None:
    outer, inner = match.root.attrs, match.node("inner").attrs
    sizes = [*outer["low"], *outer["high"], *inner["low"], *inner["high"]]
    if any((*outer["interior"], *inner["interior"])) or min(sizes, default=0) < 0 or not _same_bits(outer, inner):
        return None
    low, high = (_sums(outer[name], inner[name]) for name in ("low", "high"))
    return call(ops.pad, match["x"], low=low, high=high, interior=inner["interior"], value=inner["value"])


def _same_bits(a: Attrs, b: Attrs) -> bool:
    return repr(a["value"]) == repr(b["value"])


def _sums(a: Sequence[int], b: Sequence[int]) -> Shape:
    return tuple(m + n for m, n in zip(a, b, strict=True))


def _concat_pieces(match: Match) -> Symbol | None:
    """Return a concat without empty pieces, nested concats spliced in and adjacent slices of one value joined."""
    axis = match.root.attrs["axis"]
    pieces: list[Symbol] = []
    for piece in match.inputs:
        _append(pieces, piece, axis)
    if len(pieces) > 1 and [piece.value for piece in pieces] == list(match.root.inputs):
        return None
    if not pieces:
        return match.inputs[0]
    return pieces[0] if len(pieces) == 1 else call(ops.concat, *pieces, axis=axis)


def _append(pieces: list[Symbol], piece: Symbol, axis: int) -> None:
    node = piece.value.node
    if node and node.op.name == "concat" and node.attrs["axis"] == axis:
        for part in node.inputs:
            _append(pieces, piece.wrap(part), axis)
        return
    joined = _joined(pieces[-1], piece, axis) if pieces else None
    if joined is not None:
        pieces[-1] = joined
    elif piece.shape[axis]:
        pieces.append(piece)


def _joined(first: Symbol, second: Symbol, axis: int) -> Symbol | None:
    """Return two slices of one value as one slice, where the second goes on along the axis where the first ends."""
    a, b = first.value.node, second.value.node
    if not (a and b and a.op.name == b.op.name == "slice" and a.inputs == b.inputs):
        return None
    end = a.attrs["starts"][axis] + a.attrs["sizes"][axis]
    size = a.attrs["sizes"][axis] + b.attrs["sizes"][axis]
    wanted = {
        "starts": _with(a.attrs["starts"], axis, end),
        "sizes": _with(a.attrs["sizes"], axis, b.attrs["sizes"][axis]),
    }
    follows = all(b.attrs[name] == value for name, value in wanted.items())
    if not follows or {*a.attrs["steps"], *b.attrs["steps"]} != {1}:
        return None
    sizes = _with(a.attrs["sizes"], axis, size)
    source = first.wrap(a.inputs[0])
    return call(ops.slice, source, starts=a.attrs["starts"], sizes=sizes, steps=a.attrs["steps"])


def _gather_as_slice(match: Match) -> Symbol | None:
    """Return a slice for a gather whose constant indices are evenly spaced and in range."""
    x, axis = match["x"], match.root.attrs["axis"]
    where = np.asarray(match.node("indices").attrs["value"], np.int64)
    flat = where.reshape(-1)
    n = x.shape[axis]
    if not flat.size or flat.min() < -n or flat.max() >= n:
        return None
    flat = np.where(flat < 0, flat + n, flat)
    step = int(flat[1] - flat[0]) if flat.size > 1 else 1
    if step == 0 or not np.array_equal(flat, flat[0] + step * np.arange(flat.size)):
        return None
    ones, zeros = (1,) * x.ndim, (0,) * x.ndim
    starts, steps = _with(zeros, axis, int(flat[0])), _with(ones, axis, step)
    cut = call(ops.slice, x, starts=starts, sizes=_with(x.shape, axis, flat.size), steps=steps)
    return reshaped(cut, match.root.outputs[0].shape)


RULES = (
    Rule("slice(x, everything) = x", op.slice(x), _slice_of_everything),
    Rule("slice(slice(x)) = slice(x)", op.slice(inner("slice")), _slice_of_slice),
    Rule("slice(concat(x, y)) = slice(x)", op.slice(root("concat").named("inner")), _slice_of_concat),
    Rule("slice(b(x)) = b(slice(x))", op.slice(inner("broadcast_to")), _slice_of_broadcast),
    Rule("pad(x, nothing) = x", op.pad(x), _pad_by_nothing),
    Rule("pad(x, negative) = slice(x)", op.pad(x), _pad_as_slice),
    Rule("pad(pad(x)) = pad(x)", op.pad(inner("pad")), _pad_of_pad),
    Rule("concat(concat(x, y), z) = concat(x, y, z)", root("concat"), _concat_pieces),
    Rule("gather(x, a ramp) = slice(x)", op.gather(x, indices), _gather_as_slice),
)
