"""Composites that pick elements by index, against NumPy."""

import numpy as np
import pytest

from aicomp import ops
from aicomp.errors import AicompError
from aicomp.ops.indexing import runs

X = np.arange(24.0, dtype=np.float32).reshape(2, 3, 4)


@pytest.mark.parametrize(("repeats", "axis"), [(2, None), (3, 1), (0, 0), ((1, 0, 2), 1), ((1, 2), -3)])
def test_repeat(repeats, axis):
    assert np.array_equal(ops.repeat(X, repeats=repeats, axis=axis), np.repeat(X, repeats, axis))


def test_repeat_refuses_a_wrong_number_of_counts():
    with pytest.raises(AicompError, match="one count for each of 3"):
        ops.repeat(X, repeats=(1, 2), axis=1)


@pytest.mark.parametrize(("shift", "axis"), [(5, None), (-1, 1), ((1, 2), (0, 2)), (7, (0, 1)), (0, 0)])
def test_roll(shift, axis):
    assert np.array_equal(ops.roll(X, shift=shift, axis=axis), np.roll(X, shift, axis))


@pytest.mark.parametrize("dtype", [np.float32, np.int64, bool])
@pytest.mark.parametrize("k", [-2, -1, 0, 1, 5])
def test_triangles(k, dtype):
    x = np.ones((2, 3, 4), dtype)
    assert np.array_equal(ops.tril(x, k=k), np.tril(x, k))
    assert np.array_equal(ops.triu(x, k=k), np.triu(x, k))


def test_triangles_drop_what_is_not_a_number():
    x = np.full((3, 3), np.nan, np.float32)
    assert np.array_equal(ops.tril(x), np.tril(x), equal_nan=True)


def test_triangles_need_two_axes():
    with pytest.raises(AicompError, match="two axes"):
        ops.tril(X[0, 0])


@pytest.mark.parametrize("axis", [-1, 0, 1])
def test_one_hot(axis):
    indices = np.array([[0, 2, -1], [3, 1, 9]])
    expected = np.moveaxis((indices[..., None] == np.arange(4)).astype(np.float32), -1, axis)
    assert np.array_equal(ops.one_hot(indices, depth=4, axis=axis), expected)


def test_one_hot_dtype():
    assert ops.one_hot(np.array([1], np.uint8), depth=2, dtype="bool").dtype == bool


@pytest.mark.parametrize("axis", [None, 0, 1, -1])
def test_take(axis):
    indices = np.array([[0, -1], [1, 0]])
    assert np.array_equal(ops.take(X, indices, axis=axis), np.take(X, indices, axis))


@pytest.mark.parametrize("axis", [None, 0, -1])
def test_take_along_axis(axis):
    order = np.argsort(-X, axis)
    assert np.array_equal(ops.take_along_axis(X, order, axis=axis), np.take_along_axis(X, order, axis))


def test_take_along_axis_broadcasts():
    indices = np.array([[[1], [2]]])
    assert np.array_equal(ops.take_along_axis(X, indices, axis=1), np.take_along_axis(X, indices, 1))


@pytest.mark.parametrize("mode", ["reflect", "symmetric", "edge", "wrap"])
@pytest.mark.parametrize("pads", [((0, 0), (1, 2), (3, 0)), ((1, 0), (0, 0), (2, 9)), ((40, 30), (0, 7), (0, 0))])
def test_pad_mode(mode, pads):
    assert np.array_equal(ops.pad_mode(X, pads=pads, mode=mode), np.pad(X, pads, mode))


@pytest.mark.parametrize(
    ("pads", "mode", "words"),
    [
        (((0, 0),), "edge", "each of 3"),
        (((0, 0),) * 3, "constant", "reflect"),
        (((-1, 0),) * 3, "wrap", "size 2"),
    ],
)
def test_pad_mode_errors(pads, mode, words):
    with pytest.raises(AicompError, match=words):
        ops.pad_mode(X, pads=pads, mode=mode)


def test_runs():
    assert runs(np.array([2, 1, 0, 1, 2, 2, 2])) == [(2, 3, -1), (1, 2, 1), (2, 2, 0)]
    assert runs(np.array([3])) == [(3, 1, 1)]
