"""Computes at compile time what depends on constants only, with the interpreter, and takes the known branch of cond.

In: any graph. Out: constants instead of nodes on constants. A result larger than all its operands is folded only up to
`max_bytes`, so that a broadcast or an index ramp is not written out.

    transpose(constant f32[64,3]), iota of 100 elements  ->  constants;   iota of a million  ->  stays
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from aicomp.contract import Contract
from aicomp.errors import AicompError
from aicomp.graph_pass import graph_pass
from aicomp.ir import Array, Graph, Kind, Node, Value
from aicomp.ops import OPS
from aicomp.rebuild import inline, rebuild


@graph_pass(Contract.EXACT)
def fold_constants(graph: Graph, *, max_bytes: int = 1 << 14) -> Graph:
    """Compute nodes on constants; a result that grows, up to `max_bytes` bytes."""

    def visit(node: Node) -> Sequence[Value]:
        if node.op.name == "cond" and node.inputs[0].op == "constant":
            return _branch(node)
        return _constants(node) if _foldable(node, max_bytes) else node.outputs

    return rebuild(graph, visit)


def _array(value: Value) -> Array:
    assert value.node is not None
    array: Array = value.node.attrs["value"]
    return array


def _branch(node: Node) -> Sequence[Value]:
    taken = node.regions[0 if _array(node.inputs[0]) else 1]
    return inline(taken, node.inputs[1:])


def _foldable(node: Node, max_bytes: int) -> bool:
    if node.op.name == "constant" or node.op.kind is Kind.REGION:
        return False
    if any(value.op != "constant" for value in node.inputs):
        return False
    grown = sum(value.type.nbytes for value in node.outputs)
    return grown <= max(max_bytes, sum(value.type.nbytes for value in node.inputs))


def _constants(node: Node) -> Sequence[Value]:
    """Return a node's results as constants; its own outputs where it fails, so that it fails when it runs."""
    try:
        with np.errstate(all="ignore"):
            results = node.compute([_array(value) for value in node.inputs])
    except AicompError:
        return node.outputs
    arrays = [np.asarray(result).view() for result in results]  # transposed weights stay views
    for array in arrays:
        array.flags.writeable = False
    return tuple(Node(OPS["constant"], (), {"value": array}, loc=node.loc).outputs[0] for array in arrays)
