"""Fusion: nodes that can share one loop nest become one node, whose body is their graph.

In: a decomposed graph. Out: a graph of fusion nodes. First every matmul and convolution takes in the pointwise work
on its result and the movement before its operands; then, from the last node to the first, every kernel takes in the
producers that only it reads, and copies of cheap ones. What fits one kernel is for the backend to say (`accepts`).

    softmax: max, subtract, exp, sum, divide  ->  fusion{kind='reduce'}
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from aicomp.contract import Contract
from aicomp.graph_pass import Pass, graph_pass
from aicomp.ir import Graph, Kind, Node, Value

from .groups import Accepts, Group, body, contract, operands

LARGEST = 48  # nodes of one kernel
FUSIBLE = {Kind.ELEMENTWISE, Kind.MOVEMENT, Kind.REDUCE, Kind.WINDOW, Kind.CONTRACT, Kind.SOURCE}
FREE = frozenset({"reshape", "broadcast_to", "iota", "slice"})  # worth a copy in each kernel that reads them
VIEWS = frozenset({"reshape", "transpose", "broadcast_to", "slice"})


def fusion_pass(accepts: Accepts) -> Pass:
    """Return the fusion pass of a backend; `accepts(body)` tells whether one kernel computes a body well."""

    def fuse(graph: Graph) -> Graph:
        return Fusion(graph, accepts).run()

    return Pass("fuse", fuse, Contract.EXACT, "Make one node of nodes that one kernel computes.")


def shares_one_space(region: Graph) -> bool:
    """Return whether a body has at most one contraction or window, or reductions over the same axes only."""
    anchors = [node for node in region.nodes if node.op.kind in (Kind.CONTRACT, Kind.WINDOW)]
    spaces = {
        (node.inputs[0].shape, node.attrs.get("axes", node.attrs.get("axis")))
        for node in region.nodes
        if node.op.kind is Kind.REDUCE
    }
    sizes = {value.type.size for value in region.outputs}
    return len(anchors) + len(spaces) <= 1 and (len(sizes) == 1 or bool(spaces))


@graph_pass(Contract.EXACT)
def fuse(graph: Graph) -> Graph:
    """Make one node of nodes that one kernel computes, by the rule that they share one space."""
    return Fusion(graph, shares_one_space).run()


class Fusion:
    """The fusion of one graph."""

    def __init__(self, graph: Graph, accepts: Accepts) -> None:
        self.graph = graph
        self.accepts = accepts
        self.order = {node: i for i, node in enumerate(graph.nodes)}
        self.home: dict[Node, Group] = {}
        self.copies: dict[Node, list[Group]] = {}
        self.groups: list[Group] = []

    def run(self) -> Graph:
        """Return the graph with fusion nodes, in regions too."""
        for node in reversed(self.graph.nodes):
            if node.op.kind is Kind.CONTRACT and node not in self.home:
                self._epilogue(self._start(node))
        for group in list(self.groups):
            self._prologue(group)
        for node in reversed(self.graph.nodes):
            fusible = node.op.kind in FUSIBLE and node.op.name not in ("constant", "reshape")
            if fusible and node not in self.home and self._is_read(node):
                self._grow(self._start(node))
        return self._regions(contract(self.graph, {group: self._results(group) for group in self.groups}))

    def _regions(self, graph: Graph) -> Graph:
        """Return the graph with the bodies of loops and branches fused, too."""
        values: dict[Value, Value] = {}
        for node in graph.nodes:
            regions = node.regions
            if node.op.name != "fusion":
                regions = tuple(Fusion(region, self.accepts).run() for region in node.regions)
            new = node.replace([values.get(v, v) for v in node.inputs], regions)
            values.update(zip(node.outputs, new.outputs, strict=True))
        return graph.with_outputs([values.get(value, value) for value in graph.outputs])

    # -- groups --------------------------------------------------------------------------------------
    def _start(self, node: Node) -> Group:
        group = Group([node])
        self.groups.append(group)
        self._join(group, node, copied=False)
        return group

    def _add(self, group: Group, nodes: Sequence[Node], copied: bool = False) -> bool:
        """Add nodes if one kernel still computes the group; a copied node stays in the graph for its other readers."""
        if len(group.nodes) + len(nodes) > LARGEST:
            return False
        before = group.nodes
        group.nodes = sorted([*before, *nodes], key=self.order.__getitem__)
        for node in nodes:
            self._join(group, node, copied)
        fits = self.accepts(body(group.nodes, self._results(group))[0])
        if not fits:
            group.nodes = before
            for node in nodes:
                self._leave(group, node)
        return fits

    def _join(self, group: Group, node: Node, copied: bool) -> None:
        if copied:
            group.copied.add(node)
            self.copies.setdefault(node, []).append(group)
        else:
            self.home[node] = group

    def _leave(self, group: Group, node: Node) -> None:
        if node in group.copied:
            group.copied.remove(node)
            self.copies[node].remove(group)
        else:
            del self.home[node]

    def _users(self, node: Node) -> list[Node]:
        return [user for value in node.outputs for user in self.graph.users(value)]

    def _readers(self, node: Node) -> Iterator[Group | Node]:
        """Yield the groups, and the nodes in none, that take a node's results from outside of them."""
        for user in self._users(node):
            yield from (group for group in self.copies.get(user, ()) if node not in group.nodes)
            if user in self.home:
                if node not in self.home[user].nodes:
                    yield self.home[user]
            elif not self.copies.get(user) or self._is_read(user):
                yield user

    def _is_read(self, node: Node) -> bool:
        """Return whether anything reads a node itself, not a copy of it."""
        return any(value in self.graph.outputs for value in node.outputs) or any(self._readers(node))

    def _escapes(self, node: Node, group: Group) -> bool:
        """Return whether anything but a group reads a node."""
        is_output = any(value in self.graph.outputs for value in node.outputs)
        return is_output or any(reader is not group for reader in self._readers(node))

    def _results(self, group: Group) -> list[Value]:
        """Return the values of a group that are read outside of it."""
        return [value for node in group.own if self._escapes(node, group) for value in node.outputs]

    # -- contractions --------------------------------------------------------------------------------
    def _epilogue(self, group: Group) -> None:
        """Give a contraction the chain of pointwise nodes that its result runs through."""
        tried: list[Node] = []
        while (user := self._only_user(tried[-1] if tried else group.nodes[-1])) is not None:
            tried.append(user)
            if user.op.name == "reshape":
                continue  # a view: of use only with what follows it
            if not self._add(group, tried):
                return
            tried = []

    def _only_user(self, node: Node) -> Node | None:
        """Return the pointwise or view node that alone reads a node's result, if no group has it yet."""
        (value,) = node.outputs
        users = set(self.graph.users(value))
        if len(users) != 1 or value in self.graph.outputs:
            return None
        (user,) = users
        pointwise = user.op.kind is Kind.ELEMENTWISE and user.outputs[0].shape == value.shape
        views = user.op.name in ("reshape", "transpose")
        return user if (pointwise or views) and user not in self.home else None

    def _prologue(self, group: Group) -> None:
        """Let a contraction read its operands through the views before them."""
        todo = [value.node for value in group.nodes[0].inputs]
        while todo:
            node = todo.pop()
            if node is None or node.op.name not in VIEWS or node in self.home or node in group.nodes:
                continue
            if self._add(group, [node], copied=True):
                todo += [value.node for value in node.inputs]

    # -- everything else -----------------------------------------------------------------------------
    def _grow(self, group: Group) -> None:
        """Take in producers while one fits."""
        refused: set[Node] = set()
        while True:
            for node in self._producers(group, refused):
                if self._take(group, node):
                    break
                refused.add(node)
            else:
                return

    def _producers(self, group: Group, refused: set[Node]) -> Iterator[Node]:
        """Yield the nodes that feed a group and might join it, the latest first."""
        found = {value.node for value in operands(group.nodes) if value.node is not None}
        for node in sorted(found, key=lambda n: -self.order[n]):
            if node not in self.home and node not in refused and node.op.kind in FUSIBLE and node.op.name != "constant":
                yield node

    def _take(self, group: Group, node: Node) -> bool:
        if any(user.op.kind in (Kind.WINDOW, Kind.CONTRACT) and user in group.nodes for user in self._users(node)):
            return False  # its work would be done again for every window
        if not self._escapes(node, group):
            return self._add(group, [node])
        if node.op.name in FREE:
            return self._add(group, [node], copied=True)
        shared = node.op.kind in (Kind.ELEMENTWISE, Kind.REDUCE) and not self._feeds_through_others(group, node)
        return shared and self._add(group, [node])

    def _feeds_through_others(self, group: Group, node: Node) -> bool:
        """Return whether some path leads from a node, through kernels outside the group, back into it."""
        todo = [reader for reader in self._readers(node) if reader is not group]
        seen: set[Group | Node] = set()
        while todo:
            current = todo.pop()
            if current is group:
                return True
            if current not in seen:
                seen.add(current)
                made = current.own if isinstance(current, Group) else [current]
                todo += [reader for part in made for reader in self._readers(part)]
        return False
