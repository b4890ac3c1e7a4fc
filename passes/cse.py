"""Merges nodes that compute the same thing: the same op on the same values with the same attributes.

In: any graph. Out: the graph with the first of each such set; operands of commutative ops count in any order, constants
by their bytes, regions by their text.

    exp(x) / (exp(x) + 1)  ->  one exp
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from aicomp.contract import Contract
from aicomp.graph_pass import graph_pass
from aicomp.ir import Array, Graph, Node, Value
from aicomp.literal import literal
from aicomp.rebuild import rebuild
from aicomp.text import print_graph

SAMPLES = 64


@graph_pass(Contract.EXACT)
def cse(graph: Graph) -> Graph:
    """Merge common subexpressions, in each region on its own."""
    first: dict[Hashable, Node] = {}

    def visit(node: Node) -> Sequence[Value]:
        node = node.replace(regions=[cse(region) for region in node.regions])
        return first.setdefault(_key(node), node).outputs

    return rebuild(graph, visit, regions=False)


def _key(node: Node) -> Hashable:
    operands = [id(value) for value in node.inputs]
    if "commutative" in node.op.traits and node.op.name not in ("maximum", "minimum", "fmax", "fmin"):
        operands.sort()  # the extrema of 0.0 and -0.0 depend on the order
    attrs = tuple((name, _attribute(value)) for name, value in node.attrs.items())
    regions = tuple(print_graph(region, locations=False) for region in node.regions)
    return node.op.name, tuple(operands), attrs, regions


def _attribute(value: Any) -> Hashable:
    return Bytes(value) if isinstance(value, np.ndarray) else literal(value)


class Bytes:
    """An array as a dictionary key: hashed by a sample of its elements, equal where all its bytes are."""

    def __init__(self, array: Array) -> None:
        self.array = array

    def __hash__(self) -> int:
        sample = self.array.flat[:: max(self.array.size // SAMPLES, 1)]
        return hash((self.array.shape, self.array.dtype, sample.tobytes()))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Bytes) or self.array.dtype != other.array.dtype:
            return False
        return self.array is other.array or (
            self.array.shape == other.array.shape and self.array.tobytes() == other.array.tobytes()
        )
