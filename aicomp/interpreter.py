"""Runs a graph by its ops' NumPy references: the oracle of every pass and backend.

In: a graph and one array an input. Out: a tuple of arrays. Values are dropped after their last use.

    interpret(graph, [np.ones((2, 3), np.float32)])
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .errors import InputValueError
from .ir import Graph, Node, Value

Array = np.ndarray[Any, Any]


def interpret(graph: Graph, arrays: Sequence[Array]) -> tuple[Array, ...]:
    """Compute the outputs of a graph.

    Raises InputValueError where the arrays are not of the graph's input types.
    """
    check_arrays(graph, arrays)
    memory = dict(zip(graph.inputs, map(np.asarray, arrays), strict=True))
    last = last_uses(graph)
    with np.errstate(all="ignore"):
        for node in graph.nodes:
            results = node.compute([memory[value] for value in node.inputs])
            memory.update(zip(node.outputs, map(np.asarray, results), strict=True))
            for value in last.get(node, ()):
                memory.pop(value, None)
    return tuple(memory[value] for value in graph.outputs)


def check_arrays(graph: Graph, arrays: Sequence[Array]) -> None:
    """Raise InputValueError unless the arrays match the graph's inputs in number, shape and dtype."""
    if len(arrays) != len(graph.inputs):
        raise InputValueError(f"{graph.name} takes {len(graph.inputs)} inputs, got {len(arrays)}")
    for value, array in zip(graph.inputs, arrays, strict=True):
        if np.shape(array) != value.shape or np.asarray(array).dtype != value.dtype:
            got = f"{np.asarray(array).dtype}{list(np.shape(array))}"
            raise InputValueError(f"input {value.name or '?'} of {graph.name} is {value.type}, got {got}")


def last_uses(graph: Graph) -> dict[Node, list[Value]]:
    """Return, for each node, the values that nothing after it reads."""
    seen = set(graph.outputs)
    last: dict[Node, list[Value]] = {}
    for node in reversed(graph.nodes):
        for value in (*node.inputs, *node.outputs):
            if value not in seen:
                seen.add(value)
                last.setdefault(node, []).append(value)
    return last
