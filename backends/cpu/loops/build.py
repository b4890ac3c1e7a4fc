"""From a fused body to loop nests: finds the space the kernel runs over, and the scalars it stores there.

In: a body, a Graph of elementwise, movement and reduction nodes. Out: a `Nest` for each kernel it takes: one, or one
for each piece of a concatenation. Raises `Unlowerable` where the nodes do not share one space.

    softmax over f32[1536,128]: rows (1536), cols (128), reductions max then sum, one store a column
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from aicomp.expr import arg, cast
from aicomp.ir import Graph, Kind, Node, Value
from aicomp.types import BOOL, DType, Shape, TensorType, compute_dtype, is_float

from .index import ZERO, Linear, Var, flatten, unflatten
from .nest import Apply, Bound, Nest, Reduction, Scalar, Store, choose, ordered
from .scalars import Index, Scalars, Unlowerable, literal

FOLDS = {Kind.REDUCE, Kind.WINDOW, Kind.CONTRACT}
FEW_PIECES = 8  # of a concatenation, for which loops of their own are worth their code


def build_nests(body: Graph) -> list[Nest]:
    """Return the loop nests that compute a body. Raises Unlowerable."""
    anchor = next((node for node in body.nodes if node.op.kind in FOLDS), None)
    if anchor:
        return [_finish(body, _reduction_nest(body, anchor))]
    return [_finish(body, nest) for nest in _map_nests(body)]


def slots_of(body: Graph) -> dict[Value, int]:
    """Return the kernel's buffer numbers of a body's inputs; the outputs' follow."""
    return {value: slot for slot, value in enumerate(body.inputs)}


def variables(prefix: str, shape: Shape) -> tuple[Var, ...]:
    """Return a loop variable for each axis."""
    return tuple(Var(f"{prefix}{axis}", n) for axis, n in enumerate(shape))


def positions(variables: Sequence[Var]) -> Index:
    """Return the index that loop variables form."""
    return tuple(v.linear for v in variables)


def _finish(body: Graph, nest: Nest) -> Nest:
    """Add the slot of the status word where an index is read at run time."""
    dynamic = any(s.operands for s in ordered(nest.roots()) if not isinstance(s, (Apply, Reduction)))
    dynamic = dynamic and any(node.op.name.startswith("gather") for node in body.nodes)
    return replace(nest, status=nest.slots, slots=nest.slots + 1) if dynamic else nest


def _map_nests(body: Graph) -> list[Nest]:
    """Return a nest for all of the outputs, or one for each piece of a concatenation they are pointwise in."""
    shape = body.outputs[0].shape
    cut = concatenation(body)
    if cut is None:
        rows = variables("i", shape)
        return [_map_nest(body, rows, positions(rows))]
    axis, sizes = cut
    nests, offset = [], 0
    for size in sizes:
        rows = variables("i", (*shape[:axis], size, *shape[axis + 1 :]))
        index = positions(rows)
        nests.append(_map_nest(body, rows, (*index[:axis], index[axis] + offset, *index[axis + 1 :])))
        offset += size
    return nests


def _map_nest(body: Graph, rows: tuple[Var, ...], place: Index) -> Nest:
    flat = flatten(place, body.outputs[0].shape)
    scalars = Scalars(slots_of(body))
    stores = []
    for slot, value in enumerate(body.outputs, len(body.inputs)):
        if value.type.size != body.outputs[0].type.size:
            raise Unlowerable("outputs of different sizes")
        same = value.shape == body.outputs[0].shape
        index = place if same else unflatten(flat, value.shape)
        stores.append(Store(slot, flat, scalars.at(value, index)))
    return Nest(rows, (), tuple(stores), len(body.inputs) + len(body.outputs))


def concatenation(body: Graph) -> tuple[int, Shape] | None:
    """Return the axis of the outputs, and the sizes along it, of a concatenation they are pointwise in; else None."""
    shape = body.outputs[0].shape
    if any(value.shape != shape for value in body.outputs):
        return None
    todo = [(value, tuple(range(len(shape)))) for value in body.outputs]
    seen: set[Value] = set()
    for value, axes in todo:  # each axis of the value is this axis of the outputs
        node = value.node
        if node is None or value in seen:
            continue
        seen.add(value)
        if node.op.name == "concat" and (value in body.outputs or len(node.inputs) <= FEW_PIECES):
            axis = node.attrs["axis"]
            return axes[axis], tuple(piece.shape[axis] for piece in node.inputs)
        if node.op.kind is Kind.ELEMENTWISE:
            todo += [(operand, axes) for operand in node.inputs if operand.shape == value.shape]
        elif node.op.name == "transpose":
            perm = node.attrs["perm"]
            todo.append((node.inputs[0], tuple(axes[perm.index(axis)] for axis in range(len(perm)))))
    return None


