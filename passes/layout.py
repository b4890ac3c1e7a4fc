"""Puts convolutions, and what stands between them, in channels-last layout, with as little transposing as possible.

In: a graph of primitives. Out: every conv has `channels_last=True`; pooling, elementwise ops, reductions, concat, pad,
slice and broadcast follow where that saves transposes; these stand where a minimum cut puts them, weighed by the sizes
of the tensors, so that a convolutional network has them at its inputs and outputs only.

    conv(x, w) -> relu -> conv   becomes   transpose(x) -> conv -> relu -> conv -> transpose

Each tensor of rank 3 to 5 that these ops make is in layout FIRST, [N,C,*S], as the graph has it, or LAST, [N,*S,C].
Transposes that the graph has between the two layouts are seen as such, and cancel.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from math import inf

from aicomp import ops
from aicomp.contract import Contract
from aicomp.graph_pass import graph_pass
from aicomp.ir import Graph, Node, Value
from aicomp.ops.symbol import Symbol
from aicomp.pattern import call

from .axis_order import (
    FIRST,
    LAST,
    PERMUTE,
    RANKS,
    Layout,
    folds_either,
    is_channels_first_conv,
    is_free,
    is_transpose,
    to_first,
    to_last,
    transpose_cost,
    unchanged,
)
from .minimum_cut import Network


@graph_pass(Contract.REASSOCIATES)
def layout(graph: Graph) -> Graph:
    """Put convolutions in channels-last layout; sums may be taken in another order."""
    if not any(is_channels_first_conv(node) for node in graph.walk()):
        return graph
    return Relayout(graph, choose(graph)).run()


def choose(graph: Graph) -> set[Hashable]:
    """Return the free nodes that are to be LAST: those on the sink's side of a minimum cut, FIRST being the source's.

    A cut edge from a to b costs a transpose if a is FIRST and b is LAST; all readers of a value share one.
    """
    network = Network(FIRST, LAST)
    for value, readers in _readers(graph).items():
        _connect(network, value, readers)
    first = network.source_side()
    return {node for node in graph.nodes if is_free(node) and node not in first and node in network.residual}


def _readers(graph: Graph) -> dict[Value, set[Hashable]]:
    """Return, for each value, the layouts that are fixed and the free nodes that read it, where a change costs."""
    readers: dict[Value, set[Hashable]] = {}
    for node in graph.nodes:
        for i, value in enumerate(node.inputs):
            if value.type.rank <= max(RANKS) and not folds_either(node) and not (i and node.op.name == "conv"):
                readers.setdefault(value, set()).add(_as_reader(node, value))
    for value in graph.outputs:
        readers.setdefault(value, set()).add(FIRST)
    return readers


def _as_reader(node: Node, value: Value) -> Hashable:
    if is_channels_first_conv(node) or is_transpose(node, to_last):
        return LAST
    return node if is_free(node) else FIRST


def _as_maker(value: Value) -> Hashable:
    node = value.node
    if node is None:
        return FIRST
    if is_channels_first_conv(node) or is_transpose(node, to_first):
        return LAST
    return node if is_free(node) else FIRST


def _connect(network: Network, value: Value, readers: set[Hashable]) -> None:
    maker = _as_maker(value)
    for rank in sorted({_rank(reader, value) for reader in readers}):
        same = {reader for reader in readers if _rank(reader, value) == rank}
        if rank == value.type.rank:
            _share(network, maker, same, (value, rank), transpose_cost(value, rank))
        else:  # of a lower rank than its reader's result: read as FIRST, and reshaped
            _share(network, maker, {FIRST}, (value, 0), transpose_cost(value, value.type.rank))
            _share(network, FIRST, same, (value, rank), transpose_cost(value, rank))


def _rank(reader: Hashable, value: Value) -> int:
    return reader.outputs[0].type.rank if isinstance(reader, Node) else value.type.rank


def _share(network: Network, maker: Hashable, readers: Iterable[Hashable], key: Hashable, cost: float) -> None:
    """Add what it costs that some readers of a value are in the other layout than its maker: once for all of them."""
    for reader in readers:
        network.edge(("last", key), reader, inf)
        network.edge(reader, ("first", key), inf)
    network.edge(maker, ("last", key), cost)
    network.edge(("first", key), maker, cost)


class Relayout:
    """The state of one rewriting: every value in the layouts in which it exists so far."""

    def __init__(self, graph: Graph, last: set[Hashable]) -> None:
        self.graph = graph
        self.last = last
        self.values: dict[tuple[Value, Layout], Value] = {(value, FIRST): value for value in graph.inputs}

    def run(self) -> Graph:
        """Return the graph in the layouts chosen."""
        for node in self.graph.nodes:
            self.place(node)
        return self.graph.with_outputs([self.get(value, FIRST) for value in self.graph.outputs])

    def get(self, value: Value, wanted: Layout) -> Value:
        """Return a value in a layout, transposed once where it is not there yet."""
        if (value, wanted) not in self.values:
            other = FIRST if wanted is LAST else LAST
            permutation = to_last if wanted is LAST else to_first
            source = Symbol(self.values[value, other], value.node.loc if value.node else None)
            self.values[value, wanted] = call(ops.transpose, source, perm=permutation(source.ndim)).value
        return self.values[value, wanted]

    def place(self, node: Node) -> None:
        """Put a node in its layout."""
        if is_channels_first_conv(node):
            self.values[node.outputs[0], LAST] = self.conv(node)
        elif node in self.last:
            self.values[node.outputs[0], LAST] = self.free(node)
        elif is_transpose(node, to_first):
            self.values[node.outputs[0], LAST] = self.get(node.inputs[0], FIRST)
        elif is_transpose(node, to_last):
            self.values[node.outputs[0], FIRST] = self.get(node.inputs[0], LAST)
        elif folds_either(node) and (node.inputs[0], LAST) in self.values:
            self.values[node.outputs[0], FIRST] = self.fold(node)
        else:
            operands = [self.get(value, FIRST) for value in node.inputs]
            current = node.replace(operands, [layout(region) for region in node.regions])
            self.values.update({(old, FIRST): new for old, new in zip(node.outputs, current.outputs, strict=True)})

    def conv(self, node: Node) -> Value:
        """Return a convolution in LAST: w [O,C/g,*K] becomes [*K,C/g,O]."""
        x = self.get(node.inputs[0], LAST)
        w = Symbol(self.get(node.inputs[1], FIRST), node.loc)
        kernel = call(ops.transpose, w, perm=(*range(2, w.ndim), 1, 0))
        return Node(node.op, (x, kernel.value), {**node.attrs, "channels_last": True}, loc=node.loc).outputs[0]

    def free(self, node: Node) -> Value:
        """Return a free node's result in LAST."""
        rank = node.outputs[0].type.rank
        operands = [self.raised(value, rank, node) for value in node.inputs]
        permute = PERMUTE.get(node.op.name, unchanged)
        return Node(node.op, operands, permute(node.attrs, rank), loc=node.loc).outputs[0]

    def raised(self, value: Value, rank: int, node: Node) -> Value:
        """Return an operand in LAST, one of lower rank with axes of size 1 put in front of it first."""
        if value.type.rank == rank:
            return self.get(value, LAST)
        low = Symbol(self.get(value, FIRST), node.loc)
        if low.size == 1:
            return low.value
        high = call(ops.reshape, low, shape=(1,) * (rank - low.ndim) + low.shape)
        return call(ops.transpose, high, perm=to_last(rank)).value

    def fold(self, node: Node) -> Value:
        """Return a reduction, which leaves no trace of the layout, of an operand in LAST."""
        x = self.values[node.inputs[0], LAST]
        return Node(node.op, (x,), PERMUTE[node.op.name](node.attrs, x.type.rank), loc=node.loc).outputs[0]
