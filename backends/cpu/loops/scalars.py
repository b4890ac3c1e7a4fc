"""Turns values of a fused body into scalars at symbolic indices: movement becomes index arithmetic.

In: a value and an index, a tuple of `Linear`. Out: the scalar to compute there. Loads come from the body's inputs; a
reduction is looked up by its node, once the caller has said where it stands (`known`).

    Scalars({x: 0}).at(transpose_of_x, (i, j))      # Load(slot 0, j*n + i)
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from itertools import accumulate
from types import MappingProxyType

import numpy as np

from aicomp.expr import Expr, arg, const, select
from aicomp.ir import Kind, Node, Value
from aicomp.types import DType, Shape, TensorType

from .index import ZERO, Dynamic, Linear, flatten, unflatten
from .nest import Apply, Bound, Load, Position, Reduction, Scalar, choose

Index = tuple[Linear, ...]
Inside = tuple[Bound, ...]


class Unlowerable(Exception):
    """The body does not fit one loop nest; the fusion pass takes it as a no."""


class Scalars:
    """The scalars of one body. `slots` numbers the buffers of its inputs; `known` holds values computed elsewhere."""

    def __init__(self, slots: Mapping[Value, int]) -> None:
        self.slots = slots
        self.known: dict[Value, tuple[Index, Scalar]] = {}
        self.reduce: Callable[[Node, Index], Scalar] | None = None
        self.done: dict[tuple[Value, Index, Inside], Scalar] = {}
        self.exprs: dict[Node, Expr] = {}

    def at(self, value: Value, index: Index, inside: Inside = ()) -> Scalar:
        """Return the scalar of a value at an index. Raises Unlowerable where no scalar gives it."""
        key = (value, index, inside)
        if key not in self.done:
            self.done[key] = self._make(value, index, inside)
        return self.done[key]

    def _make(self, value: Value, index: Index, inside: Inside) -> Scalar:
        if value in self.known:
            where, scalar = self.known[value]
            if where != index:
                raise Unlowerable(f"{value.op} is needed away from where it is computed")
            return scalar
        if value in self.slots:
            return load(self.slots[value], value.type, flatten(index, value.shape), inside)
        node = value.node
        if node is None:
            raise Unlowerable("an input without a buffer")
        if node.op.kind is Kind.ELEMENTWISE:
            return self._elementwise(node, index, inside)
        if node.op.kind in (Kind.REDUCE, Kind.WINDOW, Kind.CONTRACT) and self.reduce:
            return self.reduce(node, index)
        rule = RULES.get(node.op.name)
        if rule is None:
            raise Unlowerable(f"{node.op.name} has a kernel of its own")
        return rule(self, node, index, inside)

    def _elementwise(self, node: Node, index: Index, inside: Inside) -> Scalar:
        if node not in self.exprs:
            assert node.op.expr is not None
            self.exprs[node] = node.op.expr([v.dtype for v in node.inputs], node.attrs)
        operands = tuple(self.at(v, broadcast_index(index, v.shape), inside) for v in node.inputs)
        return Apply(self.exprs[node], operands)

    def position(self, value: Value, index: Index, inside: Inside, extent: int) -> Linear:
        """Return an index read at run time: negative ones count from the end, others are checked against `extent`."""
        scalar = self.at(value, index, inside)
        if any(isinstance(need, Reduction) for need in scalar.deps):
            raise Unlowerable("an index that a reduction gives")
        x = arg(0, value.dtype)
        if value.dtype.kind == "i":
            wrapped = select(x < 0, x + const(min(extent, np.iinfo(value.dtype).max), value.dtype), x)
            scalar = Apply(wrapped, (scalar,))
        return Linear(((Dynamic(scalar, extent), 1),), 0)


def load(slot: int, type_: TensorType, flat: Linear, inside: Inside) -> Scalar:
    """Return the load of a dense tensor's element, the bounds that always hold left out."""
    open_bounds = tuple(b for b in inside if not b.always)
    return Load(slot, flat, type_.dtype, open_bounds)


def broadcast_index(index: Index, shape: Shape) -> Index:
    """Return where an operand of a smaller shape is read when it is broadcast."""
    last = index[len(index) - len(shape) :]
    return tuple(ZERO if n == 1 else i for i, n in zip(last, shape, strict=True))


def literal(value: object, dtype: DType) -> Apply:
    """Return a constant scalar."""
    number = np.asarray(value).astype(dtype)
    wide = number.astype(np.float32) if number.dtype.kind == "V" or dtype.itemsize == 2 else number
    return Apply(const(wide.item(), dtype), ())


Rule = Callable[[Scalars, Node, Index, Inside], Scalar]


def _constant(s: Scalars, node: Node, index: Index, inside: Inside) -> Scalar:
    value = node.attrs["value"]
    if value.size != 1:
        raise Unlowerable("a large constant needs a buffer")
    return literal(value.reshape(()), value.dtype)


