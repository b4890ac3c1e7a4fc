"""What becomes one kernel on a CPU: the models that people run, as the whole pipeline leaves them."""

from __future__ import annotations

import numpy as np
import pytest
from nests import ramp

import aicomp as ac
from aicomp import ops
from aicomp.compiler import pipeline
from aicomp.interpreter import interpret
from aicomp.ir import Graph, Value
from aicomp.ops.composite import region
from aicomp.ops.symbol import Symbol, lift
from aicomp.options import Options
from aicomp.parse import parse_graph
from aicomp.text import large_constants, print_graph
from aicomp.types import TensorType


def graph_of(function, *types) -> Graph:
    inputs = [Value(TensorType.parse(text), name=f"x{i}") for i, text in enumerate(types)]
    results = function(*map(Symbol, inputs))
    results = results if isinstance(results, tuple) else (results,)
    return Graph.build("model", inputs, [result.value for result in results])


def optimised(function, *types, **options) -> Graph:
    chosen = Options(**options)
    return pipeline("cpu", chosen).run(graph_of(function, *types), chosen).graph


def kernels(graph: Graph) -> list[list[str]]:
    """Return the ops of every kernel; constants and reshapes, which are no work, left out."""
    free = ("constant", "reshape")
    nodes = [node for node in graph.nodes if node.op.name not in free]
    bodies = [node.regions[0].nodes if node.op.name == "fusion" else [node] for node in nodes]
    return [[part.op.name for part in nodes if part.op.name not in free] for nodes in bodies]


def weights(*shape, seed=0) -> Symbol:
    return Symbol(lift(np.random.default_rng([seed, *shape]).uniform(0.5, 1.0, shape).astype(np.float32)))


def conv_norm(x):
    y = ops.conv(x, weights(8, 8, 3, 3), weights(8), padding=1)
    return ops.batch_norm(y, *(weights(8, seed=i) for i in range(4)))


def attention(x, wq, wk, wv, wo):
    def heads(w):
        return ops.transpose(ops.reshape(ops.matmul(x, w), shape=(2, 16, 4, 8)), perm=(0, 2, 1, 3))

    mixed = ops.attention(heads(wq), heads(wk), heads(wv))
    return ops.matmul(ops.reshape(ops.transpose(mixed, perm=(0, 2, 1, 3)), shape=(2, 16, 32)), wo)


@pytest.mark.parametrize(
    ("function", "types"),
    [
        (lambda x: ops.softmax(x), ["f32[1536,128]"]),
        (lambda x: ops.softmax(x, axis=0), ["f32[128,64]"]),
        (lambda x: ops.log_softmax(x), ["f32[64,10]"]),
        (lambda x, g, b: ops.layer_norm(x, g, b), ["f32[128,768]", "f32[768]", "f32[768]"]),
        (lambda x, g: ops.rms_norm(x, g), ["f32[128,768]", "f32[768]"]),
        (lambda x: ops.mean(ops.gelu(x), axes=1), ["f32[16,64]"]),
        (lambda x, y: ops.sum(ops.square(x - y)), ["f32[16,64]"] * 2),
        (lambda x, w, b: ops.gelu(ops.linear(x, w, b)), ["f32[16,32]", "f32[64,32]", "f32[64]"]),
        (lambda x, y: ops.concat(ops.relu(x), y * 2.0, axis=1), ["f32[4,8]"] * 2),
        (lambda x, i: ops.embedding(i, x) * 3.0, ["f32[100,16]", "i64[7]"]),
        (lambda x, y: ops.where(ops.less(x, y), ops.exp(x), ops.transpose(y) + 1.0), ["f32[8,8]"] * 2),
    ],
)
def test_one_kernel(function, types):
    assert len(kernels(optimised(function, *types))) == 1


def test_a_residual_and_the_norm_behind_it_are_one_kernel_with_two_results():
    def block(x, y, g, b):
        total = x + y
        return total, ops.layer_norm(total, g, b)

    graph = optimised(block, "f32[128,768]", "f32[128,768]", "f32[768]", "f32[768]")
    (node,) = (node for node in graph.nodes if node.op.name != "constant")
    assert len(node.outputs) == 2


def test_a_block_of_a_convolutional_network_is_one_kernel_a_convolution():
    graph = optimised(lambda x: ops.relu(conv_norm(ops.relu(conv_norm(x))) + x), "f32[1,8,12,12]")
    assert [ops_ for ops_ in kernels(graph) if "conv" in ops_] == [
        ["conv", "add", "relu"],
        ["conv", "add", "add", "relu"],
    ]
    others = [op for ops_ in kernels(graph) for op in ops_ if "conv" not in ops_]
    assert set(others) == {"transpose"}, "into the layout of convolutions, and back"


def test_attention_is_six_contractions_and_a_softmax():
    found = kernels(optimised(attention, "f32[2,16,32]", *["f32[32,32]"] * 4))
    assert sum("matmul" in ops_ for ops_ in found) == 6
    assert sum("exp" in ops_ for ops_ in found) == 1
    assert len(found) == 7, "no transpose is left on its own"


def test_level_0_makes_one_kernel_a_node():
    graph = optimised(lambda x: ops.softmax(x), "f32[4,8]", opt_level=0)
    assert [len(ops_) for ops_ in kernels(graph)] == [1] * 5


def test_exact_divides_and_sums_in_one_go():
    def ops_of(**options):
        graph = optimised(lambda x: ops.softmax(x) / ops.sum(x), "f32[4,65536]", **options)
        return [op for kernel in kernels(graph) for op in kernel]

    exact, fast = ops_of(exact=True), ops_of()
    assert (exact.count("sum"), exact.count("divide"), exact.count("reciprocal")) == (2, 2, 0)
    assert (fast.count("sum"), fast.count("divide"), fast.count("reciprocal")) == (4, 0, 2)


def test_a_graph_that_was_optimised_before_compiles_again():
    def network(x, w):
        return ops.softmax(ops.relu(ops.matmul(x, w)) + ramp((16, 48), 1))

    fused = optimised(network, "f32[16,32]", "f32[32,48]")
    again = parse_graph(print_graph(fused), large_constants(fused))
    x, w = (np.random.default_rng(0).standard_normal(v.shape).astype(np.float32) for v in fused.inputs)
    (expected,) = interpret(fused, [x, w])
    for level in (0, 2):
        np.testing.assert_allclose(ac.compile(again, opt_level=level, threads=1)(x, w), expected, rtol=1e-5, atol=1e-6)


def test_a_user_may_fuse_what_no_kernel_computes():
    body = region(
        lambda x: ops.exp(ops.matmul(ops.sum(x, axes=0, keepdims=True), ops.transpose(x))),
        [TensorType.parse("f32[4,4]")],
    )
    x = Value(TensorType.parse("f32[4,4]"), name="x")
    graph = Graph.build("model", [x], [ops.fusion(x, regions=[body])])
    array = np.arange(16, dtype=np.float32).reshape(4, 4) / 64
    np.testing.assert_allclose(ac.compile(graph)(array), interpret(graph, [array])[0], rtol=1e-6)
