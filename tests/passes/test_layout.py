"""Layout: convolutions in channels-last, with transposes only where they are cheapest; the minimum cut under it."""

import itertools
from random import Random

import numpy as np
import pytest

from aicomp import ops
from aicomp.interpreter import interpret
from aicomp.ir import Graph, Value
from aicomp.ops.composite import region
from aicomp.passes.axis_order import is_free, to_first, to_last, transpose_cost
from aicomp.passes.canonicalize import canonicalize
from aicomp.passes.decompose import decompose
from aicomp.passes.fold_constants import fold_constants
from aicomp.passes.layout import Relayout, layout
from aicomp.passes.minimum_cut import Network
from aicomp.types import FLOAT32, TensorType
from aicomp.verify import verify

from .graphs import assert_same_results, build, constant, names

IMAGE = "f32[2,3,6,5]"


def weights(*shape, seed=0):
    return constant(np.random.default_rng(seed).standard_normal(shape).astype(np.float32))


def conv(x, filters=4, **attrs):
    return ops.conv(x, weights(filters, x.shape[1], *(3,) * (x.ndim - 2)), **{"padding": 1, **attrs})


def run(function, *types):
    """Return the graph before, in primitives, and after the pass, tidied."""
    before = decompose(build(function, *types))
    after = fold_constants(canonicalize(fold_constants(layout(before), max_bytes=1 << 20)))
    verify(after)
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(value.shape).astype(value.dtype) for value in before.inputs]
    for a, b in zip(interpret(before, arrays), interpret(after, arrays), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)
    assert all(node.attrs["channels_last"] for node in after.walk() if node.op.name == "conv")
    return before, after


def transposes(graph: Graph):
    """Return the permutations of the transposes that are left, in order."""
    return [node.attrs["perm"] for node in graph.nodes if node.op.name == "transpose"]


@pytest.mark.parametrize("rank", [3, 4, 5])
def test_permutations_undo_each_other(rank):
    assert tuple(to_last(rank)[axis] for axis in to_first(rank)) == tuple(range(rank))


@pytest.mark.parametrize("shape", ["f32[2,3,7]", IMAGE, "f32[1,2,4,3,5]"])
@pytest.mark.parametrize("attrs", [{}, {"strides": 2}, {"dilation": 2, "padding": 2}, {"groups": 1, "padding": 0}])
def test_one_conv_of_any_rank_is_exact(shape, attrs):
    before = build(lambda x: conv(x, **attrs), shape)
    after = layout(before)
    assert_same_results(before, after, 2)
    rank = before.inputs[0].type.rank
    assert transposes(fold_constants(after)) == [to_last(rank), to_first(rank)]


def test_groups_and_computed_weights():
    graph = build(lambda x, w: ops.conv(x, w, groups=2), "f32[1,4,5]", "f32[6,2,3]")
    after = layout(graph)
    assert_same_results(graph, after, 2)
    assert (2, 1, 0) in transposes(after)


def between(x):
    """Everything that works in either layout."""
    y = ops.relu(conv(x)) * np.float32([[[2.0]]] * 4) + np.ones((1, 4, 1, 1), np.float32)
    y = ops.reduce_window(
        y,
        kind="max",
        window=(1, 1, 3, 2),
        strides=(1, 1, 2, 1),
        padding=((0, 0), (0, 0), (1, 0), (0, 2)),
        dilation=(1, 1, 1, 2),
    )
    y = ops.pad(y, low=(0, 1, 2, 3), high=(1, 0, 0, 2), value=1.0)
    y = ops.slice(y, starts=(0, 0, 1, 2), sizes=(3, 5, 3, 4), steps=(1, 1, 1, 2))
    y = ops.concat(y, ops.exp(y), axis=1) / ops.sum(ops.abs(y), axes=(1, 3), keepdims=True)
    y = y * ops.broadcast_to(ops.max(y, axes=(0, 1), keepdims=True), shape=y.shape)
    y = y - ops.cast(ops.argmax(y, axis=1, keepdims=True), dtype="f32")
    y = y + ops.cast(ops.iota(shape=y.shape, axis=2), dtype="f32")
    return conv(y)


