"""Folds per-channel scaling and shifting by constants, as batch normalisation leaves it, into the weights before it.

In: conv or matmul with constant weights, followed by multiply, divide, add, subtract or negative with constants that
have one value an output channel (or one for all). Out: the contraction with scaled weights, and at most one add.

    (conv(x, w) + b) * scale + shift   ->   conv(x, w * scale) + (b * scale + shift)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aicomp.contract import Contract
from aicomp.graph_pass import graph_pass
from aicomp.ir import Array, Graph, Node, Value
from aicomp.ops import OPS
from aicomp.ops.symbol import lift
from aicomp.rebuild import substitute
from aicomp.types import FLOAT64, HALVES, is_float


@dataclass(frozen=True)
class Affine:
    """What a chain of nodes does to each channel of a contraction's result: scale * y + shift, in float64."""

    scale: Array
    shift: Array

    def times(self, factor: Array) -> Affine:
        """Return this, then a multiplication."""
        return Affine(self.scale * factor, self.shift * factor)

    def plus(self, term: Array) -> Affine:
        """Return this, then an addition."""
        return Affine(self.scale, self.shift + term)


@graph_pass(Contract.REASSOCIATES)
def fold_batch_norm(graph: Graph) -> Graph:
    """Fold per-channel constants into the weights of conv and matmul."""
    chains = dict(found for node in graph.nodes if (found := _chain(graph, node)))
    heads: dict[Node, Node] = {}

    def visit(node: Node, current: Node) -> Sequence[Value]:
        heads[node] = current
        if node not in chains:
            return current.outputs
        head, affine = chains[node]
        return (_folded(heads[head], affine, node),)

    return substitute(graph, visit, fold_batch_norm)


def _chain(graph: Graph, head: Node) -> tuple[Node, tuple[Node, Affine]] | None:
    """Return the end of the chain of nodes behind a contraction, with the contraction and what the chain does.

    None where there is nothing to fold. Only results that the chain alone reads are followed.
    """
    if head.op.name not in ("conv", "matmul") or head.inputs[1].op != "constant" or not _is_wide(head):
        return None
    axis = channel_axis(head)
    affine, end, length = Affine(np.ones(()), np.zeros(())), head, 0
    while (following := _next(graph, end)) and (longer := _then(affine, following, end.outputs[0], axis)):
        affine, end, length = longer, following, length + 1
    if length < 2 and not np.any(affine.scale != 1):
        return None
    return (end, (head, affine)) if np.isfinite(affine.scale).all() else None


def _is_wide(head: Node) -> bool:
    dtype = head.outputs[0].dtype
    return is_float(dtype) and dtype not in HALVES


def channel_axis(head: Node) -> int:
    """Return the axis of a contraction's result that runs over the columns, or the filters, of its weights."""
    rank = head.outputs[0].type.rank
    return 1 if head.op.name == "conv" and not head.attrs["channels_last"] else rank - 1


def _next(graph: Graph, node: Node) -> Node | None:
    """Return the node that alone reads a node's result."""
    value = node.outputs[0]
    users = graph.users(value)
    return users[0] if len(users) == 1 and value not in graph.outputs else None


def _then(affine: Affine, node: Node, y: Value, axis: int) -> Affine | None:
    """Return an affine map followed by a node that reads its result y; None where that is not an affine map."""
    if node.op.name == "negative":
        return affine.times(np.asarray(-1.0))
    if len(node.inputs) != 2 or node.outputs[0].type != y.type:
        return None
    first = node.inputs[0] is y
    number = _per_channel(node.inputs[1 if first else 0], y, axis)
    if number is None:
        return None
    with np.errstate(all="ignore"):
        match node.op.name, first:
            case "multiply", _:
                return affine.times(number)
            case "add", _:
                return affine.plus(number)
            case "subtract", True:
                return affine.plus(-number)
            case "subtract", False:
                return affine.times(np.asarray(-1.0)).plus(number)
            case "divide", True:
                return affine.times(1 / number)
    return None


def _per_channel(value: Value, y: Value, axis: int) -> Array | None:
    """Return a constant as one number, or one for each channel; None for other values."""
    if value.node is None or value.op != "constant":
        return None
    array = np.asarray(value.node.attrs["value"], FLOAT64)
    if array.size == 1:
        return array.reshape(())
    shape = (1,) * (y.type.rank - array.ndim) + array.shape
    along = tuple(n if i == axis else 1 for i, n in enumerate(y.shape))
    return array.reshape(-1) if shape == along else None


def _folded(head: Node, affine: Affine, end: Node) -> Value:
    """Return the contraction with scaled weights, plus what is added to each channel."""
    weights, dtype = head.inputs[1], head.outputs[0].dtype
    assert weights.node is not None
    array = weights.node.attrs["value"]
    filters = head.op.name == "conv" and not head.attrs["channels_last"]
    scale = affine.scale.reshape(-1, *(1,) * (array.ndim - 1)) if filters else affine.scale
    scaled = array * scale.astype(dtype)
    scaled.flags.writeable = False
    result = head.replace((head.inputs[0], lift(scaled, loc=weights.node.loc))).outputs[0]
    if not affine.shift.any():
        return result
    after = result.type.rank - 1 - channel_axis(head)
    shift = affine.shift.astype(dtype).reshape(affine.shift.shape + (1,) * (after if affine.shift.ndim else 0))
    return Node(OPS["add"], (result, lift(shift, loc=end.loc)), loc=end.loc).outputs[0]
