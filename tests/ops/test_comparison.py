"""Comparisons, classification and logic against NumPy."""

import numpy as np
import pytest

from aicomp import ops
from aicomp.errors import GraphError

from .arrays import FLOATS, INTEGERS, dtype, floats, integers, pairs, tensor

COMPARISONS = {
    "equal": np.equal, "not_equal": np.not_equal, "less": np.less, "less_equal": np.less_equal,
    "greater": np.greater, "greater_equal": np.greater_equal,
}  # fmt: skip
LOGIC = {"logical_and": np.logical_and, "logical_or": np.logical_or, "logical_xor": np.logical_xor}
CLASSES = {"isnan": np.isnan, "isinf": np.isinf, "isfinite": np.isfinite, "signbit": np.signbit}


def values(name):
    if name == "bool":
        return np.array([False, True] * 10)
    return floats(name) if name in FLOATS else integers(name)


def exact(x):
    """Return 16-bit floats as float32, which holds them; everything else as it is."""
    return x.astype(np.float32) if x.dtype in (np.float16, dtype("bfloat16")) else x


@pytest.mark.parametrize("name", [*FLOATS, *INTEGERS, "bool"])
@pytest.mark.parametrize("op", COMPARISONS | LOGIC)
def test_binary(op, name):
    x, y = pairs(values(name))
    got = ops.OPS[op](x, y)
    assert got.dtype == bool
    assert np.array_equal(got, (COMPARISONS | LOGIC)[op](exact(x), exact(y)))


@pytest.mark.parametrize("name", [*FLOATS, *INTEGERS, "bool"])
@pytest.mark.parametrize("op", CLASSES)
def test_classes(op, name):
    x = values(name)
    wanted = np.zeros(x.shape, bool) if (op, name) == ("signbit", "bool") else CLASSES[op](exact(x))
    got = ops.OPS[op](x)
    assert got.dtype == bool and got.shape == x.shape
    assert np.array_equal(got, wanted)


@pytest.mark.parametrize("name", [*FLOATS, *INTEGERS, "bool"])
def test_logical_not(name):
    x = values(name)
    assert np.array_equal(ops.logical_not(x), np.logical_not(exact(x)))


def test_signbit_of_nan():
    x = np.array([np.nan, -np.nan, -0.0], np.float32)
    assert np.array_equal(ops.signbit(x), np.signbit(x))


def test_logic_takes_different_dtypes():
    assert ops.logical_and(tensor((2, 3)), tensor((3,), "int8")).shape == (2, 3)


def test_comparison_of_different_dtypes_is_refused():
    with pytest.raises(GraphError, match="operands of one dtype, got float32, float64"):
        ops.less(tensor((2,)), tensor((2,), "float64"))
