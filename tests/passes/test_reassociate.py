"""Reassociation: equal in real numbers, close in floats, and nothing where it cancels or overflows."""

import numpy as np
import pytest

from aicomp import ops
from aicomp.contract import Contract
from aicomp.interpreter import interpret
from aicomp.passes.reassociate import RULES, reassociate

from .graphs import assert_structure, build

F = "f64[2,3,4]"
CASES = [
    ("(x + k) + m = x + (k + m)", lambda x: (x + 1.0) + 2.0, lambda x: x + 3.0),
    ("(x + k) + m = x + (k + m)", lambda x: -1.0 + (x + -3.0), lambda x: x + -4.0),
    ("(x * k) * m = x * (k * m)", lambda x: (x * 0.5) * 0.25, lambda x: x * 0.125),
    ("(x * k) * m = x * (k * m)", lambda x: 3.0 * (x * np.full(4, 2.0)), lambda x: x * np.full(4, 6.0)),
    ("sum(sum(x)) = sum(x)", lambda x: ops.sum(ops.sum(x, axes=1), axes=1), lambda x: ops.sum(x, axes=(1, 2))),
    ("sum(sum(x)) = sum(x)", lambda x: ops.prod(ops.prod(x, axes=2), axes=0), lambda x: ops.prod(x, axes=(0, 2))),
    ("x ** 2 = x^2", lambda x: ops.pow(x, 2.0), ops.square),
    ("x ** 3 = x^2 * x", lambda x: ops.pow(x, 3.0), lambda x: ops.square(x) * x),
    ("x ** -1 = 1 / x", lambda x: ops.pow(x, -1.0), ops.reciprocal),
]
KEPT = [
    lambda x: (x + 1e8) + -1e8,
    lambda x: (x * 1e200) * 1e-200,
    lambda x: (x * 1e200) * 1e200,
    lambda x: (x + 1e308) + 1e308,
    lambda x: (x * 1e-200) * 1e-200,
    lambda x: (x * np.nan) * 2.0,
    lambda x: ops.sum(ops.prod(x, axes=1), axes=1),
    lambda x: ops.sum(ops.sum(x, axes=1, keepdims=True), axes=1),
    lambda x: ops.pow(x, 0.5),
]


@pytest.mark.parametrize(("equation", "left", "right"), CASES, ids=range(len(CASES)))
def test_rule(equation, left, right):
    before = build(left, F)
    after = reassociate(before)
    assert_structure(after, build(right, F))
    x = np.random.default_rng(0).standard_normal((2, 3, 4))
    (a,), (b,) = interpret(before, [x]), interpret(after, [x])
    assert Contract.REASSOCIATES.breach(a, b) == ""


def test_every_rule_has_an_example_and_none_is_exact():
    assert {rule.equation for rule in RULES} == {case[0] for case in CASES}
    assert all(rule.contract is not Contract.EXACT for rule in RULES)


@pytest.mark.parametrize("function", KEPT, ids=range(len(KEPT)))
def test_what_would_cancel_or_overflow_stays(function):
    graph = build(function, F)
    assert reassociate(graph) is graph


def test_integers_are_left_alone():
    graph = build(lambda x: (x + 1) + 2, "i32[3]")
    assert reassociate(graph) is graph
