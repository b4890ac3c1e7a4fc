"""Compiled loops and branches against Python running the same function: carries, slices, captures, nesting, order."""

import numpy as np
import pytest

import aicomp as ac

LEVELS = [0, 2]
X = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
W = np.random.default_rng(1).normal(size=(3, 3)).astype(np.float32) / 3


def check(function, *arrays):
    """Assert that the compiled function gives what it gives on plain arrays."""
    want = function(*arrays)
    want = want if isinstance(want, tuple) else (want,)
    for level in LEVELS:
        got = ac.compile(function, arrays, opt_level=level, threads=1)(*arrays)
        got = got if isinstance(got, tuple) else (got,)
        for g, w in zip(got, want, strict=True):
            assert g.shape == np.shape(w) and np.allclose(g, w, rtol=1e-5, atol=1e-5), (level, g, w)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("length", [0, 1, 5])
def test_scan(length, reverse):
    def step(carry, x):
        h, count = carry
        h = np.tanh(h @ W + x)
        return (h, count + 1), (h.sum(), h * 2, count)

    def run(xs, h):
        (h, count), (sums, doubles, counts) = ac.scan(step, (h, np.int32(0)), xs, reverse=reverse)
        return h, count, sums, doubles, counts

    check(run, X[:length], X[0])


def test_carries_that_change_places():
    def run(a, b):
        (a, b, c), _ = ac.scan(
            lambda carry, _: ((carry[1], carry[0] + carry[1], carry[0]), None), (a, b, a), None, length=7
        )
        return a, b, c

    check(run, X, X * 2)


def test_carries_and_slices_that_come_out_as_they_went_in():
    check(lambda x: ac.scan(lambda c, row: (c, row), x[0], x), X)
    check(lambda x: ac.scan(lambda c, row: (row, c), x[0], x), X)
    check(lambda x: ac.scan(lambda c, row: (row, (row, row, c)), x[0], x)[1], X)
    check(lambda x: ac.scan(lambda c, row: (c + 1, W), x[0], x), X)


def test_a_slice_read_through_views():
    def step(total, block):
        return total + block.T.reshape(-1)[::2].sum(), block[::-1, 1:].sum(0)

    check(lambda x: ac.scan(step, np.float32(0), x), np.arange(60, dtype=np.float32).reshape(5, 4, 3))


@pytest.mark.parametrize("turns", [0, 1, 9])
def test_while(turns):
    def run(n, x):
        state = ac.while_loop(
            lambda c: c[0] < n, lambda c: (c[0] + 1, np.tanh(c[1] @ W) + c[2], c[1]), (np.int32(0), x, x)
        )
        return state[0] * 2, state[1], state[2]

    check(run, np.array(turns, np.int32), X)


def test_while_whose_condition_reads_its_carries():
    def run(x):
        return ac.while_loop(
            lambda c: np.abs(c[0]).max() > 0.5, lambda c: (c[0] * np.float32(0.7), c[1] + 1), (x, np.int64(0))
        )

    check(run, X)
    check(run, X * 0)


@pytest.mark.parametrize("flag", [False, True])
def test_cond(flag):
    def run(flag, x):
        a, b = ac.cond(flag, lambda x: (x @ W, x[0]), lambda x: (x, x[1] * 2), x)
        return a + 1, b, x

    check(run, np.array(flag), X)


@pytest.mark.parametrize("flag", [False, True])
def test_branches_that_give_back_operands_and_constants(flag):
    check(lambda flag, x, y: ac.cond(flag, lambda: (x, y, W), lambda: (y, x, W + 1)), np.array(flag), X, X * 2)
    check(lambda flag, x: ac.cond(flag, lambda: (x, x), lambda: (np.zeros_like(x), x)), np.array(flag), X)


def test_loops_in_loops():
    def row(total, x):
        inner, ys = ac.scan(lambda c, value: (np.tanh(c + value), c), total, x)
        return inner, ys.sum() + total

    check(lambda x: ac.scan(row, np.float32(0.5), x), X)


def test_a_branch_in_a_loop_in_a_branch():
    def body(state, x):
        return ac.cond(x.sum() > 0, lambda s, x: s + x, lambda s, x: s * np.float32(0.5), state, x), state.max()

    def run(flag, x):
        return ac.cond(flag, lambda x: ac.scan(body, x[0], x), lambda x: (x[1], x[:, 0]), x)

    for flag in (False, True):
        check(run, np.array(flag), X)


def test_a_loop_that_ends_in_a_loop_that_scans():
    def outer(carry):
        count, x = carry
        x, _ = ac.scan(lambda c, row: (np.tanh(c + row), None), x, np.stack([x, x * 2]))
        return count + 1, x

    check(lambda n, x: ac.while_loop(lambda c: c[0] < n, outer, (np.int32(0), x)), np.array(3, np.int32), X[0])


def test_an_executable_starts_afresh_in_every_call():
    exe = ac.compile(lambda n: ac.while_loop(lambda i: i < n, lambda i: i + 3, np.int32(0)), (np.array(0, np.int32),))
    assert [int(exe(np.array(n, np.int32))) for n in (7, 0, 2, 7)] == [9, 0, 3, 9]
