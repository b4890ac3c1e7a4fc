"""The interpreter: what it takes, what it keeps, and that strides change no bit."""

from __future__ import annotations

import numpy as np
import pytest

from aicomp import ops
from aicomp.errors import InputValueError
from aicomp.interpreter import interpret, last_uses
from aicomp.ir import Graph, Value
from aicomp.types import FLOAT32, TensorType

X = Value(TensorType((2, 3), FLOAT32), name="x")
GRAPH = Graph.build("model", [X], [ops.exp(X)])


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ([], "model takes 1 inputs, got 0"),
        ([np.zeros((2, 3), np.float32)] * 2, "model takes 1 inputs, got 2"),
        ([np.zeros((3, 2), np.float32)], r"input x of model is f32\[2,3\], got float32\[3, 2\]"),
        ([np.zeros((2, 3))], r"input x of model is f32\[2,3\], got float64\[2, 3\]"),
        ([1.0], r"input x of model is f32\[2,3\], got float64\[\]"),
    ],
)
def test_other_arrays_are_refused(arrays, message):
    with pytest.raises(InputValueError, match=message):
        interpret(GRAPH, arrays)


def test_unnamed_inputs_are_called_so():
    x = Value(TensorType((2,), FLOAT32))
    with pytest.raises(InputValueError, match=r"input \? of g is"):
        interpret(Graph.build("g", [x], [x]), [np.zeros(3, np.float32)])


def test_values_are_dropped_after_their_last_use():
    largest, places = ops.top_k(ops.abs(X), k=1)
    last = ops.exp(largest)
    graph = Graph.build("g", [X], [last, X])
    uses = last_uses(graph)
    assert uses[largest.node] == [largest.node.inputs[0], places], "what is never read goes at once"
    assert uses[last.node] == [largest]
    assert all(X not in values and last not in values for values in uses.values())


def test_results_are_read_only_of_nothing_and_in_order():
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    graph = Graph.build("g", [X], [ops.abs(X), X, ops.sum(X, axes=1)])
    first, second, third = interpret(graph, [x])
    assert np.array_equal(first, x)
    assert second is x
    assert third.tolist() == [3.0, 12.0]


@pytest.mark.parametrize(
    "function",
    [
        lambda x: ops.sum(x, axes=0),
        lambda x: ops.sum(x),
        lambda x: ops.matmul(x, x),
        lambda x: ops.reduce_window(x, kind="sum", window=(5, 7), strides=(1, 1)),
    ],
)
def test_sums_have_the_same_bits_whatever_the_strides(function):
    x = np.random.default_rng(0).standard_normal((65, 65)).astype(np.float32)
    value = Value(TensorType((65, 65), FLOAT32))
    graph = Graph.build("g", [value], [function(value)])
    padded = np.zeros((130, 195), np.float32)[::2, ::3]
    padded[...] = x
    wanted = interpret(graph, [x])[0]
    for array in (np.asfortranarray(x), padded, np.flip(np.flip(x).copy())):
        assert interpret(graph, [array])[0].tobytes() == wanted.tobytes()
