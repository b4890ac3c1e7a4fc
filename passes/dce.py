"""Drops what no output needs: dead nodes, and the dead inputs, outputs and carries of nodes with regions.

In: any graph. Out: a graph that computes the same outputs from the same inputs; those of the graph itself all
stay.

    scan(h, xs; num_carry=1) of which only h is read  ->  its stacked output is neither computed nor stored
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType

from aicomp.contract import Contract
from aicomp.graph_pass import graph_pass
from aicomp.ir import Graph, Node, Value, reachable
from aicomp.rebuild import substitute

Positions = set[int]


@graph_pass(Contract.EXACT)
def dce(graph: Graph) -> Graph:
    """Drop nodes, and inputs and outputs of regions, that no output needs."""
    while True:
        trimmed = _sweep(graph)
        if trimmed is graph:
            return graph
        graph = trimmed


def _sweep(graph: Graph) -> Graph:
    """Return the graph without its dead nodes, and with each region node cut to what is read of it."""
    nodes = reachable(graph.outputs)
    graph = graph if len(nodes) == len(graph.nodes) else graph.with_outputs(graph.outputs)
    read = {value for node in nodes for value in node.inputs}.union(graph.outputs)

    def visit(node: Node, current: Node) -> Sequence[Value]:
        if node.op.name not in TRIMMERS:
            return current.outputs
        live = [i for i, value in enumerate(node.outputs) if value in read]
        cut = dict(zip(live, TRIMMERS[node.op.name](current, live), strict=True))
        return [cut.get(i, value) for i, value in enumerate(current.outputs)]

    return substitute(graph, visit, dce)


def used_inputs(region: Graph, outputs: Iterable[int]) -> Positions:
    """Return the positions of the inputs that some outputs of a region depend on."""
    roots = [region.outputs[i] for i in outputs]
    read = {value for node in reachable(roots) for value in node.inputs}.union(roots)
    return {i for i, value in enumerate(region.inputs) if value in read}


def _cut(region: Graph, inputs: Sequence[int], outputs: Sequence[int]) -> Graph:
    return Graph.build(region.name, [region.inputs[i] for i in inputs], [region.outputs[i] for i in outputs])


def _grow(start: Positions, step: Callable[[Positions], Positions]) -> Positions:
    """Return the smallest set that holds `start` and what `step` needs for it."""
    found = start
    while (more := found | step(found)) != found:
        found = more
    return found


def _trim_fusion(node: Node, live: Sequence[int]) -> Sequence[Value]:
    (body,) = node.regions
    inputs = sorted(used_inputs(body, live))
    return _trimmed(node, [node.inputs[i] for i in inputs], [_cut(body, inputs, live)], live)


def _trim_cond(node: Node, live: Sequence[int]) -> Sequence[Value]:
    inputs = sorted(set().union(*(used_inputs(branch, live) for branch in node.regions)))
    operands = [node.inputs[0], *(node.inputs[i + 1] for i in inputs)]
    return _trimmed(node, operands, [_cut(branch, inputs, live) for branch in node.regions], live)


def _trim_scan(node: Node, live: Sequence[int]) -> Sequence[Value]:
    (body,) = node.regions
    carries, scanned = node.attrs["num_carry"], node.attrs["num_xs"]
    kept = _grow(set(live), lambda found: {i for i in used_inputs(body, found) if i < carries})
    inputs = sorted(used_inputs(body, kept) | {i for i in kept if i < carries})
    counts = {
        "num_carry": sum(i < carries for i in inputs),
        "num_xs": sum(carries <= i < carries + scanned for i in inputs),
    }
    regions = [_cut(body, inputs, sorted(kept))]
    return _trimmed(node, [node.inputs[i] for i in inputs], regions, live, sorted(kept), counts)


def _trim_while(node: Node, live: Sequence[int]) -> Sequence[Value]:
    condition, body = node.regions
    carries = node.attrs["num_carry"]
    tested = used_inputs(condition, [0])

    def needed(found: Positions) -> Positions:
        return {i for i in used_inputs(body, found) if i < carries}

    kept = sorted(_grow({*live, *(i for i in tested if i < carries)}, needed))
    inputs = sorted({*kept, *tested, *used_inputs(body, kept)})
    regions = [_cut(condition, inputs, [0]), _cut(body, inputs, kept)]
    return _trimmed(node, [node.inputs[i] for i in inputs], regions, live, kept, {"num_carry": len(kept)})


def _trimmed(
    node: Node,
    inputs: Sequence[Value],
    regions: Sequence[Graph],
    live: Sequence[int],
    kept: Sequence[int] | None = None,
    attrs: Mapping[str, int] = MappingProxyType({}),
) -> Sequence[Value]:
    """Return the live outputs of a node cut to some inputs and regions; its own where nothing is cut.

    `kept` are the positions of the outputs that the cut node has (default: the live ones).
    """
    kept = live if kept is None else kept
    if len(inputs) == len(node.inputs) and len(kept) == len(node.outputs):
        return [node.outputs[i] for i in live]
    cut = Node(node.op, inputs, {**node.attrs, **attrs}, regions, node.loc)
    return [cut.outputs[kept.index(i)] for i in live]


TRIMMERS: Mapping[str, Callable[[Node, Sequence[int]], Sequence[Value]]] = MappingProxyType(
    {"fusion": _trim_fusion, "scan": _trim_scan, "while": _trim_while, "cond": _trim_cond}
)
