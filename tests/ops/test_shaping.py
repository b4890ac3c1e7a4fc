"""Rearranging composites against NumPy's functions of the same name."""

import numpy as np
import pytest

from aicomp import ops
from aicomp.errors import AicompError

X = np.arange(24.0, dtype=np.float32).reshape(2, 3, 4)


@pytest.mark.parametrize("axes", [None, 0, (0, 2), (-1,), ()])
def test_squeeze(axes):
    x = X.reshape(1, 24, 1)
    assert np.array_equal(ops.squeeze(x, axes=axes), np.squeeze(x, axes))


def test_squeeze_keeps_zero_sizes():
    assert ops.squeeze(np.zeros((1, 0, 1), np.float32)).shape == (0,)


def test_squeeze_refuses_longer_axes():
    with pytest.raises(AicompError, match="axis 1 has size 3"):
        ops.squeeze(X, axes=1)


@pytest.mark.parametrize("axes", [0, -1, (0, 2), (1, -1), ()])
def test_expand_dims(axes):
    assert np.array_equal(ops.expand_dims(X, axes=axes), np.expand_dims(X, axes))


def test_expand_dims_of_a_scalar():
    assert ops.expand_dims(np.float32(3), axes=0).shape == (1,)


def test_swapaxes():
    assert np.array_equal(ops.swapaxes(X, axis1=0, axis2=-1), np.swapaxes(X, 0, -1))


@pytest.mark.parametrize("pair", [(0, -1), ((0, 1), (2, 0)), ((-1, 0), (0, 1))])
def test_moveaxis(pair):
    expected = np.moveaxis(X, *pair)
    assert np.array_equal(ops.moveaxis(X, source=pair[0], destination=pair[1]), expected)


def test_moveaxis_to_positions_out_of_order():
    x = X[None]
    assert ops.moveaxis(x, source=(0, 1), destination=(2, 1)).shape == np.moveaxis(x, (0, 1), (2, 1)).shape


def test_moveaxis_refuses_repeats():
    with pytest.raises(AicompError, match="as many destinations"):
        ops.moveaxis(X, source=(0, 0), destination=(1, 2))


@pytest.mark.parametrize("axes", [None, 0, (0, -1), ()])
def test_flip(axes):
    assert np.array_equal(ops.flip(X, axes=axes), np.flip(X, axes))


@pytest.mark.parametrize("shape", [(), (0, 2), (1,)])
def test_flip_of_small_tensors(shape):
    x = np.ones(shape, np.int8)
    assert np.array_equal(ops.flip(x), np.flip(x))


@pytest.mark.parametrize("repeats", [2, (2,), (1, 2, 3), (2, 1, 1, 3), (0, 1, 2)])
def test_tile(repeats):
    assert np.array_equal(ops.tile(X, repeats=repeats), np.tile(X, repeats))


def test_tile_of_a_scalar():
    assert np.array_equal(ops.tile(np.float32(3), repeats=(2, 2)), np.tile(np.float32(3), (2, 2)))


@pytest.mark.parametrize("axis", [0, 2, -1, 3])
def test_stack(axis):
    assert np.array_equal(ops.stack(X, X + 1, axis=axis), np.stack([X, X + 1], axis))


def test_stack_refuses_other_shapes():
    with pytest.raises(AicompError, match="one shape"):
        ops.stack(X, X[0])


@pytest.mark.parametrize(("sections", "cuts", "axis"), [(2, 2, -1), ((1, 0, 2), [1, 1], 1), (3, 3, 1)])
def test_split(sections, cuts, axis):
    for ours, expected in zip(ops.split(X, sections=sections, axis=axis), np.split(X, cuts, axis), strict=True):
        assert np.array_equal(ours, expected)


@pytest.mark.parametrize("sections", [3, 0, (1, 2), (5, -1), ()])
def test_split_refuses_sizes_that_do_not_add_up(sections):
    with pytest.raises(AicompError, match="axis of size 4"):
        ops.split(X, sections=sections, axis=2)


def test_unstack():
    pieces = ops.unstack(X, axis=1)
    assert len(pieces) == 3
    assert all(np.array_equal(piece, X[:, i]) for i, piece in enumerate(pieces))
