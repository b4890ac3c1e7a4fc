"""Fusion: which nodes become one, that the partition is sound whatever a backend accepts, and what is copied."""

import zlib
from collections import Counter
from random import Random

import numpy as np
import pytest

from aicomp import ops
from aicomp.contract import same_bits
from aicomp.interpreter import interpret
from aicomp.ir import Graph, Location, Node, Value
from aicomp.ops.composite import region
from aicomp.passes.fuse import FREE, LARGEST, VIEWS, fuse, fusion_pass, shares_one_space
from aicomp.passes.groups import Group, contract, kind_of
from aicomp.text import print_graph
from aicomp.types import FLOAT32, TensorType
from aicomp.verify import verify

from .graphs import assert_same_results, build, constant, names

F = "f32[6,8]"


def kernels(graph: Graph) -> list[list[str]]:
    """Return the ops of every kernel: those of fusions, and single nodes."""
    nodes = [node for node in graph.nodes if node.op.name != "constant"]
    return [names(node.regions[0]) if node.op.name == "fusion" else [node.op.name] for node in nodes]


def check(function, *types, expected, accepts=shares_one_space):
    before = build(function, *types)
    after = fusion_pass(accepts).run(before)
    assert_same_results(before, after, 2)
    assert kernels(after) == expected
    return after


def softmax(x):
    wide = ops.exp(x - ops.max(x, axes=-1, keepdims=True))
    return wide / ops.sum(wide, axes=-1, keepdims=True)


def norm(x):
    centred = x - ops.sum(x, axes=-1, keepdims=True) * 0.125
    return centred * ops.rsqrt(ops.sum(ops.square(centred), axes=-1, keepdims=True) * 0.125 + 1e-5)


NORM = ["sum", "multiply", "subtract", "square", "sum", "multiply", "add", "rsqrt", "multiply"]


def test_a_chain_of_elementwise_ops_is_one_kernel():
    after = check(lambda x, y: ops.relu(ops.exp(x) * y + 1.0), F, F, expected=[["exp", "multiply", "add", "relu"]])
    (node,) = after.nodes
    assert node.attrs["kind"] == "map"
    assert len(node.inputs) == 2, "constants of one element are part of the kernel"


def test_softmax_is_one_kernel():
    after = check(softmax, F, expected=[["max", "subtract", "exp", "sum", "divide"]])
    assert after.nodes[0].attrs["kind"] == "reduce"


def test_layer_norm_is_one_kernel():
    check(norm, F, expected=[NORM])


def test_a_residual_is_written_by_the_norm_that_follows():
    def residual(x, y):
        total = x + y
        return total, norm(total)

    after = check(residual, F, F, expected=[["add", *NORM]])
    assert len(after.nodes[0].outputs) == 2


def test_reductions_over_different_axes_are_different_kernels():
    check(lambda x: ops.sum(ops.sum(ops.exp(x), axes=1), axes=0), F, expected=[["exp", "sum"], ["sum"]])


def test_a_contraction_takes_what_its_result_runs_through():
    def network(x, w, b, residual):
        return ops.relu(ops.matmul(x, w) + b + residual)

    after = check(
        network,
        F,
        "f32[8,5]",
        "f32[5]",
        "f32[6,5]",
        expected=[["matmul", "add", "add", "relu"]],
        accepts=lambda _: True,
    )
    assert after.nodes[0].attrs["kind"] == "contract"


def test_a_contraction_reads_through_views_and_their_own_stay_for_others():
    def network(x, w):
        turned = ops.transpose(w)
        return ops.matmul(x, turned), ops.exp(turned)

    check(network, F, "f32[5,8]", expected=[["transpose", "matmul"], ["transpose", "exp"]], accepts=lambda _: True)


def test_a_view_behind_a_contraction_is_taken_only_with_what_follows():
    def ends(x, w):
        return ops.reshape(ops.matmul(x, w), shape=(3, 2, 5))

    def goes_on(x, w):
        return ops.relu(ends(x, w))

    check(ends, F, "f32[8,5]", expected=[["matmul"], ["reshape"]], accepts=lambda _: True)
    check(goes_on, F, "f32[8,5]", expected=[["matmul", "reshape", "relu"]], accepts=lambda _: True)


def test_views_of_views_are_read_through():
    def network(x, w):
        return ops.matmul(ops.reshape(ops.transpose(x), shape=(6, 8)), w)

    check(network, "f32[8,6]", "f32[8,5]", expected=[["transpose", "reshape", "matmul"]])


def test_an_epilogue_belongs_to_one_contraction():
    def two(x, w):
        return ops.matmul(x, w) + ops.matmul(ops.abs(x), w)

    def chain(x, w):
        return ops.matmul(ops.transpose(ops.matmul(x, w)), w)

    after = fusion_pass(lambda _: True).run(build(two, F, "f32[8,5]"))
    assert sorted(kernels(after)) == [["abs"], ["matmul"], ["matmul", "add"]]
    check(chain, "f32[4,4]", "f32[4,4]", expected=[["matmul", "transpose"], ["matmul"]], accepts=lambda _: True)


