"""Elementwise arithmetic against NumPy, over dtypes, ranks, broadcasting and special values."""

import ml_dtypes
import numpy as np
import pytest

from aicomp import ops
from aicomp.errors import AicompError

from .arrays import FLOATS, INTEGERS, SHAPES, dtype, floats, integers, pairs, tensor

ARITHMETIC = {
    "add": np.add, "subtract": np.subtract, "multiply": np.multiply,
    "floor_divide": np.floor_divide, "remainder": np.remainder, "fmod": np.fmod,
    "maximum": np.maximum, "minimum": np.minimum, "fmax": np.fmax, "fmin": np.fmin,
}  # fmt: skip
FLOATING = {"divide": np.divide, "pow": np.power, "copysign": np.copysign}
SIGNED = {"negative": np.negative, "positive": np.positive, "abs": np.abs, "sign": np.sign, "square": np.square}
ROUNDING = {"floor": np.floor, "ceil": np.ceil, "trunc": np.trunc, "round": np.rint}


def same(got, wanted):
    """Equal, NaN to NaN, dtypes too; rounded from float32 where NumPy's result is of a 16-bit input."""
    assert got.dtype == wanted.dtype
    np.testing.assert_array_equal(got.astype(np.float64), wanted.astype(np.float64))


def by_float32(function, *arrays):
    """Apply a NumPy function; on 16-bit floats, in float32 and rounded once."""
    name = arrays[0].dtype.name
    with np.errstate(all="ignore"):
        if name in ("float16", "bfloat16"):
            return function(*(a.astype(np.float32) for a in arrays)).astype(dtype(name))
        return function(*arrays)


@pytest.mark.parametrize("name", FLOATS)
@pytest.mark.parametrize("op", ARITHMETIC | FLOATING)
def test_float_binary(op, name):
    x, y = pairs(floats(name))
    same(ops.OPS[op](x, y), by_float32((ARITHMETIC | FLOATING)[op], x, y))


@pytest.mark.parametrize("name", INTEGERS)
@pytest.mark.parametrize("op", ARITHMETIC)
def test_integer_binary(op, name):
    x, y = pairs(integers(name))
    same(ops.OPS[op](x, y), by_float32(ARITHMETIC[op], x, y))


@pytest.mark.parametrize("name", FLOATS)
@pytest.mark.parametrize("op", SIGNED | ROUNDING)
def test_float_unary(op, name):
    x = floats(name)
    wanted = by_float32((SIGNED | ROUNDING)[op], x)
    got = ops.OPS[op](x)
    same(got, wanted)
    assert np.array_equal(np.signbit(got), np.signbit(wanted))


@pytest.mark.parametrize("name", INTEGERS)
@pytest.mark.parametrize("op", SIGNED | ROUNDING)
def test_integer_unary(op, name):
    x = integers(name)
    wanted = x if op in ROUNDING else by_float32(SIGNED[op], x)
    same(ops.OPS[op](x), wanted)


@pytest.mark.parametrize("name", INTEGERS)
def test_integer_power_wraps_around(name):
    x, y = integers(name), np.abs(tensor((integers(name).size,), name))
    wanted = [pow(int(a), int(b), 1 << 64) for a, b in zip(x, y, strict=True)]
    assert np.array_equal(ops.pow(x, y), np.array(wanted, np.uint64).astype(name))


def test_negative_integer_powers_truncate():
    x = np.array([2, -2, 1, -1, -1, 0], np.int32)
    assert ops.pow(x, np.array([-1, -3, -5, -3, -4, -1], np.int32)).tolist() == [0, 0, 1, -1, 1, 0]


def test_bool_arithmetic_is_logic():
    x, y = np.array([0, 0, 1, 1], bool), np.array([0, 1, 0, 1], bool)
    assert ops.add(x, y).tolist() == (x | y).tolist()
    assert ops.multiply(x, y).tolist() == (x & y).tolist()
    assert ops.maximum(x, y).tolist() == (x | y).tolist()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", ["float32", "int64", "bfloat16"])
def test_shapes(shape, name):
    x, y = tensor(shape, name), tensor(shape, name, seed=1)
    same(ops.add(x, y), x + y)
    same(ops.add(x, y[..., :1] if shape else y), x + (y[..., :1] if shape else y))
    same(ops.negative(x.T), -x.T)


@pytest.mark.parametrize("a, b", [((3, 1), (1, 4)), ((), (2, 3)), ((5, 1, 2), (3, 1)), ((0, 1), (1, 3)), ((1,), (0,))])
def test_broadcasting(a, b):
    x, y = tensor(a), tensor(b)
    same(ops.subtract(x, y), x - y)


@pytest.mark.parametrize("name", ["float32", "float64", "float16"])
def test_nextafter(name):
    x, y = pairs(floats(name))
    with np.errstate(all="ignore"):
        wanted = np.nextafter(x, y)
    got = ops.nextafter(x, y)
    same(got, wanted)
    zeros = (got == 0) & (x != y)  # of 0.0 and -0.0, NumPy's answer depends on the dtype
    assert np.array_equal(np.signbit(got[zeros]), np.signbit(wanted[zeros]))


