"""Transposed convolution against a loop that adds each element's weighted kernel to the output."""

from itertools import product

import numpy as np
import pytest
from recorded import names, normal, primitives, tensor

from aicomp import ops
from aicomp.errors import AicompError


def widen(value, rank):
    return value if isinstance(value, tuple) else (value,) * rank


def spread(x, w, strides=1, padding=0, output_padding=0, dilation=1, groups=1):
    """The definition: y[n, :, stride * i + dilation * k] += x[n, :, i] @ w[:, :, k], then the padding cut off."""
    rank = x.ndim - 2
    s, d, more = widen(strides, rank), widen(dilation, rank), widen(output_padding, rank)
    pads = [(p, p) if isinstance(p, int) else p for p in widen(padding, rank)]
    reach = [(k - 1) * hole + 1 for k, hole in zip(w.shape[2:], d, strict=True)]
    full = [(n - 1) * step + r + o for n, step, r, o in zip(x.shape[2:], s, reach, more, strict=True)]
    y = np.zeros((x.shape[0], groups, w.shape[1], *full))
    xs = x.reshape(x.shape[0], groups, -1, *x.shape[2:]).astype(np.float64)
    ws = w.reshape(groups, -1, *w.shape[1:]).astype(np.float64)
    for i, k in product(product(*map(range, x.shape[2:])), product(*map(range, w.shape[2:]))):
        at = tuple(a * step + b * hole for a, step, b, hole in zip(i, s, k, d, strict=True))
        y[(..., *at)] += np.einsum("ngc,gco->ngo", xs[(..., *i)], ws[(..., *k)])
    cut = tuple(slice(low, size - high) for (low, high), size in zip(pads, full, strict=True))
    return y.reshape(x.shape[0], -1, *full)[(..., *cut)]


CASES = [
    ((5,), (3,), {}),
    ((5,), (3,), {"padding": 1}),
    ((5,), (3,), {"strides": 2}),
    ((5,), (3,), {"strides": 2, "padding": 1, "output_padding": 1}),
    ((5,), (4,), {"strides": 2, "padding": 1}),
    ((5,), (2,), {"strides": 3}),
    ((5,), (1,), {"strides": 4, "output_padding": 3}),
    ((5,), (3,), {"strides": 3, "dilation": 2, "padding": 2, "output_padding": 2}),
    ((9,), (3,), {"dilation": 2, "padding": 6}),
    ((5,), (3,), {"strides": 2, "padding": ((0, 3),)}),
    ((4,), (3,), {"padding": 3}),
    ((4, 5), (3, 3), {"strides": 2, "padding": 1, "output_padding": 1}),
    ((4, 5), (2, 4), {"strides": (1, 2), "padding": (0, 1)}),
    ((4, 5), (5, 3), {"strides": (3, 2), "padding": (1, 2), "output_padding": (2, 0)}),
    ((4, 5), (3, 2), {"strides": (1, 2), "dilation": (2, 1)}),
    ((2, 3, 4), (3, 2, 4), {"strides": (2, 1, 3), "padding": (1, 0, 2), "output_padding": (1, 0, 0)}),
    ((1, 1), (7, 7), {"strides": 2}),
]


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize(("sizes", "kernel", "how"), CASES)
def test_conv_transpose(sizes, kernel, how, groups):
    x, w = normal(2, 4, *sizes), normal(4, 3, *kernel)
    expected = spread(x, w, groups=groups, **how)
    result = ops.conv_transpose(x, w, groups=groups, **how)
    assert result.shape == expected.shape
    assert np.allclose(result, expected, atol=1e-4)


def test_bias():
    x, w, bias = normal(1, 2, 3, 3), normal(2, 3, 2, 2), normal(3)
    expected = spread(x, w, strides=2) + bias.reshape(3, 1, 1)
    assert np.allclose(ops.conv_transpose(x, w, bias, strides=2), expected, atol=1e-5)


def test_strided_phases_compute_no_product_with_an_inserted_zero():
    result = ops.conv_transpose(tensor(1, 8, 16, 16), tensor(8, 4, 4, 4), strides=2, padding=1)
    (conv,) = (node for node in primitives(result) if node.op.name == "conv")
    assert conv.inputs[1].shape == (4 * 4, 8, 2, 2)
    uneven = ops.conv_transpose(tensor(1, 8, 16, 16), tensor(8, 4, 3, 3), strides=2, padding=1)
    assert names(uneven).count("conv") == 4


def test_infinities_reach_only_their_own_outputs():
    x = np.array([[[np.inf, 1, 2]]], np.float32)
    w = np.ones((1, 1, 3), np.float32)
    expected = [[[np.inf, np.inf, np.inf, 1, 3, 2, 2]]]
    assert np.array_equal(ops.conv_transpose(x, w, strides=2), expected)


def test_no_batch():
    assert ops.conv_transpose(np.zeros((0, 2, 3), np.float32), normal(2, 1, 2), strides=2).shape == (0, 1, 6)


@pytest.mark.parametrize(
    ("shapes", "how", "words"),
    [
        (((1, 2, 5), (3, 2, 3)), {}, r"expected \[N, C, \*S\]"),
        (((1, 3, 5), (3, 2, 3)), {"groups": 2}, "groups 2"),
        (((1, 2), (2, 2)), {}, "1 to 3 axes"),
        (((1, 2, 5), (2, 3, 3)), {"output_padding": 1}, "less than the strides"),
        (((1, 2, 2), (2, 3, 3)), {"padding": 4}, "cuts more"),
        (((1, 2, 2), (2, 3, 3)), {"padding": "same"}, "expected an int"),
        (((1, 2, 5), (2, 3, 3), (2,)), {}, r"bias has shape \(2,\), expected \(3,\)"),
    ],
)
def test_errors(shapes, how, words):
    with pytest.raises(AicompError, match=words):
        ops.conv_transpose(*(normal(*shape) for shape in shapes), **how)
