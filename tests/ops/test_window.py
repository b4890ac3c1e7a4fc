"""Sliding-window reductions against a direct loop."""

from itertools import product

import numpy as np
import pytest

from aicomp import ops
from aicomp.errors import GraphError
from aicomp.ops.window import same_padding, window_counts

from .arrays import FLOATS, INTEGERS, dtype, tensor

IDENTITY = {"max": -np.inf, "sum": 0}
FOLD = {"max": np.max, "sum": np.sum}


def by_hand(x, kind, window, strides, padding, dilation):
    """Reduce every window of an array, in float64."""
    x = np.pad(x.astype(np.float64), padding or 0, constant_values=IDENTITY[kind])
    spans = [(k - 1) * d + 1 for k, d in zip(window, dilation, strict=True)]
    counts = [max((n - span) // s + 1, 0) for n, span, s in zip(x.shape, spans, strides, strict=True)]
    out = np.zeros(counts)
    for at in product(*map(range, counts)):
        cut = (slice(i * s, i * s + n, d) for i, s, n, d in zip(at, strides, spans, dilation, strict=True))
        out[at] = FOLD[kind](x[tuple(cut)])
    return out


CASES = [
    ((), (), (), (), ()),
    ((7,), (3,), (2,), ((0, 0),), (1,)),
    ((7,), (2,), (1,), ((1, 2),), (3,)),
    ((4, 5), (1, 3), (1, 2), ((0, 0), (1, 1)), (1, 1)),
    ((1, 2, 6, 5), (1, 1, 2, 3), (1, 1, 2, 1), ((0, 0), (0, 0), (1, 0), (0, 2)), (1, 1, 2, 1)),
    ((2, 1, 3, 4, 3), (1, 1, 2, 2, 2), (1, 1, 1, 2, 1), ((0, 0), (0, 0), (0, 1), (0, 0), (1, 0)), (1,) * 5),
    ((0, 4), (1, 2), (1, 2), ((0, 0), (0, 0)), (1, 1)),
    ((2, 0), (1, 2), (1, 1), ((0, 0), (1, 1)), (1, 1)),
]


@pytest.mark.parametrize("kind", ["max", "sum"])
@pytest.mark.parametrize("shape, window, strides, padding, dilation", CASES)
def test_geometry(shape, window, strides, padding, dilation, kind):
    x = tensor(shape)
    geometry = {"window": window, "strides": strides, "padding": padding, "dilation": dilation}
    got, wanted = ops.reduce_window(x, kind=kind, **geometry), by_hand(x, kind, **geometry)
    assert got.dtype == x.dtype and got.shape == wanted.shape
    assert np.array_equal(got, wanted)


@pytest.mark.parametrize("name", [*FLOATS, *INTEGERS])
@pytest.mark.parametrize("kind", ["max", "sum"])
def test_dtypes(kind, name):
    x = tensor((2, 6), name)
    geometry = {"window": (1, 3), "strides": (1, 2), "padding": ((0, 0), (1, 1)), "dilation": (1, 1)}
    got = ops.reduce_window(x, kind=kind, **geometry)
    assert got.dtype == x.dtype and np.array_equal(got, by_hand(x, kind, **geometry).astype(dtype(name)))


def test_max_of_bool():
    x = np.array([False, True, False, False])
    assert ops.reduce_window(x, kind="max", window=2, padding=1).tolist() == [False, True, True, False, False]


def test_padding_holds_the_identity():
    x = np.full((1,), -5, np.int8)
    assert ops.reduce_window(x, kind="max", window=1, padding=1).tolist() == [-128, -5, -128]
    assert ops.reduce_window(x.astype(np.float16), kind="max", window=1, padding=1)[0] == -np.inf


def test_nan_and_infinity():
    x = np.array([np.nan, 1, np.inf, -np.inf, 2], np.float32)
    assert np.array_equal(ops.reduce_window(x, kind="max", window=2), [np.nan, np.inf, np.inf, 2], equal_nan=True)
    assert np.array_equal(ops.reduce_window(x, kind="sum", window=2), [np.nan, np.inf, np.nan, -np.inf], equal_nan=True)


@pytest.mark.parametrize(
    "n, k, step, holes", [(5, 3, 1, 1), (5, 3, 2, 1), (6, 2, 3, 2), (1, 1, 4, 1), (0, 3, 2, 1), (4, 2, 1, 1)]
)
def test_same_padding_gives_one_window_a_stride(n, k, step, holes):
    ((low, high),) = same_padding((n,), (k,), (step,), (holes,))
    assert 0 <= high - low <= 1
    assert window_counts((n,), (k,), (step,), ((low, high),), (holes,)) == (-(-n // step),)


@pytest.mark.parametrize("attrs, message", [
    ({"kind": "mean", "window": 2}, "kind 'mean' is not one of max, sum"),
    ({"kind": "max", "window": (2,)}, r"window \(2,\) needs 2 entries, one an axis"),
    ({"kind": "max", "window": (1, 5)}, r"a window of 5 does not fit an axis of 3 \(padded\)"),
    ({"kind": "max", "window": (1, 0)}, r"window \(1, 0\) has an entry below 1"),
    ({"kind": "max", "window": 2, "dilation": 0}, r"dilation \(0, 0\) has an entry below 1"),
    ({"kind": "max", "window": 2, "padding": (-1, 0)}, "at least 0"),
])  # fmt: skip
def test_errors(attrs, message):
    with pytest.raises(GraphError, match=message):
        ops.reduce_window(tensor((2, 3)), **attrs)


def test_sum_of_bool_is_refused():
    with pytest.raises(GraphError, match="sum is not defined on bool"):
        ops.reduce_window(tensor((2,), "bool"), kind="sum", window=2)
