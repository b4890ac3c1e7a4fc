"""Scalar expressions: construction, typing, printing and their NumPy evaluation."""

import ml_dtypes
import numpy as np
import pytest

from aicomp import expr as e
from aicomp.errors import GraphError
from aicomp.types import BFLOAT16, BOOL, FLOAT16, FLOAT32, FLOAT64, INT8, INT32, INT64, UINT8


def value(expression, *arrays):
    return e.evaluate(expression, [np.asarray(a) for a in arrays])


def test_python_operators():
    x, y = e.arg(0, FLOAT32), e.arg(1, FLOAT32)
    a, b = np.array([1.5, -2], np.float32), np.array([0.5, 4], np.float32)
    cases = [
        (x + y, a + b), (1 + x, 1 + a), (x - y, a - b), (1 - x, 1 - a), (x * y, a * b), (2 * x, 2 * a),
        (x / y, a / b), (1 / x, 1 / a), (-x, -a), (x < y, a < b), (x <= 1.5, a <= 1.5), (x > y, a > b),
        (x >= -2, a >= -2), ((x < y) & (x < 0), (a < b) & (a < 0)), ((x < y) | (y < x), (a < b) | (b < a)),
        ((x < y) ^ (x < 0), (a < b) ^ (a < 0)), (~(x < y), ~(a < b)),
    ]  # fmt: skip
    for expression, wanted in cases:
        got = value(expression, a, b)
        assert got.dtype == wanted.dtype and np.array_equal(got, wanted)


@pytest.mark.parametrize("op, function", [
    ("floordiv", np.floor_divide), ("mod", np.remainder), ("fmod", np.fmod), ("pow", np.power), ("min", np.minimum),
    ("max", np.maximum), ("copysign", np.copysign), ("atan2", np.arctan2),
])  # fmt: skip
def test_binary_functions(op, function):
    a, b = np.array([7.5, -7.5, 0]), np.array([2.0, 2, -3])
    expression = e.make(op, e.arg(0, FLOAT64), e.arg(1, FLOAT64))
    with np.errstate(all="ignore"):
        assert np.array_equal(value(expression, a, b), function(a, b))


def test_integer_division_by_zero_gives_zero():
    x, y = e.arg(0, INT32), e.arg(1, INT32)
    a, b = np.array([7, -7, 7, -(2**31)], np.int32), np.array([0, 2, -2, -1], np.int32)
    assert value(e.floordiv(x, y), a, b).tolist() == [0, -4, -4, -(2**31)]
    assert value(e.mod(x, y), a, b).tolist() == [0, 1, -1, 0]
    assert value(e.fmod(x, y), a, b).tolist() == [0, -1, 1, 0]


def test_constants_are_rounded_to_their_dtype():
    assert e.const(0.1, FLOAT32).value == float(np.float32(0.1))
    assert e.const(0.1, FLOAT16).value == float(np.float16(0.1))
    assert e.const(1.1, BFLOAT16).value == float(ml_dtypes.bfloat16(1.1))
    assert e.const(-1, UINT8).value == 255
    assert e.const(1, BOOL).value is True
    assert value(e.const(1.1, BFLOAT16)).dtype == BFLOAT16


def test_numbers_take_the_dtype_of_the_expression_beside_them():
    x = e.arg(0, INT8)
    assert (x + 1).args[1].dtype == INT8
    assert e.select(x < 3, 1, x).args[1].dtype == INT8
    assert e.select(x < 3, x, 1).dtype == INT8


@pytest.mark.parametrize("build, message", [
    (lambda x, i: x + i, "add needs operands of one dtype, got float32, int32; cast first"),
    (lambda x, i: e.exp(i), "exp is not defined on int32"),
    (lambda x, i: x & x, "and is not defined on float32"),
    (lambda x, i: e.select(i, x, x), "select needs operands of one dtype"),
    (lambda x, i: e.cast(x, FLOAT16) + 1, "add is not defined on float16"),
    (lambda x, i: (x < x) + True, "add is not defined on bool"),
])  # fmt: skip
def test_ill_typed_expressions_are_refused(build, message):
    with pytest.raises(GraphError, match=message):
        build(e.arg(0, FLOAT32), e.arg(1, INT32))


def test_16_bit_floats_are_compared_selected_and_cast():
    h = e.arg(0, FLOAT16)
    a = np.array([1, np.nan, -0.0], np.float16)
    assert value(e.equal(h, h), a).tolist() == [True, False, True]
    assert value(e.select(h < 0.5, h, 2.0), a).tolist() == [2, 2, 0]
    assert value(e.cast(h, FLOAT32), a).dtype == FLOAT32
    assert value(e.bitcast(h, e.arg(0, np.dtype("int16")).dtype), a).tolist()[0] == 0x3C00


def test_cast_to_the_same_dtype_is_nothing():
    x = e.arg(0, FLOAT32)
    assert e.cast(x, FLOAT32) is x


@pytest.mark.parametrize("target", ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"])
@pytest.mark.parametrize("source", [FLOAT16, BFLOAT16, FLOAT32, FLOAT64])
def test_casts_saturate(source, target):
    limits = np.iinfo(target)
    x = np.array([-np.inf, np.inf, np.nan, -1.9, 1.9, 100.5]).astype(source)
    got = e.cast_array(x, np.dtype(target))
    assert got.dtype == target
    assert got.tolist() == [limits.min, limits.max, 0, max(-1, limits.min), 1, 100]


@pytest.mark.parametrize("target", ["int32", "int64", "uint32", "uint64"])
def test_casts_are_exact_up_to_the_limits(target, recwarn):
    limits = np.iinfo(target)
    below = np.nextafter(np.float64(limits.max) if limits.bits == 32 else np.float64(2.0**limits.bits), 0)
    below = min(below, np.nextafter(float(limits.max), 0))
    x = np.array([below, float(limits.max), 2.0 * limits.max, float(limits.min)])
    assert e.cast_array(x, np.dtype(target)).tolist() == [int(below), limits.max, limits.max, limits.min]
    assert not recwarn.list


def test_casts_to_bool_compare_with_zero():
    assert e.cast_array(np.array([0.0, -0.0, np.nan, 0.5]), BOOL).tolist() == [False, False, True, True]


def test_integer_power():
    base, exponent = np.array([3, -2, 2, -1, -1, 1, 5], np.int64), np.array([4, 3, -1, -3, -2, -9, 0], np.int64)
    assert e.integer_power(base, exponent).tolist() == [81, -8, 0, -1, 1, 1, 1]
    assert e.integer_power(np.array([200], np.uint8), np.array([2], np.uint8)).tolist() == [200 * 200 % 256]


def test_erf_keeps_shape_and_dtype():
    got = value(e.erf(e.arg(0, FLOAT32)), np.array([[0.0, 1.0]], np.float32))
    assert got.dtype == FLOAT32 and got.shape == (1, 2)
    np.testing.assert_allclose(got, [[0, 0.84270079]], rtol=1e-6)


def test_shared_subexpressions_are_computed_once():
    x = e.arg(0, INT64)
    for _ in range(200):
        x = x + x
    assert value(x, np.int64(1)) == 0


def test_text():
    x = e.arg(0, FLOAT32)
    assert str(e.cast(x * 2.0 + 1.0, INT32)) == "cast:int32(add(mul($0, 2.0), 1.0))"


def test_broadcasting():
    x, y = e.arg(0, FLOAT32), e.arg(1, FLOAT32)
    assert value(x + y, np.ones((2, 1), np.float32), np.ones(3, np.float32)).shape == (2, 3)
