"""Every ufunc, traced: dtype, shape and value of NumPy's, over dtypes, scalars and special values."""

import ml_dtypes
import numpy as np
import pytest
from against_numpy import check, sample

from aicomp.errors import AicompError
from aicomp.frontends.numpy_ufuncs import UFUNCS
from aicomp.frontends.trace import trace

DTYPES = ("bool", "int8", "uint8", "int32", "uint64", "int64", "float16", "float32", "float64", ml_dtypes.bfloat16)
BY_NAME = {f.__name__: f for f in vars(np).values() if isinstance(f, np.ufunc)}
UNARY = sorted(name for name in UFUNCS if name in BY_NAME and BY_NAME[name].nin == 1)
BINARY = sorted(name for name in UFUNCS if name in BY_NAME and BY_NAME[name].nin == 2)
PRODUCTS = ("matmul", "vecdot", "matvec", "vecmat")
POINTWISE = [name for name in BINARY if name not in PRODUCTS]
SPECIAL = np.array([0.0, -0.0, 1.0, -1.0, 0.5, -2.5, np.inf, -np.inf, np.nan, 1e-40, 3e38])


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", UNARY)
def test_unary(name, dtype):
    check(BY_NAME[name], sample((2, 3), dtype))


@pytest.mark.parametrize("dtype", ("float32", "float64"))
@pytest.mark.parametrize("name", UNARY)
def test_unary_on_special_values(name, dtype):
    check(BY_NAME[name], SPECIAL.astype(dtype))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", POINTWISE)
def test_binary(name, dtype):
    if name in ("power", "left_shift", "right_shift", "float_power"):
        check(BY_NAME[name], sample((2, 3), dtype), np.abs(sample((3,), dtype, 1)))
    check(BY_NAME[name], sample((2, 3), dtype), sample((3,), dtype, 1)) if name != "power" else None


@pytest.mark.parametrize("name", POINTWISE)
def test_binary_on_special_values(name):
    check(BY_NAME[name], SPECIAL.astype("f4"), SPECIAL.astype("f4")[:, None])


PAIRS = [("int8", "uint8"), ("int64", "uint64"), ("bool", "float32"), ("int32", "float32"), ("uint8", "float16")]


@pytest.mark.parametrize("pair", [*PAIRS, ("float16", ml_dtypes.bfloat16), (ml_dtypes.bfloat16, "int32")], ids=str)
@pytest.mark.parametrize(
    "name", ["add", "divide", "floor_divide", "less", "equal", "maximum", "arctan2", "logical_xor"]
)
def test_mixed_dtypes(name, pair):
    check(BY_NAME[name], sample((4,), pair[0]), sample((4,), pair[1], 1))
    check(BY_NAME[name], sample((4,), pair[1]), sample((4,), pair[0], 1))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("scalar", [2, 2.5, True, 300, -1, np.float32(2), np.int64(3), 2**40], ids=repr)
@pytest.mark.parametrize("name", ["add", "multiply", "less", "greater_equal", "not_equal", "maximum", "divide"])
def test_scalars(name, scalar, dtype):
    ufunc = BY_NAME[name]
    check(lambda x: ufunc(x, scalar), sample((3,), dtype))
    check(lambda x: ufunc(scalar, x), sample((3,), dtype))


@pytest.mark.parametrize(
    "dtype", ("bool", "uint8", "int32", "float16", "float32", "float64", ml_dtypes.bfloat16), ids=str
)
def test_products(dtype):
    a, b, v = sample((2, 3, 4), dtype), sample((4, 3), dtype, 1), sample((4,), dtype, 2)
    check(np.matmul, a, b)
    check(np.matmul, a, v)
    check(np.matmul, v, b)
    check(np.matmul, v, v)
    check(np.vecdot, a, v)
    check(np.matvec, a, v)
    check(np.vecmat, v, b)
    check(np.matmul, a, v[:2])


@pytest.mark.parametrize("name", ["add", "multiply", "maximum", "minimum", "logical_or", "bitwise_xor", "logical_and"])
def test_reduce(name):
    ufunc = BY_NAME[name]
    x = sample((3, 4, 5), "int32")
    check(lambda x: ufunc.reduce(x), x)
    check(lambda x: ufunc.reduce(x, axis=-1, keepdims=True), x)
    check(lambda x: ufunc.reduce(x, axis=(0, 2)), x)


def test_reduce_by_halves():
    x = sample((5, 3), "float32")
    check(lambda x: np.fmax.reduce(x), x)
    check(lambda x: np.logaddexp.reduce(x, axis=1), x)
    check(lambda x: np.logical_xor.reduce(x, axis=None), x)


def test_accumulate_and_outer():
    x, y = sample((3, 4), "float32"), sample((2,), "int32", 1)
    for ufunc in (np.add, np.multiply, np.maximum, np.minimum):
        check(lambda x, ufunc=ufunc: ufunc.accumulate(x, axis=1), x)
    check(lambda x, y: np.subtract.outer(x, y), x, y)


def test_keywords():
    x = sample((3,), "int32")
    check(lambda x: np.add(x, 1, dtype=np.float32), x)
    check(lambda x: np.sqrt(x, dtype=np.float32), np.abs(x))

    def into(x):
        y = np.zeros_like(x)
        z = np.add(x, 1, out=y)
        np.multiply(z, 10, out=y, where=x > 2)
        return y, z

    check(into, x)
    with pytest.raises(AicompError, match=r"np.add: where= needs out="):
        trace(lambda x: np.add(x, 1, where=x > 0), x)


@pytest.mark.parametrize("method", ["at", "reduceat"])
def test_methods_that_are_refused(method):
    with pytest.raises(AicompError, match=f"np.add.{method}"):
        trace(lambda x: getattr(np.add, method)(x, np.array([0, 1]), 2), sample((3,), "int32"))
