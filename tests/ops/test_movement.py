"""Movement operators against NumPy, over dtypes, ranks and zero sizes."""

from itertools import permutations

import numpy as np
import pytest

from aicomp import ops
from aicomp.errors import AicompError
from aicomp.ir import Node, Value
from aicomp.types import FLOAT32, TensorType

from .arrays import FLOATS, INTEGERS, SHAPES, dtype, tensor

DTYPES = [*FLOATS, *INTEGERS, "bool"]


def attrs_of(op, *shapes, **attrs):
    """Return the canonical attributes of a node on float32 inputs of those shapes."""
    return dict(Node(op, [Value(TensorType(shape, FLOAT32)) for shape in shapes], attrs).attrs)


@pytest.mark.parametrize("name", DTYPES)
def test_every_dtype_moves(name):
    x = tensor((2, 3, 4), name)
    assert np.array_equal(ops.reshape(x, shape=(4, -1)), x.reshape(4, -1))
    assert np.array_equal(ops.transpose(x, perm=(2, 0, 1)), x.transpose(2, 0, 1))
    assert np.array_equal(ops.broadcast_to(x, shape=(5, 2, 3, 4)), np.broadcast_to(x, (5, 2, 3, 4)))
    assert np.array_equal(ops.slice(x, starts=(1, 0, 3), sizes=(1, 2, 4), steps=(1, 2, -1)), x[1:, ::2, ::-1])
    assert np.array_equal(ops.concat(x, x, axis=1), np.concatenate([x, x], 1))
    padded = ops.pad(x, low=(0, 1, 2), high=(1, 0, 0), value=1)
    assert padded.dtype == x.dtype
    assert np.array_equal(padded, np.pad(x, ((0, 1), (1, 0), (2, 0)), constant_values=x.dtype.type(1)))


@pytest.mark.parametrize("shape", SHAPES)
def test_reshape(shape):
    x = tensor(shape)
    assert np.array_equal(ops.reshape(x, shape=(x.size,)), x.ravel())
    assert np.array_equal(ops.reshape(x.T, shape=(1, *shape)), x.T.reshape(1, *shape))
    if x.size:
        assert np.array_equal(ops.reshape(x, shape=-1), x.ravel())


def test_reshape_is_canonical():
    assert attrs_of(ops.reshape, (2, 3, 4), shape=[6, -1]) == {"shape": (6, 4)}


@pytest.mark.parametrize("shape", SHAPES)
def test_transpose(shape):
    x = tensor(shape)
    assert np.array_equal(ops.transpose(x), x.T)
    for perm in list(permutations(range(x.ndim)))[:30]:
        assert np.array_equal(ops.transpose(x, perm=perm), x.transpose(perm))


def test_transpose_is_canonical():
    assert attrs_of(ops.transpose, (2, 3, 4)) == {"perm": (2, 1, 0)}
    assert attrs_of(ops.transpose, (2, 3, 4), perm=(-1, 0, 1)) == {"perm": (2, 0, 1)}


@pytest.mark.parametrize(
    "shape, target", [((), (2, 3)), ((1,), (0,)), ((3, 1), (2, 3, 4)), ((2, 1, 3), (2, 5, 3)), ((0, 1), (0, 4))]
)
def test_broadcast(shape, target):
    x = tensor(shape)
    assert np.array_equal(ops.broadcast_to(x, shape=target), np.broadcast_to(x, target))


@pytest.mark.parametrize(
    "cut", [slice(None), slice(1, 4), slice(None, None, -1), slice(5, 1, -2), slice(2, 2), slice(0, 6, 4)]
)
def test_slice(cut):
    x = tensor((6, 2))
    taken = range(6)[cut]
    got = ops.slice(x, starts=(taken.start, 0), sizes=(len(taken), 2), steps=(taken.step, 1))
    assert np.array_equal(got, x[cut])


def test_slice_is_canonical():
    attrs = attrs_of(ops.slice, (6, 6, 6), starts=(9, 5, 4), sizes=(0, 1, 2), steps=(-3, 7, -4))
    assert attrs == {"starts": (0, 5, 4), "sizes": (0, 1, 2), "steps": (1, 1, -4)}
    assert attrs_of(ops.slice, (4, 4), starts=(0, 0), sizes=(2, 2))["steps"] == (1, 1)


def pad_by_hand(x, low, high, interior, value):
    """Pad a list: holes first, then both ends, where negative padding cuts (XLA's definition)."""
    out = []
    for i, element in enumerate(x):
        out += ([value] * interior if i else []) + [element]
    out = [value] * low + out if low >= 0 else out[-low:]
    return out + [value] * high if high >= 0 else out[:high]


