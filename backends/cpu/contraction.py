"""Lowers a body around one matmul or convolution: operands read in place, the rest of the body applied at the store.

In: a body with one contraction, elementwise nodes on its result, and movement before and after. Out: a `Recipe` of the
register-tiled kernels of `contract`, with B packed beforehand where it is constant, or by a kernel of its own.
Raises `Unlowerable` where the body does not fit; `build` then computes it by plain loops.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from aicomp.ir import Graph, Kind, Node, Value
from aicomp.types import BOOL, DType, compute_dtype

from .codegen.llvm import Function, V
from .contract import (
    Conv,
    Epilogue,
    Gemm,
    Matrix,
    Panelling,
    conv_panels,
    conv_tasks,
    emit_conv,
    emit_gemm,
    emit_pack,
    filter_source,
    gemm_panels,
    gemm_tasks,
    needs_packing,
    pack_array,
    pack_filters,
    pack_source,
    pack_tasks,
    packed,
)
from .epilogue import Rest
from .loops.build import narrowed, positions, slots_of, variables
from .loops.emit import PARAMS
from .loops.index import ZERO, Linear, Var, flatten, row_major, unflatten
from .loops.nest import Given, Load, Store, ordered
from .loops.scalars import Index, Scalars, Unlowerable
from .machine import Machine
from .recipe import Array, Operand, Part, Recipe

Pack = Callable[[Array], Array]
Emit = Callable[[Function, V, V, V, V, Epilogue], None]  # function, a, b, begin, end, epilogue


@dataclass(frozen=True)
class Source:
    """How an operand lies in memory: the slot of its buffer, and the flat index over the axes."""

    slot: int
    index: Linear
    dtype: DType

    def step(self, axis: Var) -> int:
        """Return the stride along an axis, in elements."""
        return self.index.coefficient(axis)


def lower_contraction(body: Graph, machine: Machine, name: str, constants: frozenset[int]) -> Recipe:
    """Return the recipe of a body; `constants` are the inputs known at compile time. Raises Unlowerable."""
    found = analyse(body)
    lower = _lower_matmul if isinstance(found.spec, Gemm) else _lower_conv
    return lower(body, found, machine, name, constants)


@dataclass(frozen=True)
class Contraction:
    """What a body computes: the contraction, how its operands lie in memory, and what is done with its results."""

    spec: Gemm | Conv
    left: Source
    right: Source
    rest: Rest

    def reads_right_again(self) -> bool:
        """Return whether B's buffer is read for something else, too."""
        return self.right.slot == self.left.slot or self.right.slot in self.rest.slots


def analyse(body: Graph) -> Contraction:
    """Return what a body with one contraction computes. Raises Unlowerable where it does not fit the micro-kernels."""
    node = next(n for n in body.nodes if n.op.kind is Kind.CONTRACT)
    if node.outputs[0].dtype == BOOL or not node.outputs[0].type.size:
        raise Unlowerable("bool and empty contractions are plain loops")
    return _analyse_matmul(body, node) if node.op.name == "matmul" else _analyse_conv(body, node)


# -- matmul ------------------------------------------------------------------------------------------
def _analyse_matmul(body: Graph, node: Node) -> Contraction:
    a, b = node.inputs
    out = variables("r", node.outputs[0].shape)
    (k,) = variables("c", a.shape[-1:])
    *batch, m, n = out
    scalars = Scalars(slots_of(body))
    left = source(scalars, a, (*_lead(a, batch), m.linear, k.linear), (*out, k))
    right = source(scalars, b, (*_lead(b, batch), k.linear, n.linear), (*out, k))
    axes = out
    if n.extent == 1 and m.extent > 1:  # a matrix times a vector: the matrix becomes B
        left, right, m, n = right, left, n, m
        axes = (*batch, m, n)
    sizes = tuple(v.extent for v in batch)
    matrices = _matrix(left, m, k, batch), _matrix(right, k, n, batch)
    spec = Gemm(m.extent, n.extent, k.extent, compute_dtype(a.dtype), *matrices, sizes)
    return Contraction(spec, left, right, rest_of(body, node, positions(out), axes))


def _lower_matmul(body: Graph, found: Contraction, machine: Machine, name: str, constants: frozenset[int]) -> Recipe:
    spec = found.spec
    assert isinstance(spec, Gemm)
    if found.right.slot in constants or needs_packing(spec):
        layout, matrix = gemm_panels(packed(spec), machine), pack_source(spec)
        pack = _constant_pack(layout, found.right, matrix) if found.right.slot in constants else None
        writer = Writer(body, machine, name, found, layout, matrix, pack)
        spec = packed(spec)
    else:
        writer = Writer(body, machine, name, found)

    def emit(f: Function, a: V, b: V, begin: V, end: V, epilogue: Epilogue) -> None:
        emit_gemm(f, machine, spec, a, b, begin, end, epilogue)

    return writer.recipe(gemm_tasks(spec, machine), emit)


