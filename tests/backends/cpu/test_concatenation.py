"""What follows a concatenation is computed piece by piece, each a loop of its own without conditions."""

import numpy as np
import pytest

import aicomp as ac
from aicomp.backends.cpu.loops.build import build_nests, concatenation
from aicomp.ir import Graph

rng = np.random.default_rng(0)
X = rng.standard_normal((3, 5, 8), np.float32)
Y = rng.standard_normal((3, 5, 2), np.float32)


def reflected(x):
    return np.pad(x, ((0, 0), (2, 1), (1, 3)), mode="reflect")


MODELS = {
    "pointwise": (lambda x, y: np.concatenate([x, y, x[..., ::-1]], -1) * 2 + 1, (2, (8, 2, 8))),
    "with another operand": (lambda x, y: np.concatenate([y, y * y], 1) - x[:, :1, :2], (1, (5, 5))),
    "transposed": (lambda x, y: np.maximum(np.concatenate([x, y], -1), 0).transpose(2, 0, 1), (0, (8, 2))),
    "two outputs": (lambda x, y: ((c := np.concatenate([x, y], -1) * 2), c - 1), (2, (8, 2))),
    "nested": (lambda x, y: reflected(x) * y[:, :1, :1], (2, (2, 7, 3))),
    "a piece of nothing": (lambda x, y: np.concatenate([x[:, :0], x, x], 1) + 1, (1, (5, 5))),
    "read as another shape": (lambda x, y: np.concatenate([x, y], -1).reshape(5, 30) + 1, None),
    "pointwise in many pieces": (lambda x, y: np.concatenate([x, y] * 5, -1) * 2, None),
    "a window on many pieces": (lambda x, y: np.concatenate([x, y, x] * 5, -1)[..., 7:29] + 1, None),
    "no concatenation": (lambda x, y: x[..., :2] * y, None),
}


@pytest.mark.parametrize(("model", "cut"), MODELS.values(), ids=MODELS)
def test_pieces(model, cut):
    exe = ac.compile(model, (X, Y), threads=1, cache=False)
    for got, wanted in zip(leaves(exe(X, Y)), leaves(model(X, Y)), strict=True):
        np.testing.assert_array_equal(got, wanted)
    (body,) = (node.regions[0] for node in exe.graph.nodes if node.op.name == "fusion")
    assert concatenation(body) == cut
    assert len(build_nests(body)) == (1 if cut is None else len(cut[1]))


def leaves(result):
    return result if isinstance(result, tuple) else (result,)


def test_values_read_often_are_visited_once():
    x = ac.trace(lambda x: x, X).inputs[0]
    value = x
    for _ in range(60):
        value = ac.ops.add(value, value)
    assert concatenation(Graph.build("kernel", [x], [value])) is None
