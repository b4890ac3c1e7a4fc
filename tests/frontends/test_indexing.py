"""Indexing of tracers against NumPy's: every kind of index, and random mixtures of them."""

import numpy as np
import pytest
from against_numpy import check
from hypothesis import given, settings
from hypothesis import strategies as st

from aicomp.errors import TraceError
from aicomp.frontends.trace import trace

X = np.arange(2 * 3 * 4 * 5, dtype=np.float32).reshape(2, 3, 4, 5)
MASK = np.arange(12).reshape(3, 4) % 3 == 0

INDICES = [
    0, -1, np.int64(1), slice(1, None), slice(None, None, -1), slice(3, 0, -2), slice(5, 9), slice(-2, None), None, ...,
    (), (0, 1, 2, 3), (..., 0), (None, ..., None), (1, ..., None, 0),
    (slice(None), None, -1, ..., slice(None, None, 2)), (1, ..., None, 0),
    [1, 0], [[0, 1], [1, 1]], np.array([], int), [], (slice(None), [0, 2]), ([0, 1], [2, 0]),
    ([0, 1], slice(None), [2, 0]),
    (0, slice(None), [1, 3]), (0, [1, 2]), (slice(None), [[0], [2]], [1, 3]), (..., [1, -1], [0, 4]), ([1], None, [0]),
    (None, [1, 0], 0, slice(1, 3)), (slice(None), MASK), (0, MASK, slice(None, None, -1)), (MASK[:2, 0],), np.array(1),
    (slice(None), np.array([True, False, True]), 0), (slice(0, 0), 1), (np.uint8(1), [0]),
]  # fmt: skip


@pytest.mark.parametrize("index", INDICES, ids=repr)
def test_constant_index(index):
    check(lambda x: x[index], X)


@pytest.mark.parametrize("index", [2, -3, (0, 0, 0, 0, 0), (..., ...), 1.5, "a", [3], [0, -9], True, MASK], ids=repr)
def test_index_that_numpy_refuses(index):
    if index is True:
        with pytest.raises(TraceError, match="a single bool"):
            trace(lambda x: x[index], X)
    else:
        check(lambda x: x[index], X)


@pytest.mark.parametrize("i", [np.array(1), np.array([1, 0, -1]), np.array([[0], [1]], np.int8)], ids=repr)
def test_traced_index(i):
    check(lambda x, i: x[i], X, i)
    check(lambda x, i: x[:, i, None, 1:3], X, i)
    check(lambda x, i: x[i, ::-1, i], X, i)
    check(lambda x, i: x[..., i, i], X, i)
    check(lambda x, i: x[0, i], X, i)
    check(lambda x, i: x[i, [0, 1, 2][: i.size]] if i.ndim == 1 else x[i], X, i)


def test_traced_scalars_keep_their_place():
    check(lambda x, i, j: x[i, :, j], X, np.array(1), np.array(-2))
    check(lambda x, i, j: x[i, :, [0, 1], j], X, np.array(1), np.array(-2))


@pytest.mark.parametrize(
    ("function", "advice"),
    [
        (lambda x: x[x > 1], "np.where"),
        (lambda x: x[: x.argmax()], "np.take"),
        (lambda x: [1, 2, 3][x.argmax()], "ac.ops.take"),
        (lambda x: X[x.argmax()], "ac.ops.take"),
        (lambda x: x[x], "indexing"),
    ],
)
def test_traced_index_that_is_refused(function, advice):
    with pytest.raises(TraceError, match=advice) as error:
        trace(function, X)
    assert "test_indexing.py" in str(error.value)


def test_assignment_names_what_to_use():
    def assign(x):
        x[0] = 1

    with pytest.raises(TraceError, match=r"scatter_nd") as error:
        trace(assign, X)
    assert "x[0] = 1" in str(error.value)


@st.composite
def mixtures(draw):
    """Return a shape and an index of it: ints, slices, None, Ellipsis and one broadcast shape of integer arrays."""
    shape = tuple(draw(st.lists(st.integers(1, 4), min_size=1, max_size=4)))
    spread = draw(st.sampled_from([(), (3,), (2, 1), (2, 2)]))
    entries, used_ellipsis, axis = [], False, 0
    while axis < len(shape):
        size = shape[axis]
        kind = draw(st.sampled_from(["int", "slice", "slice", "new", "array", "dots"]))
        if kind == "new":
            entries.append(None)
            if len(entries) > 7:
                break
            continue
        if kind == "dots":
            if not used_ellipsis:
                entries.append(...)
                used_ellipsis = True
                axis += draw(st.integers(0, len(shape) - axis))
            else:
                break
            continue
        axis += 1
        if kind == "int":
            entries.append(draw(st.integers(-size, size - 1)))
        elif kind == "slice":
            bound = st.none() | st.integers(-size - 1, size + 1)
            entries.append(slice(draw(bound), draw(bound), draw(st.sampled_from([None, 1, 2, -1, -2]))))
        else:
            count = int(np.prod(spread))
            numbers = draw(st.lists(st.integers(-size, size - 1), min_size=count, max_size=count))
            entries.append(np.array(numbers, np.int64).reshape(spread))
    return shape, tuple(entries)


@settings(max_examples=200, deadline=None)
@given(mixtures())
def test_random_index(case):
    shape, index = case
    check(lambda x: x[index], np.arange(np.prod(shape), dtype=np.int32).reshape(shape))


@settings(max_examples=60, deadline=None)
@given(mixtures())
def test_random_index_with_traced_arrays(case):
    shape, index = case
    traced = [entry for entry in index if isinstance(entry, np.ndarray)]

    def read(x, *arrays):
        rest = iter(arrays)
        return x[tuple(next(rest) if isinstance(entry, np.ndarray) else entry for entry in index)]

    check(read, np.arange(np.prod(shape), dtype=np.int32).reshape(shape), *traced)