def test_everything_between_two_convs_follows():
    _, after = run(between, IMAGE)
    assert transposes(after) == [to_last(4), to_first(4)]
    assert after.nodes[-1].op.name == "transpose"


def test_a_residual_network_has_one_transpose_and_its_pooling_absorbs_the_other():
    def network(x):
        y = ops.relu(conv(x))
        for _ in range(3):
            y = ops.relu(y + conv(ops.relu(conv(y))))
        return ops.mean(y, axes=(2, 3))

    _, after = run(network, IMAGE)
    assert transposes(after) == [to_last(4)]


def test_a_reduction_that_keeps_no_axis_order_does_not_transpose():
    _, after = run(lambda x: ops.max(conv(x), axes=(1,)), IMAGE)
    assert transposes(after) == [to_last(4)]


def test_a_reduction_that_would_reorder_axes_reads_the_first_layout():
    _, after = run(lambda x: ops.max(conv(x), axes=(2,)), IMAGE)
    assert transposes(after) == [to_last(4), to_first(4)]


def test_transposes_of_the_user_cancel():
    def nhwc(x):
        y = ops.relu(conv(ops.transpose(x, perm=(0, 3, 1, 2))))
        return ops.transpose(y, perm=(0, 2, 3, 1)) + 1.0

    _, after = run(nhwc, "f32[2,6,5,3]")
    assert transposes(after) == []


def test_the_transpose_stands_where_the_tensor_is_small():
    def network(x):
        small = ops.reduce_window(x, kind="max", window=(1, 1, 2, 2), strides=(1, 1, 2, 2))
        return ops.relu(conv(small)), ops.exp(x)

    _, after = run(network, "f32[1,8,16,16]")
    first = next(node for node in after.nodes if node.op.name == "transpose")
    assert first.inputs[0].op == "reduce_window"


def test_the_transpose_back_stands_where_the_tensor_is_small():
    def network(x):
        return ops.reduce_window(ops.relu(conv(x)), kind="max", window=(1, 1, 2, 2), strides=(1, 1, 2, 2))

    _, after = run(network, "f32[1,3,16,16]")
    assert after.nodes[-1].op.name == "transpose"
    assert after.nodes[-1].inputs[0].op == "reduce_window"


def test_tensors_of_two_ranks_meet():
    def network(x, y):
        return ops.exp(conv(y)) + ops.relu(conv(x)), conv(ops.abs(y))

    before = build(network, "f32[2,3,4,7]", "f32[4,3,7]")
    assert_same_results(before, layout(before), 2)


def test_readers_of_both_layouts_share_one_transpose():
    def network(x):
        y = conv(x)
        return ops.reshape(y, shape=(-1,)), ops.reshape(ops.exp(y), shape=(-1,)), ops.transpose(y)

    _, after = run(network, "f32[1,3,6,5]")
    assert transposes(after).count(to_first(4)) <= 2
    assert len(transposes(after)) <= 4


def test_operands_of_lower_rank_are_raised():
    def network(x, rows, scalar):
        return conv(conv(x) + rows) * scalar

    before = build(network, IMAGE, "f32[4,1,5]", "f32[]")
    assert_same_results(before, layout(before), 2)
    assert names(layout(before)).count("reshape") == 1, "one element needs no axes"


def test_a_conv_in_channels_last_and_graphs_without_conv_stay():
    graph = build(lambda x, w: ops.relu(ops.conv(x, w, channels_last=True)), "f32[1,5,5,2]", "f32[3,3,2,4]")
    assert layout(graph) is graph
    graph = build(lambda x: ops.transpose(ops.relu(x), perm=(0, 2, 3, 1)), IMAGE)
    assert layout(graph) is graph


def test_regions_are_laid_out():
    body = region(lambda x: conv(ops.relu(conv(x, 3)), 3), [TensorType.parse(IMAGE)])
    _, after = run(lambda x: ops.scan(x, regions=[body], num_carry=1, num_xs=0, length=2), IMAGE)
    assert names(after.nodes[0].regions[0]).count("transpose") == 2


