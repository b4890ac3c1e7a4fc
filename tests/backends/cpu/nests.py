"""Makes bodies of kernels, and runs their loop nests with NumPy, over all rows and columns at once.

run_nests(build_nests(body), arrays, body.output_types)     # the outputs, each element written once
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from aicomp import ops
from aicomp.backends.cpu.loops.build import fold_identity
from aicomp.backends.cpu.loops.index import Dynamic, FloorDiv, Linear, Mod, Var
from aicomp.backends.cpu.loops.nest import Apply, Bound, Choose, Load, Nest, Position, Reduction, Scalar
from aicomp.expr import cast_array, evaluate
from aicomp.ir import Graph, Node, Value
from aicomp.ops import OPS
from aicomp.ops.composite import decompose
from aicomp.ops.symbol import Symbol
from aicomp.passes.groups import body
from aicomp.rebuild import rebuild
from aicomp.types import TensorType

Array = np.ndarray
FOLDS = {"sum": np.sum, "prod": np.prod, "max": np.max, "min": np.min, "any": np.any, "all": np.all}


def graph_of(function, *types) -> Graph:
    """Return the body of a kernel: a function of symbols, its large constants as operands."""
    inputs = [Value(TensorType.parse(text), name=f"x{i}") for i, text in enumerate(types)]
    results = function(*map(Symbol, inputs))
    results = results if isinstance(results, tuple) else (results,)
    graph = rebuild(Graph.build("test", inputs, [r.value for r in results]), decompose)
    return as_body(graph)[0]


def ramp(shape: Sequence[int], axis: int, dtype: str = "f32") -> Symbol:
    """Return positions along an axis, as a node of the graph."""
    node = Node(OPS["iota"], (), {"shape": tuple(shape), "axis": axis})
    return ops.cast(Symbol(node.outputs[0]), dtype=dtype)


def as_body(graph: Graph) -> tuple[Graph, list[Value]]:
    """Return a graph as the body of a kernel, and the values that its inputs stand for."""
    return body([node for node in graph.nodes if node.op.name != "constant"], graph.outputs)


def run_nests(nests: Sequence[Nest], arrays: Sequence[Array], types: Sequence[TensorType]) -> list[Array]:
    """Return what nests write; checks that they write every element once."""
    outputs = [np.zeros(t.shape, t.dtype) for t in types]
    times = [np.zeros(t.size, int) for t in types]
    for nest in nests:
        Run(nest, [*arrays, *outputs]).stores(len(arrays), times)
    assert all((count == 1).all() for count in times), times
    return outputs


class Run:
    """One nest on its buffers: every scalar is an array over the loops, rows first, broadcast where it can be."""

    def __init__(self, nest: Nest, buffers: Sequence[Array]) -> None:
        self.nest = nest
        self.buffers = buffers
        loops = (*nest.rows, *nest.cols)
        self.shape = tuple(v.extent for v in loops)
        self.columns = tuple(range(len(nest.rows), len(loops)))
        self.ranges = {
            v: np.arange(v.extent).reshape([-1 if w is v else 1 for w in loops]) if loops else np.arange(1)
            for v in loops
        }
        self.done: dict[int, Array] = {}

    def stores(self, inputs: int, times: Sequence[Array]) -> None:
        """Write the outputs, and count how often each element is written."""
        for store in self.nest.stores:
            by_column = any(store.index.depends(v) for v in self.nest.cols)
            extents = [1 if axis in self.columns and not by_column else n for axis, n in enumerate(self.shape)]
            where, value = (np.broadcast_to(a, extents) for a in (self.index(store.index), self.value(store.value)))
            self.buffers[store.slot].reshape(-1)[where.reshape(-1)] = value.reshape(-1)
            np.add.at(times[store.slot - inputs], where.reshape(-1), 1)

    def index(self, index: Linear) -> Array:
        total = np.full((1,) * len(self.shape), index.constant)
        for atom, factor in index.terms:
            total = total + factor * self.atom(atom)
        return total

    def atom(self, atom: object) -> Array:
        if isinstance(atom, Var):
            return self.ranges[atom]
        if isinstance(atom, FloorDiv):
            return self.index(atom.of) // atom.by
        if isinstance(atom, Mod):
            return self.index(atom.of) % atom.by
        assert isinstance(atom, Dynamic)
        return self.value(atom.scalar).astype(np.int64)

    def holds(self, bounds: Sequence[Bound]) -> Array:
        result = np.full((1,) * len(self.shape), True)
        for b in bounds:
            where = self.index(b.index)
            result = result & (where >= 0) & (where < b.extent) & (where % b.by == 0)
        return result

    def value(self, s: Scalar) -> Array:
        if id(s) not in self.done:
            self.done[id(s)] = np.asarray(self.compute(s))
            assert self.done[id(s)].dtype == s.dtype, s
        return self.done[id(s)]

    def compute(self, s: Scalar) -> Array:
        if isinstance(s, Load):
            return self.load(s)
        if isinstance(s, Position):
            return cast_array(self.index(s.index), s.dtype)
        if isinstance(s, Apply):
            return evaluate(s.expr, [self.value(operand) for operand in s.operands])
        if isinstance(s, Choose):
            return np.where(self.holds(s.inside), self.value(s.then), self.value(s.other))
        assert isinstance(s, Reduction), s
        return self.fold(s)

    def load(self, s: Load) -> Array:
        mask, where = np.broadcast_arrays(self.holds(s.inside), self.index(s.index))
        flat = self.buffers[s.slot].reshape(-1)
        assert (~mask | ((where >= 0) & (where < flat.size))).all(), "a load outside of its buffer"
        other = np.full(mask.shape, s.other, s.dtype)
        if flat.size:
            other[mask] = flat[where[mask]]
        return other

    def fold(self, s: Reduction) -> Array:
        value = np.broadcast_to(self.value(s.value), self.shape)
        if s.position is not None:
            best = (np.max if s.kind == "argmax" else np.min)(value, self.columns, keepdims=True)
            places = np.where(value == best, self.index(s.position), prod(self.shape))
            return np.min(places, self.columns, keepdims=True).astype(s.dtype)
        if not prod(self.shape[axis] for axis in self.columns):
            kept = [1 if axis in self.columns else n for axis, n in enumerate(self.shape)]
            return np.full(kept, fold_identity(s.kind, s.dtype), s.dtype)
        return FOLDS[s.kind](value, axis=self.columns, keepdims=True).astype(s.dtype)
