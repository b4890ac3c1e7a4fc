"""Python's operators on symbols record what NumPy computes."""

import operator as py

import numpy as np
import pytest

from aicomp.errors import GraphError
from aicomp.interpreter import interpret
from aicomp.ir import Location, Value
from aicomp.ops import OPS
from aicomp.ops.composite import region
from aicomp.ops.symbol import Symbol, lift
from aicomp.types import FLOAT16, FLOAT32, INT64, TensorType

BINARY = [py.add, py.sub, py.mul, py.truediv, py.floordiv, py.mod, py.pow, py.lt, py.le, py.gt, py.ge, py.eq, py.ne]
BITS = [py.and_, py.or_, py.xor, py.lshift, py.rshift]
X, Y = np.array([1.0, 2.0, 3.5], np.float32), np.array([2.0, 2.0, 0.5], np.float32)
I, J = np.array([12, 5, 3]), np.array([1, 2, 3])


def run(function, *arrays):
    graph = region(function, [TensorType(a.shape, a.dtype) for a in arrays])
    return interpret(graph, arrays)[0]


@pytest.mark.parametrize("function", BINARY + BITS)
def test_binary(function):
    a, b = (I, J) if function in BITS else (X, Y)
    for got, wanted in [
        (run(function, a, b), function(a, b)),
        (run(lambda x: function(x, 2), a), function(a, 2)),
        (run(lambda x: function(2, x), a), function(2, a)),
    ]:
        assert got.dtype == wanted.dtype and np.array_equal(got, wanted)


@pytest.mark.parametrize("function", [py.neg, py.pos, abs])
def test_unary(function):
    assert np.array_equal(run(function, -X), function(-X))


def test_invert_and_matmul():
    assert np.array_equal(run(py.invert, I), ~I)
    square = np.arange(4, dtype=np.float32).reshape(2, 2)
    assert np.array_equal(run(py.matmul, square, square), square @ square)
    assert np.array_equal(run(lambda x: x @ square[0], square), square @ square[0])
    assert np.array_equal(run(lambda x: square[0] @ x, square), square[0] @ square)


def test_numbers_take_the_dtype_of_the_tensor_beside_them():
    x = X.astype(np.float16)
    got = run(lambda s: OPS["where"](s > 1, s, 0.5), x)
    assert got.dtype == FLOAT16 and got.tolist() == [0.5, 2, 3.5]
    assert run(lambda s: OPS["clip"](s, 1.5, 3), x).tolist() == [1.5, 2, 3]


def test_nodes_get_the_symbols_location():
    loc = Location("model.py", 7)
    result = Symbol(Value(TensorType((2,), FLOAT32)), loc) + 1
    assert result.value.node.loc == loc and result.loc == loc
    assert (result.shape, result.dtype, result.ndim, result.size) == ((2,), FLOAT32, 1, 2)


def test_symbols_hash_by_identity():
    x = Symbol(Value(TensorType((), FLOAT32)))
    assert len({x, x, Symbol(x.value)}) == 2


def test_symbols_have_no_truth_value():
    x = Symbol(Value(TensorType((), FLOAT32)))
    with pytest.raises(GraphError, match="no truth value"):
        bool(x > 0)


def test_lift():
    assert lift(3).type == TensorType((), INT64)
    assert lift(3, FLOAT16).type == TensorType((), FLOAT16)
    strided = np.arange(6, dtype=">f4")[::2]
    value = lift(strided)
    assert value.type == TensorType((3,), FLOAT32)
    assert value.node.attrs["value"].flags.c_contiguous and value.node.attrs["value"].tolist() == [0, 2, 4]
