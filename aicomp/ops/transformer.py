"""What transformers are made of, as composites: scaled dot-product attention, rotary positions, embedding tables.

In: queries, keys and values [..., heads, length, width], float. Out: a tensor of the queries' layout and dtype;
16-bit floats are computed in float32 and rounded once.

    attention(q, k, v, causal=True)              # f32[2,8,10,64] of q f32[2,8,10,64], k, v f32[2,2,10,64]
    embedding(ids, table)                        # table[ids]
"""

from __future__ import annotations

from math import inf, sqrt
from typing import Any

from ..errors import GraphError
from ..types import BOOL
from . import elementwise as ew
from . import movement as mv
from . import reduce as rd
from .base import broadcast_shapes
from .comparison import equal
from .composite import composite
from .contract import matmul
from .indexing import lower_triangle
from .lookup import gather
from .shaping import along, stack, with_axis
from .statistics import narrow, softmax, widen
from .symbol import Symbol
from .transcendental import exp


@composite
def embedding(indices: Symbol, table: Symbol) -> Any:
    """The rows table[indices]: indices [...], table [V, D] -> [..., D]; an index out of range fails at run time."""
    if table.ndim != 2:
        raise GraphError(f"table has shape {table.shape}, expected [rows, width]")
    return gather(table, indices, axis=0)


@composite
def attention(
    q: Symbol,
    k: Symbol,
    v: Symbol,
    mask: Symbol | None = None,
    *,
    causal: bool = False,
    scale: float | None = None,
) -> Any:
    """softmax(q @ k.T * scale + mask) @ v: q [..., H, L, D], k [..., G, S, D], v [..., G, S, E] -> [..., H, L, E].

    H is a multiple of G: queries of H / G heads in a row share keys and values. The mask broadcasts to [..., H, L, S]:
    bool (True takes part) or float (added). With `causal`, query i sees keys 0 to i. `scale` is 1 / sqrt(D) unless
    given. A query that a bool or float mask bars from every key gets zeros (PyTorch since 2.5).
    """
    heads = _grouped_heads(q, k, v)
    stacked = _rows(widen(q), heads)
    scores = matmul(stacked, _transposed(widen(k))) * (1 / sqrt(q.shape[-1] or 1) if scale is None else scale)
    scores = mv.reshape(scores, shape=(*q.shape[:-1], k.shape[-2]))
    weights = mv.reshape(_weights(scores, mask, causal), shape=(*stacked.shape[:-1], k.shape[-2]))
    result = matmul(weights, widen(v))
    return narrow(mv.reshape(result, shape=(*q.shape[:-1], v.shape[-1])), q)


def _grouped_heads(q: Symbol, k: Symbol, v: Symbol) -> int:
    """Return the number of heads of keys and values. Raises GraphError where shapes do not fit."""
    ranks = min(q.ndim, k.ndim, v.ndim), max(q.ndim, k.ndim, v.ndim)
    fits = ranks[0] == ranks[1] >= 2 and q.shape[-1] == k.shape[-1] and k.shape[:-1] == v.shape[:-1]
    heads = k.shape[-3] if ranks[0] > 2 else 1
    if not fits or q.shape[:-3] != k.shape[:-3] or (ranks[0] > 2 and (not heads or q.shape[-3] % heads)):
        shapes = f"q {q.shape}, k {k.shape}, v {v.shape}"
        raise GraphError(f"{shapes} do not fit [..., H, L, D], [..., G, S, D], [..., G, S, E], H a multiple of G")
    return heads


def _rows(q: Symbol, heads: int) -> Any:
    """Return queries with those of heads that share keys stacked: [..., G, H / G * L, D]."""
    if q.ndim == 2 or q.shape[-3] == heads:
        return q
    return mv.reshape(q, shape=(*q.shape[:-3], heads, q.shape[-3] // heads * q.shape[-2], q.shape[-1]))


def _transposed(x: Symbol) -> Any:
    return mv.transpose(x, perm=(*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))


def _weights(scores: Symbol, mask: Symbol | None, causal: bool) -> Any:
    """Return the softmax of scores over keys after masking."""
    if causal:
        scores = ew.where(lower_triangle(scores, scores.shape), scores, -inf)
    if mask is None:
        return softmax(scores, axis=-1)
    if broadcast_shapes([mask.shape, scores.shape]) != scores.shape:
        raise GraphError(f"the mask has shape {mask.shape}, which does not broadcast to {scores.shape}")
    masked = ew.where(mask, scores, -inf) if mask.dtype == BOOL else scores + widen(mask)
    return _softmax_or_zeros(masked) if masked.size else masked


def _softmax_or_zeros(scores: Symbol) -> Any:
    """Return softmax over the last axis, zeros where all are -inf.

    Where any is not, the powers' sum is at least exp(0) = 1: the maximum with 1 changes it only where it is 0.
    """
    top = rd.reduce_max(scores, axes=-1, keepdims=True)
    powers = exp(scores - ew.where(equal(top, -inf), 0.0, top))
    return powers / ew.maximum(rd.reduce_sum(powers, axes=-1, keepdims=True), 1.0)


@composite
def rotary_embedding(x: Symbol, cos: Symbol, sin: Symbol, *, interleaved: bool = False) -> Any:
    """Rotate pairs of elements of x [..., L, D] by angles with those cosines and sines, [..., L, R / 2] (RoFormer).

    Pairs are (i, i + R / 2), or (2 i, 2 i + 1) where interleaved; elements from R on stay as they are.
    """
    half = cos.shape[-1] if cos.ndim else 0
    if cos.shape != sin.shape or not 0 < 2 * half <= (x.shape[-1] if x.ndim else 0):
        raise GraphError(f"x {x.shape}, cos {cos.shape}, sin {sin.shape} do not fit [..., L, D] and [..., L, R / 2]")
    last = x.ndim - 1
    wide, c, s = widen(x), widen(cos), widen(sin)
    turned = along(wide, last, 0, 2 * half)
    if interleaved:
        pairs = mv.reshape(turned, shape=with_axis(turned.shape, last, half, 2))
        a, b = (mv.reshape(along(pairs, last + 1, i, 1), shape=pairs.shape[:-1]) for i in range(2))
        rotated = mv.reshape(stack(a * c - b * s, b * c + a * s, axis=-1), shape=turned.shape)
    else:
        a, b = along(turned, last, 0, half), along(turned, last, half, half)
        rotated = mv.concat(a * c - b * s, b * c + a * s, axis=last)
    rest = x.shape[-1] - 2 * half
    whole = mv.concat(rotated, along(wide, last, 2 * half, rest), axis=last) if rest else rotated
    return narrow(whole, x)