def test_an_epilogue_ends_where_the_result_is_broadcast():
    check(
        lambda x, w, y: ops.matmul(x, w) + y,
        F,
        "f32[8,1]",
        "f32[6,5]",
        expected=[["matmul"], ["add"]],
        accepts=lambda _: True,
    )


def test_an_epilogue_ends_where_others_read_the_result():
    def network(x, w):
        y = ops.matmul(x, w)
        return ops.exp(y) + ops.sum(y, axes=1, keepdims=True)

    def output(x, w):
        y = ops.matmul(x, w)
        return y, ops.exp(y)

    check(network, F, "f32[8,5]", expected=[["matmul"], ["exp", "sum", "add"]])
    check(output, F, "f32[8,5]", expected=[["matmul"], ["exp"]])


def test_two_contractions_are_two_kernels():
    check(
        lambda x, w: ops.relu(ops.matmul(ops.relu(ops.matmul(x, w)), w)),
        "f32[4,4]",
        "f32[4,4]",
        expected=[["matmul", "relu"], ["matmul", "relu"]],
    )


def test_work_before_a_contraction_or_a_window_is_not_done_again_for_every_element():
    def pool(x):
        return ops.reduce_window(ops.exp(x), kind="max", window=(1, 2), strides=(1, 1))

    check(pool, F, expected=[["exp"], ["reduce_window"]], accepts=lambda _: True)
    check(lambda x, w: ops.matmul(ops.exp(x), w), F, "f32[8,5]", expected=[["exp"], ["matmul"]], accepts=lambda _: True)


def test_cheap_views_are_copied_into_each_kernel_that_reads_them():
    def network(x, y):
        cut = ops.slice(x, starts=(0, 2), sizes=(6, 2), steps=(1, 1))
        return ops.sum(cut + y, axes=1), ops.sum(cut * y, axes=0)

    check(network, F, "f32[6,2]", expected=[["slice", "add", "sum"], ["slice", "multiply", "sum"]])


def test_what_leads_to_a_copied_view_is_fused_all_the_same():
    def network(x, w):
        return ops.matmul(ops.transpose(ops.exp(ops.relu(x))), w)

    check(network, F, "f32[6,5]", expected=[["relu", "exp"], ["transpose", "matmul"]])


def test_a_view_that_one_kernel_copies_and_another_takes_is_computed_from_one_result():
    def network(x, w):
        turned = ops.transpose(ops.exp(ops.relu(x)))
        return ops.matmul(turned, w), ops.abs(turned)

    check(network, F, "f32[6,5]", expected=[["relu", "exp", "transpose", "abs"], ["transpose", "matmul"]])


def test_dear_work_is_shared_not_copied():
    def network(x):
        wide = ops.exp(x)
        return ops.sum(wide, axes=1), ops.sum(wide, axes=0)

    result = kernels(fuse.run(build(network, F)))
    assert sorted(op for ops_ in result for op in ops_) == ["exp", "sum", "sum"]


def test_a_path_through_another_kernel_keeps_nodes_apart():
    # exp feeds the last kernel also through the matmul: fused with it, it would wait for itself
    def network(x):
        wide = ops.exp(x)
        return ops.relu(wide + ops.matmul(wide, x))

    check(network, "f32[4,4]", expected=[["exp"], ["matmul", "add", "relu"]])


def test_reshapes_and_constants_are_no_kernels_of_their_own():
    after = fuse.run(build(lambda x: ops.reshape(x, shape=(48,)), F))
    assert kernels(after) == [["reshape"]]
    wide = np.arange(48, dtype=np.float32).reshape(6, 8)
    after = fuse.run(build(lambda x: ops.exp(x + constant(wide)), F))
    (node,) = (n for n in after.nodes if n.op.name == "fusion")
    assert [value.op for value in node.inputs] == ["", "constant"], "large constants are operands"


def test_a_kernel_has_a_largest_size():
    def network(x):
        for i in range(LARGEST + 10):
            x = ops.sin(x) if i % 2 else ops.exp(x)
        return x

    assert [len(ops_) for ops_ in kernels(fuse.run(build(network, "f32[4]")))] == [10, LARGEST]


def test_regions_are_fused_and_fusions_left_alone():
    body = region(lambda c, x: (c + ops.exp(x), ops.relu(c + ops.exp(x))), [TensorType((), FLOAT32)] * 2)

    def network(c, xs):
        return ops.scan(c, xs, regions=[body], num_carry=1, num_xs=1, length=4)

    before = build(network, "f32[]", "f32[4]")
    after = fuse.run(before)
    (node,) = after.nodes
    assert kernels(node.regions[0]) == [["exp", "add"], ["exp", "add", "relu"]]
    assert_same_results(before, after)
    assert print_graph(fuse.run(fuse.run(build(softmax, F)))) == print_graph(fuse.run(build(softmax, F)))


def test_a_kernel_has_the_source_line_of_its_last_node():
    before = build(lambda x: x, F)
    first = Node(ops.OPS["exp"], before.inputs, loc=Location("model.py", 1))
    last = Node(ops.OPS["relu"], first.outputs, loc=Location("model.py", 2))
    (node,) = fuse.run(before.with_outputs(last.outputs)).nodes
    assert str(node.loc) == "model.py:2"


