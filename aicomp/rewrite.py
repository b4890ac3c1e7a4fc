"""Rewrites graphs by tables of rules, each an equation read from left to right.

In: a graph and rules. Out: the graph in which no rule applies any more, regions included; new nodes keep the
source location of the node they replace.

    x = Var("x")
    RULES = (Rule("x * 1 = x", x * fill(1, 1.0), x), Rule("-(-x) = x", -(-x), x))
    rewrite(graph, RULES)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from .contract import Contract
from .errors import GraphError
from .ir import Graph, Node, Value
from .ops import OPS
from .ops.symbol import Symbol
from .ops.symbol import lift as lift_constant
from .pattern import Apply, Match, Pattern
from .rebuild import EndlessError, rebuild

Replacement = Pattern | Callable[[Match], Symbol | None]


@dataclass(frozen=True)
class Rule:
    """One equation. `replacement` is a pattern, or a function of the match; None means it does not apply.

    A replacement of a smaller shape is broadcast to the root's; one of another dtype does not apply.
    """

    equation: str
    pattern: Apply
    replacement: Replacement
    contract: Contract = Contract.EXACT

    def apply(self, node: Node) -> Value | None:
        """Return what takes the place of a node's result, or None where the rule does not apply."""
        for bound in self.pattern.match(node.outputs[0], {}):
            match = Match(node, bound)
            built = self.replacement
            result = built.build(match) if isinstance(built, Pattern) else built(match)
            if result is not None:
                return _fit(result, node)
        return None


def _fit(result: Symbol | float, node: Node) -> Value | None:
    """Return a replacement in the shape of what it replaces; None where its dtype is another."""
    wanted = node.outputs[0].type
    value = result.value if isinstance(result, Symbol) else lift_constant(result, wanted.dtype, node.loc)
    if value.dtype != wanted.dtype:
        return None
    if value.shape == wanted.shape:
        return value
    return Node(OPS["broadcast_to"], (value,), {"shape": wanted.shape}, loc=node.loc).outputs[0]


def rewrite(graph: Graph, rules: Sequence[Rule]) -> Graph:
    """Return the graph rewritten until no rule applies. Raises GraphError, naming a rule that has no end."""
    index = by_root(rules)
    fired = ""

    def visit(node: Node) -> Sequence[Value]:
        nonlocal fired
        for rule in index.get(node.op.name, ()):
            result = rule.apply(node)
            if result is not None:
                fired = rule.equation
                return (result,)
        return node.outputs

    try:
        return rebuild(graph, visit)
    except EndlessError as error:
        raise GraphError(f"{error}; the last rule that fired is {fired!r}") from error


def by_root(rules: Sequence[Rule]) -> Mapping[str, Sequence[Rule]]:
    """Return the rules by the ops their patterns start from, in the order given."""
    index: dict[str, list[Rule]] = {}
    for rule in rules:
        for name in rule.pattern.ops:
            index.setdefault(name, []).append(rule)
    return index
