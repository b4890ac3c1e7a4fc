"""Control flow on values: `cond`, `while_loop` and `scan`, in place of Python's `if`, `while` and `for`.

In: Python functions, and operands that may be nested. Out: what the functions compute. On tracers each function is
traced once, into a region of one node; what it reads of the function around it becomes an input of the region.
On plain arrays they run as Python does, so an untraced function works as well.

    ac.cond(x.sum() > 0, lambda x: x + 1, lambda x: x, x)
    ac.scan(lambda h, x: (np.tanh(h + x), h), h0, xs)         # the last h, and every h stacked
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from aicomp import ops
from aicomp.errors import InputValueError
from aicomp.tree import arranged, leaf_names, leaves, map_leaves, structure_of, unflatten
from aicomp.types import BOOL, TensorType

from .promotion import cast, is_number
from .recorder import trace_error
from .regions import Body, lift_bodies, settle, trace_body
from .tracer import Tracer

Tree = Any


def cond(pred: Any, then_fn: Callable[..., Tree], else_fn: Callable[..., Tree], *operands: Tree) -> Tree:
    """Return then_fn(*operands) where a scalar predicate holds, else else_fn(*operands).

    Both return the same structure, shapes and dtypes. Raises TraceError where they do not.
    """
    if not isinstance(pred, Tracer):
        return then_fn(*operands) if pred else else_fn(*operands)
    flag = cast(scalar(pred, "the predicate of cond"), BOOL)
    inputs = as_tracers(pred, operands)
    then = trace_body(then_fn, inputs, pred)
    otherwise = trace_body(lambda *xs: arranged(else_fn(*xs), then.result), inputs, pred)
    agree(then, otherwise)
    captured, regions = lift_bodies((then, otherwise), ("then", "otherwise"))
    results = ops.cond(flag, *leaves(inputs), *map(pred.wrap, captured), regions=regions)
    return rebuild(then, results)


def while_loop(cond_fn: Callable[[Tree], Any], body_fn: Callable[[Tree], Tree], init: Tree) -> Tree:
    """Return the carry after `while cond_fn(carry): carry = body_fn(carry)`, from init on.

    The carry keeps its structure, shapes and dtypes. Raises TraceError where it does not.
    """
    carry, like = init, first_tracer(init)
    while like is None:
        proceed = cond_fn(carry)
        like = first_tracer(proceed)
        if like is None:
            if not proceed:
                return carry
            carry = body_fn(carry)
            like = first_tracer(carry)
    start, body = settle(
        "while_loop", lambda c: arranged(body_fn(c), carry), as_tracers(like, carry), like, lambda result: result
    )
    condition = trace_body(lambda c: scalar(cond_fn(c), "the condition of while_loop"), (start,), like)
    condition.cast(0, BOOL)
    captured, regions = lift_bodies((condition, body), ("condition", "body"))
    flat = leaves(start)
    results = WHILE(*flat, *map(like.wrap, captured), regions=regions, num_carry=len(flat))
    return rebuild(body, results)


WHILE = ops.OPS["while"]  # no attribute of a module can be called by a Python keyword


def scan(
    body_fn: Callable[[Tree, Tree], tuple[Tree, Tree]],
    init: Tree,
    xs: Tree,
    length: int | None = None,
    reverse: bool = False,
) -> tuple[Tree, Tree]:
    """Return the last carry and the stacked ys of `carry, y = body_fn(carry, x)` for every slice x of xs.

    Slices are along axis 0 of each leaf of xs, which may be None where `length` is given. ys stand in the order
    of xs also where `reverse` starts from the last.
    """
    count = scan_length(xs, length)
    like = first_tracer((init, xs))
    if like is None:
        carry, ys = scan_eagerly(body_fn, init, xs, range(count)[:: -1 if reverse else 1])
        like = first_tracer((carry, ys))
        if like is None:
            return carry, ys
    scanned = as_tracers(like, xs)
    slices = map_leaves(lambda x: TensorType(x.shape[1:], x.dtype), scanned)
    start, body = settle(
        "scan",
        lambda carry, x: arranged(body_fn(carry, x), (init, None)),
        as_tracers(like, init),
        like,
        lambda result: result[0],
        slices,
    )
    captured, regions = lift_bodies((body,), ("body",))
    counts = {"num_carry": len(leaves(start)), "num_xs": len(leaves(scanned)), "length": count}
    operands = *leaves(start), *leaves(scanned), *map(like.wrap, captured)
    carry, ys = rebuild(body, ops.scan(*operands, regions=regions, reverse=reverse, **counts))
    return carry, ys


def scan_length(xs: Tree, length: int | None) -> int:
    """Return the number of slices of xs. Raises InputValueError where its leaves disagree or there are none."""
    sizes = {name: np.shape(leaf)[:1] for name, leaf in zip(leaf_names(xs, "xs"), leaves(xs), strict=True)}
    wanted = (length,) if length is not None else next(iter(sizes.values()), ())
    if not wanted:
        raise InputValueError("scan needs xs of at least one axis, or length=")
    for name, size in sizes.items():
        if size != wanted:
            raise InputValueError(f"scan takes {wanted[0]} slices, but {name} has {size[0] if size else 'no axes'}")
    return wanted[0]


def scan_eagerly(body_fn: Callable[..., Any], init: Tree, xs: Tree, order: range) -> tuple[Tree, Tree]:
    """Run a scan on plain arrays; stops after a step that returns a tracer, for the scan to be traced instead."""
    if not order:
        return init, map_leaves(_none_of, body_fn(init, map_leaves(_zero_slice, xs))[1])
    carry, steps = init, []
    for i in order:
        carry, y = body_fn(carry, map_leaves(lambda x, i=i: x[i], xs))
        if first_tracer((carry, y)) is not None:
            return carry, y
        steps.append(y)
    ordered = steps[:: order.step]
    columns = [np.stack(each) for each in zip(*map(leaves, ordered), strict=True)]
    return carry, unflatten(structure_of(steps[0]), columns)


def _zero_slice(x: Any) -> Any:
    return np.zeros(np.shape(x)[1:], np.asarray(x).dtype)


def _none_of(y: Any) -> Any:
    return y if isinstance(y, Tracer) else np.zeros((0, *np.shape(y)), np.asarray(y).dtype)


def first_tracer(tree: Tree) -> Tracer | None:
    """Return the first tracer among the leaves, if there is one."""
    return next((leaf for leaf in leaves(tree) if isinstance(leaf, Tracer)), None)


def as_tracers(like: Tracer, tree: Tree) -> Tree:
    """Return the tree with its arrays and numbers as tracers of constants."""

    def convert(leaf: Any) -> Tracer:
        if isinstance(leaf, Tracer):
            return leaf
        constant = like.constant(np.asarray(leaf))
        constant.weak = is_number(leaf)
        return constant

    return map_leaves(convert, tree)


def scalar(x: Any, what: str) -> Any:
    """Return a value of one element without its axes. Raises TraceError where it has more elements."""
    if not isinstance(x, Tracer) or x.shape == ():
        return x
    if x.size != 1:
        raise trace_error(f"{what} is {x!r}, expected a scalar; use np.any or np.all")
    return x.reshape(())


def agree(then: Body, otherwise: Body) -> None:
    """Give both branches the same types: a Python number takes the other's dtype. Raises TraceError else."""
    one, other = structure_of(then.result), structure_of(otherwise.result)
    if one != other:
        raise trace_error(f"the branches of cond return different structures, {one} and {other}")
    for i, name in enumerate(leaf_names(then.result, "result")):
        if then.weak[i] and not otherwise.weak[i]:
            then.cast(i, otherwise.outputs[i].dtype)
        elif otherwise.weak[i]:
            otherwise.cast(i, then.outputs[i].dtype)
        types = then.outputs[i].type, otherwise.outputs[i].type
        if types[0] != types[1]:
            raise trace_error(f"the branches of cond return {name} as {types[0]} and {types[1]}, expected one type")


def rebuild(body: Body, results: Any) -> Tree:
    """Return the results of a node in the structure that its body returned."""
    flat = results if isinstance(results, tuple) else (results,)
    return unflatten(structure_of(body.result), flat)
