"""Products of vectors, matrices and tensors against NumPy's."""

import ml_dtypes
import numpy as np
import pytest
from recorded import names, normal, tensor

from aicomp import ops
from aicomp.errors import AicompError


@pytest.mark.parametrize("shape", [(4,), (3, 4), (2, 3, 4), (0, 4)])
def test_linear(shape):
    x, w, b = normal(*shape), normal(5, 4), normal(5)
    assert np.allclose(ops.linear(x, w, b), x @ w.T + b, atol=1e-5)
    assert np.allclose(ops.linear(x, w), x @ w.T, atol=1e-5)


def test_linear_of_nothing_is_the_bias():
    assert np.array_equal(ops.linear(normal(2, 0), normal(3, 0), np.ones(3, np.float32)), np.ones((2, 3)))


@pytest.mark.parametrize(
    ("shapes", "words"),
    [(((2, 3), (5, 4)), r"expected \[..., in\]"), (((2, 4), (5, 4), (4,)), r"bias has shape \(4,\)")],
)
def test_linear_errors(shapes, words):
    with pytest.raises(AicompError, match=words):
        ops.linear(*(normal(*shape) for shape in shapes))


PAIRS = [((), ()), ((3,), ()), ((4,), (4,)), ((2, 4), (4,)), ((4,), (4, 3)), ((2, 4), (4, 3)), ((5, 2, 4), (3, 4, 6))]


@pytest.mark.parametrize("shapes", PAIRS)
def test_dot(shapes):
    a, b = (normal(*shape) for shape in shapes)
    assert np.allclose(ops.dot(a, b), np.dot(a, b), atol=1e-5)


@pytest.mark.parametrize("shapes", [((), (2,)), ((4,), (4,)), ((2, 4), (3, 4)), ((2, 3, 4), (4,))])
def test_inner(shapes):
    a, b = (normal(*shape) for shape in shapes)
    assert np.allclose(ops.inner(a, b), np.inner(a, b), atol=1e-5)


def test_vecdot_broadcasts():
    a, b = normal(2, 1, 4), normal(3, 4)
    assert np.allclose(ops.vecdot(a, b), np.vecdot(a, b), atol=1e-5)


def test_outer():
    a, b = normal(2, 3), normal(4)
    assert np.array_equal(ops.outer(a, b), np.outer(a, b))


@pytest.mark.parametrize("axes", [0, 1, 2, ((1, 2), (0, 1)), ((2, 1), (1, 0)), ((-1,), (1,)), (2, -2)])
def test_tensordot(axes):
    a, b = normal(2, 3, 4), normal(3, 4, 5) if axes not in (1,) else normal(4, 3)
    assert np.allclose(ops.tensordot(a, b, axes=axes), np.tensordot(a, b, axes), atol=1e-5)


@pytest.mark.parametrize("axes", [3, -1, ((0,), (0,)), ((0, 0), (1, 1)), ((0,),)])
def test_tensordot_errors(axes):
    with pytest.raises(AicompError, match="axes"):
        ops.tensordot(normal(2, 3), normal(3, 4), axes=axes)


def test_integers_and_halves():
    a, b = np.arange(6).reshape(2, 3), np.arange(3)
    assert np.array_equal(ops.dot(a, b), a @ b)
    x = np.full(4, 300, np.float16)
    assert np.array_equal(ops.dot(x, x), np.float16(np.inf))
    y = np.array([300, -300], np.float16)
    assert ops.dot(x[:2], y) == 0
    ones = np.full(300, 1.0, ml_dtypes.bfloat16)
    assert ops.dot(ones, ones) == 300


def test_vectors_become_sums_and_matrices_matmuls():
    assert "matmul" not in names(ops.dot(tensor(4), tensor(4)))
    assert "sum" not in names(ops.dot(tensor(4, 4), tensor(4)))


@pytest.mark.parametrize("offset", [-5, -1, 0, 2])
@pytest.mark.parametrize("axes", [(0, 1), (2, 0), (-1, 1)])
def test_diagonals(offset, axes):
    x = normal(3, 4, 3)
    how = {"offset": offset, "axis1": axes[0], "axis2": axes[1]}
    assert np.array_equal(ops.diagonal(x, **how), np.diagonal(x, **how))
    assert np.allclose(ops.trace(x, **how), np.trace(x, **how), atol=1e-6)


def test_a_diagonal_needs_two_axes():
    with pytest.raises(AicompError, match="two different axes"):
        ops.diagonal(normal(3, 3), axis1=0, axis2=-2)
