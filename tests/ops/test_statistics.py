"""Composites over reductions, against NumPy in float64 and against their definitions at the edges."""

import ml_dtypes
import numpy as np
import pytest

from aicomp import ops
from aicomp.errors import AicompError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(2, 3, 4)).astype(np.float32)
HALVES = [np.float16, ml_dtypes.bfloat16]
INF, NAN = np.inf, np.nan


def rows(*values):
    return np.array(values, np.float32)


@pytest.mark.parametrize("axes", [None, 0, -1, (0, 2), ()])
@pytest.mark.parametrize("keepdims", [False, True])
def test_moments(axes, keepdims):
    how = {"axes": axes, "keepdims": keepdims}
    wide = X.astype(np.float64)
    assert np.allclose(ops.mean(X, **how), wide.mean(axes, keepdims=keepdims), atol=1e-6)
    assert np.allclose(ops.var(X, **how), wide.var(axes, keepdims=keepdims), atol=1e-6)
    assert np.allclose(ops.std(X, **how), wide.std(axes, keepdims=keepdims), atol=1e-6)
    assert ops.mean(X, **how).dtype == np.float32


@pytest.mark.parametrize(("correction", "divisor"), [(0, 2), (1, 1), (0.5, 1.5), (2, 0), (3, 0)])
def test_var_correction(correction, divisor):
    expected = np.array([0.5, 2]) / divisor if divisor else [INF, INF]
    assert np.allclose(ops.var(rows([1, 2], [3, 5]), axes=1, correction=correction), expected)


def test_var_does_not_cancel():
    x = np.float32(1e4) + np.array([0.0, 1.0, 2.0], np.float32)
    assert np.allclose(ops.var(x), 2 / 3, rtol=1e-5)


def test_moments_of_no_elements():
    assert np.isnan(ops.mean(np.zeros((0,), np.float32)))
    assert np.isnan(ops.var(np.zeros((3, 0), np.float32), axes=1)).all()
    assert ops.mean(np.zeros((0, 3), np.float32), axes=1).shape == (0,)


def test_means_need_floats():
    with pytest.raises(AicompError, match="needs a float tensor, got i64"):
        ops.mean(np.arange(3))


@pytest.mark.parametrize("dtype", HALVES)
def test_halves_are_computed_in_float32(dtype):
    x = np.full((300,), 300, dtype)
    assert ops.mean(x) == dtype(300)
    assert ops.mean(x).dtype == dtype
    assert ops.softmax(x).dtype == dtype
    assert np.allclose(ops.softmax(x).astype(np.float32), 1 / 300, rtol=1e-2)


@pytest.mark.parametrize("axes", [None, 1, (0, 2)])
@pytest.mark.parametrize("keepdims", [False, True])
def test_logsumexp(axes, keepdims):
    expected = np.log(np.exp(X.astype(np.float64)).sum(axes, keepdims=keepdims))
    assert np.allclose(ops.logsumexp(X, axes=axes, keepdims=keepdims), expected, atol=1e-6)


def test_logsumexp_at_the_edges():
    x = rows([-INF, -INF], [INF, 1], [NAN, 1], [1000, 1000], [-INF, 2])
    expected = [-INF, INF, NAN, 1000 + np.log(2), 2]
    assert np.allclose(ops.logsumexp(x, axes=1), expected, equal_nan=True)
    assert np.array_equal(ops.logsumexp(np.zeros((2, 0), np.float32), axes=1), [-INF, -INF])


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_softmax(axis):
    powers = np.exp(X.astype(np.float64))
    expected = powers / powers.sum(axis, keepdims=True)
    assert np.allclose(ops.softmax(X, axis=axis), expected, atol=1e-6)
    assert np.allclose(ops.log_softmax(X, axis=axis), np.log(expected), atol=1e-6)


def test_softmax_at_the_edges():
    x = rows([1000, 1000], [-INF, 0], [-INF, -INF], [NAN, 0], [INF, 0])
    expected = rows([0.5, 0.5], [0, 1], [NAN, NAN], [NAN, NAN], [NAN, NAN])
    assert np.array_equal(ops.softmax(x), expected, equal_nan=True)
    assert np.allclose(ops.log_softmax(rows([0, 200])), [-200, 0])


@pytest.mark.parametrize("shape", [(0,), (3, 0), (0, 3)])
def test_softmax_of_no_elements(shape):
    assert ops.softmax(np.zeros(shape, np.float32)).shape == shape
    assert ops.log_softmax(np.zeros(shape, np.float32)).shape == shape


@pytest.mark.parametrize("dtype", [np.float32, np.int64])
@pytest.mark.parametrize("axis", [None, 0, -1])
def test_running_sums_and_products(axis, dtype):
    x = np.arange(1, 7).reshape(2, 3).astype(dtype)
    assert np.array_equal(ops.cumsum(x, axis=axis), np.cumsum(x, axis))
    assert np.array_equal(ops.cumprod(x, axis=axis), np.cumprod(x, axis))
    assert ops.cumsum(x, axis=axis).dtype == dtype


def test_running_sums_from_the_end_without_the_element():
    x = np.array([1, 2, 3])
    assert np.array_equal(ops.cumsum(x, axis=0, exclusive=True), [0, 1, 3])
    assert np.array_equal(ops.cumsum(x, axis=0, reverse=True), [6, 5, 3])
