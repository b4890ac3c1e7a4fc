"""A constant known by its type and digest alone: its values are kept elsewhere, or nowhere.

In: what the textual IR says of a large constant. Out: the value of a `constant` node in a graph that can be shown, but
not run. A loaded executable has such a graph: its file holds weights as the kernels read them, and no second copy.

    Elided((512, 512), FLOAT32, "9f86d081...")
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NoReturn

from .errors import UnsupportedError
from .types import DType, Shape, TensorType


@dataclass(frozen=True)
class Elided:
    """What stands for an array; everything that asks for its values raises UnsupportedError."""

    shape: Shape
    dtype: DType
    digest: str

    def __str__(self) -> str:
        return f"{TensorType(self.shape, self.dtype)}(sha256:{self.digest})"

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NoReturn:
        raise UnsupportedError(
            f"the values of constant {TensorType(self.shape, self.dtype)} sha256:{self.digest[:12]}... are not here: "
            "an executable loaded from a file has weights in the form of its kernels only; use the model itself"
        )
