"""Bodies of control flow: functions traced into frames of their own, and lifted into closed graphs.

In: a function and nested arguments of tracers or types. Out: a `Body`, and, from several of one node, the values they
read of the functions around them and one graph each, which takes those values as its last inputs (lambda lifting,
Johnsson 1985). Constants are copied inside instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from aicomp import ops
from aicomp.ir import Graph, Kind, Node, Value
from aicomp.tree import leaf_names, leaves, map_leaves, structure_of
from aicomp.types import DType, TensorType

from .recorder import Frame, trace_error
from .tracer import Tracer, output_value

Tree = Any


@dataclass
class Body:
    """A traced function: its frame, what it returned (to read types of), and the values of that."""

    frame: Frame
    result: Tree
    outputs: list[Value]

    @property
    def weak(self) -> list[bool]:
        """Return, for each output, whether it promotes as a Python number."""
        return [is_weak(leaf) for leaf in leaves(self.result)]

    def cast(self, index: int, dtype: DType) -> None:
        """Convert an output to a dtype."""
        value = self.outputs[index]
        if value.dtype != dtype:
            self.outputs[index] = ops.cast(value, dtype=dtype)
            node = self.outputs[index].node
            assert node is not None
            self.frame.nodes.append(node)


def is_weak(leaf: Any) -> bool:
    """Return whether a leaf promotes as a Python number."""
    return leaf.weak if isinstance(leaf, Tracer) else isinstance(leaf, (bool, int, float))


def trace_body(function: Callable[..., Tree], arguments: Sequence[Tree], like: Tracer) -> Body:
    """Return a function traced on inputs of the arguments' types, inside the trace of `like`."""
    with like.frame.recorder.frame() as frame:
        names = iter(leaf_names(tuple(arguments), "x"))

        def enter(leaf: Tracer | TensorType) -> Tracer:
            type_ = leaf if isinstance(leaf, TensorType) else leaf.value.type
            return Tracer(frame.add_input(type_, next(names)), frame, weak=is_weak(leaf))

        result = function(*map_leaves(enter, tuple(arguments)))
        return Body(frame, result, [output_value(leaf, frame) for leaf in leaves(result)])


def settle(
    what: str,
    function: Callable[..., Tree],
    init: Tree,
    like: Tracer,
    carry_of: Callable[[Tree], Tree],
    *others: Tree,
) -> tuple[Tree, Body]:
    """Return a body whose carry has the types it enters with, and the initial carry.

    An initial Python number takes the type that the body returns. Raises TraceError where types still differ.
    """
    body = trace_body(function, (init, *others), like)
    for _ in range(2):
        same_structure(what, carry_of(body.result), init)
        results = iter(body.outputs)
        settled = map_leaves(lambda leaf, results=results: _settled(leaf, next(results)), init)
        if all(a is b for a, b in zip(leaves(settled), leaves(init), strict=True)):
            break
        init = settled
        body = trace_body(function, (init, *others), like)
    for i, (name, leaf) in enumerate(zip(leaf_names(init, "carry"), leaves(init), strict=True)):
        if body.weak[i]:
            body.cast(i, leaf.dtype)
        got, wanted = body.outputs[i].type, leaf.value.type
        if got != wanted:
            raise trace_error(f"the body of {what} returns {name} as {got}, but it enters as {wanted}")
    return init, body


def same_structure(what: str, result: Tree, init: Tree) -> None:
    """Raise TraceError unless a carry leaves a body nested as it enters."""
    got, wanted = structure_of(result), structure_of(init)
    if got != wanted:
        raise trace_error(f"the body of {what} returns a carry of structure {got}, but it enters as {wanted}")


def _settled(leaf: Tracer, result: Value) -> Tracer:
    """Return an initial carry; where it is a Python number and the body returns another type, of that type."""
    if not leaf.weak or leaf.value.type == result.type:
        return leaf
    typed: Tracer = ops.cast(leaf, dtype=result.dtype)
    return ops.broadcast_to(typed, shape=result.shape) if result.shape != typed.shape else typed


def lift_bodies(bodies: Sequence[Body], names: Sequence[str]) -> tuple[list[Value], tuple[Graph, ...]]:
    """Return the values of outer frames that bodies read, and the bodies as graphs that take those as inputs too."""
    captured = list(dict.fromkeys(value for body in bodies for value in free_values(body)))
    return captured, tuple(close(body, name, captured) for body, name in zip(bodies, names, strict=True))


def needed_nodes(body: Body) -> list[Node]:
    """Return the nodes of a body's own frame that its outputs depend on, in order."""
    wanted = {value.node for value in body.outputs}
    needed: list[Node] = []
    for node in reversed(body.frame.nodes):
        if node in wanted:
            needed.append(node)
            wanted.update(value.node for value in node.inputs)
    return needed[::-1]


def free_values(body: Body) -> Iterable[Value]:
    """Yield the values that a body reads of frames around it, constants left out."""
    for value in outer_values(body):
        if not is_constant(value):
            yield value


def outer_values(body: Body) -> list[Value]:
    """Return the values of other frames that a body reads, each once."""
    nodes = needed_nodes(body)
    own = {*body.frame.inputs, *(value for node in nodes for value in node.outputs)}
    read = [*(value for node in nodes for value in node.inputs), *body.outputs]
    return list(dict.fromkeys(value for value in read if value not in own))


def is_constant(value: Value) -> bool:
    """Return whether a value is a constant, which a body can hold itself."""
    return value.node is not None and value.node.op.kind is Kind.SOURCE


def close(body: Body, name: str, captured: Sequence[Value]) -> Graph:
    """Return a body as a graph: its inputs, then one for each captured value."""
    new = {value: Value(value.type, name=f"captured{i}") for i, value in enumerate(captured)}
    inputs = [*body.frame.inputs, *new.values()]
    for value in outer_values(body):
        if value.node is not None and is_constant(value):
            new[value] = Node(value.node.op, (), value.node.attrs, loc=value.node.loc).outputs[0]
    for node in needed_nodes(body):
        fresh = node.replace([new.get(value, value) for value in node.inputs])
        new.update(zip(node.outputs, fresh.outputs, strict=True))
    return Graph.build(name, inputs, [new.get(value, value) for value in body.outputs])
