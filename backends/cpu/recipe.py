"""How a fused body is computed: kernels, the operands each is called with, scratch buffers and packed constants.

A recipe depends on the body's structure only, so that equal bodies share it: operands are the body's inputs and outputs
by number, scratch by number, and constants to be packed by the number of the input that holds them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from .codegen.llvm import Function

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Operand:
    """An argument of a kernel: the body's `index`-th input or output, a scratch buffer, the status word.

    A `packed` operand is the constant that `pack` makes of the array held by the `index`-th input.
    """

    space: Literal["input", "output", "scratch", "status", "packed"]
    index: int = 0
    pack: Callable[[Array], Array] | None = None


@dataclass(frozen=True)
class Part:
    """One kernel: its function, operands, number of parallel tasks, and (output, input) pairs that may share memory."""

    function: Function
    operands: tuple[Operand, ...]
    tasks: int
    inplace: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Recipe:
    """The kernels of a body in order, and the bytes of each scratch buffer."""

    parts: tuple[Part, ...]
    scratch: tuple[int, ...] = ()
    why: str = ""  # how it was scheduled, for people
