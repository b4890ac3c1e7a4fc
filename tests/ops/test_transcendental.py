"""Transcendental operators against NumPy in extended precision, in units in the last place."""

import numpy as np
import pytest

from aicomp import ops
from aicomp.errors import GraphError

from .arrays import FLOATS, dtype, floats, pairs, ulps

UNARY = {
    "exp": np.exp, "exp2": np.exp2, "expm1": np.expm1,
    "log": np.log, "log2": np.log2, "log10": np.log10, "log1p": np.log1p,
    "sin": np.sin, "cos": np.cos, "tan": np.tan,
    "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan,
    "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh,
    "asinh": np.arcsinh, "acosh": np.arccosh, "atanh": np.arctanh,
    "sqrt": np.sqrt, "rsqrt": lambda x: 1 / np.sqrt(x), "reciprocal": lambda x: 1 / x,
}  # fmt: skip
BINARY = {"hypot": np.hypot, "atan2": np.arctan2, "logaddexp": np.logaddexp}
BOUNDS = {"float16": 1, "bfloat16": 1, "float32": 8, "float64": 8}


def points(name):
    rng = np.random.default_rng(1)
    dense = np.concatenate([np.linspace(-1, 1, 401), rng.uniform(-100, 100, 400), rng.uniform(-720, 720, 100)])
    return np.concatenate([floats(name), dense.astype(dtype(name))])


@pytest.mark.parametrize("name", FLOATS)
@pytest.mark.parametrize("op", UNARY)
def test_unary(op, name):
    x = points(name)
    with np.errstate(all="ignore"):
        exact = UNARY[op](x.astype(np.longdouble))
    got = ops.OPS[op](x)
    assert got.dtype == x.dtype
    assert np.max(ulps(got, exact)) <= BOUNDS[name]
    zeros = (x == 0) & (exact == 0)
    assert np.array_equal(np.signbit(got[zeros]), np.signbit(exact[zeros]))


@pytest.mark.parametrize("name", FLOATS)
@pytest.mark.parametrize("op", BINARY)
def test_binary(op, name):
    x, y = pairs(floats(name))
    with np.errstate(all="ignore"):
        exact = BINARY[op](x.astype(np.longdouble), y.astype(np.longdouble))
    assert np.max(ulps(ops.OPS[op](x, y), exact)) <= BOUNDS[name]


def test_erf_is_odd_and_saturates():
    x = np.array([0.5, 1.0, 6.0, np.inf, np.nan])
    wanted = [0.5204998778130465, 0.8427007929497149, 1.0, 1.0, np.nan]
    np.testing.assert_allclose(ops.erf(x), wanted, rtol=1e-15)
    np.testing.assert_array_equal(ops.erf(-x), -ops.erf(x))


@pytest.mark.parametrize("op", UNARY)
def test_integers_are_refused(op):
    with pytest.raises(GraphError, match=f"{op}.*not defined on int32|{op}.*not defined on float"):
        ops.OPS[op](np.arange(3, dtype=np.int32))
