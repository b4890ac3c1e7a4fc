"""Chains of movement, reductions and windows, drawn at random over small shapes: their canonical form is exact."""

from __future__ import annotations

import pytest
from random_views import random_chain

from aicomp.passes.canonicalize import RULES, canonicalize
from aicomp.passes.cse import cse
from aicomp.passes.fold_constants import fold_constants
from aicomp.rewrite import rewrite

from .graphs import assert_same_results, names

CONTRACTIONS = {"b(x) @ y = x @ y where matmul broadcasts", "conv(pad(x), w) = conv(x, w, padding)"}


@pytest.mark.parametrize("first", range(0, 1200, 100))
def test_canonical_form_is_exact(first):
    for seed in range(first, first + 100):
        graph = random_chain(seed)
        result = canonicalize(graph)
        assert_same_results(graph, result, 1)
        assert canonicalize(result) is result
        assert_same_results(graph, fold_constants(cse(result)), 1)


def test_each_rule_alone_is_exact():
    fired = set()
    for seed in range(800):
        graph = random_chain(seed)
        for rule in RULES:
            result = rewrite(graph, [rule])
            if result is not graph:
                fired.add(rule.equation)
                assert_same_results(graph, result, 1)
    movement = [
        rule for rule in RULES if rule.equation.startswith(("t(", "r(", "b(", "slice", "pad", "concat", "gather"))
    ]
    assert {rule.equation for rule in movement} <= fired | {"b(x) @ y = x @ y where matmul broadcasts"}


def test_random_chains_get_shorter():
    graphs = [random_chain(seed) for seed in range(200)]
    before, after = (sum(len(names(g)) for g in them) for them in (graphs, map(canonicalize, graphs)))
    assert after < 0.75 * before
