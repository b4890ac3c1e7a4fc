"""Reductions against NumPy, over dtypes, ranks, axes, empty axes and special values."""

import numpy as np
import pytest

from aicomp import ops
from aicomp.errors import GraphError

from .arrays import FLOATS, INTEGERS, SHAPES, dtype, tensor

NUMERIC = {"sum": np.sum, "prod": np.prod, "max": np.max, "min": np.min}
LOGICAL = {"any": np.any, "all": np.all}
POSITION = {"argmax": np.argmax, "argmin": np.argmin}


def axes_of(rank):
    """Return all axes, none, each one, the outer ones and the inner ones."""
    return [None, (), *range(rank), *([(0, -1), tuple(range(1, rank))] if rank > 1 else [])]


def exact(x):
    return x.astype(np.float64) if x.dtype == dtype("bfloat16") else x


@pytest.mark.parametrize("name", [*FLOATS, *INTEGERS])
@pytest.mark.parametrize("op", NUMERIC)
def test_numeric(op, name):
    x = tensor((2, 3, 1, 4), name)
    for axes in axes_of(4):
        for keepdims in (False, True):
            got = ops.OPS[op](x, axes=axes, keepdims=keepdims)
            wide = np.asarray(x.astype(np.float64) if name in FLOATS else x)
            extra = {} if name in FLOATS or op in ("max", "min") else {"dtype": name}
            wanted = NUMERIC[op](wide, axis=axes, keepdims=keepdims, **extra)
            assert got.dtype == x.dtype and got.shape == wanted.shape
            with np.errstate(over="ignore"):
                wanted = wanted.astype(dtype(name))
            assert np.array_equal(got, wanted)


@pytest.mark.parametrize("shape", [s for s in SHAPES if 0 not in s])
@pytest.mark.parametrize("op", NUMERIC | LOGICAL)
def test_ranks(op, shape):
    x = tensor(shape, "bool" if op in LOGICAL else "float32")
    for axes in axes_of(len(shape)):
        got = ops.OPS[op](x, axes=axes)
        wanted = (NUMERIC | LOGICAL)[op](x, axis=axes)
        assert got.dtype == x.dtype and np.array_equal(got, wanted) and got.shape == wanted.shape


def test_empty_axes():
    x = np.zeros((2, 0, 3), np.float32)
    assert np.array_equal(ops.sum(x, axes=1), np.zeros((2, 3)))
    assert np.array_equal(ops.prod(x, axes=1), np.ones((2, 3)))
    assert ops.max(x, axes=0).shape == (0, 3)
    assert ops.any(x != 0, axes=1).tolist() == [[False] * 3] * 2
    assert ops.all(x != 0, axes=1).tolist() == [[True] * 3] * 2


def test_16_bit_floats_accumulate_in_float32():
    x = np.ones(5000, np.float16)
    assert ops.sum(x) == 5000
    assert ops.sum(x.astype(dtype("bfloat16"))).astype(float) == 4992  # 5000 rounded to 8 bits


def test_integers_wrap_around():
    assert ops.sum(np.full(3, 100, np.int8)) == 300 - 256
    assert ops.prod(np.full(3, 100, np.uint8)) == 100**3 % 256


def test_nan_wins():
    x = np.array([1, np.nan, np.inf, -np.inf], np.float32)
    assert np.isnan(ops.max(x)) and np.isnan(ops.min(x)) and np.isnan(ops.sum(x))
    assert np.isnan(ops.max(x.astype(dtype("bfloat16"))).astype(float))


@pytest.mark.parametrize("name", [*FLOATS, "int8", "uint64", "bool"])
@pytest.mark.parametrize("op", POSITION)
def test_positions(op, name):
    x = tensor((3, 4, 5), name)
    for axis in (0, 1, 2, -1):
        for keepdims in (False, True):
            got = ops.OPS[op](x, axis=axis, keepdims=keepdims)
            assert got.dtype == np.int64
            assert np.array_equal(got, POSITION[op](exact(x), axis=axis, keepdims=keepdims))


@pytest.mark.parametrize("name", FLOATS)
def test_first_nan_is_the_position(name):
    x = np.array([[3, np.nan, 9, np.nan], [5, 7, 7, 2]]).astype(dtype(name))
    assert ops.argmax(x, axis=1).tolist() == [1, 1]
    assert ops.argmin(x, axis=1).tolist() == [1, 3]


@pytest.mark.parametrize("call, message", [
    (lambda: ops.sum(tensor((2, 3)), axes=2), "axis 2 is out of range for rank 2"),
    (lambda: ops.sum(tensor((2, 3)), axes=(0, -2)), r"axes \(0, -2\) repeat"),
    (lambda: ops.sum(tensor((2,), "bool")), r"sum\(bool\[2\]\): not defined on bool; cast to an integer"),
    (lambda: ops.any(tensor((2,))), r"needs bool, got f32\[2\]; cast first"),
    (lambda: ops.max(tensor((2, 0)), axes=1), r"of no elements is not defined: f32\[2,0\] over axes \(1,\)"),
    (lambda: ops.argmax(tensor((0,)), axis=0), r"of no elements is not defined: f32\[0\] axis 0"),
    (lambda: ops.argmax(tensor(()), axis=0), "axis 0 is out of range for rank 0"),
])  # fmt: skip
def test_errors(call, message):
    with pytest.raises(GraphError, match=message):
        call()


@pytest.mark.parametrize("op", [ops.max, ops.min])
def test_extrema_of_none_into_none(op):
    empty = np.zeros((2, 0, 0), np.float32)
    assert op(empty, axes=2).shape == (2, 0)
    assert op(empty, axes=1, keepdims=True).shape == (2, 1, 0)
