"""Dead code: nodes, and inputs, outputs and carries of regions, that no output needs."""

import numpy as np

from aicomp import ops
from aicomp.interpreter import interpret
from aicomp.ir import Graph
from aicomp.ops.composite import region
from aicomp.passes.dce import dce
from aicomp.types import FLOAT32, TensorType

from .graphs import assert_same_results, build, names

S = TensorType((), FLOAT32)
V = TensorType((4,), FLOAT32)


def test_dead_nodes_go_and_inputs_stay():
    alive = build(lambda x, y: ops.exp(x), "f32[2]", "f32[2]")
    dead = ops.abs(alive.inputs[1])
    graph = Graph("g", alive.inputs, (*alive.nodes, dead.node), alive.outputs)
    result = dce(graph)
    assert names(result) == ["exp"]
    assert result.inputs == graph.inputs
    assert dce(result) is result


def test_unread_outputs_and_inputs_of_a_fusion_go():
    body = region(lambda a, b, c: (a + b, ops.exp(c), b * b), [V] * 3)
    graph = build(lambda a, b, c: ops.fusion(a, b, ops.log(c), regions=[body])[2], *["f32[4]"] * 3)
    result = dce(graph)
    (node,) = result.nodes
    assert len(node.inputs) == 1
    assert names(node.regions[0]) == ["multiply"]
    assert_same_results(graph, result)


def test_unread_results_of_a_cond_go_from_both_branches():
    then = region(lambda a, b: (a + b, ops.exp(b)), [V, V])
    otherwise = region(lambda a, b: (a, b), [V, V])
    graph = build(lambda p, a, b: ops.cond(p, a, b, regions=[then, otherwise])[1], "bool[]", "f32[4]", "f32[4]")
    (node,) = dce(graph).nodes
    assert len(node.inputs) == 2
    assert [names(r) for r in node.regions] == [["exp"], []]
    assert_same_results(graph, dce(graph))


def scan(function, carries, scanned, invariants=0):
    body = region(function, [S] * (carries + scanned + invariants))

    def call(*xs):
        return ops.scan(*xs, regions=[body], num_carry=carries, num_xs=scanned, length=4)

    types = ["f32[]"] * carries + ["f32[4]"] * scanned + ["f32[]"] * invariants
    return call, types


def test_a_scan_keeps_the_carries_that_others_need():
    # b feeds a; c and its stacked results feed nothing that is read
    call, types = scan(lambda a, b, c, x, w: (a + b, b * x, c + w, c * x), 3, 1, 1)
    graph = build(lambda *xs: call(*xs)[0], *types)
    (node,) = dce(graph).nodes
    assert node.attrs["num_carry"] == 2
    assert node.attrs["num_xs"] == 1
    assert [value.name for value in node.inputs] == ["x0", "x1", "x3"]
    assert names(node.regions[0]) == ["add", "multiply"]
    assert_same_results(graph, dce(graph))


def test_a_live_carry_stays_where_the_body_only_replaces_it():
    call, types = scan(lambda a, b, x: (x, b * x), 2, 1)
    graph = build(lambda *xs: call(*xs)[0], *types)
    (node,) = dce(graph).nodes
    assert (node.attrs["num_carry"], len(node.inputs)) == (1, 2)
    assert_same_results(graph, dce(graph))


def test_a_while_keeps_a_carry_that_only_its_condition_reads():
    def step(i, a):
        return i + 1.0, a * 2.0

    regions = [region(lambda i, a: ops.less(i, 3.0), [S] * 2), region(step, [S] * 2)]
    graph = build(lambda i, a: ops.OPS["while"](i, a, regions=regions, num_carry=2)[1], "f32[]", "f32[]")
    (node,) = dce(graph).nodes
    assert node.attrs["num_carry"] == 2
    assert_finite_results_agree(graph, dce(graph), [np.float32(0), np.float32(1)])


def test_a_while_keeps_an_invariant_that_only_its_condition_reads():
    regions = [
        region(lambda a, limit, unused: ops.less(a, limit), [S] * 3),
        region(lambda a, limit, unused: a * 2.0 + 1.0, [S] * 3),
    ]
    graph = build(lambda *xs: ops.OPS["while"](*xs, regions=regions, num_carry=1), *["f32[]"] * 3)
    (node,) = dce(graph).nodes
    assert [value.name for value in node.inputs] == ["x0", "x1"]
    assert_finite_results_agree(graph, dce(graph), [np.float32(n) for n in (1, 9, 0)])


def test_a_scan_read_only_by_its_stacked_result():
    call, types = scan(lambda a, b, x, y: (a + x, b + y, a * 2.0), 2, 2)
    graph = build(lambda *xs: call(*xs)[2], *types)
    (node,) = dce(graph).nodes
    assert (node.attrs["num_carry"], node.attrs["num_xs"], len(node.outputs)) == (1, 1, 2)
    assert_same_results(graph, dce(graph))


def test_a_while_keeps_what_its_condition_needs():
    def more(i, a, b, limit, unused):
        return ops.less(i, limit)

    def step(i, a, b, limit, unused):
        return i + 1.0, a + i, b * unused

    regions = [region(more, [S] * 5), region(step, [S] * 5)]

    def loop(a, b, unused):
        start, limit = (a * 0.0 + c for c in (0.0, 3.0))
        return ops.OPS["while"](start, a, b, limit, unused, regions=regions, num_carry=3)[1]

    graph = build(lambda a, b, unused: loop(a, b, unused), *["f32[]"] * 3)
    result = dce(graph)
    (node,) = [node for node in result.nodes if node.op.name == "while"]
    assert node.attrs["num_carry"] == 2
    assert len(node.inputs) == 3
    x = [np.float32(n) for n in (2, 3, 5)]
    assert_finite_results_agree(graph, result, x)


def assert_finite_results_agree(graph, result, arrays):
    assert interpret(graph, arrays) == interpret(result, arrays)


def test_what_is_dead_in_a_region_of_a_region_frees_what_is_around():
    inner = region(lambda a, b: (a, ops.exp(b)), [S, S])
    outer = region(lambda a, b: tuple(ops.fusion(a, b, regions=[inner])), [S, S])
    graph = build(lambda a, b: ops.fusion(a, ops.log(b), regions=[outer])[0], "f32[]", "f32[]")
    result = dce(graph)
    assert names(result) == ["fusion"]
    assert len(result.nodes[0].inputs) == 1
    assert_same_results(graph, result)


def test_a_live_graph_is_the_same_object():
    call, types = scan(lambda a, x: (a + x, a * x), 1, 1)
    graph = build(lambda *xs: tuple(call(*xs)), *types)
    assert dce(graph) is graph
