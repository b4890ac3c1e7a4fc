"""cond, while_loop and scan: as Python runs them on arrays, and traced; nesting, captures, types, errors."""

import numpy as np
import pytest
from against_numpy import check, run, sample

from aicomp.errors import InputValueError, TraceError
from aicomp.frontends.control import cond, scan, while_loop
from aicomp.frontends.trace import trace
from aicomp.types import TensorSpec

X = sample((4, 3), "float32")
W = sample((3, 3), "float32", 1) / 10


def regions(graph, name):
    return next(node for node in graph.walk() if node.op.name == name)


@pytest.mark.parametrize("limit", [-1000.0, 1000.0])
def test_cond(limit):
    def f(x, limit):
        return cond(x.sum() > limit, lambda x, s: (x * s, {"a": x[0]}), lambda x, s: (x - s, {"a": s * W[0]}), x, 2.0)

    check(f, X, np.float32(limit))


@pytest.mark.parametrize("flag", [0, 3])
def test_cond_on_numbers_and_closures(flag):
    check(lambda x, n: cond(n, lambda: x + 1, lambda: x @ W), X, np.array(flag))
    check(lambda x, n: cond(n.reshape(1, 1) > 1, lambda: x, lambda: x + n.astype("f4")), X, np.array(flag))
    check(lambda x, n: cond(flag > 1, lambda y: y + 1, lambda y: y, x), X, np.array(flag))


def test_cond_skips_what_is_not_taken():
    graph = trace(lambda x, i: cond(i < 3, lambda: x[i], lambda: x[0]), X, TensorSpec((), "int64"))
    assert all(node.op.name != "gather" for node in graph.nodes)
    assert any(node.op.name == "gather" for node in regions(graph, "cond").regions[0].nodes)
    check(lambda x, i: cond(i < 3, lambda: x[i], lambda: x[0]), X, np.array(99))


def test_cond_gives_numbers_the_other_branchs_dtype():
    graph = trace(lambda x: cond(x[0, 0] > 0, lambda: x[0, 0], lambda: 0), X)
    assert graph.output_types[0].dtype == np.float32
    (result,), _ = run(lambda x, n: cond(x[0, 0] > 0, lambda: n * 2, lambda: x[0, 0]), (X, 2.0))
    assert (result, result.dtype) == (4, np.float32)
    graph = trace(lambda x: cond(x[0, 0] > 0, lambda: 1, lambda: x[0, 0]), X)
    assert graph.output_types[0].dtype == np.float32


def test_while_loop():
    def f(x, n):
        def step(carry):
            i, total, parts = carry
            return i + 1, total + x[i], [parts[0] * 2]

        return while_loop(lambda carry: carry[0] < n, step, (0, np.zeros(3, "f4"), [x]))

    check(f, X, np.array(3))
    check(f, X, np.array(0))


def test_while_loop_that_becomes_traced():
    check(lambda x: while_loop(lambda c: c < x.sum(), lambda c: c * 2, np.float32(1)), np.abs(X))
    check(lambda x: while_loop(lambda c: c[0] < 3, lambda c: (c[0] + 1, c[1] + x), (0, np.float32(1))), np.float32(2))


def test_scan():
    def f(x, h):
        def step(h, row):
            h = np.tanh(h @ W + row)
            return h, {"h": h, "s": h.sum()}

        return scan(step, h, x), scan(step, h, x, reverse=True)

    check(f, X, np.zeros(3, "f4"))


def test_scan_over_nested_values_and_numbers():
    def f(x, y):
        return scan(lambda c, xs: ((c[0] + 1, c[1] + xs[0] * xs[1]["k"]), None), (0, 0.0), (x, {"k": y}))

    check(f, X, sample((4,), "float32", 2))
    check(lambda x: scan(lambda c, _: (c * x, c), x, None, length=3), X)
    check(lambda x: scan(lambda c, _: (c + x, c), np.float32(0), np.arange(3)), X[0, 0])
    check(lambda x: scan(lambda c, row: (c, row), x, x[:0]), X)


