"""A compiled program: everything that runs, saves or loads needs, and nothing of the compiler.

In: a `Program`, the machine and the names of its inputs and outputs. Out: an `Artefact`, with machine code in
place of LLVM text.

    artefact = compile_program(program, Machine.host(), ["x", "y"], ["sum"])
    call = bind(artefact, threads=2)          # call.py
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from aicomp.types import TensorSpec

from ..aligned import aligned
from ..codegen.module import module_text
from ..machine import Machine
from ..program import Program, Step
from .cache import Cache
from .driver import emit_driver
from .jit import compile_kernels, compile_object


@dataclass(frozen=True)
class Artefact:
    """A program as machine code for one processor; `texts` holds what its owner wants to keep beside it."""

    name: str
    machine: Machine
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    objects: tuple[bytes, ...]
    constants: tuple[np.ndarray, ...]
    arena_bytes: int
    errors: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)


def compile_program(
    program: Program,
    machine: Machine,
    input_names: Sequence[str],
    output_names: Sequence[str],
    texts: Mapping[str, str] | None = None,
    cache: Cache | None = None,
) -> Artefact:
    """Return the program as machine code; raises KeyboardInterrupt between two modules."""
    driver = compile_object(module_text(emit_driver(program.name, program.steps)), machine, False, cache)
    named = ((program.inputs, input_names), (program.outputs, output_names))
    inputs, outputs = (
        tuple(TensorSpec(t.shape, t.dtype, n) for t, n in zip(types, names, strict=True)) for types, names in named
    )
    return Artefact(
        program.name,
        machine,
        inputs,
        outputs,
        (*compile_kernels(program.functions, machine, cache), driver),
        tuple(aligned(array) for array in program.constants),
        program.arena_bytes,
        program.errors,
        program.steps,
        texts or {},
    )
