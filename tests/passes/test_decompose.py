"""Decomposition: only primitives are left, in regions too, at the composite's place in the source."""

from aicomp import ops
from aicomp.ir import Graph, Kind, Location, Node, Value
from aicomp.ops import OPS
from aicomp.ops.composite import region
from aicomp.ops.symbol import Symbol
from aicomp.passes.decompose import decompose
from aicomp.types import FLOAT32, TensorType

from .graphs import assert_same_results, build, names


def test_composites_of_composites_end_as_primitives():
    graph = build(lambda q, k, v: ops.attention(q, k, v, causal=True), *["f32[2,3,4]"] * 3)
    result = decompose(graph)
    assert len(graph.nodes) == 1
    assert all(node.op.kind is not Kind.COMPOSITE for node in result.walk())
    assert_same_results(graph, result)


def test_matmul_of_vectors_and_conv_with_bias_become_the_plain_forms():
    graph = build(lambda a, b: ops.matmul(a, b), "f32[3]", "f32[2,3,4]")
    assert names(decompose(graph)) == ["reshape", "matmul", "reshape"]
    graph = build(lambda x, w, b: ops.conv(x, w, b), "f32[1,2,5]", "f32[3,2,3]", "f32[3]")
    assert names(decompose(graph)) == ["conv", "reshape", "add"]
    assert_same_results(graph, decompose(graph))


def test_primitives_stay_the_same_object():
    graph = build(lambda a, b: ops.matmul(a, b) + 1.0, "f32[2,3]", "f32[3,4]")
    assert decompose(graph) is graph


def test_regions_are_decomposed():
    row = TensorType((3,), FLOAT32)
    body = region(lambda c, x: (ops.softmax(c) + x,), [row, row])
    graph = build(lambda c, x: ops.scan(c, x, regions=[body], num_carry=1, num_xs=1, length=2), "f32[3]", "f32[2,3]")
    result = decompose(graph)
    assert names(result) == ["scan"]
    assert "exp" in names(result.nodes[0].regions[0])
    assert_same_results(graph, result)


def test_fusions_are_dissolved():
    inner = region(lambda x, y: (ops.softmax(x), x + y), [TensorType((3,), FLOAT32)] * 2)
    outer = region(lambda x: ops.fusion(x, x, regions=[inner])[0] * 2.0, [TensorType((3,), FLOAT32)])
    graph = build(lambda x: ops.fusion(ops.abs(x), regions=[outer]), "f32[3]")
    result = decompose(graph)
    assert names(result) == ["abs", *names(decompose(build(ops.softmax, "f32[3]"))), "multiply"]
    assert_same_results(graph, result)


def test_new_nodes_keep_the_location():
    loc = Location("model.py", 7, "y = softmax(x)")
    x = Value(TensorType((3,), FLOAT32), name="x")
    node = Node(OPS["softmax"], (x,), loc=loc)
    result = decompose(Graph.build("g", [x], node.outputs))
    assert {n.loc for n in result.nodes} == {loc}
    assert Symbol(x, loc).loc == loc


def test_several_results():
    graph = build(lambda x: ops.split(x, sections=3, axis=1), "f32[2,6]")
    result = decompose(graph)
    assert names(result) == ["slice"] * 3
    assert_same_results(graph, result)