def test_order_of_keys_does_not_matter():
    def turned(c):
        return {"b": c["b"] * 2, "a": c["a"] + 1}

    def f(x):
        start = {"a": x, "b": x * 3}
        looped = while_loop(lambda c: c["a"].sum() < 9, turned, start)
        last, ys = scan(lambda c, _: (turned(c), c["a"]), start, None, length=2)
        return looped["a"], last["b"], ys, cond(x.sum() > 0, lambda: start, lambda: turned(start))["a"]

    check(f, X)
    check(f, -X)


def test_nested_control_flow_and_captures():
    def f(x, n):
        y = x * 2

        def row(h, r):
            def inner(c):
                return c[0] + 1, c[1] + y[0] * r

            h = cond(r.sum() > 0, lambda: h + y.sum(), lambda: h - n.astype(h.dtype))
            return h, while_loop(lambda c: c[0] < n, inner, (0, r))[1] + h

        return scan(row, np.float32(0), x)

    check(f, X, np.int32(2))


def test_constants_stay_inside_bodies():
    graph = trace(lambda x: scan(lambda h, r: (h @ W + r, None), np.zeros(3, "f4"), x), X)
    node = regions(graph, "scan")
    assert len(node.inputs) == 2
    assert any(each.op.name == "constant" for each in node.regions[0].nodes)


def test_plain_arrays_run_as_python_does():
    assert cond(True, lambda a: a + 1, lambda a: a, 1) == 2
    assert while_loop(lambda c: c < 10, lambda c: c * 2, 1) == 16
    carry, ys = scan(lambda c, x: (c + x, {"y": c}), 0, np.arange(4), reverse=True)
    assert carry == 6
    np.testing.assert_array_equal(ys["y"], [6, 5, 3, 0])
    assert scan(lambda c, x: (c, x), 0, np.zeros((0, 2)))[1].shape == (0, 2)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: cond(x > 0, lambda: x, lambda: x), "expected a scalar"),
        (lambda x: cond(x[0, 0] > 0, lambda: x, lambda: x[0]), r"result as f32\[4,3\] and f32\[3\]"),
        (lambda x: cond(x[0, 0] > 0, lambda: (x,), lambda: x), "different structures"),
        (lambda x: cond(x[0, 0] > 0, lambda: x.astype(int), lambda: x), "expected one type"),
        (lambda x: while_loop(lambda c: c.sum() < 3, lambda c: c[:2], x), r"carry as f32\[2,3\], but it enters as"),
        (lambda x: while_loop(lambda c: c.sum() < 3, lambda c: (c, c), x), "carry of structure"),
        (lambda x: while_loop(lambda c: c < 3, lambda c: c + 1, x), "condition of while_loop is"),
        (lambda x: scan(lambda h, r: (h.astype("f8"), r), x, x), "carry as f64"),
        (lambda x: scan(lambda h, r: (h, "a"), x, x), "is no array"),
    ],
)
def test_errors(function, message):
    with pytest.raises(TraceError, match=message) as error:
        trace(function, X)
    assert "test_control.py" in str(error.value)


def test_lengths_must_agree():
    with pytest.raises(InputValueError, match=r"scan takes 4 slices, but xs\[1\] has 3"):
        trace(lambda x: scan(lambda h, r: (h, None), 0, (x, x.T)), X)
    with pytest.raises(InputValueError, match="length="):
        trace(lambda x: scan(lambda h, r: (h, None), x, None), X)


def test_tracers_of_a_body_do_not_leave_it():
    kept = []

    def f(x):
        cond(x[0, 0] > 0, lambda: kept.append(x * 2) or x, lambda: x)
        return kept[0] + 1

    with pytest.raises(TraceError, match="body, ended"):
        trace(f, X)


def test_outer_arrays_are_not_written_to_inside_a_body():
    def f(x):
        y = x + 1

        def branch():
            nonlocal y
            y += 1
            return y

        return cond(x[0, 0] > 0, branch, lambda: x)

    with pytest.raises(TraceError, match="inside a body"):
        trace(f, X)


def test_locations_inside_bodies_are_the_users():
    graph = trace(lambda x: scan(lambda h, r: (h + r, h), np.zeros(3, "f4"), x), X)
    assert {node.loc.file for node in graph.walk()} == {__file__}
