"""Divisions by one number for many elements become multiplications by its reciprocal.

In: x / y where y is a constant, or a sum or a root that is broadcast over at least eight elements each (softmax,
norms). Out: x * (1 / y). A division costs some ten multiplications; the result differs by at most one and a half
ulps, as long as 1 / y is a normal number, which is checked for constants.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from aicomp import ops
from aicomp.contract import Contract
from aicomp.graph_pass import graph_pass
from aicomp.ir import Graph, Node, Value
from aicomp.ops.symbol import lift
from aicomp.rebuild import rebuild
from aicomp.types import FLOAT32, FLOAT64

SHARED_BY = 8  # elements that one reciprocal must serve
SOURCES = frozenset({"sum", "sqrt"})


@graph_pass(Contract.APPROXIMATES)
def reciprocals(graph: Graph) -> Graph:
    """Multiply by the reciprocal of a divisor that many elements share."""
    return rebuild(graph, _visit)


def _visit(node: Node) -> Sequence[Value]:
    if node.op.name != "divide" or node.outputs[0].dtype not in (FLOAT32, FLOAT64):
        return node.outputs
    x, y = node.inputs
    inverse = _inverse(node, y)
    if inverse is None:
        return node.outputs
    return Node(ops.OPS["multiply"], (x, inverse), loc=node.loc).outputs


def _inverse(node: Node, y: Value) -> Value | None:
    """Return the reciprocal of a divisor, None where it would not pay or not be close."""
    if y.node is not None and y.op == "constant":
        divisor = y.node.attrs["value"]
        with np.errstate(all="ignore"):
            inverse = (1 / divisor).astype(divisor.dtype)
        limits = np.finfo(divisor.dtype)
        normal = np.all(np.isfinite(inverse)) and np.all(np.abs(inverse) >= limits.tiny)
        return lift(inverse, loc=node.loc) if normal else None
    if _source(y) in SOURCES and node.outputs[0].type.size >= SHARED_BY * y.type.size:
        return Node(ops.OPS["reciprocal"], (y,), loc=node.loc).outputs[0]
    return None


def _source(value: Value) -> str:
    """Return the op that computes a value, views looked through."""
    while value.node is not None and value.op in ("reshape", "broadcast_to"):
        value = value.node.inputs[0]
    return value.op
