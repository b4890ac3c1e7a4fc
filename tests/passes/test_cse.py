"""Common subexpressions: merged where they are the same to the bit, and only there."""

import numpy as np
import pytest

from aicomp import ops
from aicomp.ops.composite import region
from aicomp.passes.cse import Bytes, cse
from aicomp.types import FLOAT32, TensorType

from .graphs import assert_same_results, build, constant, names

F = "f32[2,3]"
SAME = [
    ([F], lambda x: ops.exp(x) / (ops.exp(x) + 1.0), ["exp", "add", "divide"]),
    ([F, F], lambda x, y: (x + y) * (y + x), ["add", "multiply"]),
    ([F], lambda x: ops.sum(x, axes=-1) + ops.sum(x, axes=(1,)), ["sum", "add"]),
    (
        [F],
        lambda x: (
            (x + np.arange(300.0, dtype=np.float32).reshape(100, 3)[:2]) * (x + np.float32([[0, 1, 2], [3, 4, 5]]))
        ),
        ["add", "multiply"],
    ),
    ([F], lambda x: ops.exp(ops.exp(x)) + ops.exp(ops.exp(x)), ["exp", "exp", "add"]),
]
DIFFERENT = [
    ([F, F], lambda x, y: (x - y) * (y - x)),
    ([F, F], lambda x, y: ops.maximum(x, y) * ops.maximum(y, x)),  # of 0.0 and -0.0, either
    ([F], lambda x: (x + 0.0) * (x + -0.0)),
    ([F], lambda x: ops.sum(x, axes=0, keepdims=True) + ops.sum(x, axes=1, keepdims=True)),
    ([F], lambda x: ops.pad(x, low=(1, 0), high=(0, 0), value=0.0) + ops.pad(x, low=(1, 0), high=(0, 0), value=-0.0)),
    ([F], lambda x: ops.cast(x, dtype="i32") + ops.cast(ops.cast(x, dtype="f64"), dtype="i32")),
    ([F], lambda x: ops.leaky_relu(x, alpha=0.1) + ops.leaky_relu(x, alpha=0.2)),
]


@pytest.mark.parametrize(("types", "function", "expected"), SAME, ids=range(len(SAME)))
def test_same_things_are_merged(types, function, expected):
    graph = build(function, *types)
    result = cse(graph)
    assert names(result) == expected
    assert_same_results(graph, result)


@pytest.mark.parametrize(("types", "function"), DIFFERENT, ids=range(len(DIFFERENT)))
def test_different_things_stay(types, function):
    graph = build(function, *types)
    assert cse(graph) is graph


def test_constants_are_compared_by_all_their_bytes():
    a = np.zeros(10_000, np.float32)
    b = a.copy()
    b[4999] = -0.0
    graph = build(lambda x: (x + constant(a), x + constant(a.copy()), x + constant(b)), "f32[10000]")
    result = cse(graph)
    assert len([node for node in result.nodes if node.op.name == "constant"]) == 2
    assert names(result) == ["add", "add"]


def test_arrays_as_keys_differ_by_dtype_shape_and_bits():
    zeros = np.zeros(4, np.float32)
    same = [zeros, zeros.copy(), np.asfortranarray(zeros)]
    others = [zeros.view(np.int32), zeros.reshape(2, 2), zeros[:3], np.float32([0, 0, 0, -0.0])]
    assert all(Bytes(zeros) == Bytes(array) and hash(Bytes(zeros)) == hash(Bytes(array)) for array in same)
    assert not any(Bytes(zeros) == Bytes(array) for array in others)
    assert Bytes(zeros) != zeros.tobytes()


def test_regions_are_compared_by_their_text_and_cleaned():
    def body(c):
        return region(lambda x: (ops.exp(x) + ops.exp(x)) * c, [TensorType((), FLOAT32)])

    graph = build(lambda x: ops.fusion(x, regions=[body(1.0)]), "f32[]")
    assert names(cse(graph).nodes[0].regions[0]) == ["exp", "add", "multiply"]
    graph = build(lambda x: tuple(ops.fusion(x, regions=[body(c)]) for c in (1.0, 1.0, 2.0)), "f32[]")
    result = cse(graph)
    assert names(result) == ["fusion", "fusion"]
    assert_same_results(graph, result)


def test_a_region_shares_nothing_with_the_graph_around_it():
    body = region(lambda x: x + np.float32(3.0), [TensorType((), FLOAT32)])
    graph = build(lambda x: ops.fusion(x, regions=[body]) * np.float32(3.0), "f32[]")
    assert_same_results(graph, cse(graph))
