"""From bodies to loop nests, and their splitting, merging and scheduling: always the same results, each once."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from math import prod

import numpy as np
import pytest
from nests import as_body, graph_of, ramp, run_nests
from random_views import random_chain

from aicomp import ops
from aicomp.backends.cpu.fits import fits
from aicomp.backends.cpu.kernels import is_empty
from aicomp.backends.cpu.loops.build import build_nests
from aicomp.backends.cpu.loops.nest import Nest, Reduction
from aicomp.backends.cpu.loops.scalars import Unlowerable
from aicomp.backends.cpu.loops.schedule import (
    choose_vector,
    column_stores,
    indices,
    merge,
    phases,
    schedule,
    split,
    strided_cost,
)
from aicomp.backends.cpu.machine import Machine
from aicomp.interpreter import interpret
from aicomp.ir import Graph, Value

AVX2 = Machine.preset("avx2")
F = "f32[3,4,5]"


def whole_numbers(value: Value, seed: int = 0):
    """Small whole numbers: sums and products of a few are exact in any order."""
    rng = np.random.default_rng(seed)
    if value.op == "constant":
        return value.node.attrs["value"]
    return rng.integers(0 if value.dtype.kind == "u" else -2, 3, value.shape).astype(value.dtype)


def check(graph: Graph, arrays) -> list[Nest]:
    """Check that the nests of a body compute it, as they are built, split and merged; return the last form."""
    nests = build_nests(graph)
    expected = interpret(graph, arrays)
    forms = [nests, [split(nest) for nest in nests], [merge(split(nest)) for nest in nests]]
    for form in forms:
        results = run_nests([nest for nest in form if not is_empty(nest)], arrays, graph.output_types)
        for got, want in zip(results, expected, strict=True):
            np.testing.assert_array_equal(got, want, strict=True)
    return forms[-1]


@cache
def random_bodies() -> list[tuple[Graph, list[np.ndarray]]]:
    """Return chains of movement, reductions and windows that are one kernel each."""
    found = []
    for seed in range(400):
        graph = random_chain(seed)
        if all(value.node and value.op != "constant" for value in graph.outputs):
            kernel, outside = as_body(graph)
            if all(value.type.size for value in kernel.outputs) and fits(kernel):
                found.append((kernel, [whole_numbers(value, seed) for value in outside]))
    return found


def nests() -> Iterator[Nest]:
    """Yield nests as the schedule is given them."""
    for graph, _ in random_bodies():
        yield from (merge(split(nest)) for nest in build_nests(graph) if not is_empty(nest))
    for function, types in BODIES.values():
        yield from (merge(split(nest)) for nest in build_nests(graph_of(function, *types)))


@pytest.mark.filterwarnings("ignore:overflow")
def test_random_bodies_mean_what_the_interpreter_says():
    assert len(random_bodies()) > 150
    for graph, arrays in random_bodies():
        check(graph, arrays)


def window(x, **attrs):
    return ops.reduce_window(x, **{"kind": "max", "window": (1, 2, 3), "strides": (1, 2, 1), **attrs})


def norm(x):
    total = x + ops.sum(x, axes=(1, 2), keepdims=True)
    return total, ops.square(total) - ops.max(total, axes=(1, 2), keepdims=True)


BODIES = {
    "elementwise": (lambda x, y: ops.relu(x * 2.0 + y), [F, "f32[4,1]"]),
    "outputs of two shapes": (lambda x: (x + 1.0, ops.reshape(ops.relu(x), shape=(12, 5))), [F]),
    "ramp": (lambda x: x + ramp((3, 4, 5), 1), [F]),
    "reduction over some axes": (lambda x: ops.sum(x * 2.0, axes=(0, 2)), [F]),
    "reductions in stages": (norm, [F]),
    "reduction of nothing": (lambda x: ops.max(x, axes=()) + 1.0, [F]),
    "logic": (lambda x: ops.all(ops.less(x, 2.0), axes=1), [F]),
    "first of the largest": (lambda x: ops.argmax(ops.relu(x), axis=1, keepdims=True), [F]),
    "last axis": (lambda x: ops.argmin(x, axis=2), [F]),
    "pooling": (lambda x: window(ops.relu(x), padding=((0, 0), (1, 0), (0, 2))), [F]),
    "sums in windows": (lambda x: window(x, kind="sum", dilation=(1, 2, 1)), ["f32[3,7,5]"]),
    "matmul": (ops.matmul, ["f32[2,3,4]", "f32[4,5]"]),
    "matmul of a broadcast batch": (ops.matmul, ["f32[1,2,3,4]", "f32[3,1,4,5]"]),
    "conv": (
        lambda x, w: ops.conv(x, w, strides=2, padding=1, dilation=(1, 2), groups=2),
        ["f32[2,4,6,7]", "f32[6,2,3,2]"],
    ),
    "conv, channels last": (
        lambda x, w: ops.conv(x, w, strides=(1, 2), padding=((0, 1), (2, 0)), groups=3, channels_last=True),
        ["f32[2,6,7,3]", "f32[3,2,1,6]"],
    ),
    "conv of halves": (ops.conv, ["f16[1,2,5]", "f16[3,2,3]"]),
    "integers": (lambda x: ops.prod(x, axes=1), ["i8[3,4]"]),
    "bools": (ops.matmul, ["bool[3,4]", "bool[4,2]"]),
    "pieces": (lambda x, y: ops.relu(ops.concat(x, y + 1.0, x, axis=1)), [F, "f32[3,2,5]"]),
    "pieces, turned": (lambda x, y: ops.transpose(ops.concat(x, y, axis=1)) * 2.0, [F, "f32[3,1,5]"]),
    "padding": (lambda x: ops.pad(x * 2.0, low=(1, 0, -1), high=(0, 2, 1), interior=(0, 1, 2), value=7.0), [F]),
    "padding of pieces": (
        lambda x: ops.sum(ops.pad(ops.concat(x, x, axis=2), low=(1, 0, 0), high=(0, 1, 2)), axes=1),
        [F],
    ),
    "read by index": (
        lambda x, i: ops.gather(x, ops.cast(i, dtype="i64"), axis=1) * 2.0,
        [F, "i32[2]"],
    ),
    "elements by index": (lambda x, i: ops.gather_elements(x, i, axis=1), [F, "i64[3,2,5]"]),
    "rows by index": (lambda x, i: ops.gather_nd(x, i), [F, "i64[4,2]"]),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_body_means_what_the_interpreter_says(name):
    function, types = BODIES[name]
    graph = graph_of(function, *types)
    check(graph, [whole_numbers(value) for value in graph.inputs])


@pytest.mark.parametrize(
    ("reason", "function", "types"),
    [
        ("different axes", lambda x: ops.sum(x, axes=0) + ops.sum(x, axes=1), ["f32[4,4]"]),
        ("different spaces", lambda x: ops.sum(ops.sum(x, axes=2), axes=1), [F]),
        ("another row", lambda x: ops.transpose(x) + ops.sum(x, axes=1), ["f32[4,4]"]),
        ("two contractions", lambda x: ops.matmul(ops.matmul(x, x), x), ["f32[4,4]"]),
        ("a sum of a window", lambda x: ops.sum(window(x), axes=0), [F]),
        ("outputs of different sizes", lambda x, y: (ops.exp(x), ops.exp(y)), ["f32[4]", "f32[5]"]),
        ("an output of neither size", lambda x, y: (ops.sum(x, axes=1), ops.exp(y)), ["f32[4,4]", "f32[3]"]),
        ("an index from a reduction", lambda x: ops.gather(x, ops.argmax(x, axis=0), axis=0), ["f32[4]"]),
        ("a sort", ops.argsort, ["f32[4]"]),
    ],
)
def test_what_is_no_one_kernel(reason, function, types):
    graph = graph_of(function, *types)
    assert not fits(graph)
    with pytest.raises(Unlowerable):
        build_nests(graph)


# -- the form of nests -----------------------------------------------------------------------------------------
def one(function, *types) -> Nest:
    (nest,) = build_nests(graph_of(function, *types))
    return merge(split(nest))


def test_a_contiguous_map_is_one_loop():
    nest = one(lambda x, y: ops.relu(x + y), F, F)
    assert [v.extent for v in nest.rows] == [60]
    assert not nest.cols


def test_reshapes_leave_no_division():
    for shape in [(60,), (5, 12), (2, 6, 5), (15, 2, 2)]:
        nest = one(lambda x, s=shape: ops.transpose(ops.reshape(x, shape=s)), F)
        assert all(not index.terms or all(hasattr(a, "extent") for a, _ in index.terms) for index in indices(nest))


def test_softmax_is_two_reductions_over_the_last_axis():
    nest = one(lambda x: ops.softmax(x), F)
    assert [v.extent for v in nest.rows] == [12]
    assert [v.extent for v in nest.cols] == [5]
    assert [[r.kind for r in stage] for stage in nest.stages()] == [["max"], ["sum"]]
    assert len(column_stores(nest)) == 1


def test_a_kernel_with_run_time_indices_has_a_status_word():
    assert one(BODIES["read by index"][0], *BODIES["read by index"][1]).status == 3
    assert one(lambda x: x + 1.0, F).status is None


def test_merged_loops_are_long_and_cannot_be_joined_further():
    for nest in nests():
        assert all(v.extent != 1 for v in (*nest.rows, *nest.cols))
        again = merge(nest)
        assert (len(again.rows), len(again.cols)) == (len(nest.rows), len(nest.cols))


# -- the schedule ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("preset", ["x86-64", "avx2", "avx512"])
def test_a_schedule_covers_every_row_once(preset):
    machine = Machine.preset(preset)
    for nest in nests():
        plan = schedule(nest, machine)
        loops = [*plan.outer, *plan.middle, *([plan.vector] if plan.by_rows else [])]
        assert sorted(map(id, loops)) == sorted(map(id, nest.rows))
        assert plan.vector is None or plan.by_rows or plan.vector is nest.cols[-1]
        extent = plan.vector.extent if plan.vector and plan.by_rows else 1
        assert (plan.blocks - 1) * plan.block < extent <= plan.blocks * plan.block or extent == 1
        assert (plan.tasks - 1) * plan.turns < plan.positions <= plan.tasks * plan.turns
        assert plan.lanes.bit_count() == 1
        assert plan.blocks == 1 or plan.block % plan.lanes == 0


def test_the_vector_loop_has_the_fewest_strided_accesses():
    for nest in nests():
        vector = choose_vector(nest)
        candidates = [*nest.rows, *nest.cols[-1:]]
        assert (vector is None) == (not candidates)
        assert vector is None or strided_cost(nest, vector) == min(strided_cost(nest, v) for v in candidates)


def test_dear_work_is_not_done_in_the_few_lanes_of_a_short_loop():
    types = "f32[50,40,3]", "f32[50,40,1]"
    dear = one(lambda x, y: ops.sum(ops.multiply(x, ops.exp(y)), axes=1), *types)
    cheap = one(lambda x, y: ops.sum(ops.multiply(x, y), axes=1), *types)
    assert choose_vector(dear).extent == 40 and choose_vector(cheap).extent == 3


def test_what_is_kept_between_stages_is_computed_in_one_and_read_in_a_later_one():
    kept = 0
    for nest in (*nests(), one(lambda x: ops.softmax(x), F), one(lambda x: ops.log_softmax(x, axis=0), F)):
        plan = schedule(nest, AVX2)
        kept += len(plan.saved)
        for s in plan.saved:
            users = [number for number, roots in enumerate(phases(nest)) if reaches(roots, s)]
            assert len(users) > 1
            assert any(v in s.deps for v in nest.cols)
            assert not isinstance(s, Reduction)
    assert kept


def reaches(roots, wanted) -> bool:
    todo = list(roots)
    while todo:
        s = todo.pop()
        if s is wanted:
            return True
        todo += s.operands
    return False


def test_softmax_computes_its_exponentials_once():
    plan = schedule(one(lambda x: ops.softmax(x), "f32[64,128]"), AVX2)
    assert [s.expr.op for s in plan.saved] == ["exp"]
    long = schedule(one(lambda x: ops.softmax(x), "f32[2,1048576]"), AVX2)
    assert long.saved == (), "a row of four megabytes fits no cache"
    cheap = schedule(one(lambda x: (x + 1.0) - ops.max(x + 1.0, axes=1, keepdims=True), "f32[64,128]"), AVX2)
    assert cheap.saved == (), "cheaper computed again"


@pytest.mark.parametrize(
    ("function", "types", "by_rows", "extent"),
    [
        (lambda x: ops.relu(x), ["f32[64,128]"], True, 64 * 128),
        (lambda x: ops.sum(x, axes=1), ["f32[64,128]"], False, 128),
        (lambda x: ops.sum(x, axes=0), ["f32[64,128]"], True, 128),
        (lambda x, y: ops.transpose(x) + y, ["f32[64,128]", "f32[128,64]"], True, 64),
        (lambda x: ops.sum(x, axes=1), ["f32[4096,3]"], True, 4096),
    ],
)
def test_which_loop_is_vectorised(function, types, by_rows, extent):
    plan = schedule(one(function, *types), AVX2)
    assert plan.by_rows is by_rows
    assert plan.vector.extent == extent


def test_large_work_is_cut_in_tasks_and_small_work_is_not():
    assert schedule(one(lambda x: x + 1.0, "f32[100]"), AVX2).tasks == 1
    large = schedule(one(lambda x: x + 1.0, "f32[4194304]"), AVX2)
    assert large.tasks > 16
    assert schedule(one(lambda x: ops.softmax(x), "f32[1536,128]"), AVX2).tasks > 4
    assert prod(v.extent for v in large.nest.rows) == 4194304


def test_lanes_fill_registers_of_the_widest_element():
    assert schedule(one(lambda x: x + 1.0, "f32[1000]"), AVX2).lanes == 32
    assert schedule(one(lambda x: x + 1.0, "f64[1000]"), AVX2).lanes == 16
    assert schedule(one(lambda x: ops.exp(x), "f32[1000]"), AVX2).lanes == 16
    assert schedule(one(lambda x: x + 1.0, "f32[5]"), AVX2).lanes == 8
