"""What follows a contraction: which work is done at the store, and that it is done right in every tile and tail."""

from __future__ import annotations

import numpy as np
import pytest
from nests import graph_of, ramp
from programs import call

from aicomp import ops
from aicomp.backends.cpu.contraction import analyse
from aicomp.backends.cpu.loops.scalars import Unlowerable
from aicomp.backends.cpu.machine import Machine
from aicomp.interpreter import interpret
from aicomp.ir import Graph, Value
from aicomp.ops.symbol import lift

A, B = "f32[5,7,6]", "f32[6,9]"
OUT = (5, 7, 9)


def product(x, w):
    return ops.matmul(x, w)


TAKEN = {
    "nothing": (product, [A, B]),
    "bias and relu": (lambda x, w, b: ops.relu(product(x, w) + b), [A, B, "f32[9]"]),
    "a column for each row": (lambda x, w, b: product(x, w) * b, [A, B, "f32[7,1]"]),
    "one number": (lambda x, w, b: product(x, w) - b, [A, B, "f32[]"]),
    "a residual": (lambda x, w, r: r + product(x, w) * 2.0, [A, B, "f32[5,7,9]"]),
    "a matrix that is broadcast": (lambda x, w, r: product(x, w) + r, [A, B, "f32[7,9]"]),
    "twice the same operand": (lambda x, w, b: (product(x, w) + b) * b, [A, B, "f32[9]"]),
    "two results": (lambda x, w, b: (ops.abs(y := product(x, w) + b), ops.negative(y)), [A, B, "f32[9]"]),
    "the result and more": (lambda x, w: (y := product(x, w), ops.relu(y)), [A, B]),
    "rows in one": (lambda x, w, b: ops.relu(ops.reshape(product(x, w), shape=(35, 9)) + b), [A, B, "f32[35,9]"]),
    "rows and columns apart": (lambda x, w: ops.transpose(product(x, w), perm=(1, 0, 2)), [A, B]),
    "a ramp": (lambda x, w: product(x, w) * ramp(OUT, 2), [A, B]),
    "a ramp of rows": (lambda x, w: product(x, w) + ramp(OUT, 1), [A, B]),
    "a choice by value": (lambda x, w, c: ops.where(c, product(x, w), 0.0), [A, B, "bool[5,7,9]"]),
    "another dtype": (lambda x, w: ops.cast(product(x, w), dtype="i32"), [A, B]),
    "halves": (lambda x, w, b: ops.relu(product(x, w) + b), ["f16[5,7,6]", "f16[6,9]", "f16[9]"]),
    "integers": (lambda x, w, b: product(x, w) + b, ["i32[5,7,6]", "i32[6,9]", "i32[9]"]),
    "matrix times vector": (lambda x, w, b: ops.relu(product(x, w) + b), ["f32[37,6]", "f32[6,1]", "f32[37,1]"]),
    "vector times matrix": (lambda x, w, b: ops.relu(product(x, w) + b), ["f32[1,6]", "f32[6,37]", "f32[37]"]),
    "conv": (
        lambda x, w, b, r: ops.relu(ops.conv(x, w, padding=1, channels_last=True) + b + r),
        ["f32[2,5,6,3]", "f32[3,3,3,10]", "f32[10]", "f32[2,5,6,10]"],
    ),
    "depthwise conv": (
        lambda x, w, b: ops.clip(ops.conv(x, w, padding=1, groups=10, channels_last=True) + b, 0.0, 6.0),
        ["f32[2,5,6,10]", "f32[3,3,1,10]", "f32[10]"],
    ),
    "conv to channels first": (
        lambda x, w: ops.transpose(ops.conv(x, w, channels_last=True), perm=(0, 3, 1, 2)),
        ["f32[2,5,1,3]", "f32[3,1,3,1]"],
    ),
}
REFUSED = {
    "heads apart": (
        lambda x, w: ops.transpose(ops.reshape(product(x, w), shape=(5, 7, 3, 3)), perm=(0, 2, 1, 3)),
        [A, B],
    ),
    "a strided store": (lambda x, w: ops.transpose(product(x, w)), [A, B]),
    "a strided load": (lambda x, w, b: product(x, w) + ops.transpose(b), [A, B, "f32[9,7]"]),
    "padding": (lambda x, w, b: product(x, w) + ops.pad(b, low=(1,), high=(0,)), [A, B, "f32[8]"]),
    "pieces": (lambda x, w, b: product(x, w) + ops.concat(b, b, b, axis=0), [A, B, "f32[3]"]),
    "reading by index": (lambda x, w, b, i: product(x, w) + ops.gather(b, i, axis=0), [A, B, "f32[4]", "i64[9]"]),
    "an index that is divided": (
        lambda x, w, b: product(x, w) + ops.reshape(ops.broadcast_to(b, shape=(3, 3)), shape=(9,)),
        [A, B, "f32[3]"],
    ),
    "a result of another size": (
        lambda x, w: ops.slice(product(x, w), starts=(0, 0, 0), sizes=(5, 7, 3), steps=(1, 1, 1)),
        [A, B],
    ),
    "an output that is not made of it": (lambda x, w, b: (product(x, w), ops.exp(b)), [A, B, "f32[5,7,9]"]),
    "itself elsewhere": (
        lambda x, w: (y := product(x, w)) + ops.transpose(y),
        ["f32[6,6]", "f32[6,6]"],
    ),
}  # fmt: skip


