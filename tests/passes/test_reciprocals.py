"""Reciprocals: divisions by numbers that many elements share become products, where that stays close."""

import numpy as np
import pytest

from aicomp import ops
from aicomp.contract import Contract
from aicomp.interpreter import interpret
from aicomp.ops.composite import region
from aicomp.passes.reciprocals import SHARED_BY, reciprocals
from aicomp.types import TensorType

from .graphs import build, constant, names


def run(function, *types):
    """Return the graph after the pass; its results differ from the exact ones by an ulp and a half at most."""
    before = build(function, *types)
    after = reciprocals(before)
    rng = np.random.default_rng(0)
    arrays = [rng.uniform(0.5, 100, value.shape).astype(value.dtype) for value in before.inputs]
    for a, b in zip(interpret(before, arrays), interpret(after, arrays), strict=True):
        np.testing.assert_array_max_ulp(a, b, 2)
    return after


def test_a_constant_divisor_becomes_its_reciprocal():
    after = run(lambda x: x / 3.0, "f32[4]")
    assert names(after) == ["multiply"]
    (value,) = (node.attrs["value"] for node in after.nodes if node.op.name == "constant")
    assert value == np.float32(1) / np.float32(3)


def test_a_constant_divisor_for_each_channel():
    assert names(run(lambda x: x / constant(np.array([3.0, -7.0, 0.1])), "f64[4,3]")) == ["multiply"]


@pytest.mark.parametrize(
    ("reason", "divisor"),
    [
        ("1 / 0 is infinite", [3.0, 0.0]),
        ("1 / inf is 0", [3.0, np.inf]),
        ("1 / nan is nan", [3.0, np.nan]),
        ("1 / 3e38 is subnormal", [3.0, 3e38]),
        ("1 / 1e-45 is infinite", [3.0, 1e-45]),
    ],
)
def test_a_constant_without_a_normal_reciprocal_stays(reason, divisor):
    graph = build(lambda x: x / constant(np.array(divisor, np.float32)), "f32[4,2]")
    assert reciprocals(graph) is graph


def test_a_sum_that_many_elements_share():
    after = run(lambda x: x / ops.sum(x, axes=1, keepdims=True), "f32[4,8]")
    assert names(after) == ["sum", "reciprocal", "multiply"]
    after = run(lambda x: ops.sqrt(x) / ops.sqrt(ops.max(x)), "f64[4,8]")
    assert names(after) == ["sqrt", "max", "sqrt", "reciprocal", "multiply"]


def test_the_divisor_is_found_behind_views():
    def network(x, y):
        total = ops.reshape(ops.sum(y, axes=1), shape=(4, 1))
        return x / ops.broadcast_to(total, shape=(4, 4))

    after = run(lambda x, y: x / ops.reshape(ops.sum(y, axes=1), shape=(4, 1)), "f32[4,8]", "f32[4,3]")
    assert names(after) == ["sum", "reshape", "reciprocal", "multiply"]
    graph = build(network, "f32[4,4]", "f32[4,3]")
    assert reciprocals(graph) is graph, "broadcast, no divisor is shared"
    after = run(network, "f32[9,4,4]", "f32[4,3]")
    assert names(after) == ["sum", "reshape", "broadcast_to", "reciprocal", "multiply"]


@pytest.mark.parametrize("elements", [SHARED_BY - 1, SHARED_BY])
def test_how_many_elements_must_share(elements):
    graph = build(lambda x: x / ops.sum(x, axes=1, keepdims=True), f"f32[4,{elements}]")
    assert ("reciprocal" in names(reciprocals(graph))) is (elements == SHARED_BY)


@pytest.mark.parametrize(
    ("reason", "function", "types"),
    [
        ("an input may be anything", lambda x, y: x / y, ["f32[4,8]", "f32[4,1]"]),
        ("exp overflows", lambda x, y: x / ops.exp(y), ["f32[4,8]", "f32[4,1]"]),
        ("the reciprocal of f16 loses too much", lambda x: x / np.float16(3), ["f16[4]"]),
        ("the reciprocal of bf16 loses too much", lambda x: x / ops.sum(x, axes=1, keepdims=True), ["bf16[2,32]"]),
        ("other ops stay", lambda x: ops.remainder(x, 3.0), ["f32[4]"]),
    ],
)
def test_what_stays(reason, function, types):
    graph = build(function, *types)
    assert reciprocals(graph) is graph


def test_regions_are_rewritten_and_exactness_bars_the_pass():
    body = region(lambda x: x / 3.0, [TensorType.parse("f32[4]")])
    after = reciprocals(build(lambda x: ops.fusion(x, regions=[body]), "f32[4]"))
    assert names(after.nodes[0].regions[0]) == ["multiply"]
    assert reciprocals.contract is Contract.APPROXIMATES
