"""argsort, running folds and scatter against NumPy and direct loops."""

import numpy as np
import pytest

from aicomp import ops
from aicomp.errors import AicompError, InputValueError

from .arrays import FLOATS, INTEGERS, SHAPES, dtype, tensor

NAMES = [*FLOATS, *INTEGERS]
RUNNING = {
    "sum": np.cumsum, "prod": np.cumprod, "max": np.maximum.accumulate, "min": np.minimum.accumulate,
}  # fmt: skip
COMBINE = {
    "none": lambda a, b: b, "add": lambda a, b: a + b, "mul": lambda a, b: a * b, "max": max, "min": min,
}  # fmt: skip


@pytest.mark.parametrize("name", [*NAMES, "bool"])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_argsort(name, axis):
    x = tensor((6, 3, 5), name)
    got = ops.argsort(x, axis=axis)
    exact = x.astype(np.float64)
    assert got.dtype == np.int64 and np.array_equal(got, np.argsort(exact, axis, kind="stable"))
    assert np.array_equal(ops.argsort(x, axis=axis, descending=True), np.argsort(-exact, axis, kind="stable"))


@pytest.mark.parametrize("name", FLOATS)
def test_argsort_of_specials(name):
    x = np.array([np.nan, 0.0, -np.inf, -0.0, np.inf, np.nan, 0.0]).astype(dtype(name))
    assert ops.argsort(x).tolist() == [2, 1, 3, 6, 4, 0, 5]
    assert ops.argsort(x, descending=True).tolist() == [0, 5, 4, 1, 3, 6, 2]


@pytest.mark.parametrize("shape", [s for s in SHAPES if s])
def test_argsort_shapes(shape):
    x = tensor(shape)
    assert np.array_equal(ops.argsort(x), np.argsort(x, kind="stable"))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", RUNNING)
def test_cumulative(kind, name):
    x = tensor((3, 4, 2), name)
    wide = x.astype(np.float32) if name in ("float16", "bfloat16") else x
    for axis in (0, 1, -1):
        extra = {} if kind in ("max", "min") else {"dtype": wide.dtype}
        wanted = RUNNING[kind](wide, axis=axis, **extra).astype(dtype(name))
        got = ops.cumulative(x, kind=kind, axis=axis)
        assert got.dtype == x.dtype and np.array_equal(got, wanted)
        flipped = ops.cumulative(np.flip(x, axis), kind=kind, axis=axis, reverse=True)
        assert np.array_equal(flipped, np.flip(wanted, axis))


@pytest.mark.parametrize("kind, first", [("sum", 0), ("prod", 1), ("max", -np.inf), ("min", np.inf)])
def test_cumulative_exclusive(kind, first):
    x = np.array([3, 1, 2], np.float32)
    running = RUNNING[kind](x)
    assert ops.cumulative(x, kind=kind, axis=0, exclusive=True).tolist() == [first, *running[:-1]]
    backwards = RUNNING[kind](x[::-1])[::-1]
    got = ops.cumulative(x, kind=kind, axis=0, exclusive=True, reverse=True)
    assert got.tolist() == [*backwards[1:], first]


def test_cumulative_of_bool_and_integers():
    assert ops.cumulative(np.array([False, True, False]), kind="max", axis=0).tolist() == [False, True, True]
    start = ops.cumulative(np.array([5, 9], np.int8), kind="max", axis=0, exclusive=True)
    assert start.tolist() == [-128, 5]


@pytest.mark.parametrize("shape", [(0,), (2, 0), (0, 3)])
def test_cumulative_of_nothing(shape):
    x = np.zeros(shape, np.float32)
    for exclusive in (False, True):
        assert ops.cumulative(x, kind="sum", axis=0, exclusive=exclusive).shape == shape


def test_cumulative_carries_nan_on():
    got = ops.cumulative(np.array([1, np.nan, 5], np.float32), kind="max", axis=0)
    assert np.array_equal(got, [1, np.nan, np.nan], equal_nan=True)


def scatter_by_hand(x, rows, updates, reduction):
    """Combine updates[i] with x[rows[i]], one after the other."""
    out = x.astype(np.float64)
    for at in np.ndindex(rows.shape[:-1]):
        place = tuple(rows[at])
        for rest in np.ndindex(x.shape[len(place) :]):
            out[place + rest] = COMBINE[reduction](out[place + rest], float(updates[at + rest]))
    return out


