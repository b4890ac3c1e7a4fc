"""Operations on bits against NumPy."""

import numpy as np
import pytest

from aicomp import ops
from aicomp.errors import GraphError

from .arrays import INTEGERS, integers, pairs, tensor

BITS = {"bitwise_and": np.bitwise_and, "bitwise_or": np.bitwise_or, "bitwise_xor": np.bitwise_xor}


@pytest.mark.parametrize("name", INTEGERS)
@pytest.mark.parametrize("op", BITS)
def test_integers(op, name):
    x, y = pairs(integers(name))
    got = ops.OPS[op](x, y)
    assert got.dtype == x.dtype and np.array_equal(got, BITS[op](x, y))
    assert np.array_equal(ops.bitwise_invert(x), ~x)


@pytest.mark.parametrize("op", BITS)
def test_bool(op):
    x, y = np.array([0, 0, 1, 1], bool), np.array([0, 1, 0, 1], bool)
    assert np.array_equal(ops.OPS[op](x, y), BITS[op](x, y))
    assert np.array_equal(ops.bitwise_invert(x), ~x)


@pytest.mark.parametrize("name", INTEGERS)
def test_shifts(name):
    x = integers(name)
    bits = x.dtype.itemsize * 8
    for count in (0, 1, bits - 1, bits, bits + 3):
        y = np.array(count, name)
        exact = [int(v) << count for v in x]
        wrapped = np.array([v & ((1 << bits) - 1) for v in exact], f"uint{bits}").view(name)
        assert np.array_equal(ops.bitwise_left_shift(x, y), wrapped)
        assert ops.bitwise_right_shift(x, y).tolist() == [int(v) >> count for v in x]


def test_negative_shift_counts_are_past_the_width():
    x, y = np.array([5, -5], np.int32), np.array(-1, np.int32)
    assert ops.bitwise_left_shift(x, y).tolist() == [0, 0]
    assert ops.bitwise_right_shift(x, y).tolist() == [0, -1]


@pytest.mark.parametrize("op", [*BITS, "bitwise_left_shift", "bitwise_right_shift"])
def test_floats_are_refused(op):
    with pytest.raises(GraphError, match="is not defined on float32"):
        ops.OPS[op](tensor((2,)), tensor((2,)))
