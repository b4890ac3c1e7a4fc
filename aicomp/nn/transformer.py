"""Transformer layers: multi-head attention, encoder and decoder layers; parameters named as in PyTorch.

In: x [N, L, width] (any number of leading axes: always batch first). Out: the same shape. A bool mask says which
keys take part (True), as `ops.attention` and PyTorch's scaled_dot_product_attention have it.

    nn.TransformerEncoderLayer(512, 8, activation="gelu", rng=rng)(x)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import sqrt
from types import MappingProxyType

from .. import ops
from ..errors import InputValueError
from .initial import Random, generator, uniform, zeros
from .layers import Linear
from .module import Module, Tensor
from .norm import LayerNorm

Function = Callable[[Tensor], Tensor]
ACTIVATIONS: Mapping[str, Function] = MappingProxyType({"relu": ops.relu, "gelu": ops.gelu, "silu": ops.silu})


class MultiHeadAttention(Module):
    """Attention of `num_heads` heads of embed_dim / num_heads; keys and values may have fewer heads (`num_kv_heads`).

    in_proj_weight holds the projections of queries, keys and values, one after the other.
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        bias: bool = True,
        num_kv_heads: int | None = None,
        *,
        rng: Random = None,
    ) -> None:
        self.num_heads = num_heads
        self.num_kv_heads = num_kv_heads or num_heads
        if embed_dim % num_heads or num_heads % self.num_kv_heads:
            raise InputValueError(f"{embed_dim} must be a multiple of {num_heads} heads, those of {num_kv_heads}")
        random, inner = generator(rng), embed_dim // num_heads * self.num_kv_heads
        self.sections = (embed_dim, inner, inner)
        rows = sum(self.sections)
        self.in_proj_weight = uniform(random, (rows, embed_dim), sqrt(6 / (rows + embed_dim)))
        self.in_proj_bias = zeros(rows) if bias else None
        self.out_proj = Linear(embed_dim, embed_dim, bias, rng=random)

    def __call__(
        self,
        query: Tensor,
        key: Tensor | None = None,
        value: Tensor | None = None,
        mask: Tensor | None = None,
        causal: bool = False,
    ) -> Tensor:
        """Return the attention of queries to keys and values: by default to the queries themselves and to the keys."""
        heads = (self.num_heads, self.num_kv_heads, self.num_kv_heads)
        q, k, v = (_split_heads(x, n) for x, n in zip(self._project(query, key, value), heads, strict=True))
        result = ops.attention(q, k, v, mask, causal=causal)
        return self.out_proj(_join_heads(result))

    def _project(self, query: Tensor, key: Tensor | None, value: Tensor | None) -> tuple[Tensor, ...]:
        """Return queries, keys and values; one product where all come from one tensor."""
        if key is None and value is None:
            joint = ops.linear(query, self.in_proj_weight, self.in_proj_bias)
            return tuple(ops.split(joint, sections=self.sections, axis=-1))
        key = query if key is None else key
        ends = (self.sections[0], self.sections[0] + self.sections[1])
        weights = self._parts(self.in_proj_weight, ends)
        biases = (None,) * 3 if self.in_proj_bias is None else self._parts(self.in_proj_bias, ends)
        sources = (query, key, key if value is None else value)
        return tuple(ops.linear(x, w, b) for x, w, b in zip(sources, weights, biases, strict=True))

    def _parts(self, array: Tensor, ends: tuple[int, int]) -> tuple[Tensor, ...]:
        return array[: ends[0]], array[ends[0] : ends[1]], array[ends[1] :]


def _split_heads(x: Tensor, heads: int) -> Tensor:
    """Return [..., L, heads * D] as [..., heads, L, D]."""
    *lead, length, width = x.shape
    split = ops.reshape(x, shape=(*lead, length, heads, width // heads))
    return ops.swapaxes(split, axis1=-3, axis2=-2)


def _join_heads(x: Tensor) -> Tensor:
    """Return [..., heads, L, D] as [..., L, heads * D]."""
    *lead, heads, length, width = x.shape
    return ops.reshape(ops.swapaxes(x, axis1=-3, axis2=-2), shape=(*lead, length, heads * width))


class TransformerLayer(Module):
    """What encoder and decoder layers share: self-attention, the feed-forward network, residuals around norms."""

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        activation: str | Function = "relu",
        layer_norm_eps: float = 1e-5,
        norm_first: bool = False,
        bias: bool = True,
        *,
        rng: Random = None,
    ) -> None:
        if isinstance(activation, str) and activation not in ACTIVATIONS:
            raise InputValueError(f"activation is {activation!r}, expected a function or {', '.join(ACTIVATIONS)}")
        self._activation = ACTIVATIONS[activation] if isinstance(activation, str) else activation
        self._norm_first = norm_first
        random = generator(rng)
        self.self_attn = MultiHeadAttention(d_model, nhead, bias, rng=random)
        self.linear1 = Linear(d_model, dim_feedforward, bias, rng=random)
        self.linear2 = Linear(dim_feedforward, d_model, bias, rng=random)
        self.norm1 = LayerNorm(d_model, layer_norm_eps, bias=bias)
        self.norm2 = LayerNorm(d_model, layer_norm_eps, bias=bias)

    def residual(self, x: Tensor, norm: Module, block: Function) -> Tensor:
        """Return x + block(norm(x)) if norms come first, else norm(x + block(x))."""
        if self._norm_first:
            return ops.add(x, block(norm(x)))
        return norm(ops.add(x, block(x)))

    def feed_forward(self, x: Tensor) -> Tensor:
        """Return linear2(activation(linear1(x)))."""
        return self.linear2(self._activation(self.linear1(x)))


class TransformerEncoderLayer(TransformerLayer):
    """Self-attention and a feed-forward network (Vaswani et al. 2017; `norm_first` is the pre-norm variant)."""

    def __call__(self, x: Tensor, mask: Tensor | None = None, causal: bool = False) -> Tensor:
        """Return the layer's outputs; the mask broadcasts to [N, heads, L, L]."""
        x = self.residual(x, self.norm1, lambda y: self.self_attn(y, mask=mask, causal=causal))
        return self.residual(x, self.norm2, self.feed_forward)


class TransformerDecoderLayer(TransformerLayer):
    """Causal self-attention, attention to an encoder's outputs (`memory`), a feed-forward network."""

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        activation: str | Function = "relu",
        layer_norm_eps: float = 1e-5,
        norm_first: bool = False,
        bias: bool = True,
        *,
        rng: Random = None,
    ) -> None:
        random = generator(rng)
        super().__init__(d_model, nhead, dim_feedforward, activation, layer_norm_eps, norm_first, bias, rng=random)
        self.multihead_attn = MultiHeadAttention(d_model, nhead, bias, rng=random)
        self.norm3 = LayerNorm(d_model, layer_norm_eps, bias=bias)

    def __call__(
        self,
        x: Tensor,
        memory: Tensor,
        mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        causal: bool = True,
    ) -> Tensor:
        """Return the layer's outputs; the masks broadcast to [N, heads, L, L] and [N, heads, L, S]."""
        x = self.residual(x, self.norm1, lambda y: self.self_attn(y, mask=mask, causal=causal))
        x = self.residual(x, self.norm2, lambda y: self.multihead_attn(y, memory, mask=memory_mask))
        return self.residual(x, self.norm3, self.feed_forward)
