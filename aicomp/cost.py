"""What a graph costs before it runs: kernels, and bytes read and written by them.

In: a graph, optimised or not. Out: a `Cost`. A kernel reads each of its inputs once and writes each output
once; what a fusion keeps inside moves no bytes. Constants and reshapes cost nothing of their own.

    cost(exe.graph)                  # Cost(kernels=6, bytes_moved=1048576)
"""

from __future__ import annotations

from dataclasses import dataclass

from .ir import Graph, Kind, Node

FREE = ("reshape",)


@dataclass(frozen=True)
class Cost:
    """Kernels launched and bytes moved between them and memory in one call."""

    kernels: int
    bytes_moved: int

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.kernels + other.kernels, self.bytes_moved + other.bytes_moved)

    def __mul__(self, times: int) -> Cost:
        return Cost(self.kernels * times, self.bytes_moved * times)


NOTHING = Cost(0, 0)


def cost(graph: Graph) -> Cost:
    """Return the cost of one run; a `while` counts as one turn, a `cond` as its dearer branch."""
    return sum(map(node_cost, graph.nodes), NOTHING)


def node_cost(node: Node) -> Cost:
    """Return the cost of one node and what it carries."""
    if node.op.kind is Kind.SOURCE or node.op.name in FREE:
        return NOTHING
    if node.op.name == "scan":
        return cost(node.regions[0]) * int(node.attrs["length"])
    if node.op.name == "while":
        return sum(map(cost, node.regions), NOTHING)
    if node.op.name == "cond":
        return max(map(cost, node.regions), key=lambda branch: branch.bytes_moved)
    return Cost(1, sum(value.type.nbytes for value in {*node.inputs, *node.outputs}))
