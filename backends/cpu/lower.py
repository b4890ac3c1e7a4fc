"""From an optimised graph to a `Program`: every node becomes calls of kernels, every value a place in memory.

In: a graph of fusions and single primitive nodes, regions included. Out: the program, its arena planned. Reshapes and
contiguous slices are other views of the same memory; results go straight into the caller's arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from aicomp.ir import Graph, Node, Value

from .aligned import aligned
from .codegen.llvm import Function
from .kernels import Kernels, label
from .loops.index import row_major
from .machine import Machine
from .memory import plan
from .program import Branch, Call, Copy, Program, Ref, Repeat, Step
from .recipe import Array, Operand, Part, Recipe

Places = dict[Value, Ref]


def lower(graph: Graph, machine: Machine, name: str) -> Program:
    """Return the program that computes a graph whose composites are decomposed."""
    lowering = Lowering(Kernels(machine, name))
    places = {value: Ref("input", i) for i, value in enumerate(graph.inputs)}
    targets = [Ref("output", i) for i in range(len(graph.outputs))]
    steps, arena = plan(lowering.graph(graph, places, targets), lowering.sizes)
    return Program(
        name,
        graph.input_types,
        graph.output_types,
        tuple(lowering.functions.values()),
        steps,
        tuple(lowering.constants),
        arena,
        (out_of_range(graph),),
    )


READ_BY_INDEX = ("gather", "gather_elements", "gather_nd", "scatter_nd", "scatter_elements")
SITES = 4  # places that a message names


def out_of_range(graph: Graph) -> str:
    """Return the message of status 1: where the graph reads or writes at indices known only at run time."""
    nodes = [node for node in graph.walk() if node.op.name in READ_BY_INDEX]
    sites = list(dict.fromkeys(f"{node.op.name} at {node.loc}" if node.loc else node.op.name for node in nodes))
    more = ", ..." if len(sites) > SITES else ""
    return f"an index is out of range for the axis it indexes ({', '.join(sites[:SITES])}{more})"


@dataclass
class Lowering:
    """A program being put together: kernels by name, constants, sizes of the buffers, numbers of loops."""

    kernels: Kernels
    functions: dict[str, Function] = field(default_factory=dict)
    constants: list[Array] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    loops: int = 0
    packed: dict[Any, Ref] = field(default_factory=dict)

    def graph(self, graph: Graph, places: Places, targets: Sequence[Ref]) -> list[Step]:
        """Return the steps that compute a graph's outputs into `targets`; `places` says where its inputs are."""
        self._aim(graph, places, targets)
        steps: list[Step] = []
        for node in graph.nodes:
            steps += RULES.get(node.op.name, Lowering._kernel)(self, node, places)
        for value, target in zip(graph.outputs, targets, strict=True):
            source = self.place(value, places)
            if source != target and value.type.nbytes:
                steps.append(Copy(target, source, value.type.nbytes))
        return steps

    def _aim(self, graph: Graph, places: Places, targets: Sequence[Ref]) -> None:
        """Let the nodes that make the outputs write them where they belong."""
        for value, target in zip(graph.outputs, targets, strict=True):
            while value.node and value.node.op.name == "reshape":
                value = value.node.inputs[0]
            if value.node and value.node.op.name not in VIEWS and value not in places:
                places[value] = target

    def place(self, value: Value, places: Places) -> Ref:
        """Return where a value is; constants get a place when they are first asked for."""
        if value not in places:
            assert value.node is not None and value.op == "constant", value
            places[value] = self._constant(value.node.attrs["value"])
        return places[value]

    def _constant(self, array: Array) -> Ref:
        key = id(array)
        if key not in self.packed:
            self.packed[key] = Ref("constant", len(self.constants))
            self.constants.append(aligned(np.asarray(array)))
        return self.packed[key]

    def buffer(self, nbytes: int) -> Ref:
        """Return a new temporary."""
        self.sizes.append(nbytes)
        return Ref("arena", len(self.sizes) - 1)

    def _results(self, node: Node, places: Places) -> list[Ref]:
        """Return where a node's results go."""
        for value in node.outputs:
            if value not in places:
                places[value] = self.buffer(value.type.nbytes)
        return [places[value] for value in node.outputs]

    # -- kernels -------------------------------------------------------------------------------------
    def _kernel(self, node: Node, places: Places) -> list[Step]:
        body, inputs = (node.regions[0], node.inputs) if node.op.name == "fusion" else single(node)
        outputs = self._results(node, places)
        if not any(value.type.size for value in node.outputs):
            return []
        constants = frozenset(i for i, value in enumerate(inputs) if value.op == "constant")
        recipe = self.kernels.recipe(body, constants, all(ref.space == "output" for ref in outputs))
        scratch = [self.buffer(nbytes) for nbytes in recipe.scratch]
        nbytes = sum(v.type.nbytes for v in (*inputs, *node.outputs))

        def address(operand: Operand) -> Ref:
            if operand.space == "input":
                return self.place(inputs[operand.index], places)
            if operand.space == "packed":
                return self._packed(recipe, operand, inputs[operand.index])
            return {"output": outputs, "scratch": scratch, "status": [Ref("status")]}[operand.space][operand.index]

        return [self._call(part, [address(o) for o in part.operands], label(body), nbytes) for part in recipe.parts]

    def _call(self, part: Part, args: Sequence[Ref], name: str, nbytes: int) -> Call:
        self.functions[part.function.name] = part.function
        return Call(part.function.name, tuple(args), part.tasks, name, nbytes, part.inplace)

    def _packed(self, recipe: Recipe, operand: Operand, value: Value) -> Ref:
        """Return the constant that a kernel reads in panels instead of the array itself."""
        assert value.node is not None and operand.pack is not None
        array = value.node.attrs["value"]
        key = (id(array), id(operand.pack))
        if key not in self.packed:
            self.packed[key] = Ref("constant", len(self.constants))
            self.constants.append(operand.pack(np.asarray(array)))
        return self.packed[key]

    # -- views ---------------------------------------------------------------------------------------
    def _reshape(self, node: Node, places: Places) -> list[Step]:
        places.setdefault(node.outputs[0], self.place(node.inputs[0], places))
        return []

    def _slice(self, node: Node, places: Places) -> list[Step]:
        offset = contiguous_offset(node)
        if offset is None or node.outputs[0] in places:
            return self._kernel(node, places)
        source = self.place(node.inputs[0], places)
        places[node.outputs[0]] = replace(source, offset=source.offset + offset)
        return []

    def _nothing(self, node: Node, places: Places) -> list[Step]:
        return []

    # -- regions -------------------------------------------------------------------------------------
    def _carries(self, node: Node, count: int, places: Places) -> tuple[list[Ref], list[Step]]:
        """Return buffers that hold loop-carried values, and the steps that fill them with their first values."""
        refs = [self.buffer(value.type.nbytes) for value in node.inputs[:count]]
        pairs = zip(refs, node.inputs, strict=False)
        return refs, [Copy(ref, self.place(v, places), v.type.nbytes) for ref, v in pairs if v.type.nbytes]

    def _turn(self, body: Graph, inputs: Sequence[Ref], carries: Sequence[Ref], rest: Sequence[Ref]) -> list[Step]:
        """Return one turn of a loop: the body, then its new carries moved to where the next turn reads them."""
        fresh = [self.buffer(value.type.nbytes) for value in body.outputs[: len(carries)]]
        steps = self.graph(body, dict(zip(body.inputs, inputs, strict=True)), [*fresh, *rest])
        for new, old, value in zip(fresh, carries, body.outputs, strict=False):
            if value.type.nbytes:
                steps.append(Copy(old, new, value.type.nbytes))
        return steps

    def _scan(self, node: Node, places: Places) -> list[Step]:
        (body,) = node.regions
        count, scanned, length = (node.attrs[name] for name in ("num_carry", "num_xs", "length"))
        loop, self.loops = self.loops, self.loops + 1
        carries, steps = self._carries(node, count, places)
        ys = [self.buffer(v.type.nbytes) if v not in places else places[v] for v in node.outputs[count:]]
        places.update(zip(node.outputs[count:], ys, strict=True))

        def slice_of(value: Value, ref: Ref) -> Ref:
            return replace(ref, strides=(*ref.strides, (loop, value.type.nbytes // max(length, 1))))

        operands = [self.place(value, places) for value in node.inputs[count:]]
        xs = [slice_of(v, ref) for v, ref in zip(node.inputs[count : count + scanned], operands, strict=False)]
        outputs = [slice_of(v, ref) for v, ref in zip(node.outputs[count:], ys, strict=True)]
        turn = self._turn(body, [*carries, *xs, *operands[scanned:]], carries, outputs)
        if length:
            steps.append(Repeat(loop, tuple(turn), count=length, reverse=node.attrs["reverse"]))
        return steps + self._leave(node, carries, places)

    def _while(self, node: Node, places: Places) -> list[Step]:
        condition, body = node.regions
        count = node.attrs["num_carry"]
        loop, self.loops = self.loops, self.loops + 1
        carries, steps = self._carries(node, count, places)
        inputs = [*carries, *(self.place(value, places) for value in node.inputs[count:])]
        test = self.buffer(1)
        head = self.graph(condition, dict(zip(condition.inputs, inputs, strict=True)), [test])
        turn = self._turn(body, inputs, carries, [])
        steps.append(Repeat(loop, tuple(turn), condition=test, head=tuple(head)))
        return steps + self._leave(node, carries, places)

    def _leave(self, node: Node, carries: Sequence[Ref], places: Places) -> list[Step]:
        """Return the steps that move the last carries to where results are wanted."""
        steps: list[Step] = []
        for value, carry in zip(node.outputs, carries, strict=False):
            target = places.setdefault(value, carry)
            if target != carry and value.type.nbytes:
                steps.append(Copy(target, carry, value.type.nbytes))
        return steps

    def _cond(self, node: Node, places: Places) -> list[Step]:
        pred, *operands = (self.place(value, places) for value in node.inputs)
        targets = self._results(node, places)
        then, other = (
            tuple(self.graph(region, dict(zip(region.inputs, operands, strict=True)), targets))
            for region in node.regions
        )
        return [Branch(pred, then, other)]


Rule = Callable[[Lowering, Node, Places], list[Step]]
RULES: Mapping[str, Rule] = MappingProxyType({
    "constant": Lowering._nothing,
    "reshape": Lowering._reshape,
    "slice": Lowering._slice,
    "scan": Lowering._scan,
    "while": Lowering._while,
    "cond": Lowering._cond,
})  # fmt: skip
VIEWS = frozenset({"constant", "reshape"})


def single(node: Node) -> tuple[Graph, tuple[Value, ...]]:
    """Return a body of one node, and the values it is applied to."""
    distinct = tuple(dict.fromkeys(node.inputs))
    inputs = {value: Value(value.type) for value in distinct}
    copy = Node(node.op, [inputs[value] for value in node.inputs], node.attrs, node.regions, node.loc)
    return Graph("single", tuple(inputs.values()), (copy,), copy.outputs), distinct


def contiguous_offset(node: Node) -> int | None:
    """Return the byte offset of a slice that is one block of its input, None for any other."""
    x = node.inputs[0]
    starts, sizes, steps = (node.attrs[name] for name in ("starts", "sizes", "steps"))
    if any(step != 1 for step in steps):
        return None
    cut = next((axis for axis, n in enumerate(sizes) if n != 1), len(sizes))
    if any(n != whole for n, whole in zip(sizes[cut + 1 :], x.shape[cut + 1 :], strict=True)):
        return None
    flat = sum(start * stride for start, stride in zip(starts, row_major(x.shape), strict=True))
    return int(flat) * x.dtype.itemsize
