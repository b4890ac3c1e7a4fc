"""One test for each class of bug that fuzzing has found in other compilers: they are where this one would err, too.

Functions over NumPy arrays are compiled at every level and compared with what NumPy itself computes.
"""

import numpy as np
import pytest

import aicomp as ac
from aicomp import ops
from aicomp.ir import Graph, Value
from aicomp.types import TensorType, dtype

RNG = np.random.default_rng(0)
LEVELS = [0, 1, 2, 3]


def normal(*shape, of="float32"):
    """Return standard normal numbers."""
    return RNG.standard_normal(shape).astype(of)


def check(function, *arrays, exact=False):
    """Assert that a function compiled at every level gives what NumPy gives: values, shapes and dtypes."""
    want = function(*arrays)
    want = want if isinstance(want, tuple) else (want,)
    for level in LEVELS:
        got = ac.compile(function, arrays, opt_level=level, threads=1)(*arrays)
        got = got if isinstance(got, tuple) else (got,)
        for g, w in zip(got, map(np.asarray, want), strict=True):
            assert (g.shape, g.dtype) == (w.shape, w.dtype), level
            same = np.array_equal if exact or w.dtype.kind not in "f" else close
            assert same(g, w), (level, g, w)


def close(got, want):
    """Return whether floats agree to a few roundings of the largest."""
    return np.allclose(got, want, rtol=1e-5, atol=1e-5 * np.abs(want).max(initial=1), equal_nan=True)


# -- 1: fusion drops or misorders arguments ----------------------------------------------------------
def test_01_relu_and_clip_keep_their_bounds():
    x = normal(5, 7) * 3
    check(lambda x: np.clip(np.maximum(x, 0), 0.5, 1.5), x, exact=True)
    check(lambda x: np.maximum(np.clip(x, -1, 1), 0), x, exact=True)
    check(lambda x: np.clip(np.clip(x, -1, 2), -2, 1), x, exact=True)


@pytest.mark.parametrize("c", [(4, 3), (3, 1), (1, 4), (4,), (1,), ()])
def test_01_gemm_with_a_transposed_or_broadcast_c(c):
    a, b, c = normal(3, 5), normal(5, 4), normal(*c)
    if c.shape == (4, 3):
        check(lambda a, b, c: a @ b + c.T, a, b, c)
        check(lambda a, b, c: c.T - 2 * (a @ b), a, b, c)
    else:
        check(lambda a, b, c: c - a @ b, a, b, c)
        check(lambda a, b, c: (a @ b - c) / (c + 10), a, b, c)


def test_01_operands_of_operators_that_do_not_commute():
    x, y = normal(4, 5), normal(4, 5)
    check(lambda x, y: (x - y) - (y - x) / (1 + np.abs(x)), x, y)
    check(lambda x, y: np.where(x < y, x - y, y / (2 + np.abs(x))), x, y)
    check(lambda x, y: x.sum(0) - (x - y).sum(0), x, y)


# -- 2: layout rewrites ------------------------------------------------------------------------------
@pytest.mark.parametrize("tail", [
    lambda y: y + np.arange(6, dtype=np.float32).reshape(6, 1, 1), lambda y: y[:, ::2, 1:, ::-1], lambda y: y.argmin(1),
    lambda y: y.argmax(3), lambda y: y.mean((2, 3)), lambda y: y * y[:, :1], lambda y: y.reshape(2, -1), lambda y: y.T,
    lambda y: np.concatenate([y, y[:, ::-1]], 1), lambda y: np.pad(y, ((0, 0), (1, 0), (0, 2), (0, 0))),
])  # fmt: skip
def test_02_what_follows_a_convolution(tail):
    x, w = normal(2, 4, 8, 7), normal(6, 4, 3, 3)
    check(lambda x, w: tail(ops.relu(ops.conv(x, w, padding=1))), x, w)
    check(lambda x, w: tail(ops.max_pool(ops.conv(x, w, padding=1), window=3, strides=1, padding=1)), x, w)