@pytest.mark.parametrize(
    ("function", "types", "expected"),
    [
        (lambda x: ops.sum(ops.exp(x), axes=1), [F], True),
        (lambda x: ops.sum(x, axes=1) + ops.max(x, axes=1), [F], True),
        (lambda x: ops.sum(x, axes=1) + ops.sum(x, axes=0), ["f32[6,6]"], False),
        (lambda x, y: ops.matmul(x, y), ["f32[4,4]"] * 2, True),
        (lambda x, y: ops.matmul(ops.matmul(x, y), y), ["f32[4,4]"] * 2, False),
        (lambda x, y: ops.sum(ops.matmul(x, y), axes=1), ["f32[4,4]"] * 2, False),
        (lambda x, y: (ops.exp(x), ops.exp(y)), ["f32[4]", "f32[5]"], False),
        (lambda x, y: (ops.exp(x), ops.exp(y)), ["f32[4]", "f32[2,2]"], True),
    ],
)
def test_one_space(function, types, expected):
    assert shares_one_space(build(function, *types)) is expected


def test_kinds_are_those_of_the_weightiest_node():
    graph = build(lambda x, y: ops.sum(ops.matmul(x, y), axes=1), "f32[4,4]", "f32[4,4]")
    assert kind_of(Group(list(graph.nodes))) == "contract"
    assert kind_of(Group(list(graph.nodes[1:]))) == "reduce"
    graph = build(lambda x: ops.reduce_window(ops.exp(x), kind="max", window=(2,), strides=(1,)), "f32[4]")
    assert kind_of(Group(list(graph.nodes))) == "window"
    assert kind_of(Group(list(graph.nodes[:1]))) == "map"


def test_groups_of_one_node_stay_nodes():
    graph = build(lambda x: ops.exp(ops.relu(x)), F)
    after = contract(graph, {Group([node]): node.outputs for node in graph.nodes})
    assert names(after) == ["relu", "exp"]


# -- any graph, any backend ------------------------------------------------------------------------------------
def random_graph(rng: Random) -> Graph:
    """Return a graph of elementwise ops, reductions, views, windows, contractions and sorts, all on 4 by 4."""
    inputs = [Value(TensorType((4, 4), FLOAT32)) for _ in range(2)]
    values = list(inputs)

    def one(x: Value, y: Value) -> Value:
        match rng.randrange(10):
            case 0 | 1 | 2:
                return ops.add(x, y)
            case 3:
                return ops.relu(x)
            case 4:
                return ops.transpose(x, perm=(1, 0))
            case 5:
                axis = rng.randrange(2)
                total = ops.max(x, axes=axis, keepdims=rng.random() < 0.5)
                total = total if total.type.rank == 2 else ops.reshape(total, shape=(4, 1) if axis else (1, 4))
                return ops.subtract(total, y)
            case 6:
                return ops.reshape(ops.relu(ops.reshape(x, shape=(16,))), shape=(4, 4))
            case 7:
                row = ops.slice(x, starts=(rng.randrange(4), 0), sizes=(1, 4), steps=(1, 1))
                return ops.broadcast_to(row, shape=(4, 4))
            case 8:
                return ops.matmul(x, y)
        return ops.reduce_window(x, kind="max", window=(2, 1), strides=(1, 1), padding=((0, 1), (0, 0)))

    for _ in range(rng.randint(1, 20)):
        values.append(one(rng.choice(values[-6:]), rng.choice(values)))
    return Graph.build("random", inputs, rng.sample(values[2:], min(len(values) - 2, rng.randint(1, 3))))


def whatever(body: Graph) -> bool:
    """Accept bodies at random, the same body always or never."""
    return zlib.crc32(print_graph(body).encode()) % 3 > 0


@pytest.mark.parametrize("accepts", [lambda _: True, shares_one_space, whatever], ids=["all", "one space", "some"])
@pytest.mark.parametrize("seed", range(60))
def test_any_graph_is_partitioned_soundly(seed, accepts):
    def asked(body):
        assert body.outputs, "a kernel that computes nothing"
        verify(body)
        return accepts(body)

    before = random_graph(Random(seed))
    after = fusion_pass(asked).run(before)
    verify(after)
    x, y = np.random.default_rng(seed).integers(-3, 4, (2, 4, 4)).astype(np.float32)
    for a, b in zip(interpret(before, [x, y]), interpret(after, [x, y]), strict=True):
        assert same_bits(a, b).all()
    read = {value for node in after.nodes for value in node.inputs}.union(after.outputs)
    assert all(value in read for node in after.nodes for value in node.outputs), "a result that nobody reads"
    times = Counter(op for kernel in kernels(after) for op in kernel)
    times.subtract(Counter(names(before)))
    assert all(times[op] == 0 or (times[op] > 0 and op in FREE | VIEWS) for op in times), times


def test_random_graphs_are_fused():
    many = [random_graph(Random(seed)) for seed in range(60)]
    before = sum(len(graph.nodes) for graph in many)
    assert sum(len(fusion_pass(lambda _: True).run(graph).nodes) for graph in many) < before / 2
