"""The declaration of composite operators: ops that are defined by the simpler ops they decompose into.

@composite
def softmax(x: Symbol, *, axis: int = -1) -> Symbol: ...
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..interpreter import interpret
from ..ir import Attrs, Graph, Kind, Node, Op, Value
from ..types import TensorType
from .base import Array, declare
from .symbol import Symbol


def composite(function: Callable[..., Any]) -> Op:
    """Declare an op by its decomposition, a function of symbols; its types and its reference follow from that."""

    def build(types: Sequence[TensorType], attrs: Attrs) -> Graph:
        return region(lambda *symbols: function(*symbols, **attrs), types)

    def infer(*types: TensorType, **attrs: Any) -> tuple[TensorType, ...]:
        return build(types, attrs).output_types

    def reference(*arrays: Array, **attrs: Any) -> tuple[Array, ...]:
        types = [TensorType(a.shape, a.dtype) for a in arrays]
        return interpret(build(types, attrs), arrays)

    name = function.__name__.strip("_")
    return declare(function, Kind.COMPOSITE, name, infer=infer, reference=reference, decompose=function)


def region(function: Callable[..., Any], types: Sequence[TensorType], name: str = "body") -> Graph:
    """Return the graph that a function of symbols builds on inputs of these types."""
    inputs = [Value(type_, name=f"x{i}") for i, type_ in enumerate(types)]
    results = function(*map(Symbol, inputs))
    results = results if isinstance(results, tuple) else (results,)
    return Graph.build(name, inputs, [result.value for result in results])


def decompose(node: Node) -> tuple[Value, ...]:
    """Return the values that a node's decomposition computes, recorded at its location; its outputs if it has none."""
    if node.op.decompose is None:
        return node.outputs
    results = node.op.decompose(*(Symbol(value, node.loc) for value in node.inputs), **node.attrs)
    if results is NotImplemented:
        return node.outputs
    results = results if isinstance(results, tuple) else (results,)
    return tuple(result.value for result in results)