def random_network(rng):
    """Return a graph of convolutions and of what works in either layout."""

    def step(a, b, w):
        match rng.randrange(9):
            case 0 | 1:
                return conv(a, 3)
            case 2:
                return a + b
            case 3:
                return ops.broadcast_to(ops.max(a, axes=(2, 3), keepdims=True), shape=a.shape)
            case 4:
                return ops.reshape(ops.reshape(a, shape=(-1,)), shape=a.shape)
            case 5:
                return a + ops.max(b, axes=(0, 1))
            case 6:
                return a * weights(2, 3, 6, 5)
            case 7:
                return ops.conv(a, ops.relu(w), padding=1)
        return ops.relu(a)

    def network(x, y, w):
        values = [x, y, conv(x, 3)]
        for _ in range(rng.randint(2, 6)):
            values.append(step(rng.choice(values), rng.choice(values), w))
        first, second = rng.sample(values, 2)
        return first, ops.max(second, axes=(2,)), values[-1]

    return build(network, "f32[2,3,6,5]", "f32[2,3,6,5]", "f32[3,3,3,3]")


def moved(graph):
    """Return how many elements the transposes of a graph move; those of constants are done at compile time."""
    nodes = [node for node in fold_constants(graph, max_bytes=1 << 20).nodes if node.op.name == "transpose"]
    orders = [[axis for axis in node.attrs["perm"] if node.inputs[0].shape[axis] != 1] for node in nodes]
    return sum(node.inputs[0].type.size for node, order in zip(nodes, orders, strict=True) if order != sorted(order))


def test_what_a_change_of_layout_costs():
    shapes = {
        (2, 3, 4, 5): 120,
        (2, 3, 1, 1): 0,
        (2, 1, 4, 5): 0,
        (2, 3, 1, 5): 30,
        (3, 4): 0,
        (1, 2, 3): 6,
        (0, 2, 3): 0,
    }
    for shape, expected in shapes.items():
        value = Value(TensorType(shape, FLOAT32))
        assert transpose_cost(value, len(shape)) == expected
    low = Value(TensorType((3, 4, 5), FLOAT32))
    assert (transpose_cost(low, 4), transpose_cost(weights(2, 3, 4, 5).value, 4)) == (60, 0)


@pytest.mark.parametrize("seed", range(60))
def test_no_other_choice_of_layouts_moves_fewer_elements(seed):
    graph = random_network(Random(seed))
    free = [node for node in graph.nodes if is_free(node)]
    subsets = itertools.chain.from_iterable(itertools.combinations(free, n) for n in range(len(free) + 1))
    least = min(moved(Relayout(graph, set(subset)).run()) for subset in subsets)
    assert moved(layout(graph)) == least
    assert_same_results(graph, layout(graph), 1)


def cut_cost(edges, side):
    return sum(capacity for a, b, capacity in edges if a in side and b not in side)


@pytest.mark.parametrize("seed", range(40))
def test_minimum_cut_against_every_cut(seed):
    rng = np.random.default_rng(seed)
    nodes = ["s", "a", "b", "c", "d", "e", "t"]
    pairs = list(itertools.permutations(nodes, 2))
    edges = [(*pairs[i], float(rng.integers(1, 9))) for i in rng.choice(len(pairs), 16, replace=False)]
    network = Network("s", "t")
    for edge in edges:
        network.edge(*edge)
    side = network.source_side()
    assert "s" in side
    assert "t" not in side
    middles = itertools.chain.from_iterable(itertools.combinations(nodes[1:-1], n) for n in range(6))
    assert cut_cost(edges, side) == min(cut_cost(edges, {"s", *middle}) for middle in middles)


def test_a_cut_that_cannot_be_is_an_error():
    network = Network("s", "t")
    network.edge("s", "a", float("inf"))
    network.edge("a", "t", float("inf"))
    with pytest.raises(ValueError, match="cannot be cut"):
        network.source_side()