@pytest.mark.parametrize("name", [*FLOATS, "int32", "uint8"])
@pytest.mark.parametrize("reduction", COMBINE)
def test_scatter_nd(reduction, name):
    x = tensor((3, 4, 2), name)
    rows = np.random.default_rng(0).integers(-3, 3, (5, 2))
    updates = tensor((5, 2), name, seed=1)
    got = ops.scatter_nd(x, rows, updates, reduction=reduction)
    wanted = scatter_by_hand(x, rows, updates, reduction)
    assert got.dtype == x.dtype
    assert np.array_equal(got, (wanted % 256 if name == "uint8" else wanted).astype(dtype(name)))


@pytest.mark.parametrize("depth", [0, 1, 3])
def test_scatter_nd_depths(depth):
    x, rows = tensor((3, 4, 2)), np.random.default_rng(0).integers(0, 2, (2, 2, depth))
    updates = tensor((2, 2, *x.shape[depth:]), seed=1)
    wanted = scatter_by_hand(x, rows, updates, "add")
    assert np.array_equal(ops.scatter_nd(x, rows, updates, reduction="add"), wanted)


def test_last_update_wins():
    x, rows = np.zeros(3, np.float32), np.array([[1], [1], [0]])
    assert ops.scatter_nd(x, rows, np.array([5, 6, 7], np.float32)).tolist() == [7, 6, 0]
    assert x.tolist() == [0, 0, 0]


def test_scatter_of_16_bit_floats_rounds_once():
    x, rows = np.array([2048], np.float16), np.zeros((4, 1), np.int64)
    assert ops.scatter_nd(x, rows, np.ones(4, np.float16), reduction="add").tolist() == [2052]


@pytest.mark.parametrize("reduction", COMBINE)
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_scatter_elements(axis, reduction):
    x = tensor((3, 4, 5))
    ids = np.random.default_rng(0).integers(-3, 3, (2, 3, 3))
    updates = tensor(ids.shape, seed=1)
    places = np.stack(np.indices(ids.shape), -1)
    places[..., axis] = ids
    wanted = scatter_by_hand(x, places, updates, reduction)
    assert np.array_equal(ops.scatter_elements(x, ids, updates, axis=axis, reduction=reduction), wanted)


def test_scatter_of_nan_with_max():
    got = ops.scatter_nd(np.zeros(2, np.float32), np.array([[0]]), np.array([np.nan], np.float32), reduction="max")
    assert np.isnan(got[0])


@pytest.mark.parametrize("call, message", [
    (lambda: ops.scatter_nd(tensor((3,)), np.array([[3]]), tensor((1,))),
     "index 3 is out of range for axis 0 of size 3"),
    (lambda: ops.scatter_elements(tensor((3, 2)), np.array([[-4]]), tensor((1, 1)), axis=0),
     "index -4 is out of range"),
])  # fmt: skip
def test_out_of_range(call, message):
    with pytest.raises(InputValueError, match=message):
        call()


@pytest.mark.parametrize("call, message", [
    (lambda: ops.argsort(tensor((3,)), axis=1), "axis 1 is out of range for rank 1"),
    (lambda: ops.argsort(tensor((3,)), count=4), "count is 4, but axis 0 has 3 elements"),
    (lambda: ops.argsort(tensor((3,)), count=-1), "count is -1, but axis 0 has 3 elements"),
    (lambda: ops.cumulative(tensor((3,)), kind="mean", axis=0), "kind 'mean' is not one of sum, prod, max, min"),
    (lambda: ops.cumulative(tensor((3,), "bool"), kind="sum", axis=0), "sum is not defined on bool"),
    (lambda: ops.scatter_nd(tensor((3,)), np.array([[0]]), tensor((2,))), r"updates are f32\[2\], expected f32\[1\]"),
    (lambda: ops.scatter_nd(tensor((3,)), np.array([[0]]), tensor((1,), "int8")), "operands of one dtype"),
    (lambda: ops.scatter_nd(tensor((3,)), np.array([[0]]), tensor((1,)), reduction="sub"),
     "reduction 'sub' is not one of"),
    (lambda: ops.scatter_nd(tensor((3,)), tensor((1, 1)), tensor((1,))), "indices are integers"),
    (lambda: ops.scatter_elements(tensor((3,)), np.array([0]), tensor((2,)), axis=0), r"expected f32\[1\]"),
])  # fmt: skip
def test_errors(call, message):
    with pytest.raises(AicompError, match=message):
        call()
