"""Rewrites composite operators in primitives, those in regions too: softmax becomes exp, sum, divide, ...

In: any graph. Out: a graph of primitives in the forms that backends see: matmul of ranks from 2, conv without
bias. New nodes keep the composite's source location.
"""

from __future__ import annotations

from aicomp.contract import Contract
from aicomp.graph_pass import graph_pass
from aicomp.ir import Graph
from aicomp.ops.composite import decompose as expand
from aicomp.rebuild import rebuild


@graph_pass(Contract.EXACT)
def decompose(graph: Graph) -> Graph:
    """Rewrite composite operators in primitives, recursively."""
    return rebuild(graph, expand)
