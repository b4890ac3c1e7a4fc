"""Watches a pipeline run: dumps, diffs and verifies its stages.

In: a `Stage`: one pass with the graph before and after it. Out: files, a diff, or an error.

    pipeline.run(graph, observers=[dump_to(Path("stages")), verify_stage])
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .errors import GraphError
from .graph_pass import Pass
from .interpreter import interpret
from .ir import Graph
from .text import print_graph
from .types import TensorType, is_float
from .verify import verify

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Stage:
    """One pass as it ran."""

    index: int
    step: Pass
    before: Graph
    after: Graph
    seconds: float


Observer = Callable[[Stage], None]


def dump_to(folder: Path) -> Observer:
    """Return an observer that writes each stage to `folder`: 00_input.aic, 01_decompose.aic, ..."""

    def dump(stage: Stage) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        if stage.index == 0:
            (folder / "00_input.aic").write_text(print_graph(stage.before), encoding="utf-8")
        name = f"{stage.index + 1:02d}_{stage.step.name}.aic"
        (folder / name).write_text(print_graph(stage.after), encoding="utf-8")

    return dump


def diff(stage: Stage) -> str:
    """Return the unified diff of the textual IR before and after a pass; empty where nothing changed."""
    before, after = (print_graph(g).splitlines() for g in (stage.before, stage.after))
    lines = difflib.unified_diff(before, after, "before", stage.step.name, lineterm="")
    return "\n".join(lines)


def verify_stage(stage: Stage) -> None:
    """Check the invariants of a pass's result, and its numbers on random inputs against the graph before.

    Raises GraphError where an invariant, the interface or the pass's contract is broken.
    """
    verify(stage.after)
    if stage.after.input_types != stage.before.input_types:
        raise GraphError("the types of the inputs changed")
    arrays = random_inputs(stage.before)
    results = zip(interpret(stage.before, arrays), interpret(stage.after, arrays), strict=True)
    for index, (before, after) in enumerate(results):
        breach = stage.step.contract.breach(before, after)
        if breach:
            raise GraphError(f"output {index} breaks the contract {stage.step.contract.value!r}: {breach}")


def random_inputs(graph: Graph, seed: int = 0) -> list[Array]:
    """Return an array for each input: normal floats, integers 0 and 1 (safe as indices)."""
    rng = np.random.default_rng(seed)
    return [_random(rng, value.type) for value in graph.inputs]


def _random(rng: np.random.Generator, type_: TensorType) -> Array:
    if is_float(type_.dtype):
        return rng.standard_normal(type_.shape).astype(type_.dtype)
    return rng.integers(0, 2, type_.shape).astype(type_.dtype)
