"""What is benchmarked: every model of the zoo, and the fusions that books are written about.

In: nothing. Out: `zoo()` and `kernels()`, by name; a case is what `ac.compile` takes, and its example inputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import aicomp as ac

ZOO = Path(__file__).parent / "models"


@dataclass(frozen=True)
class Case:
    """A model or function, and its inputs where it does not name them itself."""

    model: Any
    example_inputs: tuple[ac.TensorSpec, ...] | None = None

    def compile(self, **options: Any) -> ac.Executable:
        """Return the case compiled."""
        return ac.compile(self.model, self.example_inputs, **options)


def zoo() -> dict[str, Case]:
    """Return the models, by name."""
    return {path.stem: Case(f"{path}:model") for path in sorted(ZOO.glob("[a-z]*.py"))}


def kernels() -> Mapping[str, Case]:
    """Return small functions whose speed is memory traffic, which is what fusion saves."""
    return {
        "elementwise chain, 4M": Case(elementwise_chain, (ac.TensorSpec(1 << 22),)),
        "softmax, 1536x128": Case(softmax, (ac.TensorSpec((1536, 128)),)),
        "layer norm, 128x768": Case(layer_norm, (ac.TensorSpec((128, 768)),)),
    }


def elementwise_chain(x: Any) -> Any:
    """Eight elementwise operators, none of them dear."""
    x = np.abs(x * 2 + 1)
    x = np.maximum(x - 0.5, 0.25)
    return np.minimum(x * x, 3) - 1


def softmax(x: Any) -> Any:
    """Softmax over rows, as everyone writes it."""
    e = np.exp(x - np.max(x, axis=1, keepdims=True))
    return e / np.sum(e, axis=1, keepdims=True)


def layer_norm(x: Any) -> Any:
    """Layer norm over rows."""
    return ac.ops.layer_norm(x)
