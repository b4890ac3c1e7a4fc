"""Identities of transpose, reshape and broadcast, all exact.

In the equations `r` is a reshape, `t` a transpose, `b` a broadcast, `f` an elementwise op.
"""

from __future__ import annotations

from aicomp import ops
from aicomp.ir import Kind
from aicomp.ops import OPS
from aicomp.ops.symbol import Symbol
from aicomp.pattern import Match, Var, any_of, call, inner, op, root
from aicomp.rewrite import Rule
from aicomp.types import Shape

x, y = Var("x"), Var("y")
ELEMENTWISE = tuple(name for name, op_ in OPS.items() if op_.kind is Kind.ELEMENTWISE)


def reshaped(x: Symbol, shape: Shape) -> Symbol:
    """Return x under another shape; x itself where it has that shape."""
    return call(ops.reshape, x, shape=shape) if x.shape != shape else x


def _same_type(match: Match) -> Symbol | None:
    return match["x"] if match["x"].value.type == match.root.outputs[0].type else None


def _transpose_by_nothing(match: Match) -> Symbol | None:
    perm = match.root.attrs["perm"]
    return match["x"] if perm == tuple(range(len(perm))) else None


def _transpose_of_transpose(match: Match) -> Symbol:
    inner = match.node("inner").attrs["perm"]
    return call(ops.transpose, match["x"], perm=tuple(inner[axis] for axis in match.root.attrs["perm"]))


def _transpose_as_reshape(match: Match) -> Symbol | None:
    x = match["x"]
    moved = [axis for axis in match.root.attrs["perm"] if x.shape[axis] != 1]
    return reshaped(x, match.root.outputs[0].shape) if moved == sorted(moved) else None


def _reshape_of_reshape(match: Match) -> Symbol:
    return reshaped(match["x"], match.root.outputs[0].shape)


def _broadcast_of_broadcast(match: Match) -> Symbol:
    return match["x"]  # broadcast to the root's shape where it is put in place


def _view_of_one_element(match: Match) -> Symbol | None:
    return reshaped(match["x"], ()) if match["x"].size == 1 else None


def _without_leading_ones(match: Match) -> Symbol | None:
    """Return x where the reshape under a broadcast only put axes of size 1 in front."""
    shape, added = match["x"].shape, match.node("inner").outputs[0].shape
    front = len(added) - len(shape)
    return match["x"] if front > 0 and added == (1,) * front + shape else None


def _implicit_broadcast(match: Match) -> Symbol | None:
    """Return an elementwise op on its operands without explicit broadcasts, which it does itself."""
    wide = match.inputs
    narrow = [_narrow(operand) for operand in wide]
    if all(a is b for a, b in zip(narrow, wide, strict=True)):
        return None
    return call(match.root.op, *narrow, **match.root.attrs)


def _narrow(operand: Symbol) -> Symbol:
    node = operand.value.node
    if node is None or node.op.name not in ("broadcast_to", "reshape"):
        return operand
    inner = node.inputs[0]
    front = operand.ndim - inner.type.rank
    is_free = node.op.name == "broadcast_to" or (front > 0 and operand.shape == (1,) * front + inner.shape)
    return operand.wrap(inner) if is_free else operand


def _batch_broadcast(match: Match) -> Symbol | None:
    """Return a matmul on operands whose batch axes it broadcasts itself."""
    wide = [match["x"], match["y"]]
    narrow = [_narrow_batch(operand) for operand in wide]
    if all(a is b for a, b in zip(narrow, wide, strict=True)):
        return None
    product = call(ops.matmul, *narrow)
    return product if product.shape == match.root.outputs[0].shape else None


def _narrow_batch(operand: Symbol) -> Symbol:
    node = operand.value.node
    if node is None or node.op.name != "broadcast_to":
        return operand
    shape = node.inputs[0].shape
    return operand.wrap(node.inputs[0]) if len(shape) > 1 and shape[-2:] == operand.shape[-2:] else operand


RULES = (
    Rule("t(x, identity) = x", op.transpose(x), _transpose_by_nothing),
    Rule("t(t(x, p), q) = t(x, p[q])", op.transpose(inner("transpose")), _transpose_of_transpose),
    Rule("t(x) = r(x) where only axes of size 1 move", op.transpose(x), _transpose_as_reshape),
    Rule("r(x, x.shape) = x", op.reshape(x), _same_type),
    Rule("r(r(x)) = r(x)", op.reshape(op.reshape(x)), _reshape_of_reshape),
    Rule("b(x, x.shape) = x", op.broadcast_to(x), _same_type),
    Rule("b(b(x)) = b(x)", op.broadcast_to(op.broadcast_to(x)), _broadcast_of_broadcast),
    Rule("b(r(x)) = b(x) where r adds leading ones", op.broadcast_to(inner("reshape")), _without_leading_ones),
    Rule(
        "v(b(x)) = b(x) where x is one element",
        any_of(("reshape", "transpose", "slice"), op.broadcast_to(x)),
        _view_of_one_element,
    ),
    Rule("f(b(x), y) = f(x, y) where f broadcasts", root(*ELEMENTWISE), _implicit_broadcast),
    Rule("b(x) @ y = x @ y where matmul broadcasts", op.matmul(x, y), _batch_broadcast),
)
