"""Batch-norm folding: per-channel constants end in the weights, where only the chain reads what it changes."""

import numpy as np
import pytest

from aicomp import ops
from aicomp.interpreter import interpret
from aicomp.ops.composite import region
from aicomp.passes.canonicalize import canonicalize
from aicomp.passes.decompose import decompose
from aicomp.passes.fold_batch_norm import fold_batch_norm
from aicomp.passes.fold_constants import fold_constants
from aicomp.types import TensorType
from aicomp.verify import verify

from .graphs import build, constant, names


def random(*shape, dtype=np.float64, seed=0):
    return constant((np.random.default_rng([seed, *shape]).standard_normal(shape) + 2).astype(dtype))


def check(function, *types, expected):
    before = fold_constants(canonicalize(decompose(build(function, *types))))
    after = fold_batch_norm(before)
    verify(after)
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(value.shape).astype(value.dtype) for value in before.inputs]
    for a, b in zip(interpret(before, arrays), interpret(after, arrays), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4 if a.dtype == np.float32 else 1e-12)
    assert names(after) == expected
    return after


def conv(x, **attrs):
    return ops.conv(x, random(4, 3, 3, 3), **attrs)


IMAGE = "f64[2,3,6,5]"


def norm(y):
    return ops.batch_norm(y, *(random(4, dtype=y.dtype, seed=i) for i in range(4)))


def test_batch_norm_after_a_conv_with_bias():
    def network(x):
        return ops.relu(norm(ops.conv(x, random(4, 3, 3, 3), random(4))))

    check(network, IMAGE, expected=["conv", "add", "relu"])


def test_single_precision():
    def network(x):
        return norm(ops.conv(x, random(4, 3, 3, 3, dtype=np.float32)))

    check(network, "f32[2,3,6,5]", expected=["conv", "add"])


def test_channels_last():
    def network(x):
        y = ops.conv(x, random(3, 3, 3, 4), channels_last=True)
        return y * random(4) + random(1, 1, 4)

    check(network, "f64[2,6,5,3]", expected=["conv", "add"])


LINKS = [
    (lambda y, c: y * c, ["conv"]),
    (lambda y, c: y / c, ["conv"]),
    (lambda y, c: -y, ["conv"]),
    (lambda y, c: c * y - c, ["conv", "add"]),
    (lambda y, c: c - y, ["conv", "add"]),
    (lambda y, c: -(y + c), ["conv", "add"]),
    (lambda y, c: (y - 1.0) * 2.0, ["conv", "add"]),
    (lambda y, c: (y + c) + 3.0, ["conv", "add"]),
]


@pytest.mark.parametrize(("chain", "expected"), LINKS, ids=range(len(LINKS)))
def test_every_affine_link(chain, expected):
    check(lambda x: chain(conv(x), random(4, 1, 1)), IMAGE, expected=expected)


def test_matmul():
    check(
        lambda x: ops.linear(x, random(4, 3), random(4)) * random(4, seed=1), "f64[5,2,3]", expected=["matmul", "add"]
    )


def test_a_scale_of_another_axis_stays():
    check(lambda x: conv(x) * random(3), IMAGE, expected=["conv", "multiply"])
    check(lambda x: ops.matmul(x, random(3, 4)) * random(5, 1), "f64[5,3]", expected=["matmul", "multiply"])


def test_a_scale_of_another_axis_of_the_same_size_stays():
    check(lambda x: conv(x) * random(4, 1), "f64[2,3,6,5]", expected=["conv", "multiply"])
    check(lambda x: ops.matmul(x, random(3, 4)) * random(4, 1), "f64[4,3]", expected=["matmul", "multiply"])


def test_a_number_divided_by_the_result_stays():
    check(lambda x: random(4, 1, 1) / conv(x), IMAGE, expected=["conv", "divide"])


def test_what_the_result_does_to_itself_stays():
    check(lambda x: ops.square(conv(x)) * 2.0, IMAGE, expected=["conv", "square", "multiply"])
    graph = build(lambda x: ops.maximum(conv(x), random(4, 1, 1)), IMAGE)
    assert fold_batch_norm(graph) is graph


def test_a_number_that_adds_an_axis_stays():
    check(lambda x: ops.matmul(x, random(3, 4)) * random(1, 1, 1), "f64[5,3]", expected=["matmul", "multiply"])


def test_what_others_read_stays():
    def network(x):
        y = conv(x)
        return y * random(4, 1, 1) + y

    check(network, IMAGE, expected=["conv", "multiply", "add"])

    def output(x):
        y = conv(x)
        return y, y * random(4, 1, 1)

    check(output, IMAGE, expected=["conv", "multiply"])


def test_one_bias_is_left_alone_and_the_graph_with_it():
    graph = build(lambda x: conv(x) + random(4, 1, 1), IMAGE)
    assert fold_batch_norm(graph) is graph


def test_computed_weights_and_computed_scales_stay():
    check(lambda x, w: ops.conv(x, w) * 2.0, IMAGE, "f64[4,3,3,3]", expected=["conv", "multiply"])
    check(lambda x, c: conv(x) * c, IMAGE, "f64[4,1,1]", expected=["conv", "multiply"])


def test_a_scale_that_is_not_finite_stays():
    check(lambda x: conv(x) * np.inf, IMAGE, expected=["conv", "multiply"])
    check(lambda x: conv(x) / 0.0, IMAGE, expected=["conv", "divide"])


def test_a_broadcast_that_widens_the_result_stays():
    check(lambda x: ops.matmul(x, random(3, 1)) * random(4), "f64[5,3]", expected=["matmul", "multiply"])


def test_half_precision_and_integers_stay():
    def half(x):
        return ops.conv(x, random(4, 3, 3, 3, dtype=np.float16)) * np.float16(2)

    assert names(fold_batch_norm(build(half, "f16[2,3,6,5]"))) == ["conv", "multiply"]

    def integer(x):
        return ops.matmul(x, constant(np.ones((3, 4), np.int32))) * np.int32(2)

    assert names(fold_batch_norm(build(integer, "i32[2,3]"))) == ["matmul", "multiply"]


def test_regions_are_folded():
    body = region(lambda x: conv(x) * random(4, 1, 1), [TensorType.parse(IMAGE)])
    after = fold_batch_norm(build(lambda x: ops.fusion(x, regions=[body]), IMAGE))
    assert names(after.nodes[0].regions[0]) == ["conv"]
