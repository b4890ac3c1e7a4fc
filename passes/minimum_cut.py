"""Minimum cut of a small network, by shortest augmenting paths (Edmonds and Karp, 1972).

In: edges with capacities, a source and a sink. Out: the nodes on the source's side of a cheapest cut.

    network = Network("s", "t")
    network.edge("s", "a", 3.0); network.edge("a", "t", 2.0)
    network.source_side()                              # {"s", "a"}

The networks of a compiler have few paths; importing a graph library would take longer than all of this.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from math import inf

Edges = dict[Hashable, dict[Hashable, float]]


class Network:
    """A directed graph with capacities."""

    def __init__(self, source: Hashable, sink: Hashable) -> None:
        self.source, self.sink = source, sink
        self.residual: Edges = {source: {}, sink: {}}

    def edge(self, a: Hashable, b: Hashable, capacity: float) -> None:
        """Add capacity from a to b: what it costs to have a on the source's side and b on the sink's."""
        if capacity and a != b:
            self.residual.setdefault(b, {}).setdefault(a, 0.0)
            forward = self.residual.setdefault(a, {})
            forward[b] = forward.get(b, 0.0) + capacity

    def source_side(self) -> set[Hashable]:
        """Return the nodes that stay with the source; as few as possible. Uses up the capacities."""
        while True:
            parents = self._search()
            if self.sink not in parents:
                return set(parents)
            self._augment(parents)

    def _search(self) -> dict[Hashable, Hashable]:
        """Return each node that the source still reaches, with the one before it on a shortest path."""
        parents = {self.source: self.source}
        queue = deque([self.source])
        while queue and self.sink not in parents:
            node = queue.popleft()
            for target, capacity in self.residual[node].items():
                if capacity > 0 and target not in parents:
                    parents[target] = node
                    queue.append(target)
        return parents

    def _augment(self, parents: dict[Hashable, Hashable]) -> None:
        path = [self.sink]
        while path[-1] != self.source:
            path.append(parents[path[-1]])
        pairs = list(zip(path[1:], path, strict=False))
        flow = min(self.residual[a][b] for a, b in pairs)
        if flow == inf:
            raise ValueError("the source reaches the sink by edges that cannot be cut")
        for a, b in pairs:
            self.residual[a][b] -= flow
            self.residual[b][a] += flow
