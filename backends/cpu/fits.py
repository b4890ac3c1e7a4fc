"""What the CPU backend takes as one kernel: the answer fusion asks for.

In: a body. Out: whether one kernel of `kernels` computes it, and computes it well.
"""

from __future__ import annotations

from collections.abc import Hashable

from aicomp.ir import Graph, Kind

from .contraction import analyse
from .kernels import has_contraction, structure
from .loops.build import build_nests
from .loops.scalars import Unlowerable


class Fits:
    """Answers whether a body is one good kernel; bodies of one structure, as layers repeat them, are judged once."""

    def __init__(self) -> None:
        self.known: dict[Hashable, bool] = {}

    def __call__(self, body: Graph) -> bool:
        """Return whether one kernel computes a body."""
        key = structure(body)
        if key not in self.known:
            self.known[key] = fits(body)
        return self.known[key]


def fits(body: Graph) -> bool:
    """Return whether a body is one good kernel."""
    if any(node.op.kind in (Kind.OPAQUE, Kind.REGION, Kind.COMPOSITE) for node in body.nodes):
        return False
    try:
        if has_contraction(body):
            analyse(body)
            return True
        return bool(build_nests(body))
    except Unlowerable:
        return False
