"""What must hold of a random graph: every pass alone, and the compiled program at every level, give its results.

In: a sample. Out: a `Failure` that tells the stage and the difference, or None.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import aicomp as ac
from aicomp.backends.cpu.runtime.call import CheckedCall, _invoke, bind, pointers
from aicomp.graph_pass import Pass
from aicomp.interpreter import interpret
from aicomp.passes import ALL
from aicomp.passes.decompose import decompose
from aicomp.passes.fuse import fuse
from aicomp.verify import verify

from ..backends.cpu.kernels import guarded
from .builder import Array, Sample
from .judge import Expected, expected

LEVELS = (0, 2)
Results = Sequence[Array] | None  # None: the pass changed nothing


@dataclass(frozen=True)
class Failure:
    """A broken property: of which stage, at which output (-1: none in particular), how."""

    stage: str
    output: int
    message: str

    def __str__(self) -> str:
        return f"{self.stage}, output {self.output}: {self.message}"


def passes_alone(sample: Sample) -> Iterator[tuple[str, Callable[[], Results]]]:
    """Yield every pass on its own, on the graph as it is and decomposed, as a function that computes the outputs."""
    yield from ((step.name, _after(sample, step)) for step in ALL)
    primitive = decompose.run(sample.graph)
    for step in (*ALL, fuse):
        if step is not decompose:
            yield f"decompose, {step.name}", _after(Sample(primitive, sample.arrays, frozenset()), step)


def _after(sample: Sample, step: Pass) -> Callable[[], Results]:
    def run() -> Results:
        graph = step.run(sample.graph)
        if graph is sample.graph:
            return None
        verify(graph)
        return interpret(graph, sample.arrays)

    return run


def compiled(sample: Sample, options: dict[str, Any]) -> Iterator[tuple[str, Callable[[], Results]]]:
    """Yield the compiled program at each level, as a function that computes the outputs."""
    for level in LEVELS:
        yield f"-O{level}", _run(sample, {"opt_level": level, "threads": 1, **options})


def _run(sample: Sample, options: dict[str, Any]) -> Callable[[], Results]:
    def run() -> Results:
        executable = ac.compile(sample.graph, cache=False, **options)
        first = guarded_call(executable, sample.arrays)
        again = bind(executable.artefact, 2)(*map(strided, sample.arrays))
        for i, (a, b) in enumerate(zip(first, _tuple(again), strict=True)):
            if a.tobytes() != b.tobytes():
                raise AssertionError(f"output {i} differs from call to call")
        return first

    return run


def guarded_call(executable: Any, arrays: Sequence[Array]) -> Sequence[Array]:
    """Return the outputs of a call on memory that ends where the arrays do: who reads or writes on crashes."""
    call = CheckedCall(executable.artefact, executable.threads)
    inputs = [guarded(np.ascontiguousarray(array)) for array in arrays]
    outputs = [guarded(np.zeros(spec.shape, spec.dtype)) for spec in executable.output_specs]
    status = _invoke()(call._words.ctypes.data, pointers(inputs), pointers(outputs))
    if status:
        raise AssertionError(f"status {status}")
    return outputs


def strided(array: Array) -> Array:
    """Return the same elements in memory that runs backwards."""
    return np.ascontiguousarray(array[..., ::-1])[..., ::-1] if array.ndim else array


def _tuple(results: Any) -> Sequence[Array]:
    return results if isinstance(results, tuple) else (results,)


def failure(sample: Sample, stages: Sequence[str] = (), **options: Any) -> Failure | None:
    """Return the first property that a sample breaks; `stages` limits which are tried."""
    wanted = expected(sample)
    for stage, run in (*passes_alone(sample), *compiled(sample, options)):
        if stages and stage not in stages:
            continue
        try:
            results = run()
        except Exception as error:
            return Failure(stage, -1, f"{type(error).__name__}: {error}")
        found = results and _first_difference(wanted, results)
        if found:
            return Failure(stage, *found)
    return None


def _first_difference(wanted: Sequence[Expected], results: Sequence[Array]) -> tuple[int, str] | None:
    if len(wanted) != len(results):
        return -1, f"{len(results)} outputs, expected {len(wanted)}"
    for i, (want, got) in enumerate(zip(wanted, results, strict=True)):
        if message := want.difference(got):
            return i, message
    return None
