"""`aicomp inspect`: the graph as imported, optimised or lowered, and what each pass did to it.

aicomp inspect lenet5.py:model --stage opt --print-ir-diff
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import networkx as nx

from ..compiler import pipeline
from ..cost import cost
from ..digraph import to_networkx
from ..ir import Graph, Node, Value
from ..literal import literal
from ..observe import Observer, Stage, diff, dump_to
from ..text import name_values, print_graph
from .models import common_options, compile_model, import_model
from .show import as_json, note, pass_row, plain


def run(args: argparse.Namespace) -> int:
    """Print the graph at the stage asked for, or what each pass did."""
    if args.stage == "lower":
        sys.stdout.write(compile_model(args).as_text("llvm"))
        return 0
    graph = import_model(args)
    if args.stage == "import":
        return show(args, graph, ())
    options = common_options(args)
    result = pipeline(args.target, options).run(graph, options, observers(args))
    if args.print_ir_after_all or args.print_ir_diff:
        note(plain([pass_row(row) for row in result.rows]))
        return 0
    return show(args, result.graph, result.rows)


def observers(args: argparse.Namespace) -> list[Observer]:
    """Return what watches the pipeline."""
    chosen: list[Observer] = []
    if args.print_ir_after_all:
        chosen.append(print_stage)
    if args.print_ir_diff:
        chosen.append(print_diff)
    if args.dump_dir:
        chosen.append(dump_to(Path(args.dump_dir)))
    return chosen


def print_stage(stage: Stage) -> None:
    """Print the graph after a pass."""
    print(f"# after {stage.step}\n{print_graph(stage.after)}")


def print_diff(stage: Stage) -> None:
    """Print what a pass changed, if it did."""
    if changes := diff(stage):
        print(f"# {stage.step}\n{changes}\n")


def show(args: argparse.Namespace, graph: Graph, rows: Sequence[Any]) -> int:
    """Print a graph as text or JSON, or write it as GraphML."""
    if args.graphml:
        nx.write_graphml(to_networkx(graph), args.graphml)
        note(f"wrote {args.graphml}")
        return 0
    if args.json:
        facts = {"stage": args.stage, "target": args.target, "passes": [asdict(row) for row in rows]}
        print(as_json(facts | asdict(cost(graph)) | {"graph": describe(graph)}))
    else:
        sys.stdout.write(print_graph(graph))
    return 0


def describe(graph: Graph) -> dict[str, Any]:
    """Return a graph as plain data, those of its regions included."""
    names = name_values(graph)

    def values(of: Sequence[Value]) -> list[dict[str, str]]:
        return [{"name": names[value], "type": str(value.type)} for value in of]

    def node(n: Node) -> dict[str, Any]:
        facts = {
            "op": n.op.name,
            "inputs": [names[value] for value in n.inputs],
            "outputs": values(n.outputs),
        }
        attrs = {name: literal(value) for name, value in n.attrs.items()}
        return facts | {
            "attrs": attrs,
            "location": str(n.loc or ""),
            "regions": list(map(describe, n.regions)),
        }

    nodes = [node(n) for n in graph.nodes]
    return {
        "name": graph.name,
        "inputs": values(graph.inputs),
        "nodes": nodes,
        "outputs": values(graph.outputs),
    }
