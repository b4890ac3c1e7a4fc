"""Kernels and bytes of graphs."""

from __future__ import annotations

from aicomp import ops
from aicomp.cost import Cost, cost
from aicomp.ir import Graph, Value
from aicomp.ops import OPS
from aicomp.types import BOOL, FLOAT32, TensorType


def test_each_node_reads_its_inputs_once_and_writes_its_outputs() -> None:
    x, y = (Value(TensorType((8,), FLOAT32)) for _ in range(2))
    graph = Graph.build("f", [x, y], [ops.exp(ops.add(x, y))])
    assert cost(graph) == Cost(kernels=2, bytes_moved=32 * 3 + 32 * 2)


def test_an_input_read_twice_counts_once() -> None:
    x = Value(TensorType((8,), FLOAT32))
    assert cost(Graph.build("f", [x], [ops.multiply(x, x)])) == Cost(1, 64)


def test_reshapes_and_constants_are_free() -> None:
    x = Value(TensorType((8,), FLOAT32))
    assert cost(Graph.build("f", [x], [ops.reshape(x, shape=(2, 4))])) == Cost(0, 0)


def test_a_fusion_moves_only_what_crosses_its_border() -> None:
    x = Value(TensorType((8,), FLOAT32))
    inner = Value(TensorType((8,), FLOAT32))
    body = Graph.build("body", [inner], [ops.tanh(ops.exp(inner))])
    assert cost(Graph.build("f", [x], [ops.fusion(x, regions=[body])])) == Cost(1, 64)


def body(count: int) -> Graph:
    """Return a graph of so many kernels on a scalar, each reading and writing four bytes."""
    first = x = Value(TensorType((), FLOAT32))
    for _ in range(count):
        x = ops.exp(x)
    return Graph.build("body", [first], [x])


def test_a_scan_costs_its_body_a_turn() -> None:
    x = Value(TensorType((), FLOAT32))
    graph = Graph.build("f", [x], [ops.scan(x, regions=[body(3)], num_carry=1, num_xs=0, length=5)])
    assert cost(graph) == Cost(15, 120)


def test_a_while_counts_as_one_turn_and_a_cond_as_its_dearer_branch() -> None:
    x, p = Value(TensorType((), FLOAT32)), Value(TensorType((), BOOL))
    again = Value(TensorType((), FLOAT32))
    test = Graph.build("test", [again], [ops.less(again, again)])
    loop = OPS["while"](x, regions=[test, body(2)], num_carry=1)
    assert cost(Graph.build("f", [x], [loop])) == Cost(3, 5 + 16)
    for branches in ([body(1), body(4)], [body(4), body(1)]):
        assert cost(Graph.build("f", [p, x], [ops.cond(p, x, regions=branches)])) == Cost(4, 32)
