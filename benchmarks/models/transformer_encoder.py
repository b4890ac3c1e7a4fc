"""A transformer encoder (Vaswani et al., 2017): 4 layers, 256 wide, 4 heads, f32[1,128,256] to the same."""

from __future__ import annotations

import numpy as np

import aicomp as ac
from aicomp import nn

WIDTH, HEADS, DEPTH = 256, 4, 4
example_inputs = (ac.TensorSpec((1, 128, WIDTH), "float32", "x"),)

rng = np.random.default_rng(0)
layers = [nn.TransformerEncoderLayer(WIDTH, HEADS, 4 * WIDTH, activation="gelu", rng=rng) for _ in range(DEPTH)]
network = nn.Sequential(*layers)


def model(x):
    """Return the encoded sequence."""
    return network(x)
