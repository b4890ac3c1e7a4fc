"""Graphs as networkx sees them, for its algorithms and for the drawing programs it writes files for.

In: a `Graph`. Out: a `networkx.DiGraph` of values and nodes: an edge a use. Bodies of fusions, loops and branches are
included, their names prefixed with that of the node that carries them, as in `%4/%2`.

    nx.dag_longest_path(to_networkx(exe.graph))
    nx.write_graphml(to_networkx(exe.graph), "model.graphml")
"""

from __future__ import annotations

from typing import Any

import networkx as nx

from .ir import Graph, Node, Value
from .text import name_values


def to_networkx(graph: Graph) -> Any:
    """Return the graph as a DiGraph; its nodes have the attributes op, type, nbytes and location."""
    result = nx.DiGraph(name=graph.name)
    _add(result, graph, "")
    return result


def _add(result: Any, graph: Graph, prefix: str) -> None:
    names = {value: prefix + name for value, name in name_values(graph).items()}
    for value in graph.inputs:
        result.add_node(names[value], op="input", type=str(value.type), nbytes=value.type.nbytes, location="")
    for node in graph.nodes:
        for value in node.outputs:
            facts = {"op": node.op.name, "type": str(value.type), "nbytes": value.type.nbytes}
            result.add_node(names[value], **facts, location=str(node.loc or ""))
            for position, operand in enumerate(node.inputs):
                result.add_edge(names[operand], names[value], operand=position)
        _add_regions(result, node, names)


def _add_regions(result: Any, node: Node, names: dict[Value, str]) -> None:
    for number, region in enumerate(node.regions):
        part = f".{number}" if len(node.regions) > 1 else ""
        _add(result, region, f"{names[node.outputs[0]]}{part}/")
