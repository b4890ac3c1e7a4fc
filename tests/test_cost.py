"""Kernels and bytes of graphs."""

from __future__ import annotations

from aicomp import ops
from aicomp.cost import Cost, cost
from aicomp.ir import Graph, Value
from aicomp.types import FLOAT32, TensorType


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
