"""Checks that a graph is one: named invariants, each a small function.

In: a graph. Out: nothing, or a GraphError that names the invariant, the node and the user's source line.

    verify(graph)      # GraphError: defined-before-use: add(f32[2], f32[2]) at model.py:3 reads an f32[2] that no ...
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from .errors import AicompError, GraphError
from .ir import Graph, Node, Value

Breaches = Iterator[str]


def verify(graph: Graph) -> None:
    """Raise GraphError at the first invariant that the graph, or a region in it, breaks."""
    for invariant in INVARIANTS:
        for breach in invariant(graph):
            raise GraphError(f"{name_of(invariant)}: {breach}")
    for node in graph.nodes:
        for region in node.regions:
            verify(region)


def name_of(invariant: Callable[[Graph], Breaches]) -> str:
    """Return the name of an invariant: its function's, with hyphens."""
    return invariant.__name__.replace("_", "-")


def inputs_are_inputs(graph: Graph) -> Breaches:
    """Graph inputs are made by no node, and each stands once."""
    for i, value in enumerate(graph.inputs):
        if value.node:
            yield f"input {i} of {graph.name} is made by {describe(value.node)}"
        if value in graph.inputs[:i]:
            yield f"input {i} of {graph.name} stands twice"


def names_unique(graph: Graph) -> Breaches:
    """Named inputs have different names; outputs are named all, each differently, or not at all."""
    inputs = [value.name for value in graph.inputs if value.name]
    for kind, names in (("inputs", inputs), ("outputs", graph.output_names)):
        for name in names:
            if names.count(name) > 1:
                yield f"two {kind} of {graph.name} are named {name!r}"
    if graph.output_names and len(graph.output_names) != len(graph.outputs):
        yield f"{graph.name} has {len(graph.outputs)} outputs and {len(graph.output_names)} output names"


def outputs_belong_to_nodes(graph: Graph) -> Breaches:
    """Each output of a node points back to it, at its own position; each node stands once."""
    for node in graph.nodes:
        for i, value in enumerate(node.outputs):
            if value.node is not node or value.index != i:
                yield f"{describe(node)} does not own its output {i}"
    if len(set(graph.nodes)) != len(graph.nodes):
        yield f"a node of {graph.name} stands twice"


def defined_before_use(graph: Graph) -> Breaches:
    """A node reads graph inputs and outputs of nodes before it; hence there is no cycle."""
    known = set(graph.inputs)
    for node in graph.nodes:
        for i, value in enumerate(node.inputs):
            if value not in known:
                yield f"{describe(node)} reads as operand {i} a {value.type} that nothing before it makes"
        known.update(node.outputs)


def outputs_available(graph: Graph) -> Breaches:
    """Graph outputs are inputs or made by nodes of the graph."""
    known = set(graph.inputs).union(*(node.outputs for node in graph.nodes))
    for i, value in enumerate(graph.outputs):
        if value not in known:
            yield f"output {i} of {graph.name}, {value.type}, is made by no node of it"


def regions_closed(graph: Graph) -> Breaches:
    """A region shares no value with the graph around it: all it reads enters by its inputs."""
    around = set(graph.inputs).union(*(node.outputs for node in graph.nodes))
    for node in graph.nodes:
        for region in node.regions:
            if any(value in around for value in _mentioned(region)):
                yield f"{describe(node)} carries a graph that reads a value from outside it"


def _mentioned(region: Graph) -> Iterator[Value]:
    yield from region.inputs
    yield from region.outputs
    for node in region.nodes:
        yield from node.inputs


def attributes_canonical(graph: Graph) -> Breaches:
    """Attributes are complete, immutable and in the form that the op's normalisation gives."""
    for node in graph.nodes:
        types = [value.type for value in node.inputs]
        try:
            wanted = node.op.complete(types, node.attrs)
        except AicompError as error:
            yield f"{describe(node)}: {error}"
            continue
        for name, value in wanted.items():
            if name not in node.attrs or not _same_attribute(node.attrs[name], value):
                yield f"{describe(node)} has {name}={node.attrs.get(name)!r}, canonical is {value!r}"


def _same_attribute(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return a is b
    return type(a) is type(b) and (a == b or a != a)


def types_match_inference(graph: Graph) -> Breaches:
    """The types of a node's outputs are those that its op infers from its operands."""
    for node in graph.nodes:
        try:
            inferred = node.op.infer(*(value.type for value in node.inputs), **node.arguments())
        except AicompError as error:
            yield f"{describe(node)}: {error}"
            continue
        inferred = inferred if isinstance(inferred, tuple) else (inferred,)
        if inferred != tuple(value.type for value in node.outputs):
            yield f"{describe(node)} has outputs {_listed(node.outputs)}, inferred are {_joined(inferred)}"


def describe(node: Node) -> str:
    """Return a node as messages name it: `add(f32[2], f32[2]) at model.py:3`."""
    where = f" at {node.loc}" if node.loc else ""
    return f"{node.op.name}({_listed(node.inputs)}){where}"


def _listed(values: Sequence[Value]) -> str:
    return _joined([value.type for value in values])


def _joined(items: Sequence[object]) -> str:
    return ", ".join(map(str, items))


INVARIANTS: tuple[Callable[[Graph], Breaches], ...] = (
    inputs_are_inputs,
    names_unique,
    outputs_belong_to_nodes,
    defined_before_use,
    outputs_available,
    regions_closed,
    attributes_canonical,
    types_match_inference,
)
