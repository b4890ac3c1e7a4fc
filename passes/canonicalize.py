"""Brings a graph to a canonical form by exact identities: algebra, and movement merged or dropped.

In: any graph. Out: the graph in which no rule of the tables applies any more, regions included.

    transpose(transpose(x)) * 1.0  ->  x
"""

from __future__ import annotations

from aicomp.contract import Contract
from aicomp.graph_pass import graph_pass
from aicomp.ir import Graph
from aicomp.rewrite import rewrite

from . import algebra, folds, pieces, views

RULES = (*algebra.RULES, *views.RULES, *pieces.RULES, *folds.RULES)


@graph_pass(Contract.EXACT)
def canonicalize(graph: Graph) -> Graph:
    """Apply exact identities until none applies."""
    return rewrite(graph, RULES)
