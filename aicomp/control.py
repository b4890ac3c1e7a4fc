"""Control flow on values that are unknown while a function is traced: `ac.cond`, `ac.while_loop`, `ac.scan`.

In: Python functions of (nested) arrays. Out: their results. On plain arrays they run as Python would; in a traced
function the tracing frontend records them as regions of the graph.

    ac.cond(x.sum() > 0, lambda x: x * 2, lambda x: -x, x)
    ac.scan(lambda total, x: (total + x, total), 0.0, xs)        # last total, running totals
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .plugins import frontends

Tree = Any


def cond(pred: Any, then_fn: Callable[..., Tree], else_fn: Callable[..., Tree], *operands: Tree) -> Tree:
    """Return then_fn(*operands) where a scalar predicate holds, else else_fn(*operands).

    Both return the same structure, shapes and dtypes. Raises TraceError where they do not.
    """
    return frontends().named("trace").cond(pred, then_fn, else_fn, *operands)


def while_loop(cond_fn: Callable[[Tree], Any], body_fn: Callable[[Tree], Tree], init: Tree) -> Tree:
    """Return the carry after `while cond_fn(carry): carry = body_fn(carry)`, from init on.

    The carry keeps its structure, shapes and dtypes. Raises TraceError where it does not.
    """
    return frontends().named("trace").while_loop(cond_fn, body_fn, init)


def scan(
    body_fn: Callable[[Tree, Tree], tuple[Tree, Tree]],
    init: Tree,
    xs: Tree,
    length: int | None = None,
    reverse: bool = False,
) -> tuple[Tree, Tree]:
    """Return the last carry and the stacked ys of `carry, y = body_fn(carry, x)` for every slice x of xs.

    Slices are along axis 0 of each leaf of xs, which may be None where `length` is given. ys stand in the order of xs
    also where `reverse` starts from the last.
    """
    result: tuple[Tree, Tree] = frontends().named("trace").scan(body_fn, init, xs, length, reverse)
    return result
