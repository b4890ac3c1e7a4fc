"""LeNet-5 (LeCun et al., 1998) with ReLU and max pooling: images f32[1,1,28,28] to scores f32[1,10]."""

from __future__ import annotations

import numpy as np

import aicomp as ac
from aicomp import nn

example_inputs = (ac.TensorSpec((1, 1, 28, 28), "float32", "x"),)

rng = np.random.default_rng(0)
network = nn.Sequential(
    nn.Conv2d(1, 6, 5, padding=2, rng=rng),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Conv2d(6, 16, 5, rng=rng),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Flatten(),
    nn.Linear(16 * 5 * 5, 120, rng=rng),
    nn.ReLU(),
    nn.Linear(120, 84, rng=rng),
    nn.ReLU(),
    nn.Linear(84, 10, rng=rng),
)


def model(x):
    """Return the scores of ten classes."""
    return network(x)
