"""Makes the recipes of fused bodies, each distinct body once.

In: a body and which of its inputs are constants. Out: a `Recipe`. Contractions go to the micro-kernels where they fit,
sorts, scatters and running folds to kernels of their own, everything else to loop nests.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np

from aicomp.ir import Graph, Kind
from aicomp.types import TensorType

from .codegen.llvm import Function
from .contraction import lower_contraction, reads_in_place
from .loops.build import build_nests
from .loops.emit import emit_nest
from .loops.nest import Nest
from .loops.opaque import lower_opaque
from .loops.scalars import Unlowerable
from .loops.schedule import merge, schedule, split
from .loops.transposition import emit_transposition, recognise
from .machine import Machine
from .recipe import Operand, Part, Recipe


class Kernels:
    """The recipes made so far. Kernel names begin with `prefix`."""

    def __init__(self, machine: Machine, prefix: str) -> None:
        self.machine = machine
        self.prefix = prefix
        self.made: dict[Hashable, Recipe] = {}

    def recipe(self, body: Graph, constants: frozenset[int], final: bool = False) -> Recipe:
        """Return how a body is computed; `final` results are the caller's. Raises Unlowerable where one kernel cannot.

        Final results of a kernel that fills the last cache anyway are streamed to memory.
        """
        values = (*body.inputs, *body.outputs)
        stream = final and sum(value.type.nbytes for value in values) >= self.machine.l3
        key = (structure(body), constants if has_contraction(body) else None, stream)
        if key not in self.made:
            self.made[key] = self._make(body, f"{self.prefix}_k{len(self.made)}_{label(body)}", constants, stream)
        return self.made[key]

    def _make(self, body: Graph, name: str, constants: frozenset[int], stream: bool) -> Recipe:
        if any(node.op.kind is Kind.OPAQUE for node in body.nodes):
            return lower_opaque(body, self.machine, name)
        if has_contraction(body):
            try:
                return lower_contraction(body, self.machine, name, constants)
            except Unlowerable:
                pass  # plain loops below compute whatever the micro-kernels do not take
        nests = [nest for nest in build_nests(body) if not is_empty(nest)]
        return Recipe(tuple(self._part(body, nest, f"{name}_{i}", stream) for i, nest in enumerate(nests)))

    def _part(self, body: Graph, nest: Nest, name: str, stream: bool) -> Part:
        operands = [Operand("input", i) for i in range(len(body.inputs))]
        operands += [Operand("output", i) for i in range(len(body.outputs))]
        if nest.status is not None:
            operands.append(Operand("status"))
        shared = tuple(
            (store.slot, slot)
            for store in nest.stores
            for slot in range(len(body.inputs))
            if reads_in_place(nest.stores, store, slot)
        )
        whole = len(nest.stores) == len(body.outputs)
        function, tasks = self._write(nest, name, stream)
        return Part(function, tuple(operands), tasks, shared if whole else ())

    def _write(self, nest: Nest, name: str, stream: bool) -> tuple[Function, int]:
        """Return the kernel of a nest and the number of its tasks."""
        nest = merge(split(nest))
        copy = recognise(nest, self.machine)
        if copy is not None:
            return emit_transposition(copy, name), copy.tasks
        plan = schedule(nest, self.machine, stream)
        return emit_nest(plan, self.machine, name), plan.tasks


def is_empty(nest: Nest) -> bool:
    """Return whether a nest writes nothing."""
    return any(v.extent == 0 for v in nest.rows) or (
        any(v.extent == 0 for v in nest.cols) and all(s.index.depends(nest.cols[0]) for s in nest.stores)
    )


def has_contraction(body: Graph) -> bool:
    """Return whether a body holds a matmul or a convolution."""
    return any(node.op.kind is Kind.CONTRACT for node in body.nodes)


def label(body: Graph) -> str:
    """Return a name for a body's kernels: its weightiest operator."""
    order = (Kind.CONTRACT, Kind.OPAQUE, Kind.WINDOW, Kind.REDUCE, Kind.ELEMENTWISE, Kind.MOVEMENT)
    ranked = sorted(body.nodes, key=lambda n: order.index(n.op.kind) if n.op.kind in order else len(order))
    return ranked[0].op.name if ranked else "copy"


def structure(body: Graph) -> Hashable:
    """Return a key that is equal for bodies that compute the same thing in the same way."""
    numbers = {value: i for i, value in enumerate(body.inputs)}
    nodes = []
    for node in body.nodes:
        for value in node.outputs:
            numbers[value] = len(numbers)
        attrs = tuple((name, _key(value)) for name, value in node.attrs.items())
        nodes.append((node.op.name, attrs, tuple(numbers[v] for v in node.inputs)))
    types: list[TensorType] = [value.type for value in body.inputs]
    return tuple(types), tuple(nodes), tuple(numbers[v] for v in body.outputs)


def _key(value: Any) -> Hashable:
    if isinstance(value, np.ndarray):
        return value.dtype, value.shape, value.tobytes()
    return type(value), repr(value) if isinstance(value, float) else value
