"""Groups of nodes that are to become one kernel, and the graph in which each group is one node.

In: a graph and a partition of (some of) its nodes. Out: `body`, the graph of a group, and `contract`, the graph where
groups are fusion nodes. A cheap node may be copied into several groups; the copies are the group's own.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass, field

import networkx as nx

from aicomp.ir import Graph, Kind, Location, Node, Value
from aicomp.ops.region import fusion

Accepts = Callable[[Graph], bool]


@dataclass(eq=False)
class Group:
    """Nodes of one kernel in topological order; `copied` are those that stay in the graph for others, too."""

    nodes: list[Node]
    copied: set[Node] = field(default_factory=set)

    @property
    def members(self) -> set[Node]:
        """Return the nodes as a set."""
        return set(self.nodes)


def results(graph: Graph, nodes: Iterable[Node], copied: Iterable[Node] = ()) -> list[Value]:
    """Return the values of some nodes that the rest of the graph reads, those of copied nodes aside."""
    members, own = set(nodes), set(copied)
    values = (value for node in nodes if node not in own for value in node.outputs)
    return [value for value in values if escapes(graph, value, members, own)]


def escapes(graph: Graph, value: Value, members: Container[Node], copied: Container[Node]) -> bool:
    """Return whether anything outside of some nodes reads a value, if only the original of a copied one."""
    if value in graph.outputs:
        return True
    return any(
        user not in members or (user in copied and any(escapes(graph, v, members, copied) for v in user.outputs))
        for user in graph.users(value)
    )


def operands(nodes: Sequence[Node]) -> list[Value]:
    """Return the values that some nodes read from outside, each once; small constants are taken in instead."""
    members = set(nodes)
    outside = (v for node in nodes for v in node.inputs if v.node not in members and not is_small_constant(v))
    return list(dict.fromkeys(outside))


def is_small_constant(value: Value) -> bool:
    """Return whether a value is a constant of one element, which kernels hold in their code."""
    return value.op == "constant" and value.type.size == 1


def body(graph: Graph, nodes: Sequence[Node], copied: Iterable[Node] = ()) -> tuple[Graph, list[Value]]:
    """Return the graph that some nodes form, and the values its inputs stand for."""
    outside = operands(nodes)
    values = {value: Value(value.type) for value in outside}
    for node in nodes:
        for value in node.inputs:
            if value not in values and is_small_constant(value) and value.node is not None:
                values[value] = copied_on(value.node, ()).outputs[0]
        values.update(zip(node.outputs, copied_on(node, [values[v] for v in node.inputs]).outputs, strict=True))
    outputs = [values[value] for value in results(graph, nodes, copied)]
    return Graph.build("kernel", [values[value] for value in outside], outputs), outside


def copied_on(node: Node, inputs: Sequence[Value]) -> Node:
    """Return a copy of a node on other inputs; never the node itself, which belongs to its own graph."""
    return node.replace(inputs) if inputs else Node(node.op, (), node.attrs, node.regions, node.loc)


def contract(graph: Graph, groups: Sequence[Group]) -> Graph:
    """Return the graph with every group of two nodes or more as one fusion node."""
    groups = [group for group in groups if len(group.nodes) > 1]
    home = {node: group for group in groups for node in group.nodes if node not in group.copied}
    values: dict[Value, Value] = {}
    for unit in _sorted_units(graph, groups, home):
        if isinstance(unit, Node):
            copy = unit.replace([values.get(v, v) for v in unit.inputs])
            values.update(zip(unit.outputs, copy.outputs, strict=True))
            continue
        region, outside = body(graph, unit.nodes, unit.copied)
        node = Node(fusion, [values.get(v, v) for v in outside], {"kind": kind_of(unit)}, [region], _location(unit))
        values.update(zip(results(graph, unit.nodes, unit.copied), node.outputs, strict=True))
    return graph.with_outputs([values.get(value, value) for value in graph.outputs])


def _sorted_units(graph: Graph, groups: Sequence[Group], home: dict[Node, Group]) -> list[Node | Group]:
    """Return nodes and groups so that each comes after those it reads; the partition must be acyclic."""
    units = nx.DiGraph()
    for node in graph.nodes:
        units.add_node(home.get(node, node))
        for value in node.inputs:
            if value.node is not None:
                _edge(units, home.get(value.node, value.node), home.get(node, node))
    for group in groups:
        for value in operands(group.nodes):
            if value.node is not None:
                _edge(units, home.get(value.node, value.node), group)
    return list(nx.topological_sort(units))


def _edge(units: nx.DiGraph, source: Node | Group, target: Node | Group) -> None:
    if source is not target:
        units.add_edge(source, target)


def _location(group: Group) -> Location | None:
    return next((node.loc for node in reversed(group.nodes) if node.loc), None)


def kind_of(group: Group) -> str:
    """Return what the group computes, by its weightiest node: contract, window, reduce or map."""
    kinds = {node.op.kind for node in group.nodes}
    ranked = (Kind.CONTRACT, Kind.WINDOW, Kind.REDUCE)
    return next((kind.value for kind in ranked if kind in kinds), "map")
