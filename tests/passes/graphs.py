"""Graphs and inputs for the tests of passes: special values first, so that "exact" is tested as NaN, -0.0 and inf."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from aicomp.contract import same_bits
from aicomp.interpreter import interpret
from aicomp.ir import Array, Graph, Value
from aicomp.ops.symbol import Symbol, lift
from aicomp.text import print_graph
from aicomp.types import BOOL, TensorType, is_float
from aicomp.verify import verify

FLOATS = [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 3.25, -2.5, np.nan, np.inf, -np.inf, 1e-40, -3e-39, 1e30, 65504.0, 7.0]


def tensor(text: str) -> TensorType:
    """Return the type that a text such as f32[2,3] means."""
    return TensorType.parse(text)


def build(function: Callable[..., Any], *types: str) -> Graph:
    """Return the graph of a function of symbols on inputs x0, x1, ... of the types named."""
    inputs = [Value(tensor(text), name=f"x{i}") for i, text in enumerate(types)]
    results = function(*map(Symbol, inputs))
    results = results if isinstance(results, tuple) else (results,)
    return Graph.build("test", inputs, [result.value for result in results])


def constant(array: Any) -> Symbol:
    """Return a constant symbol."""
    return Symbol(lift(array))


def special(type_: TensorType, rng: np.random.Generator) -> Array:
    """Return an array of the values where identities break: signed zeros, NaN, infinities, extremes."""
    if type_.dtype == BOOL:
        return rng.integers(0, 2, type_.shape).astype(bool)
    if is_float(type_.dtype):
        with np.errstate(over="ignore"):
            return rng.choice(FLOATS, type_.shape).astype(type_.dtype)
    limits = np.iinfo(type_.dtype)
    pool = np.array([limits.min, limits.max, 0, 1, 2, 3, limits.max // 2], type_.dtype)
    return rng.choice(pool, type_.shape)


def assert_structure(graph: Graph, expected: Graph) -> None:
    """Check that two graphs are the same but for source locations."""
    assert print_graph(graph, locations=False) == print_graph(expected, locations=False)


def assert_same_results(before: Graph, after: Graph, rounds: int = 8) -> None:
    """Check that two graphs give the same bits on special values, and that the second is sound."""
    verify(after)
    for seed in range(rounds):
        rng = np.random.default_rng(seed)
        arrays = [special(value.type, rng) for value in before.inputs]
        for a, b in zip(interpret(before, arrays), interpret(after, arrays), strict=True):
            assert a.shape == b.shape
            assert a.dtype == b.dtype
            assert same_bits(a, b).all(), (arrays, a, b)


def names(graph: Graph) -> list[str]:
    """Return the names of the ops of a graph, but for constants, in order."""
    return [node.op.name for node in graph.nodes if node.op.name != "constant"]