def _lead(x: Value, batch: Sequence[Var]) -> Index:
    sizes = x.shape[:-2]
    used = batch[len(batch) - len(sizes) :]
    return tuple(ZERO if size == 1 else v.linear for size, v in zip(sizes, used, strict=True))


def _matrix(x: Source, row: Var, column: Var, batch: Sequence[Var]) -> Matrix:
    return Matrix(x.dtype, x.step(row), x.step(column), tuple(x.step(v) for v in batch))


def source(scalars: Scalars, value: Value, index: Index, axes: Sequence[Var]) -> Source:
    """Return how a value lies in memory. Raises Unlowerable unless it is a buffer walked by strides."""
    s = scalars.at(value, index)
    if not isinstance(s, Load) or s.inside or any(atom not in axes for atom, _ in s.index.terms):
        raise Unlowerable(f"{value.op or 'an input'} cannot be read in place by a contraction")
    return Source(s.slot, s.index, s.dtype)


def _constant_pack(layout: Panelling, b: Source, matrix: Matrix) -> Pack:
    """Return the function that brings a constant B into panels; a transposed one is read where it lies."""
    steps = (*matrix.batch, matrix.row, matrix.column)
    shape = (*layout.matrices, layout.k, layout.n)

    def pack(array: Array) -> Array:
        if array.shape == shape and steps == row_major(shape):
            return pack_array(layout, array)
        flat = np.ascontiguousarray(array).reshape(-1)[b.index.constant :]
        view = np.lib.stride_tricks.as_strided(flat, shape, [s * flat.itemsize for s in steps], writeable=False)
        return pack_array(layout, view)

    return pack


# -- convolution -------------------------------------------------------------------------------------
def _analyse_conv(body: Graph, node: Node) -> Contraction:
    if not node.attrs["channels_last"]:
        raise Unlowerable("channels are not last")
    out = variables("r", node.outputs[0].shape)
    scalars = Scalars(slots_of(body))
    left, right = (dense(scalars, value) for value in node.inputs)
    return Contraction(conv_spec(node), left, right, rest_of(body, node, positions(out), out))


def _lower_conv(body: Graph, found: Contraction, machine: Machine, name: str, constants: frozenset[int]) -> Recipe:
    spec = found.spec
    assert isinstance(spec, Conv)
    layout, matrix = conv_panels(spec, machine), filter_source(spec, machine)
    pack = _filter_pack(spec, machine, found.right) if found.right.slot in constants else None
    writer = Writer(body, machine, name, found, layout, matrix, pack)

    def emit(f: Function, a: V, b: V, begin: V, end: V, epilogue: Epilogue) -> None:
        emit_conv(f, machine, spec, a, b, begin, end, epilogue)

    return writer.recipe(conv_tasks(spec, machine), emit)


def _filter_pack(spec: Conv, machine: Machine, b: Source) -> Pack:
    """Return the function that brings constant filters into panels; transposed ones are read where they lie."""
    shape = (*spec.kernel, spec.depth, spec.filters)

    def pack(array: Array) -> Array:
        if array.size != prod(shape):
            array = np.ascontiguousarray(array).reshape(-1)[b.index.constant :][: prod(shape)]
        return pack_filters(spec, machine, array.reshape(shape))

    return pack


def conv_spec(node: Node) -> Conv:
    """Return the description of a channels-last convolution node."""
    x, w = node.inputs
    return Conv(
        x.shape[0],
        x.shape[1:-1],
        x.shape[-1],
        w.shape[-1],
        w.shape[:-2],
        node.attrs["strides"],
        node.attrs["padding"],
        node.attrs["dilation"],
        node.attrs["groups"],
        compute_dtype(x.dtype),
        x.dtype,
        w.dtype,
    )


def dense(scalars: Scalars, value: Value) -> Source:
    """Return a value that lies in a buffer as it is. Raises Unlowerable for any other."""
    axes = variables("x", value.shape)
    found = source(scalars, value, positions(axes), axes)
    steps = [found.step(v) for v in axes if v.extent != 1]
    wanted = [s for s, v in zip(row_major(value.shape), axes, strict=True) if v.extent != 1]
    if steps != wanted:
        raise Unlowerable(f"{value.op} is not dense in memory")
    return found


# -- the rest of the body ----------------------------------------------------------------------------
def rest_of(body: Graph, node: Node, index: Index, axes: tuple[Var, ...]) -> Rest:
    """Return what the body does with the contraction's results. Raises Unlowerable where that is not pointwise."""
    out = node.outputs[0]
    scalars = Scalars(slots_of(body))
    given = Given(compute_dtype(out.dtype), frozenset(axes))
    scalars.known[out] = (index, narrowed(given, out.dtype))
    forward = _forward(body, out, index)
    stores = []
    for slot, value in enumerate(body.outputs, len(body.inputs)):
        if value not in forward:
            raise Unlowerable("an output that is not made of the contraction's results one by one")
        stores.append(Store(slot, flatten(forward[value], value.shape), scalars.at(value, forward[value])))
    rest = Rest(axes, tuple(stores))
    rest.check()
    return rest


