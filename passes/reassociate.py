"""Identities of real numbers that round otherwise: constants of a chain combined, powers as products.

In: any graph. Out: the graph in which no rule of the table applies any more. Constants are combined only where that
neither cancels nor makes a difference to overflow: sums of one sign, products on one side of 1.

    (x * 3.0) * 2.0  ->  x * 6.0;      x ** 3.0  ->  x * x * x
"""

from __future__ import annotations

import numpy as np

from aicomp import ops
from aicomp.contract import Contract
from aicomp.graph_pass import graph_pass
from aicomp.ir import Array, Graph
from aicomp.ops.symbol import Symbol
from aicomp.pattern import Match, Var, any_of, call, constant, fill, floating, inner, op
from aicomp.rewrite import Rule, rewrite

from .folds import merged

f = Var("f", floating)
k, m = Var("k", constant), Var("m", constant)


def _numbers(match: Match) -> tuple[Array, Array]:
    return match.node("k").attrs["value"], match.node("m").attrs["value"]


def _sum_of_terms(match: Match) -> Symbol | None:
    a, b = _numbers(match)
    with np.errstate(all="ignore"):
        total = a + b
    one_sign = all((n >= 0).all() for n in (a, b)) or all((n <= 0).all() for n in (a, b))
    return call(ops.add, match["f"], total) if one_sign and np.isfinite(total).all() else None


def _product_of_factors(match: Match) -> Symbol | None:
    a, b = _numbers(match)
    with np.errstate(all="ignore"):
        product = a * b
    sizes = (np.abs(a), np.abs(b))
    one_side = all((n >= 1).all() for n in sizes) or all((n <= 1).all() for n in sizes)
    sound = one_side and np.isfinite(product).all() and product.all()
    return call(ops.multiply, match["f"], product) if sound else None


RULES = (
    Rule("(x + k) + m = x + (k + m)", (f + k) + m, _sum_of_terms, Contract.REASSOCIATES),
    Rule("(x * k) * m = x * (k * m)", (f * k) * m, _product_of_factors, Contract.REASSOCIATES),
    Rule("sum(sum(x)) = sum(x)", any_of(("sum", "prod"), inner("sum", "prod")), merged, Contract.REASSOCIATES),
    Rule("x ** 2 = x^2", op.pow(f, fill(2.0)), op.square(f), Contract.REASSOCIATES),
    Rule("x ** 3 = x^2 * x", op.pow(f, fill(3.0)), op.square(f) * f, Contract.REASSOCIATES),
    Rule("x ** -1 = 1 / x", op.pow(f, fill(-1.0)), op.reciprocal(f), Contract.REASSOCIATES),
)


@graph_pass(Contract.REASSOCIATES)
def reassociate(graph: Graph) -> Graph:
    """Combine constants of chains, and write powers as products."""
    return rewrite(graph, RULES)
