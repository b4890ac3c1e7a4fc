"""Cuts long reductions in two: many partial results, in parallel, and the fold of those.

In: a sum, prod, max, min, any or all of very many elements into few. Out: the same over pieces of one axis, then over
the pieces. Kernels run rows in parallel, so a reduction to few rows would keep most processors idle; and partial sums
lose far less precision than one running sum (Higham, The accuracy of floating point summation, 1993).

    sum(f32[4194304])  ->  sum(sum(reshape to f32[64,65536], axis 1), axis 0)
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from aicomp import ops
from aicomp.contract import Contract
from aicomp.graph_pass import graph_pass
from aicomp.ir import Graph, Node, Value
from aicomp.ops.symbol import Symbol
from aicomp.rebuild import rebuild

FOLDS = frozenset({"sum", "prod", "max", "min", "any", "all"})


@graph_pass(Contract.REASSOCIATES)
def split_reductions(graph: Graph, *, elements: int = 1 << 14, pieces: int = 64) -> Graph:
    """Reduce by pieces where one result folds at least `elements` elements and there are few results."""

    def visit(node: Node) -> Sequence[Value]:
        if node.op.name not in FOLDS:
            return node.outputs
        (x,) = node.inputs
        axes = node.attrs["axes"]
        folded = prod(x.shape[axis] for axis in axes)
        if folded < elements or node.outputs[0].type.size >= pieces:
            return node.outputs
        axis = max(axes, key=lambda i: x.shape[i])
        count = next((n for n in range(pieces, 3, -1) if x.shape[axis] % n == 0), None)
        if count is None or folded // count < pieces:
            return node.outputs
        return (_split(node, axis, count).value,)

    return rebuild(graph, visit)


def _split(node: Node, axis: int, count: int) -> Symbol:
    """Return the reduction by `count` pieces of one axis."""
    x = Symbol(node.inputs[0], node.loc)
    sizes = (*x.shape[:axis], count, x.shape[axis] // count, *x.shape[axis + 1 :])
    inner = [i if i < axis else i + 1 for i in node.attrs["axes"]]
    partial = node.op(ops.reshape(x, shape=sizes), axes=inner, keepdims=True)
    total = node.op(partial, axes=axis, keepdims=True)
    result: Symbol = ops.reshape(total, shape=node.outputs[0].shape)
    return result