def _iota(s: Scalars, node: Node, index: Index, inside: Inside) -> Scalar:
    return Position(index[node.attrs["axis"]], node.outputs[0].dtype)


def _reshape(s: Scalars, node: Node, index: Index, inside: Inside) -> Scalar:
    (x,) = node.inputs
    flat = flatten(index, node.outputs[0].shape)
    if x in s.slots:
        return load(s.slots[x], x.type, flat, inside)  # whatever the shapes, the position in memory is the same
    return s.at(x, unflatten(flat, x.shape), inside)


def _transpose(s: Scalars, node: Node, index: Index, inside: Inside) -> Scalar:
    perm = node.attrs["perm"]
    return s.at(node.inputs[0], tuple(index[perm.index(axis)] for axis in range(len(perm))), inside)


def _broadcast(s: Scalars, node: Node, index: Index, inside: Inside) -> Scalar:
    (x,) = node.inputs
    return s.at(x, broadcast_index(index, x.shape), inside)


def _slice(s: Scalars, node: Node, index: Index, inside: Inside) -> Scalar:
    parts = zip(index, node.attrs["starts"], node.attrs["steps"], strict=True)
    return s.at(node.inputs[0], tuple(i * step + start for i, start, step in parts), inside)


def _pad(s: Scalars, node: Node, index: Index, inside: Inside) -> Scalar:
    (x,) = node.inputs
    places, bounds = [], []
    for i, n, low, gap in zip(index, x.shape, node.attrs["low"], node.attrs["interior"], strict=True):
        step, shifted = gap + 1, i - low
        bounds.append(Bound(shifted, (n - 1) * step + 1 if n else 0, step))
        places.append(shifted // step if step > 1 else shifted)
    other = literal(node.attrs["value"], x.dtype)
    return choose(bounds, lambda: s.at(x, tuple(places), (*inside, *bounds)), other)


def _concat(s: Scalars, node: Node, index: Index, inside: Inside) -> Scalar:
    axis, xs = node.attrs["axis"], node.inputs
    starts = [0, *accumulate(x.shape[axis] for x in xs[:-1])]
    low, high = index[axis].bounds()
    first = max(bisect_right(starts, low) - 1, 0)
    last = max(bisect_right(starts, high), first + 1)
    here = (*index[:axis], index[axis] - starts[first], *index[axis + 1 :])
    return _pieces(s, xs[first:last], here, inside, axis)


def _pieces(s: Scalars, xs: tuple[Value, ...], index: Index, inside: Inside, axis: int) -> Scalar:
    x, *rest = xs
    here = Bound(index[axis], x.shape[axis])
    if not rest:
        return s.at(x, index, inside)
    further = (*index[:axis], index[axis] - x.shape[axis], *index[axis + 1 :])
    after = Bound(further[axis], sum(v.shape[axis] for v in rest))
    if here.never:
        return _pieces(s, tuple(rest), further, inside, axis)
    if after.never:
        return s.at(x, index, inside)
    other = _pieces(s, tuple(rest), further, (*inside, after), axis)
    return choose([here], lambda: s.at(x, index, (*inside, here)), other)


def _gather(s: Scalars, node: Node, index: Index, inside: Inside) -> Scalar:
    x, indices = node.inputs
    axis, rank = node.attrs["axis"], indices.type.rank
    place = s.position(indices, index[axis : axis + rank], inside, x.shape[axis])
    return s.at(x, (*index[:axis], place, *index[axis + rank :]), (*inside, *_any(x.shape[axis])))


def _gather_elements(s: Scalars, node: Node, index: Index, inside: Inside) -> Scalar:
    x, indices = node.inputs
    axis = node.attrs["axis"]
    place = s.position(indices, index, inside, x.shape[axis])
    return s.at(x, (*index[:axis], place, *index[axis + 1 :]), (*inside, *_any(x.shape[axis])))


def _gather_nd(s: Scalars, node: Node, index: Index, inside: Inside) -> Scalar:
    x, indices = node.inputs
    batch, depth, rows = node.attrs["batch_dims"], indices.shape[-1], indices.type.rank - 1
    sizes = x.shape[batch : batch + depth]
    places = tuple(s.position(indices, (*index[:rows], Linear((), i)), inside, n) for i, n in enumerate(sizes))
    guard = tuple(b for n in sizes for b in _any(n))
    return s.at(x, (*index[:batch], *places, *index[rows:]), (*inside, *guard))


def _any(extent: int) -> Inside:
    """Return the bound that keeps an empty axis from being read."""
    return () if extent else (Bound(ZERO, 0),)


RULES: Mapping[str, Rule] = MappingProxyType({
    "constant": _constant,
    "iota": _iota,
    "reshape": _reshape,
    "transpose": _transpose,
    "broadcast_to": _broadcast,
    "slice": _slice,
    "pad": _pad,
    "concat": _concat,
    "gather": _gather,
    "gather_elements": _gather_elements,
    "gather_nd": _gather_nd,
})  # fmt: skip
