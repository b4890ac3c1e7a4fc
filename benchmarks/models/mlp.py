"""A multilayer perceptron, 784-1024-1024-10, batch 64, in plain NumPy: images f32[64,784] to scores f32[64,10]."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

import aicomp as ac

SIZES = (784, 1024, 1024, 10)
example_inputs = (ac.TensorSpec((64, 784), "float32", "x"),)

rng = np.random.default_rng(0)
LAYERS = [
    (rng.standard_normal((n, m), dtype=np.float32) / np.float32(np.sqrt(n)), rng.standard_normal(m, dtype=np.float32))
    for n, m in pairwise(SIZES)
]


def model(x: Any) -> Any:
    """Return the scores of ten classes."""
    *hidden, (weights, bias) = LAYERS
    for w, b in hidden:
        x = np.maximum(x @ w + b, 0)
    return x @ weights + bias
