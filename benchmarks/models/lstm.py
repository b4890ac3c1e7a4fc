"""A language model's core: two LSTM layers of 512 over 64 steps, x f32[1,64,512] to f32[1,64,512]."""

from __future__ import annotations

import aicomp as ac
from aicomp import nn

example_inputs = (ac.TensorSpec((1, 64, 512), "float32", "x"),)
network = nn.LSTM(512, 512, num_layers=2, batch_first=True, rng=0)


def model(x):
    """Return the outputs of the last layer at each step."""
    outputs, _ = network(x)
    return outputs
