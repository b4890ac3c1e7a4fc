"""Nodes and graphs: what construction checks, and what replacing keeps."""

from __future__ import annotations

import numpy as np
import pytest

from aicomp import ops
from aicomp.errors import GraphError, InputTypeError
from aicomp.ir import Graph, Location, Node, Value, freeze, reachable
from aicomp.ops import OPS
from aicomp.types import FLOAT32, FLOAT64, TensorType

F = TensorType((2, 3), FLOAT32)
LOC = Location("model.py", 3, "y = x + b")


def test_a_node_on_the_same_inputs_is_itself():
    x = Value(F)
    node = ops.abs(x).node
    assert node.replace([x]) is node
    assert node.replace() is node


def test_a_node_on_other_inputs_keeps_its_attributes_and_its_place():
    node = Node(OPS["sum"], [Value(F)], {"axes": 1}, loc=LOC)
    moved = node.replace([Value(F)])
    assert moved is not node
    assert (moved.attrs, moved.loc, moved.op) == (node.attrs, LOC, node.op)
    assert moved.outputs[0].node is moved
    assert moved.outputs[0].type == node.outputs[0].type


def test_a_node_on_inputs_of_another_type_infers_its_own_anew():
    node = ops.sum(Value(F), axes=1).node
    assert node.replace([Value(TensorType((5, 7), FLOAT64))]).outputs[0].type == TensorType((5,), FLOAT64)
    with pytest.raises(GraphError, match="axis"):
        node.replace([Value(TensorType((5,), FLOAT64))])


def test_errors_name_the_operands_the_place_and_the_code():
    with pytest.raises(GraphError, match=r"add\(f32\[2,3\], f32\[5\]\) at model.py:3: .*\n    y = x \+ b"):
        Node(OPS["add"], [Value(F), Value(TensorType((5,), FLOAT32))], loc=LOC)


@pytest.mark.parametrize(
    ("attrs", "message"),
    [({"axis": 1}, "unknown attribute 'axis' .it has axes, keepdims"), ({"axes": 7}, "axis")],
)
def test_attributes_are_checked(attrs, message):
    with pytest.raises(GraphError, match=message):
        Node(OPS["sum"], [Value(F)], attrs)
    with pytest.raises(GraphError, match="attribute 'dtype' is missing"):
        Node(OPS["cast"], [Value(F)])


def test_the_number_of_operands_is_checked():
    x = Value(F)
    with pytest.raises(InputTypeError, match=r"abs takes \(x\), got 2"):
        ops.abs(x, x)
    with pytest.raises(InputTypeError, match=r"add takes \(x, y\), got 1"):
        ops.add(x)


def test_attribute_values_cannot_be_changed():
    array = np.zeros(2)
    frozen = freeze([1, [np.int64(2), (np.float32(0.5),)], array])
    assert frozen[:2] == (1, (2, (0.5,)))
    assert type(frozen[1][0]) is int
    assert not frozen[2].flags.writeable
    array[0] = 7.0
    assert frozen[2][0] == 0.0, "the user's array is the user's"
    assert freeze(frozen[2]) is frozen[2]


def test_users_are_in_order_and_as_often_as_they_read():
    x = Value(F)
    y = ops.abs(x)
    graph = Graph.build("g", [x], [ops.add(y, y), ops.exp(x)])
    assert [node.op.name for node in graph.users(y)] == ["add", "add"]
    assert [node.op.name for node in graph.users(x)] == ["abs", "exp"]
    assert graph.users(graph.outputs[0]) == ()


def test_nodes_are_found_after_what_they_read_in_a_fixed_order():
    x = Value(F)
    a, b = ops.abs(x), ops.exp(x)
    c = ops.add(b, a)
    assert [node.op.name for node in reachable([c, a])] == ["exp", "abs", "add"]
    assert reachable([c], {a.node}) == [b.node, c.node]
    assert reachable([x]) == []


def test_deep_graphs_need_no_deep_stack():
    value = x = Value(F)
    for _ in range(3000):
        value = ops.abs(value)
    assert len(Graph.build("deep", [x], [value]).nodes) == 3000
