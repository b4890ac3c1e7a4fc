"""A decoder-only transformer as of GPT-2 (Radford et al., 2019): tokens i64[1,64] to scores f32[1,64,1000]."""

from __future__ import annotations

import numpy as np

import aicomp as ac
from aicomp import nn

LENGTH, WORDS, WIDTH, HEADS, DEPTH = 64, 1000, 256, 4, 4
example_inputs = (ac.TensorSpec((1, LENGTH), "int64", "tokens"),)


class Decoder(nn.Module):
    """Embeddings of words and positions, layers of causal self-attention, scores of the next word."""

    def __init__(self, rng):
        self.words = nn.Embedding(WORDS, WIDTH, rng=rng)
        self.positions = nn.Embedding(LENGTH, WIDTH, rng=rng)
        self.layers = [
            nn.TransformerEncoderLayer(WIDTH, HEADS, 4 * WIDTH, activation="gelu", norm_first=True, rng=rng)
            for _ in range(DEPTH)
        ]
        self.norm = nn.LayerNorm(WIDTH)

    def __call__(self, tokens):
        x = self.words(tokens) + self.positions(np.arange(LENGTH))
        for layer in self.layers:
            x = layer(x, causal=True)
        return self.norm(x) @ self.words.weight.T


network = Decoder(np.random.default_rng(0))


def model(tokens):
    """Return the scores of the next word at every position."""
    return network(tokens)