def _forward(body: Graph, start: Value, index: Index) -> dict[Value, Index]:
    """Return, for the values made of `start` element by element, where the element of `start` at `index` ends up."""
    places = {start: index}
    for node in body.nodes:
        origin = next((v for v in node.inputs if v in places), None)
        if origin is None or len(node.outputs) != 1:
            continue
        (out,) = node.outputs
        if node.op.kind is Kind.ELEMENTWISE and out.shape == origin.shape:
            places[out] = places[origin]
        elif node.op.name == "reshape":
            places[out] = unflatten(flatten(places[origin], origin.shape), out.shape)
        elif node.op.name == "transpose":
            places[out] = tuple(places[origin][axis] for axis in node.attrs["perm"])
    return places


@dataclass(frozen=True)
class Writer:
    """Writes the kernels of one contraction; with a `layout`, B is packed: beforehand, by `pack`, if it is constant."""

    body: Graph
    machine: Machine
    name: str
    found: Contraction
    layout: Panelling | None = None
    matrix: Matrix | None = None
    pack: Pack | None = None

    def recipe(self, tasks: int, emit: Emit) -> Recipe:
        """Return the kernels in order."""
        found, layout = self.found, self.layout
        operands = [Operand("input", i) for i in range(len(self.body.inputs))]
        operands += [Operand("output", i) for i in range(len(self.body.outputs))]
        parts: list[Part] = []
        scratch: tuple[int, ...] = ()
        slot = found.right.slot  # of what the micro-kernel reads as B
        if self.pack is not None:
            slot = len(operands) if found.reads_right_again() else slot
            operands[slot : slot + 1] = [Operand("packed", found.right.slot, self.pack)]
        elif layout is not None and self.matrix is not None:
            slot = len(operands)
            operands.append(Operand("scratch", 0))
            scratch = (layout.elements * layout.dtype.itemsize,)
            parts.append(_packing(self.machine, f"{self.name}_pack", layout, self.matrix, found.right))
        function = self._kernel(len(operands), slot, emit)
        shared = _inplace(found.rest, len(self.body.inputs), {found.left.slot, found.right.slot})
        return Recipe((*parts, Part(function, tuple(operands), tasks, shared)), scratch)

    def _kernel(self, slots: int, panels: int, emit: Emit) -> Function:
        left, right = self.found.left, self.found.right
        f = Function(self.name, PARAMS)
        args, begin, end = f.args
        pointers = [f.load("ptr", f.gep("ptr", args, slot)) for slot in range(slots)]
        a = f.gep("i8", pointers[left.slot], left.index.constant * left.dtype.itemsize)
        origin = 0 if self.layout else right.index.constant * right.dtype.itemsize
        b = f.gep("i8", pointers[panels], origin)
        rest = self.found.rest
        epilogue = Epilogue(rest.callback(self.machine, pointers), rest.heavy)
        emit(f, a, b, begin, end, epilogue)
        f.ret()
        return f


def _packing(machine: Machine, name: str, layout: Panelling, matrix: Matrix, b: Source) -> Part:
    """Return the kernel that brings a B known only at run time into panels."""
    f = Function(name, PARAMS)
    args, begin, end = f.args
    origin, target = (f.load("ptr", f.gep("ptr", args, slot)) for slot in range(2))
    origin = f.gep("i8", origin, b.index.constant * b.dtype.itemsize)
    emit_pack(f, machine, layout, matrix, origin, target, begin, end)
    f.ret()
    return Part(f, (Operand("input", b.slot), Operand("scratch", 0)), pack_tasks(layout))


def _inplace(rest: Rest, inputs: int, busy: set[int]) -> tuple[tuple[int, int], ...]:
    """Return the (output, input) pairs that may share memory: inputs read only where the output is written."""
    return tuple(
        (store.slot, slot)
        for store in rest.stores
        for slot in range(inputs)
        if slot not in busy and reads_in_place(rest.stores, store, slot)
    )


def reads_in_place(stores: Sequence[Store], store: Store, slot: int) -> bool:
    """Return whether a buffer is read exactly where `store` writes, an element of the same size each."""
    loads = [s for s in ordered([s.value for s in stores], True) if isinstance(s, Load) and s.slot == slot]
    same_size = all(s.dtype.itemsize == store.value.dtype.itemsize for s in loads)
    return bool(loads) and same_size and all(s.index == store.index and not s.inside for s in loads)