def test_nextafter_of_bfloat16():
    x = np.array([1, 1, 0, 0, -1], ml_dtypes.bfloat16)
    y = np.array([2, 0, 1, -1, 0], ml_dtypes.bfloat16)
    tiny = float(ml_dtypes.finfo(ml_dtypes.bfloat16).smallest_subnormal)
    wanted = [1 + 2**-7, 1 - 2**-8, tiny, -tiny, -1 + 2**-8]
    assert ops.nextafter(x, y).astype(float).tolist() == wanted


@pytest.mark.parametrize("name", [*FLOATS, "int8", "uint64", "bool"])
def test_where(name):
    x, y = tensor((2, 3), name), tensor((3,), name, seed=1)
    condition = tensor((2, 1), "bool")
    same(ops.where(condition, x, y), np.where(condition, x, y))


def test_clip():
    x = np.array([np.nan, -2, -0.5, 0.5, np.inf], np.float32)
    lo, hi = np.float32(-1), np.float32(1)
    same(ops.clip(x, lo, hi), np.clip(x, lo, hi))
    same(ops.clip(x, hi, lo), np.clip(x, hi, lo))


@pytest.mark.parametrize("target", ["bool", *INTEGERS, *FLOATS])
@pytest.mark.parametrize("source", ["bool", *INTEGERS, *FLOATS])
def test_cast(source, target):
    x = tensor((50,), source)
    x = x if target[0] != "u" else np.abs(x) if source != "bool" else x
    same(ops.cast(x, dtype=target), x.astype(dtype(target)))


def test_cast_saturates():
    x = np.array([np.nan, np.inf, -np.inf, 1e30, -1e30, 2.9, -2.9, 127.9])
    assert ops.cast(x, dtype="int8").tolist() == [0, 127, -128, 127, -128, 2, -2, 127]
    assert ops.cast(x, dtype="u64").tolist() == [0, 2**64 - 1, 0, 2**64 - 1, 0, 2, 0, 127]
    top = 2**63 - 1
    assert ops.cast(x.astype(np.float32), dtype=np.int64).tolist()[1:5] == [top, -top - 1, top, -top - 1]


@pytest.mark.parametrize("pair", [("float32", "int32"), ("int64", "float64"), ("bfloat16", "uint16")])
def test_bitcast(pair):
    x = tensor((2, 3), pair[0])
    got = ops.bitcast(x, dtype=pair[1])
    assert got.dtype == dtype(pair[1]) and got.tobytes() == x.tobytes()


@pytest.mark.parametrize("call, message", [
    (lambda: ops.add(tensor((2, 3)), tensor((4,))),
     r"add\(f32\[2,3\], f32\[4\]\): shapes \(2, 3\), \(4,\) do not broadcast"),
    (lambda: ops.add(tensor((2,)), tensor((2,), "int32")),
     "add needs operands of one dtype, got float32, int32; cast first"),
    (lambda: ops.add(tensor((2,), "float16"), tensor((2,), "bfloat16")), "float16 and bfloat16 do not mix"),
    (lambda: ops.divide(tensor((2,), "int32"), tensor((2,), "int32")), "div is not defined on int32"),
    (lambda: ops.negative(tensor((2,), "bool")), "neg is not defined on bool"),
    (lambda: ops.bitcast(tensor((2,)), dtype="int16"), "the bits of float32 are not those of a int16"),
    (lambda: ops.cast(tensor((2,)), dtype="complex64"), "dtype complex64 is not supported"),
    (lambda: ops.nextafter(tensor((2,), "int32"), tensor((2,), "int32")), "needs floats of one dtype"),
    (lambda: ops.where(tensor((2,)), tensor((2,)), tensor((2,))), "the condition is bool, got float32; compare"),
    (lambda: ops.add(tensor((2,))), r"add takes \(x, y\), got 1 tensor inputs"),
    (lambda: ops.exp(tensor((2,)), base=2), "unknown attribute 'base'"),
    (lambda: ops.cast(tensor((2,))), "attribute 'dtype' is missing"),
])  # fmt: skip
def test_errors(call, message):
    with pytest.raises(AicompError, match=message):
        call()


def test_python_numbers_take_the_dtype_of_the_array_beside_them():
    x = np.array([1, -2], np.float32)
    for got, wanted in [
        (ops.add(x, 1), x + 1),
        (ops.subtract(1, x), 1 - x),
        (ops.where(x > 0, x, 0.5), [1, 0.5]),
        (ops.clip(x, -1, 1), [1, -1]),
    ]:
        assert got.dtype == np.float32 and np.array_equal(got, wanted)
    assert ops.add(1, 2) == 3


def test_traits():
    assert {"commutative", "associative"} <= ops.add.traits
    assert "commutative" not in ops.subtract.traits
