"""Rebuilds graphs node by node: the drivers under every pass that replaces nodes one at a time.

In: a graph and a function from a node (its inputs already rebuilt) to the values that take the place of its
outputs. Out: the graph of those values; the same object where nothing changed. Nodes that the function makes
are visited too.

    rebuild(graph, lambda node: decompose(node) if node.op.decompose else node.outputs)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .errors import GraphError
from .ir import Graph, Node, Value, reachable

Visit = Callable[[Node], Sequence[Value]]

DEPTH_LIMIT = 60


def rebuild(graph: Graph, visit: Visit, regions: bool = True) -> Graph:
    """Return the graph with each node, by default those of regions too, replaced by what `visit` returns.

    A node stays where `visit` returns its own `outputs`. Raises EndlessError where replacements go on for ever.
    """
    return Rebuilder(visit, regions).graph(graph)


class EndlessError(GraphError):
    """Replacements of one node that go on for ever."""


class Rebuilder:
    """The state of one rebuilding: which values stand for which, and which nodes are settled."""

    def __init__(self, visit: Visit, regions: bool) -> None:
        self.visit = visit
        self.regions = regions
        self.settled: set[Node] = set()
        self.values: dict[Value, Value] = {}

    def graph(self, graph: Graph) -> Graph:
        """Return a graph rebuilt."""
        for node in graph.nodes:
            self.node(node, 0)
        return _with_outputs(graph, [self.value(value) for value in graph.outputs])

    def value(self, value: Value) -> Value:
        """Return what stands for a value now."""
        return self.values.get(value, value)

    def node(self, node: Node, depth: int) -> None:
        """Settle what stands for the outputs of a node; `depth` counts the replacements that led to it."""
        if node in self.settled:
            return
        if depth > DEPTH_LIMIT:
            raise EndlessError(f"rewriting does not end: {node!r} is still replaced after {depth} replacements")
        current = self.on_settled_inputs(node)
        results = self.visit(current)
        self.settled.update((node, current))
        if results is not current.outputs:
            for made in reachable(results, self.settled):
                self.node(made, depth + 1)
            results = tuple(self.value(value) for value in results)
        self.values.update(zip(node.outputs, results, strict=True))

    def on_settled_inputs(self, node: Node) -> Node:
        """Return the node on what stands for its inputs and regions now."""
        regions = [self.graph(region) for region in node.regions] if self.regions else node.regions
        return node.replace([self.value(value) for value in node.inputs], regions)


def substitute(graph: Graph, visit: Callable[[Node, Node], Sequence[Value]], region: Callable[[Graph], Graph]) -> Graph:
    """Return the graph with each node replaced once, and its regions by what `region` returns for them.

    `visit` is given the node as it was, and as it is on its new operands. What it makes is not visited.
    """
    values: dict[Value, Value] = {}
    for node in graph.nodes:
        current = node.replace([values.get(v, v) for v in node.inputs], [region(r) for r in node.regions])
        values.update(zip(node.outputs, visit(node, current), strict=True))
    return _with_outputs(graph, [values.get(value, value) for value in graph.outputs])


def _with_outputs(graph: Graph, outputs: Sequence[Value]) -> Graph:
    return graph if tuple(outputs) == graph.outputs else graph.with_outputs(outputs)


def inline(graph: Graph, operands: Sequence[Value]) -> tuple[Value, ...]:
    """Return the outputs of a copy of a graph on other values in place of its inputs."""
    values = dict(zip(graph.inputs, operands, strict=True))
    for node in graph.nodes:
        copy = Node(node.op, [values[value] for value in node.inputs], node.attrs, node.regions, node.loc)
        values.update(zip(node.outputs, copy.outputs, strict=True))
    return tuple(values[value] for value in graph.outputs)
