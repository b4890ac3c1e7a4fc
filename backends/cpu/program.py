"""What lowering hands to the runtime: kernels, the steps that call them, and the memory they run in.

A kernel is an LLVM function `void name(ptr args, i64 begin, i64 end)`: `args` points to an array of pointers, one per
operand; `[begin, end)` is the range of its parallel tasks to run. A program is a tuple of steps over one arena.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from aicomp.types import TensorType

from .codegen.llvm import Function

Space = Literal["input", "output", "constant", "arena", "status"]


@dataclass(frozen=True)
class Ref:
    """An address: a numbered input, output or constant, or the arena, plus a byte offset.

    `strides` holds (loop id, bytes) pairs: inside the `Repeat` of that id the address moves by so many bytes a turn.
    The space `status` is the i32 in which a kernel leaves the number of an error (see `Program.errors`).
    """

    space: Space
    index: int = 0
    offset: int = 0
    strides: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Call:
    """Run one kernel over `tasks` parallel tasks.

    Profiles call it `label`, and say that it reads and writes `nbytes`. `inplace` lists pairs (output, input) of
    argument numbers that may be the same memory.
    """

    kernel: str
    args: tuple[Ref, ...]
    tasks: int
    label: str = ""
    nbytes: int = 0
    inplace: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Copy:
    """Copy bytes from one address to another (the two do not overlap)."""

    target: Ref
    source: Ref
    nbytes: int


@dataclass(frozen=True)
class Repeat:
    """Run `body` `count` times, or, with a `condition` (a bool in memory), as long as it holds.

    `head` runs before each test of the condition. `loop` is the id that `Ref.strides` names; with `reverse` its
    counter runs from count - 1 down to 0.
    """

    loop: int
    body: tuple[Step, ...]
    count: int | None = None
    condition: Ref | None = None
    head: tuple[Step, ...] = ()
    reverse: bool = False


@dataclass(frozen=True)
class Branch:
    """Run one of two lists of steps, by a bool in memory."""

    condition: Ref
    then: tuple[Step, ...]
    other: tuple[Step, ...]


Step = Call | Copy | Repeat | Branch


@dataclass(frozen=True)
class Program:
    """A compiled graph, still as text: what the driver runs.

    `functions` are the kernels, each once; `errors[n - 1]` is the message of status n; sizes are in bytes.
    """

    name: str
    inputs: tuple[TensorType, ...]
    outputs: tuple[TensorType, ...]
    functions: tuple[Function, ...]
    steps: tuple[Step, ...]
    constants: tuple[np.ndarray, ...]
    arena_bytes: int
    errors: tuple[str, ...] = ()
