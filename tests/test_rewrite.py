"""Patterns, rules, and the driver that applies them until none applies."""

import numpy as np
import pytest

from aicomp import ops
from aicomp.errors import GraphError
from aicomp.ir import Graph, Location, Node, Value
from aicomp.ops import OPS
from aicomp.ops.composite import region
from aicomp.ops.symbol import Symbol, lift
from aicomp.pattern import Var, any_of, boolean, constant, fill, floating, inner, integer, op, root, with_trait
from aicomp.rebuild import inline, rebuild, substitute
from aicomp.rewrite import Rule, rewrite
from aicomp.text import print_graph
from aicomp.types import BFLOAT16, FLOAT32, INT32, UINT8, TensorType

x, y = Var("x"), Var("y")
F = TensorType((2, 3), FLOAT32)


def tensor(name="x", type_=F):
    return Value(type_, name=name)


def matches(pattern, value):
    return [{name: found for name, found in bound.items()} for bound in pattern.match(value, {})]


def const(number, dtype=FLOAT32, shape=()):
    return lift(np.full(shape, number, dtype))


def names(graph):
    return [node.op.name for node in graph.nodes]


def test_a_variable_stands_for_one_value():
    a, b = tensor("a"), tensor("b")
    assert matches(x, a) == [{"x": a}]
    assert matches(x + y, ops.add(a, b)) == [{"x": a, "y": b}, {"x": b, "y": a}]
    assert matches(x + x, ops.add(a, b)) == []
    assert matches(x + x, ops.add(a, a))[0] == {"x": a}
    assert matches(x - y, ops.subtract(a, b)) == [{"x": a, "y": b}]


def test_operators_build_the_patterns_they_look_like():
    a, b = tensor("a"), tensor("b")
    for pattern, value in [
        (x + y, ops.add(a, b)),
        (x - y, ops.subtract(a, b)),
        (x * y, ops.multiply(a, b)),
        (x / y, ops.divide(a, b)),
        (-x, ops.negative(a)),
        (2.0 - x, ops.subtract(const(2), a)),
        (2.0 / x, ops.divide(const(2), a)),
        (op.exp(x) + 1.0, ops.add(const(1), ops.exp(a))),
        (any_of(("exp", "log"), x), ops.log(a)),
        (root("concat"), ops.concat(a, b, a, axis=0)),
    ]:
        assert matches(pattern, value), str(pattern)
    assert matches(op.exp(x), a) == []
    assert matches(op.exp(x), ops.log(a)) == []
    assert str((x + 1.0) * root("concat")) == "multiply(add(x, 1.0), concat(...))"


def test_conditions_on_variables():
    kinds = {floating: FLOAT32, integer: INT32, boolean: np.dtype(bool)}
    for condition in kinds:
        for other, dtype in kinds.items():
            value = tensor("a", TensorType((2,), dtype))
            assert bool(matches(Var("v", condition), value)) == (condition is other)
    assert matches(Var("v", constant), const(3))
    assert not matches(Var("v", constant), tensor())


@pytest.mark.parametrize(
    ("pattern", "value", "expected"),
    [
        (fill(0.0), const(0.0), True),
        (fill(0.0), const(-0.0), False),
        (fill(-0.0), const(-0.0), True),
        (fill(0), const(0.0), False),
        (fill(0.0), const(0, INT32), False),
        (fill(0), const(0, INT32), True),
        (fill(1), const(True, bool), False),
        (fill(True), const(True, bool), True),
        (fill(-1), const(255, UINT8), False),
        (fill(1.0), const(1.0, BFLOAT16), True),
        (fill(0.1), const(0.1), False),
        (fill(1e300), const(np.inf), False),
        (fill(float("nan")), const(np.nan), False),
        (fill(2.0), const(2.0, shape=(40, 50)), True),
        (fill(2.0), const(2.0, shape=(0, 3)), False),
        (fill(2.0, 3.0), const(3.0), True),
        (fill(0.0), lift(np.array([0.0, -0.0], np.float32)), False),
        (fill(1.0), lift(np.array([1.0, 2.0], np.float32)), False),
        (fill(2.0), ops.broadcast_to(ops.reshape(const(2.0), shape=(1,)), shape=(5,)), True),
        (fill(2.0), ops.exp(const(2.0)), False),
        (fill(2.0), tensor(), False),
    ],
)
def test_fills(pattern, value, expected):
    assert bool(matches(pattern, value)) == expected


def test_traits():
    assert {"add", "multiply"} <= set(with_trait("commutative"))
    assert "subtract" not in with_trait("commutative")


def test_rules_apply_until_none_does_and_through_what_they_make():
    rules = [Rule("x * 1 = x", x * 1.0, x), Rule("x / x = x * 1", x / x, x * 1.0)]
    a = tensor("a")
    graph = Graph.build("g", [a], [ops.exp(ops.divide(ops.divide(a, a), ops.divide(a, a)))])
    assert names(rewrite(graph, rules)) == ["exp"]


def test_nothing_to_do_gives_the_same_object():
    a = tensor("a")
    graph = Graph.build("g", [a], [ops.exp(a)])
    assert rewrite(graph, [Rule("x * 1 = x", x * 1.0, x)]) is graph


def test_new_nodes_have_the_place_of_what_they_replace():
    loc = Location("model.py", 5, "y = -(-x)")
    a = tensor("a")
    node = Node(OPS["subtract"], (a, Node(OPS["negative"], (a,)).outputs[0]), loc=loc)
    result = rewrite(Graph.build("g", [a], node.outputs), [Rule("x - -y = x + y", x - -y, x + y)])
    assert [n.loc for n in result.nodes] == [loc]


