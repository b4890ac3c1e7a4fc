"""Kernels of the operators that have a loop of their own: running folds, scatters; `sort` writes argsort.

In: a body of one such node. Out: its `Recipe`. Axes are seen as (outer, n, inner) around the operator's own axis.
Scatters run their updates in order in one task, so that the last one wins and sums have one order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from math import prod
from types import MappingProxyType

from aicomp.expr import arg
from aicomp.expr import cast as cast_expr
from aicomp.ir import Graph, Node, Value
from aicomp.types import BOOL, INT64, DType, compute_dtype

from ..codegen import scalar
from ..codegen.casts import memory_type
from ..codegen.llvm import Function, Index, V, i64
from ..machine import Machine
from ..recipe import Operand, Part, Recipe
from .emit import PARAMS, digits
from .fold import COMBINE, Fold, combine
from .index import row_major
from .scalars import Unlowerable
from .sort import lower_argsort


def lower_opaque(body: Graph, machine: Machine, name: str) -> Recipe:
    """Return the recipe of a body of one running fold, sort or scatter. Raises Unlowerable for any other body."""
    if len(body.nodes) != 1:
        raise Unlowerable("a kernel of its own")
    (node,) = body.nodes
    slots = {value: i for i, value in enumerate(body.inputs)}
    operands = tuple(Operand("input", slots[value]) for value in node.inputs)
    lower = {"cumulative": _cumulative, "argsort": lower_argsort}.get(node.op.name, _scatter)
    return lower(node, operands, machine, name)


def convert(f: Function, machine: Machine, value: V, source: DType, target: DType) -> V:
    """Return a value converted to another dtype."""
    return value if source == target else scalar.emit(f, machine, cast_expr(arg(0, source), target), [value])


# -- running folds -----------------------------------------------------------------------------------
def _cumulative(node: Node, operands: tuple[Operand, ...], machine: Machine, name: str) -> Recipe:
    (x,) = node.inputs
    axis = node.attrs["axis"]
    outer, n, inner = prod(x.shape[:axis]), x.shape[axis], prod(x.shape[axis + 1 :])
    lanes = machine.lanes(32)
    f = Function(name, PARAMS)
    args, begin, end = f.args
    pointers = [f.load("ptr", f.gep("ptr", args, slot)) for slot in range(2)]
    whole = inner // lanes * lanes
    with f.loop(begin, end) as task:
        base = f.mul(task.index, n * inner)
        for first, stop, width in ((0, whole, lanes), (whole, inner, 1)):
            if first < stop:
                with f.loop(first, stop, width, at_least_once=True) as column:
                    _run(f, machine, node, pointers, f.add(base, column.index), (n, inner), width)
    f.ret()
    return Recipe((Part(f, (*operands, Operand("output")), outer),))


def _run(
    f: Function, machine: Machine, node: Node, pointers: list[V], base: V, sizes: tuple[int, int], lanes: int
) -> None:
    """Write the running fold of `lanes` neighbouring columns."""
    n, step = sizes
    dtype = node.inputs[0].dtype
    fold = Fold(f, machine, node.attrs["kind"], compute_dtype(dtype))
    element = memory_type(dtype)
    with f.loop(0, n, carry=fold.start(lanes), at_least_once=n > 0) as loop:
        row = f.sub(n - 1, loop.index) if node.attrs["reverse"] else loop.index
        offset = f.add(base, f.mul(row, step))
        loaded = scalar.load(f, dtype, f.gep(element, pointers[0], offset), lanes)
        total = fold.step(loop.carry, (convert(f, machine, loaded, dtype, fold.dtype),))
        result = fold.result(loop.carry if node.attrs["exclusive"] else total)
        scalar.store(f, dtype, convert(f, machine, result, fold.dtype, dtype), f.gep(element, pointers[1], offset))
        loop.next = total


# -- scatters ----------------------------------------------------------------------------------------
def _scatter(node: Node, operands: tuple[Operand, ...], machine: Machine, name: str) -> Recipe:
    x, _, updates = node.inputs
    wide = compute_dtype(x.dtype) if node.attrs["reduction"] != "none" else x.dtype
    f = Function(name, PARAMS)
    slots = (*operands, Operand("output"), Operand("status"))
    scratch: tuple[int, ...] = ()
    if wide != x.dtype:
        scratch, slots = (x.type.size * wide.itemsize,), (*slots, Operand("scratch"))
    pointers = [f.load("ptr", f.gep("ptr", f.args[0], slot)) for slot in range(len(slots))]
    source, indices, news, target, status, *rest = pointers
    work = rest[0] if rest else target
    _copy(f, machine, x.type.size, (source, x.dtype), (work, wide))
    place = _elements_place if node.op.name == "scatter_elements" else _rows_place
    if x.type.size or updates.type.size:
        write = partial(_update, f, machine, node, wide, work, news)
        place(f, machine, node, indices, status, write)
    if rest:
        _copy(f, machine, x.type.size, (work, wide), (target, x.dtype))
    f.ret()
    return Recipe((Part(f, slots, 1),), scratch)


ARITHMETIC = MappingProxyType({"add": "sum", "mul": "prod"})
LOGIC = MappingProxyType({"add": "any", "mul": "all"})
Write = Callable[[V, V, int], None]  # the elements' offset in x, the updates' offset, how many side by side


def _copy(f: Function, machine: Machine, size: int, source: tuple[V, DType], target: tuple[V, DType]) -> None:
    for index, width in _vectors(f, machine, size):
        value = scalar.load(f, source[1], f.gep(memory_type(source[1]), source[0], index), width)
        value = convert(f, machine, value, source[1], target[1])
        scalar.store(f, target[1], value, f.gep(memory_type(target[1]), target[0], index))


def _vectors(f: Function, machine: Machine, size: int) -> Iterator[tuple[V, int]]:
    """Write loops over `size` elements, full vectors first; yields the first element of each and their number."""
    done, width = 0, machine.lanes(32)
    while done < size:
        stop = size // width * width
        if done < stop:
            with f.loop(done, stop, width, at_least_once=True) as loop:
                yield loop.index, width
        done, width = stop, width // 2


def _update(
    f: Function, machine: Machine, node: Node, wide: DType, work: V, news: V, at: V, number: V, lanes: int
) -> None:
    """Write elements: set them, or combine them with what is there."""
    dtype = node.inputs[2].dtype
    place = f.gep(memory_type(wide), work, at)
    new = convert(f, machine, scalar.load(f, dtype, f.gep(memory_type(dtype), news, number), lanes), dtype, wide)
    kind = (LOGIC if dtype == BOOL else ARITHMETIC).get(node.attrs["reduction"], node.attrs["reduction"])
    if kind in COMBINE:
        new = combine(f, machine, kind, wide, scalar.load(f, wide, place, lanes), new)
    scalar.store(f, wide, new, place)


def _elements_place(f: Function, machine: Machine, node: Node, indices: V, status: V, write: Write) -> None:
    x, index, _ = node.inputs
    axis = node.attrs["axis"]
    strides = row_major(x.shape)
    with f.loop(0, index.type.size) as loop:
        where = digits(f, loop.index, index.shape)
        found, good = _position(f, machine, index, indices, loop.index, x.shape[axis])
        where[axis] = found
        offset = i64(0)
        for i, stride in zip(where, strides, strict=True):
            offset = f.add(offset, f.mul(i, stride))
        _guarded(f, status, good, lambda: write(offset, loop.index, 1))


def _rows_place(f: Function, machine: Machine, node: Node, indices: V, status: V, write: Write) -> None:
    x, index, _ = node.inputs
    depth = index.shape[-1]
    strides = row_major(x.shape)
    length = prod(x.shape[depth:])
    with f.loop(0, prod(index.shape[:-1])) as loop:
        offset, fine = i64(0), V("true", "i1")
        for i in range(depth):
            at = f.add(f.mul(loop.index, depth), i)
            found, good = _position(f, machine, index, indices, at, x.shape[i])
            offset, fine = f.add(offset, f.mul(found, strides[i])), f.binary("and", fine, good)

        def row(start: V = offset, number: V = loop.index) -> None:
            for element, lanes in _vectors(f, machine, length):
                write(f.add(start, element), f.add(f.mul(number, length), element), lanes)

        _guarded(f, status, fine, row)


def _position(f: Function, machine: Machine, index: Value, pointer: V, at: Index, extent: int) -> tuple[V, V]:
    """Return an index counted from 0, and whether it is on the axis."""
    loaded = scalar.load(f, index.dtype, f.gep(memory_type(index.dtype), pointer, at))
    value = convert(f, machine, loaded, index.dtype, INT64)
    if index.dtype.kind == "i":
        value = f.select(f.icmp("slt", value, 0), f.add(value, extent), value)
    return value, f.icmp("ult", value, extent)


def _guarded(f: Function, status: V, good: V, body: Callable[[], None]) -> None:
    """Write the body where `good` holds; else the status word says that an index is out of range."""
    bad = f.binary("xor", good, V("true", "i1"))
    with f.if_(bad):
        f.store(V("1", "i32"), status)
    with f.if_(good):
        body()
