"""Sorting composites against NumPy's stable sorts."""

import numpy as np
import pytest

from aicomp import ops
from aicomp.errors import AicompError

X = np.random.default_rng(0).integers(0, 5, (3, 4, 5)).astype(np.float32)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_sort(axis):
    assert np.array_equal(ops.sort(X, axis=axis), np.sort(X, axis))
    assert np.array_equal(ops.sort(X, axis=axis, descending=True), -np.sort(-X, axis))


def test_sort_places_nan_last_and_first_when_descending():
    x = np.array([np.nan, 1, np.inf, -np.inf], np.float32)
    assert np.array_equal(ops.sort(x), np.sort(x), equal_nan=True)
    assert np.array_equal(ops.sort(x, descending=True), [np.nan, np.inf, 1, -np.inf], equal_nan=True)


@pytest.mark.parametrize("axis", [0, -1])
@pytest.mark.parametrize("largest", [True, False])
def test_top_k(axis, largest):
    values, indices = ops.top_k(X, k=2, axis=axis, largest=largest)
    order = np.argsort(-X if largest else X, axis, kind="stable")
    assert np.array_equal(indices, order.take([0, 1], axis))
    assert np.array_equal(values, np.take_along_axis(X, indices, axis))
    assert indices.dtype == np.int64


def test_top_k_of_integers_takes_the_first_of_equals():
    values, indices = ops.top_k(np.array([3, 7, 7, 1], np.uint8), k=3)
    assert (values.tolist(), indices.tolist()) == ([7, 7, 3], [1, 2, 0])


@pytest.mark.parametrize("k", [-1, 6])
def test_top_k_needs_as_many_elements(k):
    with pytest.raises(AicompError, match="has 5 elements"):
        ops.top_k(X, k=k)