def test_a_smaller_replacement_is_broadcast_and_another_dtype_does_not_apply():
    a = tensor("a", TensorType((3,), FLOAT32))
    graph = Graph.build("g", [a], [ops.multiply(a, const(1.0, shape=(2, 3)))])
    result = rewrite(graph, [Rule("x * 1 = x", x * 1.0, x)])
    assert names(result) == ["broadcast_to"]
    assert result.output_types == graph.output_types
    graph = Graph.build("g", [a], [ops.isnan(a)])
    assert rewrite(graph, [Rule("isnan(x) = x", op.isnan(x), x)]) is graph


def test_functions_as_replacements_see_the_match():
    def merged(match):
        assert match.root.op.name == "reshape"
        assert match.node("inner").op.name == "reshape"
        return None if match["x"].ndim == 1 else match["x"]

    rule = Rule("r(r(x)) = x", op.reshape(inner("reshape")), merged)
    for type_, expected in [(F, []), (TensorType((6,), FLOAT32), ["reshape", "reshape"])]:
        a = tensor("a", type_)
        graph = Graph.build("g", [a], [ops.reshape(ops.reshape(a, shape=(3, 2)), shape=type_.shape)])
        assert names(rewrite(graph, [rule])) == expected


def test_endless_rules_are_named():
    rules = [Rule("x + y = y + x", x + y, y + x), Rule("x * 1 = x", x * 1.0, x)]
    a, b = tensor("a"), tensor("b")
    with pytest.raises(GraphError, match=r"does not end.*x \+ y = y \+ x"):
        rewrite(Graph.build("g", [a, b], [ops.add(a, b)]), rules)


def test_regions_are_rewritten():
    body = region(lambda s: s * 1.0 + s, [F])
    a = tensor("a")
    graph = Graph.build("g", [a], [ops.fusion(a, regions=[body])])
    result = rewrite(graph, [Rule("x * 1 = x", x * 1.0, x)])
    assert names(result.nodes[0].regions[0]) == ["add"]


def test_rebuild_replaces_several_results():
    a = tensor("a")
    graph = Graph.build("g", [a], ops.split(a, sections=3, axis=1))

    def swap(node):
        if node.op.name != "split":
            return node.outputs
        return tuple(ops.slice(a, starts=(0, i), sizes=(2, 1)) for i in (2, 1, 0))

    result = rebuild(graph, swap)
    assert [node.attrs["starts"] for node in result.nodes] == [(0, 2), (0, 1), (0, 0)]


def test_a_long_chain_does_not_exhaust_the_stack():
    value = a = tensor("a")
    for _ in range(5000):
        value = ops.multiply(ops.negative(value), const(1.0))
    rules = [Rule("x * 1 = x", x * 1.0, x), Rule("-(-x) = x", op.negative(-x), x)]
    result = rewrite(Graph.build("g", [a], [value]), rules)
    assert names(result) == []


def test_substitute_sees_the_node_before_and_after():
    a = tensor("a")
    graph = Graph.build("g", [a], [ops.exp(ops.abs(a))])

    def visit(node, current):
        assert node in graph.nodes
        return (ops.log(current.inputs[0]),) if node.op.name == "abs" else current.outputs

    assert names(substitute(graph, visit, lambda region: region)) == ["log", "exp"]
    assert substitute(graph, lambda node, current: current.outputs, lambda region: region) is graph


def test_inline_copies_every_node():
    body = region(lambda s: s * 2.0, [F])
    a = tensor("a")
    (value,) = inline(body, [a])
    graph = Graph.build("g", [a], [value])
    assert not set(graph.nodes) & set(body.nodes)
    assert print_graph(graph).count("multiply") == 1
    assert Symbol(value).shape == (2, 3)


def test_a_replacement_that_is_broadcast_keeps_the_place():
    node = Node(OPS["add"], (tensor(), const(0.0, shape=(4, 2, 3))), loc=Location("m.py", 7))
    result = rewrite(Graph.build("g", [node.inputs[0]], node.outputs), [Rule("x + 0 = x", x + 0.0, x)])
    assert names(result) == ["broadcast_to"]
    assert result.nodes[0].loc == Location("m.py", 7)


def test_a_rule_refused_one_way_round_may_apply_the_other():
    a, b = tensor("a"), tensor("b")
    rule = Rule("b + y = y", x + y, lambda match: match["y"] if match["x"].value is b else None)
    assert rewrite(Graph.build("g", [a, b], [ops.add(a, b)]), [rule]).outputs == (a,)


def test_a_node_may_stand_in_its_own_replacement():
    graph = Graph.build("g", [t := tensor()], [ops.exp(ops.negative(ops.negative(t)))])

    def visit(node):
        if node.op.name == "negative" and node.inputs[0].node:
            return node.inputs[0].node.inputs
        return [ops.abs(node.outputs[0])] if node.op.name == "exp" else node.outputs

    assert names(rebuild(graph, visit)) == ["exp", "abs"]


def test_each_node_is_visited_once_those_of_a_region_that_is_passed_on_too():
    visited = []

    def visit(node):
        visited.append(node.op.name)
        if node.op.name == "fusion" and node.attrs["kind"] == "map":
            return Node(node.op, node.inputs, {"kind": "reduce"}, node.regions).outputs
        return node.outputs

    t = tensor()
    graph = Graph.build("g", [t], [ops.fusion(t, regions=[region(ops.exp, [F])], kind="map")])
    assert rebuild(graph, visit).nodes[0].attrs["kind"] == "reduce"
    assert visited == ["exp", "fusion", "fusion"]
