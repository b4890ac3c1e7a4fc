"""Runs passes in order, and reports on each; observers see every stage.

In: a graph, a tuple of passes and the user's options. Out: the last graph and a row (time, node counts) for
each pass.

    result = Pipeline((decompose, cse)).run(graph, Options(verify=True, dump_dir="stages"))
    result.graph, result.rows
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from .contract import Contract
from .elided import Elided
from .errors import AicompError, InputValueError
from .graph_pass import Pass
from .ir import Graph
from .observe import Observer, Stage, dump_to, verify_stage
from .options import Options


@dataclass(frozen=True)
class Row:
    """A line of the report: the pass, its time and the number of nodes (of regions too) before and after."""

    name: str
    seconds: float
    nodes_before: int
    nodes_after: int


@dataclass(frozen=True)
class Result:
    """The last graph, and a row for each pass that ran."""

    graph: Graph
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Pipeline:
    """Passes in order."""

    passes: tuple[Pass, ...]

    def select(self, options: Options) -> Pipeline:
        """Return the pipeline without the passes that the options disable, or whose contract they bar.

        Raises InputValueError where `disable_passes` names a pass that is not in the pipeline.
        """
        known = {step.name for step in self.passes}
        for name in options.disable_passes:
            if name not in known:
                raise InputValueError(f"no pass {name!r} to disable; the passes are {', '.join(sorted(known))}")
        kept = (step for step in self.passes if step.name not in options.disable_passes)
        return Pipeline(tuple(s for s in kept if s.contract is Contract.EXACT or not options.exact))

    def run(self, graph: Graph, options: Options | None = None, observers: Sequence[Observer] = ()) -> Result:
        """Run the passes that the options leave in; dump and verify each where the options ask for it.

        `observers` are called after each pass. An error names the pass and lists those that ran before it. Raises
        UnsupportedError for a graph whose constants are elided: it can be shown only.
        """
        options = options or Options()
        _check_values(graph)
        watchers = (*_asked_for(options), *observers)
        rows: list[Row] = []
        for index, step in enumerate(self.select(options).passes):
            try:
                stage = _run(index, step, graph)
                for watch in watchers:
                    watch(stage)
            except AicompError as error:
                ran = ", ".join(row.name for row in rows) or "none"
                raise type(error)(f"{error}\n  in pass {step}; passes that ran before: {ran}") from error
            rows.append(Row(str(step), stage.seconds, count_nodes(graph), count_nodes(stage.after)))
            graph = stage.after
        return Result(graph, tuple(rows))

    def __str__(self) -> str:
        return ",".join(map(str, self.passes))


def _asked_for(options: Options) -> list[Observer]:
    found: list[Observer] = [dump_to(options.dump_dir)] if options.dump_dir else []
    return [*found, verify_stage] if options.verify else found


def _check_values(graph: Graph) -> None:
    for node in graph.walk():
        value = node.attrs.get("value")
        if isinstance(value, Elided):
            value.__array__()  # tells why it cannot


def _run(index: int, step: Pass, graph: Graph) -> Stage:
    start = time.perf_counter()
    after = step.run(graph)
    return Stage(index, step, graph, after, time.perf_counter() - start)


def count_nodes(graph: Graph) -> int:
    """Return the number of nodes, those of regions included."""
    return sum(1 for _ in graph.walk())