def compiled(body: Graph, weights, preset: str):
    """Return the executable of a body as one kernel, B a constant or an operand."""
    values = [Value(value.type, name=f"x{i}") for i, value in enumerate(body.inputs)]
    operands = [lift(weights) if i == 1 and weights is not None else value for i, value in enumerate(values)]
    results = ops.fusion(*operands, regions=[body])
    graph = Graph.build("kernel", values, results if isinstance(results, tuple) else [results])
    return call(graph, Machine.preset(preset))


def small(value: Value, seed: int):
    """Whole numbers of which sums of products are exact, in halves too."""
    return np.random.default_rng(seed).integers(-2, 3, value.shape).astype(value.dtype)


@pytest.mark.parametrize("constant", [False, True], ids=["operand", "constant"])
@pytest.mark.parametrize("name", TAKEN)
def test_what_is_done_at_the_store(name, constant):
    function, types = TAKEN[name]
    body = graph_of(function, *types)
    analyse(body)
    arrays = [small(value, seed) for seed, value in enumerate(body.inputs)]
    expected = interpret(body, arrays)
    results = compiled(body, arrays[1] if constant else None, "host")(*arrays)
    for got, want in zip(results, expected, strict=True):
        np.testing.assert_array_equal(got, want, strict=True)


@pytest.mark.parametrize("preset", ["x86-64", "avx2"])
def test_every_kind_of_vector(preset):
    function, types = TAKEN["two results"]
    body = graph_of(function, *types)
    arrays = [small(value, seed) for seed, value in enumerate(body.inputs)]
    for got, want in zip(compiled(body, None, preset)(*arrays), interpret(body, arrays), strict=True):
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not(name):
    function, types = REFUSED[name]
    with pytest.raises(Unlowerable):
        analyse(graph_of(function, *types))


def test_a_long_formula_is_written_once_a_row_and_a_short_one_once_a_vector():
    def rest(function):
        return analyse(graph_of(function, A, B)).rest

    assert not rest(lambda x, w: ops.relu(product(x, w))).heavy
    assert rest(lambda x, w: ops.tanh(ops.exp(product(x, w)))).heavy


def test_a_result_is_stored_along_its_last_axis():
    rest = analyse(graph_of(TAKEN["rows and columns apart"][0], A, B)).rest
    (store,) = rest.stores
    assert [axis.extent for axis in rest.axes] == list(OUT)
    assert [store.index.coefficient(axis) for axis in rest.axes] == [9, 45, 1]


def test_a_matrix_times_a_vector_has_the_matrix_for_b():
    found = analyse(graph_of(product, "f32[37,6]", "f32[6,1]"))
    assert (found.spec.m, found.spec.n, found.spec.k) == (1, 37, 6)
    assert found.right.slot == 0


@pytest.mark.parametrize(
    ("reason", "function", "types"),
    [
        ("bool is a fold of its own", product, ["bool[3,4]", "bool[4,5]"]),
        ("nothing to compute", product, ["f32[0,4]", "f32[4,5]"]),
        ("channels come first", lambda x, w: ops.conv(x, w), ["f32[1,2,5]", "f32[3,2,3]"]),
        ("a filter is computed", lambda x, w: ops.conv(x, w * 2.0, channels_last=True), ["f32[1,5,2]", "f32[3,2,3]"]),
        ("an image is cut", lambda x, w: ops.conv(ops.slice(x, starts=(0, 0, 0), sizes=(1, 5, 2), steps=(1, 1, 1)), w, channels_last=True), ["f32[1,5,3]", "f32[3,2,3]"]),
        ("an operand is padded", lambda x, w: product(ops.pad(x, low=(0, 0), high=(0, 1)), w), ["f32[3,4]", "f32[5,6]"]),
    ],
)  # fmt: skip
def test_what_is_left_to_plain_loops(reason, function, types):
    with pytest.raises(Unlowerable):
        analyse(graph_of(function, *types))


@pytest.mark.parametrize(
    ("function", "types"),
    [
        (lambda x, w: product(ops.transpose(x), w), ["f32[6,7]", B]),
        (lambda x, w: product(x, ops.transpose(w)), [A, "f32[9,6]"]),
        (lambda x, w: product(ops.broadcast_to(x, shape=(5, 7, 6)), w), ["f32[7,6]", "f32[5,6,9]"]),
        (lambda x, w: product(ops.slice(x, starts=(1, 0, 2), sizes=(2, 3, 6), steps=(2, 2, 1)), w), ["f32[5,7,9]", B]),
        (
            lambda x, w: product(ops.transpose(ops.reshape(x, shape=(5, 7, 2, 3)), perm=(0, 2, 1, 3)), w),
            [A, "f32[3,9]"],
        ),
    ],
)
def test_operands_are_read_through_views(function, types):
    body = graph_of(function, *types)
    analyse(body)
    arrays = [small(value, seed) for seed, value in enumerate(body.inputs)]
    for weights in (None, arrays[1]):
        (got,) = compiled(body, weights, "host")(*arrays)
        np.testing.assert_array_equal(got, interpret(body, arrays)[0])
