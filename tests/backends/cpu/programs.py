"""Runs lowered programs: graphs as they are, without the passes before.

call(graph, HOST)(x, y)      # NumPy in, NumPy out
"""

from __future__ import annotations

from collections.abc import Callable

from aicomp.backends.cpu.lower import lower
from aicomp.backends.cpu.machine import Machine
from aicomp.backends.cpu.program import Program
from aicomp.backends.cpu.runtime.artefact import compile_program
from aicomp.backends.cpu.runtime.call import bind
from aicomp.ir import Graph

HOST = Machine.host()


def call(graph: Graph, machine: Machine = HOST, program: Program | None = None) -> Callable[..., tuple]:
    """Return the function that a graph (or a program made of it) is; it always returns a tuple."""
    program = program or lower(graph, machine, "model")
    inputs = [value.name or f"x{i}" for i, value in enumerate(graph.inputs)]
    run = bind(compile_program(program, machine, inputs, [f"y{i}" for i in range(len(graph.outputs))]), 1)

    def results(*arrays):
        found = run(*arrays)
        return found if isinstance(found, tuple) else (found,)

    return results
