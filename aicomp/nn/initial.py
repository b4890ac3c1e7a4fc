"""Initial weights: uniform and normal float32 arrays from a seeded generator.

In: a shape and a `np.random.Generator`, a seed, or None (seed 0). Out: float32 arrays, the same for the same seed.
"""

from __future__ import annotations

from math import prod, sqrt
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Random = np.random.Generator | int | None


def generator(rng: Random) -> np.random.Generator:
    """Return a generator: the one given, or one seeded with the number given (None: 0)."""
    return rng if isinstance(rng, np.random.Generator) else np.random.default_rng(rng or 0)


def uniform(rng: np.random.Generator, shape: tuple[int, ...], bound: float) -> Array:
    """Return numbers spread evenly from -bound to bound."""
    return (rng.random(shape, np.float32) * 2 - 1) * np.float32(bound)


def fan_in_uniform(rng: np.random.Generator, *shapes: tuple[int, ...]) -> list[Array]:
    """Return weights and biases within 1 / sqrt(inputs of an output), the inputs being all but the first's axis 0."""
    fan_in = prod(shapes[0][1:])
    return [uniform(rng, shape, 1 / sqrt(max(fan_in, 1))) for shape in shapes]


def normal(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Return standard normal numbers."""
    return rng.standard_normal(shape, np.float32)


def zeros(size: int) -> Array:
    """Return a vector of zeros."""
    return np.zeros(size, np.float32)


def ones(size: int) -> Array:
    """Return a vector of ones."""
    return np.ones(size, np.float32)
