"""Pooling against loops over windows that follow the definition, NaN, partial windows and padding included."""

import math
from itertools import product

import ml_dtypes
import numpy as np
import pytest
from recorded import names, normal, tensor

from aicomp import ops
from aicomp.errors import AicompError


def pool(x, window, strides, padding, dilation, ceil, reduce):
    """Pool [N,C,*S] by a loop over outputs; reduce(elements in the input, elements in input and padding)."""
    rank = x.ndim - 2
    geometry = list(zip(x.shape[2:], window, strides, padding, dilation, strict=True))
    outputs = []
    for n, k, s, (low, high), d in geometry:
        room = low + n + high - (k - 1) * d - 1
        count = (math.ceil(room / s) if ceil else room // s) + 1
        outputs.append(count - 1 if ceil and (count - 1) * s >= n + low else count)
    result = np.empty((*x.shape[:2], *outputs), x.dtype)
    for at in product(*map(range, outputs)):
        inside, counted = [np.arange(0)] * rank, 1
        for axis, (n, k, s, (low, high), d) in enumerate(geometry):
            places = at[axis] * s - low + np.arange(k) * d
            inside[axis] = places[(places >= 0) & (places < n)]
            counted *= int(((places >= -low) & (places < n + high)).sum())
        elements = x[(slice(None), slice(None), *np.ix_(*inside))].reshape(*x.shape[:2], -1)
        result[(..., *at)] = reduce(elements, counted)
    return result


def largest(elements, counted):
    return elements.max(-1)


def mean_with_padding(elements, counted):
    return elements.sum(-1) / counted


def mean_without_padding(elements, counted):
    return elements.mean(-1)


CASES = [
    ((7,), (2,), (2,), ((0, 0),), (1,)),
    ((7,), (3,), (2,), ((1, 1),), (2,)),
    ((6, 7), (2, 3), (2, 2), ((0, 0), (1, 1)), (1, 1)),
    ((5, 8), (3, 2), (3, 1), ((1, 0), (0, 1)), (1, 2)),
    ((4, 5, 6), (2, 2, 3), (2, 1, 3), ((1, 1), (0, 0), (1, 1)), (1, 1, 1)),
    ((5,), (3,), (4,), ((1, 1),), (1,)),
    ((5,), (1,), (3,), ((0, 0),), (1,)),
    ((7, 7), (1, 1), (3, 3), ((0, 0), (0, 0)), (1, 1)),
]


@pytest.mark.parametrize("ceil", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_max_pool(case, ceil):
    sizes, window, strides, padding, dilation = case
    x = normal(2, 3, *sizes) - 5
    how = {"window": window, "strides": strides, "padding": padding, "dilation": dilation, "ceil_mode": ceil}
    expected = pool(x, window, strides, padding, dilation, ceil, largest)
    assert np.array_equal(ops.max_pool(x, **how), expected)
    last = ops.max_pool(np.moveaxis(x, 1, -1), channels_last=True, **how)
    assert np.array_equal(last, np.moveaxis(expected, 1, -1))


@pytest.mark.parametrize("ceil", [False, True])
@pytest.mark.parametrize("include", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_avg_pool(case, include, ceil):
    sizes, window, strides, padding, dilation = case
    x = normal(2, 3, *sizes)
    how = {"window": window, "strides": strides, "padding": padding, "dilation": dilation, "ceil_mode": ceil}
    how["count_include_pad"] = include
    reduce = mean_with_padding if include else mean_without_padding
    expected = pool(x.astype(np.float64), window, strides, padding, dilation, ceil, reduce)
    assert np.allclose(ops.avg_pool(x, **how), expected, atol=1e-6)
    last = ops.avg_pool(np.moveaxis(x, 1, -1), channels_last=True, **how)
    assert np.allclose(last, np.moveaxis(expected, 1, -1), atol=1e-6)


def test_numbers_of_pytorch():
    """torch.nn.functional.avg_pool1d and max_pool1d of 0 .. 6, kernel 3, stride 2, padding 1, ceil_mode."""
    x = np.arange(6, dtype=np.float32).reshape(1, 1, 6)
    how = {"window": 3, "strides": 2, "padding": 1, "ceil_mode": True}
    assert np.allclose(ops.avg_pool(x, **how), [[[1 / 3, 2, 4, 2.5]]])
    assert np.allclose(ops.avg_pool(x, count_include_pad=False, **how), [[[0.5, 2, 4, 5]]])
    assert np.array_equal(ops.max_pool(x, **how), [[[1, 3, 5, 5]]])


def test_strides_default_to_the_window():
    assert ops.max_pool(normal(1, 1, 6, 9), window=(2, 3)).shape == (1, 1, 3, 3)


def test_same_padding():
    x = normal(1, 2, 5, 6)
    assert ops.max_pool(x, window=3, strides=2, padding="same").shape == (1, 2, 3, 3)


def test_max_pool_of_integers_and_nan():
    x = np.array([[[-5, -3, -9]]], np.int8)
    assert np.array_equal(ops.max_pool(x, window=2, strides=1, padding=1), [[[-5, -3, -3, -9]]])
    y = np.array([[[1, np.nan, 0, 3]]], np.float32)
    assert np.array_equal(ops.max_pool(y, window=2), [[[np.nan, 3]]], equal_nan=True)


def test_halves_are_averaged_in_float32():
    x = np.full((1, 1, 4), 60000, np.float16)
    assert np.array_equal(ops.avg_pool(x, window=4), [[[np.float16(60000)]]])
    assert ops.global_avg_pool(x.astype(ml_dtypes.bfloat16)).dtype == ml_dtypes.bfloat16


def test_a_constant_count_is_one_division():
    assert names(ops.avg_pool(tensor(1, 3, 8, 8), window=2))[-1] == "divide"
    counted = ops.avg_pool(tensor(1, 3, 8, 8), window=3, padding=1, strides=2, count_include_pad=False)
    assert names(counted).count("divide") == 1


def test_global_pools():
    x = normal(2, 3, 4, 5)
    assert np.allclose(ops.global_avg_pool(x), x.mean((2, 3), keepdims=True), atol=1e-6)
    assert np.array_equal(ops.global_max_pool(x), x.max((2, 3), keepdims=True))
    assert ops.global_max_pool(x, channels_last=True).shape == (2, 1, 1, 5)


def adaptive(x, output_size, reduce):
    result = x
    for axis, parts in zip(range(2, x.ndim), output_size, strict=True):
        n = result.shape[axis]
        cuts = [(i * n // parts, -(-(i + 1) * n // parts)) for i in range(parts)]
        pieces = [reduce(result.take(range(a, b), axis), axis=axis, keepdims=True) for a, b in cuts]
        result = np.concatenate(pieces, axis)
    return result


@pytest.mark.parametrize(
    ("sizes", "output"), [((8, 6), (4, 3)), ((7, 10), (3, 4)), ((5,), (7,)), ((4, 5, 6), (1, 5, 4)), ((2, 9), (3, 2))]
)
def test_adaptive_pools(sizes, output):
    x = normal(2, 3, *sizes)
    mean = adaptive(x.astype(np.float64), output, np.mean)
    assert np.allclose(ops.adaptive_avg_pool(x, output_size=output), mean, atol=1e-6)
    assert np.array_equal(ops.adaptive_max_pool(x, output_size=output), adaptive(x, output, np.max))
    last = ops.adaptive_avg_pool(np.moveaxis(x, 1, -1), output_size=output, channels_last=True)
    assert np.allclose(last, np.moveaxis(mean, 1, -1), atol=1e-6)


def test_adaptive_sizes_that_stay_or_stand_for_all():
    x = normal(1, 2, 4, 6)
    assert ops.adaptive_avg_pool(x, output_size=(None, 2)).shape == (1, 2, 4, 2)
    assert ops.adaptive_avg_pool(x, output_size=2).shape == (1, 2, 2, 2)
    assert "gather" not in names(ops.adaptive_avg_pool(tensor(1, 2, 4, 6), output_size=2))


def test_adaptive_windows_keep_what_is_not_a_number_to_themselves():
    x = np.array([[[1, np.inf, 2, 3, 4]]], np.float32)
    assert np.array_equal(ops.adaptive_avg_pool(x, output_size=3), [[[np.inf, np.inf, 3.5]]])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: ops.max_pool(normal(3, 4), window=2), "spatial axes, got shape"),
        (lambda: ops.max_pool(normal(1, 3, 4), window=(2, 2)), "window"),
        (lambda: ops.max_pool(normal(1, 3, 4), window=2, strides=0), "strides"),
        (lambda: ops.avg_pool(np.ones((1, 1, 4), np.int32), window=2), "float tensor"),
        (lambda: ops.adaptive_avg_pool(normal(1, 3, 4), output_size=(2, 2)), "needs 1 entries"),
        (lambda: ops.adaptive_avg_pool(normal(1, 3, 4), output_size=0), "at least 1"),
    ],
)
def test_errors(call, words):
    with pytest.raises(AicompError, match=words):
        call()
