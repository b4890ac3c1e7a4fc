"""Runs a program step by step against the clock.

In: an `Artefact` and dense inputs. Out: one `Row` a call or copy of the program, in program order.

    for row in profile(artefact, [x, y], threads=2, runs=10):
        print(row.label, row.calls, row.seconds)
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from aicomp.errors import InputValueError

from ..aligned import aligned_empty
from ..codegen.module import module_text
from ..program import Call, Copy
from .artefact import Artefact
from .call import pointers
from .driver import emit_driver, leaves
from .inputs import bind_inputs
from .jit import Library, compile_object


@dataclass(frozen=True)
class Row:
    """What one step of a program took, over all its calls; `nbytes` is what one call reads and writes."""

    label: str
    kernel: str
    calls: int
    seconds: float
    nbytes: int


def profile(artefact: Artefact, arrays: Sequence[object], threads: int, runs: int = 1) -> list[Row]:
    """Return a row a step, summed over `runs` runs after one that is not counted.

    Raises InputTypeError or InputValueError as a call does.
    """
    inputs = bind_inputs(artefact.name, artefact.inputs, arrays, {})
    outputs = [np.empty(s.shape, s.dtype) for s in artefact.outputs]
    arena = aligned_empty((artefact.arena_bytes,), np.dtype(np.uint8))
    steps = list(leaves(artefact.steps))
    laps = np.zeros((len(steps), 2), np.int64)
    library = _library(artefact)
    run = ctypes.CFUNCTYPE(ctypes.c_int32, *[ctypes.c_void_p] * 4, ctypes.c_int64, ctypes.c_void_p)(
        library.address(f"{artefact.name}_profile")
    )
    operands = [pointers(a) for a in (inputs, outputs, artefact.constants)]
    for turn in range(runs + 1):
        status = run(*operands, arena.ctypes.data, threads, laps.ctypes.data)
        if status:
            raise InputValueError(artefact.errors[status - 1])
        if not turn:
            laps[:] = 0
    return list(_rows(steps, laps))


def _library(artefact: Artefact) -> Library:
    """Return the kernels with a driver that keeps time."""
    timed = emit_driver(artefact.name, artefact.steps, clock=True, darwin="darwin" in artefact.machine.triple)
    driver = compile_object(module_text(timed), artefact.machine, fast=False)
    return Library([*artefact.objects, driver], [timed[0].name])


def _rows(steps: Sequence[Call | Copy], laps: np.ndarray) -> Iterator[Row]:
    for step, (calls, nanoseconds) in zip(steps, laps.tolist(), strict=True):
        if isinstance(step, Call):
            yield Row(step.label or step.kernel, step.kernel, calls, nanoseconds / 1e9, step.nbytes)
        else:
            yield Row("copy", "memcpy", calls, nanoseconds / 1e9, 2 * step.nbytes)