# -- reductions --------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Space:
    """The space of a reduction: rows kept, columns folded; `full` is the index of its input, if it has just one."""

    rows: tuple[Var, ...]
    cols: tuple[Var, ...]
    full: Index | None
    shape: Shape


def space_of(node: Node) -> Space:
    """Return the space a reduction, a pooling window or a contraction runs over."""
    if node.op.kind is Kind.REDUCE:
        (x,) = node.inputs
        axes = reduced_axes(node)
        every = [Var(f"{'c' if axis in axes else 'r'}{axis}", n) for axis, n in enumerate(x.shape)]
        rows = tuple(v for axis, v in enumerate(every) if axis not in axes)
        cols = tuple(v for axis, v in enumerate(every) if axis in axes)
        return Space(rows, cols, positions(every), x.shape)
    rows = variables("r", node.outputs[0].shape)
    if node.op.kind is Kind.WINDOW:
        return Space(rows, variables("c", node.attrs["window"]), None, node.outputs[0].shape)
    if node.op.name == "matmul":
        return Space(rows, variables("c", node.inputs[0].shape[-1:]), None, node.outputs[0].shape)
    return Space(rows, variables("c", _kernel(node)), None, node.outputs[0].shape)


def _kernel(node: Node) -> Shape:
    w = node.inputs[1].shape
    return (*w[:-2], w[-2]) if node.attrs["channels_last"] else (*w[2:], w[1])


def reduced_axes(node: Node) -> tuple[int, ...]:
    """Return the axes that a reduction folds."""
    return (node.attrs["axis"],) if "axis" in node.attrs else tuple(node.attrs["axes"])


class _Folds:
    """Makes the reductions of one space, each once."""

    def __init__(self, scalars: Scalars, anchor: Node, space: Space) -> None:
        self.scalars = scalars
        self.anchor = anchor
        self.space = space
        self.done: dict[Node, Scalar] = {}

    def __call__(self, node: Node, index: Index) -> Scalar:
        if self._kept(node, index) != positions(self.space.rows):
            raise Unlowerable(f"{node.op.name} is needed away from its row")
        if node not in self.done:
            self.done[node] = self._fold(node)
        return self.done[node]

    def _kept(self, node: Node, index: Index) -> Index:
        if node.op.kind is not Kind.REDUCE:
            if node is not self.anchor:
                raise Unlowerable(f"{node.op.name} has a space of its own")
            return index
        if node.inputs[0].shape != self.space.shape or self.space.full is None:
            raise Unlowerable("reductions over different spaces")
        if self.anchor.op.kind is not Kind.REDUCE or reduced_axes(node) != reduced_axes(self.anchor):
            raise Unlowerable("reductions over different axes")
        if not node.attrs["keepdims"]:
            return index
        return tuple(i for axis, i in enumerate(index) if axis not in reduced_axes(node))

    def _fold(self, node: Node) -> Scalar:
        out = node.outputs[0].dtype
        if node.op.kind is Kind.CONTRACT:
            value, kind = contraction_value(self.scalars, node, self.space.rows, self.space.cols)
        elif node.op.kind is Kind.WINDOW:
            value, kind = self._window(node), node.attrs["kind"]
        else:
            assert self.space.full is not None
            value, kind = self.scalars.at(node.inputs[0], self.space.full), node.op.name
        wide = widened(value)
        if kind in ("argmax", "argmin"):
            return Reduction(kind, wide, out, positions(self.space.cols)[0])
        fold = Reduction(kind, wide, wide.dtype)
        return narrowed(fold, out)

    def _window(self, node: Node) -> Scalar:
        (x,) = node.inputs
        attrs = node.attrs
        index, bounds = [], []
        geometry = zip(
            self.space.rows,
            self.space.cols,
            attrs["strides"],
            attrs["dilation"],
            attrs["padding"],
            strict=True,
        )
        for n, (row, col, stride, dilation, (low, _)) in zip(x.shape, geometry, strict=True):
            index.append(row.linear * stride + col.linear * dilation - low)
            bounds.append(Bound(index[-1], n))
        wide = compute_dtype(x.dtype)
        inside = tuple(b for b in bounds if not b.always)
        other = identity("max" if attrs["kind"] == "max" else "sum", wide)
        return choose(inside, lambda: widened(self.scalars.at(x, tuple(index), inside)), other)


