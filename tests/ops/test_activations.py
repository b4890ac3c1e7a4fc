"""Activation functions against their definitions in float64."""

import math

import numpy as np
import pytest

from aicomp import ops
from aicomp.errors import GraphError

from .arrays import FLOATS, dtype, tensor


def erf(x):
    return np.array([math.erf(v) for v in x])


def softplus(x):
    return np.logaddexp(x, 0)


def gelu_tanh(x):
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


CASES = [
    ("relu", {}, lambda x: np.maximum(x, 0)),
    ("relu6", {}, lambda x: np.clip(x, 0, 6)),
    ("leaky_relu", {}, lambda x: np.where(x < 0, 0.01 * x, x)),
    ("leaky_relu", {"alpha": 0.25}, lambda x: np.where(x < 0, 0.25 * x, x)),
    ("thresholded_relu", {"alpha": 0.5}, lambda x: np.where(x > 0.5, x, 0)),
    ("shrink", {"bound": 0.5, "bias": 0.5}, lambda x: np.sign(x) * np.maximum(np.abs(x) - 0.5, 0)),
    ("shrink", {}, lambda x: np.where(np.abs(x) > 0.5, x, 0)),
    ("hard_tanh", {}, lambda x: np.clip(x, -1, 1)),
    ("elu", {"alpha": 2.0}, lambda x: np.where(x > 0, x, 2 * np.expm1(x))),
    ("selu", {}, lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(x))),
    ("celu", {"alpha": 2.0}, lambda x: np.maximum(x, 0) + np.minimum(2 * np.expm1(x / 2), 0)),
    ("gelu", {}, lambda x: 0.5 * x * (1 + erf(x / math.sqrt(2)))),
    ("gelu", {"approximate": "tanh"}, gelu_tanh),
    ("sigmoid", {}, lambda x: np.exp(-softplus(-x))),
    ("log_sigmoid", {}, lambda x: -softplus(-x)),
    ("silu", {}, lambda x: x * np.exp(-softplus(-x))),
    ("hard_sigmoid", {}, lambda x: np.clip(x / 6 + 0.5, 0, 1)),
    ("hard_sigmoid", {"alpha": 0.2}, lambda x: np.clip(0.2 * x + 0.5, 0, 1)),
    ("hard_swish", {}, lambda x: x * np.clip(x / 6 + 0.5, 0, 1)),
    ("softplus", {}, softplus),
    ("softsign", {}, lambda x: x / (1 + np.abs(x))),
    ("mish", {}, lambda x: x * np.tanh(softplus(x))),
]
NAMES = sorted({name for name, _, _ in CASES})


@pytest.mark.parametrize("name", FLOATS)
@pytest.mark.parametrize("op, attrs, wanted", CASES)
def test_definition(op, attrs, wanted, name):
    x = np.concatenate([np.linspace(-6, 6, 241), [30.0, -30.0, 80.0, -80.0, -0.0]]).astype(dtype(name))
    got = ops.OPS[op](x, **attrs)
    assert got.dtype == x.dtype
    tolerance = {"float16": 1e-3, "bfloat16": 8e-3, "float32": 1e-6, "float64": 1e-12}[name]
    exact = wanted(x.astype(np.float64))
    np.testing.assert_allclose(got.astype(np.float64), exact, rtol=4 * tolerance, atol=tolerance / 8)


@pytest.mark.parametrize("op", NAMES)
def test_nan_stays(op):
    assert np.isnan(ops.OPS[op](np.array([np.nan], np.float32)))[0]


@pytest.mark.parametrize("op", [n for n in NAMES if n not in ("softsign", "shrink")])
def test_infinity(op):
    got = ops.OPS[op](np.array([np.inf], np.float32))[0]
    bounded = {"sigmoid": 1, "hard_sigmoid": 1, "hard_tanh": 1, "relu6": 6, "log_sigmoid": 0}
    assert got == bounded.get(op, np.inf)


def test_prelu():
    x, slope = tensor((2, 3, 4)), tensor((3, 1))
    assert np.array_equal(ops.prelu(x, slope), np.where(x < 0, slope * x, x))


def test_relu_takes_integers():
    assert ops.relu(np.array([-3, 3], np.int8)).tolist() == [0, 3]


def test_sigmoid_does_not_warn(recwarn):
    assert ops.sigmoid(np.array([-1e4, 1e4], np.float32)).tolist() == [0, 1]
    assert not recwarn.list


def test_gelu_refuses_other_approximations():
    with pytest.raises(GraphError, match='approximate \'sigmoid\' is neither "none" nor "tanh"'):
        ops.gelu(tensor((2,)), approximate="sigmoid")
