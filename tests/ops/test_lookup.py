"""Gathers against NumPy's take, take_along_axis and advanced indexing."""

import numpy as np
import pytest

from aicomp import ops
from aicomp.errors import AicompError, InputValueError

from .arrays import FLOATS, INTEGERS, tensor


def indices(shape, limit, seed=0, name="int64"):
    return np.random.default_rng(seed).integers(-limit, limit, shape).astype(name)


@pytest.mark.parametrize("name", [*FLOATS, "int8", "bool"])
def test_gather_moves_every_dtype(name):
    x = tensor((4, 5), name)
    assert np.array_equal(ops.gather(x, np.array([3, -4]), axis=0), x[[3, -4]])


@pytest.mark.parametrize("name", INTEGERS)
def test_indices_of_every_dtype(name):
    x, ids = tensor((300,)), np.array([0, 7, 3], name)
    assert np.array_equal(ops.gather(x, ids), x[[0, 7, 3]])


@pytest.mark.parametrize("shape", [(), (0,), (4,), (2, 3), (2, 1, 2)])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_gather(axis, shape):
    x = tensor((3, 4, 5))
    ids = indices(shape, x.shape[axis])
    assert np.array_equal(ops.gather(x, ids, axis=axis), np.take(x, ids, axis))


def test_gather_of_an_empty_axis():
    assert ops.gather(np.zeros((0, 3), np.float32), np.zeros((2, 0), np.int64)).shape == (2, 0, 3)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_gather_elements(axis):
    x = tensor((3, 4, 5))
    shape = list(x.shape)
    shape[axis] = 7
    ids = indices(shape, x.shape[axis])
    assert np.array_equal(ops.gather_elements(x, ids, axis=axis), np.take_along_axis(x, ids, axis))


def test_gather_elements_of_a_part():
    x, ids = tensor((3, 4)), np.array([[3], [-1]])
    assert ops.gather_elements(x, ids, axis=1).tolist() == [[x[0, 3]], [x[1, 3]]]


@pytest.mark.parametrize("depth", [0, 1, 2, 3])
def test_gather_nd(depth):
    x = tensor((3, 4, 5))
    ids = indices((2, 6, depth), 3)
    got = ops.gather_nd(x, ids)
    assert got.shape == (2, 6, *x.shape[depth:])
    assert all(np.array_equal(got[i, j], x[tuple(ids[i, j])]) for i in range(2) for j in range(6))


@pytest.mark.parametrize("batch, depth", [(1, 0), (1, 1), (1, 2), (2, 1), (2, 2)])
def test_gather_nd_in_batches(batch, depth):
    x = tensor((2, 3, 4, 5))
    ids = indices((2, 3, 6, depth), 3)
    got = ops.gather_nd(x, ids, batch_dims=batch)
    for at in np.ndindex(2, 3, 6):
        assert np.array_equal(got[at], x[at[:batch]][tuple(ids[at])])


@pytest.mark.parametrize("call, message", [
    (lambda: ops.gather(tensor((4, 5)), np.array([1, 5]), axis=1), "index 5 is out of range for axis 1 of size 5"),
    (lambda: ops.gather(tensor((4,)), np.array(-5)), "index -5 is out of range for axis 0 of size 4"),
    (lambda: ops.gather(tensor((4,)), np.array(2**64 - 1, np.uint64)), f"index {2**64 - 1} is out of range"),
    (lambda: ops.gather_elements(tensor((2, 3)), np.array([[3]]), axis=1),
     "index 3 is out of range for axis 1 of size 3"),
    (lambda: ops.gather_nd(tensor((2, 3)), np.array([[0, 3]])), "index 3 is out of range for axis 1 of size 3"),
])  # fmt: skip
def test_out_of_range(call, message):
    with pytest.raises(InputValueError, match=message):
        call()


@pytest.mark.parametrize("call, message", [
    (lambda: ops.gather(tensor((4,)), tensor((2,))), r"indices are integers, got f32\[2\]"),
    (lambda: ops.gather(tensor((4,)), tensor((2,), "bool")), "indices are integers"),
    (lambda: ops.gather_elements(tensor((2, 3)), np.zeros((3, 1), int), axis=1), "off axis 1, at most its sizes"),
    (lambda: ops.gather_elements(tensor((2, 3)), np.zeros(3, int), axis=1), "need the rank"),
    (lambda: ops.gather_nd(tensor((2,)), np.zeros((1, 2), int)), "more entries than"),
    (lambda: ops.gather_nd(tensor((2,)), np.zeros((), int)), "need at least one axis"),
    (lambda: ops.gather_nd(tensor((2, 3)), np.zeros((3, 1), int), batch_dims=1), "do not share 1 leading axes"),
])  # fmt: skip
def test_errors(call, message):
    with pytest.raises(AicompError, match=message):
        call()