@pytest.mark.parametrize("interior", [0, 1, 2])
@pytest.mark.parametrize("high", [-4, -1, 0, 3])
@pytest.mark.parametrize("low", [-3, -1, 0, 2])
@pytest.mark.parametrize("n", [0, 1, 5])
def test_pad(n, low, high, interior):
    x = np.arange(1, n + 1, dtype=np.float32)
    size = low + n + max(n - 1, 0) * interior + high
    if size < 0:
        with pytest.raises(AicompError, match="cuts more than shape"):
            ops.pad(x, low=low, high=high, interior=interior)
        return
    wanted = pad_by_hand(x.tolist(), low, high, interior, -1.0)
    assert ops.pad(x, low=low, high=high, interior=interior, value=-1).tolist() == wanted[:size]


def test_pad_of_several_axes_and_of_scalars():
    x = tensor((2, 3))
    got = ops.pad(x, low=(1, -1), high=(0, 2), interior=(2, 0), value=float("-inf"))
    wanted = np.full((5, 4), -np.inf)
    wanted[1::3, :2] = x[:, 1:]
    assert np.array_equal(got, wanted)
    assert ops.pad(np.float32(3), low=(), high=()) == 3


def test_pad_value_is_canonical():
    assert attrs_of(ops.pad, (2,), low=1, high=1, value=1) == {
        "low": (1,),
        "high": (1,),
        "interior": (0,),
        "value": 1.0,
    }
    half = ops.pad(tensor((2,), "bfloat16"), low=1, high=0, value=1.1)
    assert half[0] == dtype("bfloat16").type(1.1)


@pytest.mark.parametrize("shapes, axis", [([(2, 3), (2, 1), (2, 0)], 1), ([(0,), (3,)], 0), ([(2, 1, 2)], -1)])
def test_concat(shapes, axis):
    xs = [tensor(shape) for shape in shapes]
    assert np.array_equal(ops.concat(*xs, axis=axis), np.concatenate(xs, axis))


@pytest.mark.parametrize("call, message", [
    (lambda: ops.reshape(tensor((2, 3)), shape=(4,)), r"6 elements do not fit shape \(4,\), which has 4"),
    (lambda: ops.reshape(tensor((2, 3)), shape=(4, -1)), r"no size for -1 makes 6 elements fit shape \(4, -1\)"),
    (lambda: ops.reshape(tensor((2, 3)), shape=(-1, -1)), "no size for -1"),
    (lambda: ops.reshape(tensor((0, 3)), shape=(0, -1)), "no size for -1"),
    (lambda: ops.reshape(tensor((2, 3)), shape=(-2, -3)), "negative size"),
    (lambda: ops.transpose(tensor((2, 3)), perm=(0, 0)), r"perm \(0, 0\) does not name each of the 2 axes once"),
    (lambda: ops.transpose(tensor((2, 3)), perm=(0,)), r"perm \(0,\) does not name each"),
    (lambda: ops.broadcast_to(tensor((2, 3)), shape=(3, 3)), r"shape \(2, 3\) does not broadcast to \(3, 3\)"),
    (lambda: ops.broadcast_to(tensor((2, 3)), shape=(3,)), "does not broadcast"),
    (lambda: ops.slice(tensor((4,)), starts=(2,), sizes=(3,)), "slice 2, 3 times by 1, leaves axis 0 of size 4"),
    (lambda: ops.slice(tensor((4,)), starts=(2,), sizes=(3,), steps=(-2,)), "leaves axis 0"),
    (lambda: ops.slice(tensor((4,)), starts=(0,), sizes=(2,), steps=(0,)), "leaves axis 0"),
    (lambda: ops.slice(tensor((4,)), starts=(0, 0), sizes=(2,)), r"starts \(0, 0\) needs 1 entries, one an axis"),
    (lambda: ops.pad(tensor((2,), "int8"), low=1, high=0, value=300), "padding value 300 is not a int8"),
    (lambda: ops.pad(tensor((2,), "int8"), low=1, high=0, value=0.5), "padding value 0.5 is not a int8"),
    (lambda: ops.pad(tensor((2,), "bool"), low=1, high=0, value=2), "padding value 2 is not a bool"),
    (lambda: ops.pad(tensor((2,)), low=0, high=0, interior=-1), r"interior padding \(-1,\) is negative"),
    (lambda: ops.concat(tensor((2, 3)), tensor((3, 3)), axis=1), r"f32\[3,3\] and f32\[2,3\] differ off axis 1"),
    (lambda: ops.concat(tensor((2,)), tensor((2,), "int8"), axis=0), "needs operands of one dtype"),
    (lambda: ops.concat(tensor((2,)), axis=1), "axis 1 is out of range for rank 1"),
    (lambda: ops.concat(axis=0), "needs at least one tensor"),
])  # fmt: skip
def test_errors(call, message):
    with pytest.raises(AicompError, match=message):
        call()
