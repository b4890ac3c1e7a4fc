"""Constant folding: what depends on constants only is computed, within a bound on size."""

import numpy as np
import pytest

from aicomp import ops
from aicomp.errors import InputValueError
from aicomp.interpreter import interpret
from aicomp.ops.composite import region
from aicomp.passes.canonicalize import canonicalize
from aicomp.passes.fold_constants import fold_constants
from aicomp.types import FLOAT32, TensorType

from .graphs import assert_same_results, build, constant, names


def test_a_chain_on_constants_is_one_constant():
    graph = build(lambda x: x + ops.exp(ops.transpose(constant(np.ones((3, 2), np.float32)))) * 2.0, "f32[2,3]")
    result = fold_constants(graph)
    assert names(result) == ["add"]
    assert_same_results(graph, result)


def test_large_constants_are_folded_where_they_do_not_grow():
    graph = build(lambda x: x + ops.transpose(constant(np.zeros((300, 400)))), "f64[400,300]")
    assert names(fold_constants(graph, max_bytes=0)) == ["add"]


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x + ops.broadcast_to(constant(np.float32(2)), shape=(200, 200)),
        lambda x: x + ops.cast(ops.iota(shape=(200, 200), axis=1), dtype=FLOAT32),
    ],
)
def test_what_grows_stays_symbolic(function):
    graph = build(function, "f32[200,200]")
    assert fold_constants(graph, max_bytes=1 << 10) is graph
    assert names(fold_constants(graph, max_bytes=1 << 20)) == ["add"]


def test_small_ramps_are_folded():
    graph = build(lambda x: ops.gather(x, ops.iota(shape=(3,)), axis=0), "f32[5]")
    assert names(canonicalize(fold_constants(graph))) == ["slice"]


def test_folding_keeps_warnings_to_itself_and_results_read_only():
    result = fold_constants(build(lambda x: x + ops.log(constant(np.array([-1.0, 0.0]))), "f64[2]"))
    (array,) = [node.attrs["value"] for node in result.nodes if node.op.name == "constant"]
    assert not array.flags.writeable
    assert np.array_equal(array, [np.nan, -np.inf], equal_nan=True)


def test_what_fails_fails_when_it_runs():
    graph = build(lambda x: x + ops.gather(constant(np.zeros(2, np.float32)), constant(np.array([7]))), "f32[1]")
    assert fold_constants(graph) is graph
    with pytest.raises(InputValueError):
        interpret(graph, [np.zeros(1, np.float32)])


@pytest.mark.parametrize("taken", [False, True])
def test_cond_of_a_constant_is_its_branch(taken):
    type_ = TensorType((2,), FLOAT32)
    branches = [region(ops.exp, [type_]), region(lambda x: x * 3.0, [type_])]
    graph = build(lambda x: ops.cond(constant(np.bool_(taken)), x, regions=branches), "f32[2]")
    result = fold_constants(graph)
    assert names(result) == ["exp" if taken else "multiply"]
    assert_same_results(graph, result)


def test_loops_on_constants_stay():
    body = region(lambda c: (c + 1.0,), [TensorType((), FLOAT32)])
    graph = build(
        lambda x: x + ops.scan(constant(np.float32(0)), regions=[body], num_carry=1, num_xs=0, length=5), "f32[]"
    )
    assert fold_constants(graph) is graph


def test_regions_are_folded():
    body = region(lambda x: x + ops.exp(constant(np.float32(0))), [TensorType((), FLOAT32)])
    result = fold_constants(build(lambda x: ops.fusion(x, regions=[body]), "f32[]"))
    assert names(result.nodes[0].regions[0]) == ["add"]