# -- 3: widths of indices ----------------------------------------------------------------------------
@pytest.mark.parametrize("of", ["int8", "uint8", "int32", "int64", "uint64"])
def test_03_indices_of_every_width(of):
    x, where = normal(300, 3), np.array([0, 5, 127, 2], of)
    check(lambda x, i: np.take(x, i, 0), x, where, exact=True)
    check(lambda x, i: (np.argmax(x, 0) + i[:3], x[i]), x, where, exact=True)
    check(lambda x, i: ops.gather(x, ops.remainder(i * i, np.asarray(7, i.dtype)), axis=0), x, where, exact=True)


# -- 4: low ranks ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "a, b", [((3,), (3,)), ((3,), (3, 2)), ((2, 3), (3,)), ((3,), (4, 3, 2)), ((4, 2, 3), (3,)), ((1,), (1,))]
)
def test_04_matmul_of_vectors(a, b):
    check(lambda a, b: a @ b + 1, normal(*a), normal(*b))


@pytest.mark.parametrize("shape", [(), (1,), (5,)])
def test_04_reductions_of_scalars_and_vectors(shape):
    x = normal(*shape)
    check(lambda x: (x.sum(), x.max(), np.mean(x), np.sum(x, keepdims=True), -x), x)


@pytest.mark.parametrize("shape", [(5,), (1,), (3, 4), (2, 3, 4), (2, 1, 3, 4)])
def test_04_softmax_along_every_axis(shape):
    x = normal(*shape)
    for axis in range(-len(shape), len(shape)):
        check(lambda x, axis=axis: ops.softmax(x, axis=axis), x)


# -- 5: nothing --------------------------------------------------------------------------------------
def test_05_no_channels_and_no_batch():
    for x, w in [((1, 0, 4, 4), (2, 0, 3, 3)), ((0, 3, 4, 4), (2, 3, 3, 3)), ((1, 3, 4, 4), (0, 3, 3, 3))]:
        check(lambda x, w: ops.relu(ops.conv(x, w, padding=1)) + 1, normal(*x), normal(*w))


def test_05_empty_tensors():
    x = np.zeros((0, 3), np.float32)
    check(lambda x: (x + 1, x.sum(0), x.sum(1), x @ x.T, x.T @ x, np.exp(x).mean(1)), x)
    check(lambda x, y: (np.concatenate([x, y]), np.concatenate([x, x]), x[:, ::-1], x.reshape(3, 0)), x, normal(2, 3))
    check(lambda x: (ops.softmax(x), ops.cumsum(x, axis=0), ops.sort(x, axis=0), np.pad(x, 1)), x)


# -- 6: bools ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("of", ["float32", "float16", "int8", "int64", "uint16", "float64"])
def test_06_casts_from_and_to_bool(of):
    x = np.array([0, 1, 2, 3, 256 % 128, 0], of)
    check(lambda x: (x.astype(bool), x.astype(bool).astype(np.float32), ~x.astype(bool)), x, exact=True)


def test_06_fractions_and_nan_are_true():
    x = np.array([0.5, -0.25, 0.0, -0.0, np.nan, np.inf, 1e-45], np.float32)
    check(lambda x: x.astype(bool), x, exact=True)


def test_06_strided_slices_of_bools():
    x = RNG.integers(0, 2, (9, 37)).astype(bool)
    check(lambda x: (x[::2, ::-3], x[1:, ::2] & x[:-1, ::2], x[::-1].any(1), x[:, 1::5].sum(0)), x, exact=True)
    check(lambda x: np.where(x[::2, ::3], np.float32(1), np.float32(2)), x, exact=True)