def contraction_value(scalars: Scalars, node: Node, rows: Sequence[Var], cols: Sequence[Var]) -> tuple[Scalar, str]:
    """Return what a matmul or conv folds, element by element, and how ("any" of "and" on bool, else "sum")."""
    if node.op.name == "matmul":
        a, b = _matmul_operands(scalars, node, positions(rows), positions(cols)[0])
    else:
        a, b = _conv_operands(scalars, node, positions(rows), positions(cols))
    x, y = widened(a), widened(b)
    left, right = arg(0, x.dtype), arg(1, y.dtype)
    if x.dtype == BOOL:
        return Apply(left & right, (x, y)), "any"
    return Apply(left * right, (x, y)), "sum"


def _matmul_operands(s: Scalars, node: Node, rows: Index, k: Linear) -> tuple[Scalar, Scalar]:
    a, b = node.inputs
    *batch, m, n = rows

    def lead(x: Value) -> Index:
        sizes = x.shape[:-2]
        used = batch[len(batch) - len(sizes) :]
        return tuple(ZERO if size == 1 else i for size, i in zip(sizes, used, strict=True))

    return s.at(a, (*lead(a), m, k)), s.at(b, (*lead(b), k, n))


def _conv_operands(s: Scalars, node: Node, rows: Index, cols: Index) -> tuple[Scalar, Scalar]:
    x, w = node.inputs
    attrs, last = node.attrs, node.attrs["channels_last"]
    *taps, channel = cols
    batch, *places, filter_ = rows if last else (rows[0], *rows[2:], rows[1])
    sizes = x.shape[1:-1] if last else x.shape[2:]
    where, bounds = [], []
    geometry = zip(attrs["strides"], attrs["dilation"], attrs["padding"], strict=True)
    for o, tap, n, (stride, dilation, (low, _)) in zip(places, taps, sizes, geometry, strict=True):
        where.append(o * stride + tap * dilation - low)
        bounds.append(Bound(where[-1], n))
    filters = node.outputs[0].shape[-1 if last else 1]
    per_group = max(filters // attrs["groups"], 1)
    depth = w.shape[-2] if last else w.shape[1]
    source = (filter_ // per_group) * depth + channel
    index = (batch, *where, source) if last else (batch, source, *where)
    inside = tuple(b for b in bounds if not b.always)
    value = choose(inside, lambda: s.at(x, index, inside), literal(0, x.dtype))
    return value, s.at(w, (*taps, channel, filter_) if last else (filter_, channel, *taps))


def identity(kind: str, dtype: DType) -> Apply:
    """Return the value that a fold of no elements has, as a scalar."""
    return literal(fold_identity(kind, dtype), dtype)


def fold_identity(kind: str, dtype: DType) -> float | int | bool:
    """Return the neutral element of a fold: 0, 1, True, the lowest or the highest value of the dtype."""
    if kind in ("sum", "any"):
        return 0
    if kind in ("prod", "all"):
        return 1
    least = kind in ("max", "argmax")
    if dtype == BOOL:
        return not least
    if is_float(dtype):
        return -math.inf if least else math.inf
    limits = np.iinfo(dtype)
    return int(limits.min if least else limits.max)


def widened(scalar: Scalar) -> Scalar:
    """Return a scalar in the dtype its arithmetic is done in."""
    wide = compute_dtype(scalar.dtype)
    return scalar if wide == scalar.dtype else Apply(cast(arg(0, scalar.dtype), wide), (scalar,))


def narrowed(scalar: Scalar, dtype: DType) -> Scalar:
    """Return a scalar rounded to a storage dtype."""
    return scalar if scalar.dtype == dtype else Apply(cast(arg(0, scalar.dtype), dtype), (scalar,))


def _reduction_nest(body: Graph, anchor: Node) -> Nest:
    space = space_of(anchor)
    scalars = Scalars(slots_of(body))
    scalars.reduce = _Folds(scalars, anchor, space)
    stores = []
    for slot, value in enumerate(body.outputs, len(body.inputs)):
        stores.append(_store(scalars, space, slot, value))
    return Nest(space.rows, space.cols, tuple(stores), len(body.inputs) + len(body.outputs))


def _store(scalars: Scalars, space: Space, slot: int, value: Value) -> Store:
    """Return the store of an output, once a row or once a column, whichever its size and its scalar allow."""
    problem: Unlowerable | None = None
    for flat in _flat_candidates(space, value.type):
        try:
            return Store(slot, flat, scalars.at(value, unflatten(flat, value.shape)))
        except Unlowerable as error:
            problem = error
    raise problem or Unlowerable("an output of another size than rows or columns")


def _flat_candidates(space: Space, type_: TensorType) -> list[Linear]:
    row_shape = tuple(v.extent for v in space.rows)
    found = []
    if type_.size == prod(row_shape):
        found.append(flatten(positions(space.rows), row_shape))
    if space.full is not None and type_.size == prod(space.shape):
        found.append(flatten(space.full, space.shape))
    return found
