"""Groups of nodes that are to become one kernel, and the graph in which each group is one node.

In: a graph and a partition of (some of) its nodes. Out: `body`, the graph of a group, and `contract`, the graph where
groups are fusion nodes. A cheap node may be copied into several groups; the copies are the group's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import TopologicalSorter

from aicomp.ir import Graph, Kind, Location, Node, Value
from aicomp.ops.region import fusion

Accepts = Callable[[Graph], bool]


@dataclass(eq=False)
class Group:
    """Nodes of one kernel in topological order; `copied` are those that stay in the graph for others, too."""

    nodes: list[Node]
    copied: set[Node] = field(default_factory=set)

    @property
    def own(self) -> list[Node]:
        """Return the nodes that are not copies."""
        return [node for node in self.nodes if node not in self.copied]


def operands(nodes: Sequence[Node]) -> list[Value]:
    """Return the values that some nodes read from outside, each once; small constants are taken in instead."""
    members = set(nodes)
    outside = (v for node in nodes for v in node.inputs if v.node not in members and not is_small_constant(v))
    return list(dict.fromkeys(outside))


def is_small_constant(value: Value) -> bool:
    """Return whether a value is a constant of one element, which kernels hold in their code."""
    return value.op == "constant" and value.type.size == 1


def body(nodes: Sequence[Node], results: Iterable[Value]) -> tuple[Graph, list[Value]]:
    """Return the graph that some nodes form, and the values its inputs stand for."""
    outside = operands(nodes)
    values = {value: Value(value.type) for value in outside}
    for node in nodes:
        for value in node.inputs:
            if value not in values and is_small_constant(value) and value.node is not None:
                values[value] = copied_on(value.node, ()).outputs[0]
        values.update(zip(node.outputs, copied_on(node, [values[v] for v in node.inputs]).outputs, strict=True))
    return Graph.build("kernel", [values[value] for value in outside], [values[value] for value in results]), outside


def copied_on(node: Node, inputs: Sequence[Value]) -> Node:
    """Return a copy of a node on other inputs; never the node itself, which belongs to its own graph."""
    return node.replace(inputs) if inputs else Node(node.op, (), node.attrs, node.regions, node.loc)


def contract(graph: Graph, results: Mapping[Group, Sequence[Value]]) -> Graph:
    """Return the graph with every group of two nodes or more as one fusion node, which gives the group's results."""
    groups = [group for group in results if len(group.nodes) > 1]
    home = {node: group for group in groups for node in group.own}
    values: dict[Value, Value] = {}
    for unit in _sorted_units(graph, groups, home):
        if isinstance(unit, Node):
            copy = unit.replace([values.get(v, v) for v in unit.inputs])
            values.update(zip(unit.outputs, copy.outputs, strict=True))
            continue
        region, outside = body(unit.nodes, results[unit])
        node = Node(fusion, [values.get(v, v) for v in outside], {"kind": kind_of(unit)}, [region], _location(unit))
        values.update(zip(results[unit], node.outputs, strict=True))
    return graph.with_outputs([values.get(value, value) for value in graph.outputs])


def _sorted_units(graph: Graph, groups: Sequence[Group], home: dict[Node, Group]) -> list[Node | Group]:
    """Return nodes and groups so that each comes after those it reads; the partition must be acyclic."""
    units: TopologicalSorter[Node | Group] = TopologicalSorter()

    def add(unit: Node | Group, inputs: Iterable[Value]) -> None:
        before = dict.fromkeys(home.get(value.node, value.node) for value in inputs if value.node is not None)
        units.add(unit, *(other for other in before if other is not unit))

    for node in graph.nodes:
        if node not in home:
            add(node, node.inputs)
    for group in groups:
        add(group, operands(group.nodes))
    return list(units.static_order())


def _location(group: Group) -> Location | None:
    return next((node.loc for node in reversed(group.nodes) if node.loc), None)


def kind_of(group: Group) -> str:
    """Return what the group computes, by its weightiest node: contract, window, reduce or map."""
    kinds = {node.op.kind for node in group.nodes}
    ranked = (Kind.CONTRACT, Kind.WINDOW, Kind.REDUCE)
    return next((kind.value for kind in ranked if kind in kinds), "map")
