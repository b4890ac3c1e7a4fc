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

from .groups import Accepts, Group, body, contract, escapes, operands

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
        self.copies: set[Node] = set()  # nodes that some group has a copy of
        self.groups: list[Group] = []

    def run(self) -> Graph:
        """Return the graph with fusion nodes, in regions too."""
        for node in reversed(self.graph.nodes):
            if node.op.kind is Kind.CONTRACT and node not in self.home:
                self._epilogue(node)
        for group in list(self.groups):
            self._prologue(group)
        for node in reversed(self.graph.nodes):
            fusible = node.op.kind in FUSIBLE and node.op.name not in ("constant", "reshape")
            if fusible and node not in self.home and self._is_read(node):
                self._grow(self._start([node]))
        return self._regions(contract(self.graph, self.groups))

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

    def _start(self, nodes: list[Node]) -> Group:
        group = Group(nodes)
        self.groups.append(group)
        self.home.update((node, group) for node in nodes)
        return group

    def _fits(self, nodes: Sequence[Node], copied: set[Node]) -> bool:
        """Return whether nodes may form one kernel."""
        return len(nodes) <= LARGEST and self.accepts(body(self.graph, nodes, copied)[0])

    # -- contractions --------------------------------------------------------------------------------
    def _epilogue(self, node: Node) -> None:
        """Give a contraction the chain of pointwise nodes that its result runs through."""
        chain = [node]
        tried = chain
        while (user := self._only_user(tried[-1])) is not None:
            tried = [*tried, user]
            if user.op.name == "reshape":
                continue  # a view: of use only with what follows it
            if not self._fits(tried, set()):
                break
            chain = tried
        self._start(chain)

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
            if self._add(group, node, copied=True) or node.op.name == "reshape":
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
        users = [user for value in node.outputs for user in self.graph.users(value)]
        if any(user.op.kind in (Kind.WINDOW, Kind.CONTRACT) and user in group.members for user in users):
            return False  # its work would be done again for every window
        if not any(escapes(self.graph, value, group.members, group.copied) for value in node.outputs):
            return self._add(group, node, copied=False)
        if node.op.name in FREE:
            return self._add(group, node, copied=True)
        shared = node.op.kind in (Kind.ELEMENTWISE, Kind.REDUCE) and not self._feeds_through_others(group, node)
        return shared and self._add(group, node, copied=False)

    def _is_read(self, node: Node) -> bool:
        """Return whether anything reads a node itself, not a group's copy of it."""
        users = [user for value in node.outputs for user in self.graph.users(value)]
        return any(value in self.graph.outputs for value in node.outputs) or any(self._reads(u, node) for u in users)

    def _reads(self, user: Node, node: Node) -> bool:
        if user in self.home:
            return node not in self.home[user].copied
        return user not in self.copies or self._is_read(user)

    def _add(self, group: Group, node: Node, copied: bool) -> bool:
        """Add a node if the group still fits one kernel; a copied node stays in the graph for its other users."""
        nodes = sorted([*group.nodes, node], key=self.order.__getitem__)
        own = {*group.copied, node} if copied else group.copied
        if not self._fits(nodes, own):
            return False
        group.nodes, group.copied = nodes, own
        if copied:
            self.copies.add(node)
        else:
            self.home[node] = group
        return True

    def _feeds_through_others(self, group: Group, node: Node) -> bool:
        """Return whether some path leads from a node, through nodes outside the group, back into it."""
        users = (user for value in node.outputs for user in self.graph.users(value))
        todo = [user for user in users if self.home.get(user) is not group]
        seen: set[Node] = set()
        while todo:
            current = todo.pop()
            if self.home.get(current) is group:
                return True
            if current in seen:
                continue
            seen.add(current)
            mates = self.home[current].nodes if current in self.home else [current]
            seen.update(mates)
            todo += [user for mate in mates for value in mate.outputs for user in self.graph.users(value)]
        return False
