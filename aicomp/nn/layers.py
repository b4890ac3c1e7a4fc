"""Layers without a family of their own: linear, embedding, containers, and those that only change the shape.

In and out: tensors; a layer that has weights takes its sizes first, and `rng`.

    nn.Sequential(nn.Flatten(), nn.Linear(784, 100, rng=rng), nn.ReLU(), nn.Linear(100, 10, rng=rng))
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from .. import ops
from .initial import Array, Random, fan_in_uniform, generator, normal
from .module import Module, Tensor


class Linear(Module):
    """x @ weight.T + bias: [..., in_features] -> [..., out_features]."""

    def __init__(self, in_features: int, out_features: int, bias: bool = True, *, rng: Random = None) -> None:
        shapes = (out_features, in_features), (out_features,)
        self.weight, *rest = fan_in_uniform(generator(rng), *shapes[: 2 if bias else 1])
        self.bias: Array | None = rest[0] if rest else None

    def __call__(self, x: Tensor) -> Tensor:
        """Return the layer's outputs."""
        return ops.linear(x, self.weight, self.bias)


class Embedding(Module):
    """weight[indices]: integers [...] -> [..., embedding_dim]."""

    def __init__(self, num_embeddings: int, embedding_dim: int, *, rng: Random = None) -> None:
        self.weight = normal(generator(rng), (num_embeddings, embedding_dim))

    def __call__(self, indices: Tensor) -> Tensor:
        """Return the rows of the table."""
        return ops.embedding(indices, self.weight)


class Sequential(Module):
    """Layers one after the other; their parameters are named `0.weight`, `1.weight`, ..."""

    def __init__(self, *layers: Module) -> None:
        for i, layer in enumerate(layers):
            setattr(self, str(i), layer)

    def __iter__(self) -> Iterator[Module]:
        return iter(vars(self).values())

    def __len__(self) -> int:
        return len(vars(self))

    def __getitem__(self, index: int) -> Module:
        layer: Module = list(self)[index]
        return layer

    def __call__(self, x: Tensor) -> Tensor:
        """Return the last layer's output."""
        for layer in self:
            x = layer(x)
        return x


class Flatten(Module):
    """Join the axes from `start` to `end` into one."""

    def __init__(self, start: int = 1, end: int = -1) -> None:
        self.start = start
        self.end = end

    def __call__(self, x: Tensor) -> Tensor:
        """Return x with the axes joined."""
        rank = len(x.shape)
        start, end = self.start % rank, self.end % rank
        return ops.reshape(x, shape=(*x.shape[:start], prod(x.shape[start : end + 1]), *x.shape[end + 1 :]))


class Identity(Module):
    """x itself."""

    def __call__(self, x: Tensor) -> Tensor:
        """Return x."""
        return x


class Dropout(Module):
    """x itself: dropout drops nothing at inference. `p` is kept for models that are trained elsewhere."""

    def __init__(self, p: float = 0.5) -> None:
        self.p = p

    def __call__(self, x: Tensor) -> Tensor:
        """Return x."""
        return x
