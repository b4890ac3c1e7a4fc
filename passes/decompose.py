"""Rewrites composite operators in primitives, those in regions too: softmax becomes exp, sum, divide, ...

In: any graph. Out: a graph of primitives in the forms that backends see: matmul of ranks from 2, conv without
bias, and no fusions but those that a backend's own pass makes later. New nodes keep the composite's source location.
"""

from __future__ import annotations

from collections.abc import Sequence

from aicomp.contract import Contract
from aicomp.graph_pass import graph_pass
from aicomp.ir import Graph, Node, Value
from aicomp.ops.composite import decompose as expand
from aicomp.rebuild import inline, rebuild


@graph_pass(Contract.EXACT)
def decompose(graph: Graph) -> Graph:
    """Rewrite composite operators in primitives, recursively, and fusions in what they hold."""
    return rebuild(graph, _parts)


def _parts(node: Node) -> Sequence[Value]:
    return inline(node.regions[0], node.inputs) if node.op.name == "fusion" else expand(node)