# -- 7: integer division -----------------------------------------------------------------------------
@pytest.mark.parametrize("of", ["int8", "int32", "int64", "uint8"])
def test_07_floors_and_remainders_of_integers(of):
    low = 0 if of[0] == "u" else -20
    x = np.arange(low, 21).astype(of)
    three, four = np.asarray(3, of), np.asarray(4, of)
    check(
        lambda x: (x // three * three + x % three, (x // three) // four, x % four % three, x * four // four),
        x,
        exact=True,
    )
    check(
        lambda x: (x // three + x // three, (x + three) // three, (x * three) % three, x // x.dtype.type(1)),
        x,
        exact=True,
    )


@pytest.mark.parametrize("of", ["int8", "int16", "int32", "int64"])
def test_07_the_least_integer_and_zero_as_divisors(of):
    least = np.iinfo(of).min
    x = np.array([least, least, 5, -5, least], of)
    y = np.array([-1, 1, 0, 0, least], of)
    with np.errstate(all="ignore"):
        check(lambda x, y: (x // y, x % y, np.fmod(x, y), -x, np.abs(x)), x, y, exact=True)


# -- 8: inputs as outputs ----------------------------------------------------------------------------
def test_08_a_parameter_that_is_an_output():
    x, w = normal(3, 4), normal(4, 2)
    check(lambda x, w: (w, x @ w, x), x, w)
    check(lambda x: x, x, exact=True)
    check(lambda x, w: (x + 0, x.reshape(4, 3), x, x), x, w, exact=True)


def test_08_a_constant_that_is_an_output():
    table = normal(3)
    check(lambda x: (x + table, np.asarray(table) + np.zeros_like(x[0]), table * 1), normal(2, 3))


# -- 9: memory ---------------------------------------------------------------------------------------
def test_09_inputs_that_overlap():
    memory = normal(20)
    exe = ac.compile(lambda a, b: (a + b, a * b), (memory[:15], memory[5:]))
    for a, b in [(memory[:15], memory[5:]), (memory[:15], memory[:15]), (memory[4:19], memory[14::-1])]:
        kept = memory.copy()
        total, product = exe(a, b)
        assert np.array_equal(total, a + b) and np.array_equal(product, a * b) and np.array_equal(memory, kept)


def test_09_outputs_are_fresh_in_every_call():
    exe = ac.compile(lambda x: (x, x + 1, x + 1), (np.zeros(5),))
    first, second = exe(np.zeros(5)), exe(np.ones(5))
    everything = [*first, *second]
    assert not any(np.shares_memory(a, b) for i, a in enumerate(everything) for b in everything[:i])
    assert [a[0] for a in everything] == [0, 1, 1, 1, 2, 2]


# -- 10: concat of one -------------------------------------------------------------------------------
def test_10_concat_of_one_and_of_one_several_times():
    x = normal(2, 3)
    check(lambda x: np.concatenate([x]), x, exact=True)
    check(lambda x: np.concatenate([x + 1]) * 2, x, exact=True)
    check(lambda x: np.concatenate([x, x, -x], 1), x, exact=True)
    check(lambda x: np.concatenate([x[:0], x, x[:, :3]]), x, exact=True)


# -- 11: pads ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("low, high", [((-1, 2), (2, -1)), ((-2, 0), (0, 3)), ((1, -3), (-4, 0)), ((-4, -4), (1, 0))])
@pytest.mark.parametrize("interior", [0, 1])
def test_11_pads_of_mixed_sign(low, high, interior):
    x = normal(4, 5)
    check(lambda x: ops.pad(x, low=low, high=high, interior=interior, value=7.0), x, exact=True)
    check(lambda x: ops.pad(ops.pad(x, low=1, high=2), low=low, high=high, interior=interior) + 1, x, exact=True)


# -- 12: extrema -------------------------------------------------------------------------------------
@pytest.mark.parametrize("of", ["float32", "int32", "uint8", "bool"])
def test_12_min_is_not_max(of):
    x = RNG.integers(0, 200, (4, 33)).astype(of)
    y = RNG.integers(0, 200, (4, 33)).astype(of)
    check(lambda x: (x.min(1), x.max(1), x.argmin(1), x.argmax(1)), x, exact=True)
    check(lambda x, y: (np.minimum(x, y), np.maximum(x, y), np.minimum(np.maximum(x, y), y)), x, y, exact=True)


def test_12_extrema_of_negative_numbers_and_windows():
    x = -1 - np.abs(normal(1, 2, 6, 6))
    check(lambda x: (x.max((2, 3)), ops.max_pool(x, window=3, padding=1), np.maximum.reduce(x, 0)), x, exact=True)


# -- 13: dtypes --------------------------------------------------------------------------------------
def test_13_dtypes_of_results():
    x, i, b = normal(3, 4), np.arange(12, dtype=np.int32).reshape(3, 4), RNG.integers(0, 2, (3, 4)).astype(bool)
    check(lambda x, i, b: (x.argmax(1), i.sum(), b.sum(0), b.mean(), i.mean(), i / i.dtype.type(2)), x, i, b)
    check(lambda x, i, b: (x > 0, i % 2 == 0, b * 1, b + b, np.where(b, x, 0), i.astype(np.int8).sum()), x, i, b)
    check(lambda x: (x.astype(np.float16) * 2, np.float64(2) * x.astype(np.float64), x.astype(np.float16).mean()), x)


# -- 14: broadcasting in one direction ---------------------------------------------------------------
@pytest.mark.parametrize("slope", [(1,), (3, 1, 1), (3, 4, 5), (5,), (1, 3, 1, 1)])
def test_14_prelu_broadcasts_its_slope(slope):
    check(lambda x, s: ops.prelu(x, s), normal(2, 3, 4, 5), normal(*slope))


def test_14_where_broadcasts_all_three():
    flags = RNG.integers(0, 2, (3, 1)).astype(bool)
    check(lambda c, x, y: np.where(c, x, y), flags, normal(4), normal(2, 1, 1), exact=True)
    check(lambda c, x: np.where(c, x, 0), flags[0, 0], normal(3, 4), exact=True)
    check(lambda c, x: np.where(c, x.sum(), 1), flags, normal(3, 4))


# -- 15: reshapes ------------------------------------------------------------------------------------
def test_15_the_same_reshape_twice():
    x = normal(4, 6)
    check(lambda x: (x.reshape(2, 12), x.reshape(2, 12) + 1, x.reshape(24).reshape(2, 12)), x, exact=True)
    check(lambda x: x.reshape(3, 8).reshape(4, 6).T.reshape(4, 6), x, exact=True)
    check(lambda x: (x.reshape(2, 12).sum(1), np.exp(x).reshape(2, 12).sum(1), x.reshape(12, 2).max(1)), x)


# -- 16: size ----------------------------------------------------------------------------------------
def test_16_a_kernel_of_thousands_of_operations():
    def many(x):
        y = x
        for i in range(700):
            y = y + np.float32(i) * x if i % 3 else np.abs(y) - x
        return y / 700

    graph = ac.trace(many, normal(3, 5))
    exe = ac.compile(graph)
    x = normal(3, 5)
    assert np.allclose(exe(x), many(x), rtol=1e-4)


def test_16_many_results_of_one_value():
    x = Value(TensorType((3, 5), dtype("float32")), name="x")
    graph = Graph.build(
        "many", [x], [ops.multiply(x, ops.constant(value=np.asarray(i, np.float32))) for i in range(300)]
    )
    array = normal(3, 5)
    assert all(np.array_equal(got, array * np.float32(i)) for i, got in enumerate(ac.compile(graph)(array)))


def test_16_a_window_as_large_as_the_image():
    x, w = normal(1, 2, 40, 33), normal(3, 2, 40, 33)
    check(lambda x, w: ops.conv(x, w), x, w)
    check(lambda x: (ops.max_pool(x, window=(40, 33)), ops.avg_pool(x, window=(40, 33))), x)
