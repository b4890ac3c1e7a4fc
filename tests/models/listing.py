"""What the models share: a list to put themselves on, seeded inputs and weights.

In: a model's inputs. Out: `MODELS`, from names to (function, inputs), once the modules with the models are imported.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

MODELS: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {}


def model(*inputs: Any, name: str = "") -> Callable[[Any], Any]:
    """Put a model on the list, with the inputs it is run on."""

    def put(function: Any) -> Any:
        MODELS[name or function.__name__] = function, inputs
        return function

    return put


def normal(*shape: int, seed: int = 1, scale: float = 1.0) -> np.ndarray:
    return (np.random.default_rng(seed).standard_normal(shape) * scale).astype(np.float32)


def whole(below: int, *shape: int, seed: int = 1, dtype: Any = np.int64) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, below, shape).astype(dtype)
