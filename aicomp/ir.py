"""The intermediate representation: `Graph`, `Node`, `Value`, and `Op`, the declaration of an operator.

Graphs are immutable and in static single assignment form. A node infers its types when it is made, so an ill-typed
graph cannot be built. Ops are callable on anything: on values (builds a node), on tracers (records), on arrays (runs
the reference).

    x = Value(TensorType((2, 3), FLOAT32), name="x")
    y = ops.relu(x)                                   # a Value, whose .node is the relu
    graph = Graph.build("f", [x], [y])
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np

from .errors import AicompError, GraphError, InputTypeError
from .expr import Expr
from .types import DType, TensorType, dtype

Attrs = Mapping[str, Any]
Array = np.ndarray[Any, Any]


class Kind(enum.Enum):
    """What a backend needs to know of an operator. Composites are decomposed before a backend sees them."""

    SOURCE = "source"  # no inputs: constant, iota
    ELEMENTWISE = "elementwise"  # one scalar expression over broadcast inputs
    REDUCE = "reduce"  # folds axes: sum, max, argmax, ...
    CONTRACT = "contract"  # matmul, conv
    WINDOW = "window"  # reductions over sliding windows: pooling
    MOVEMENT = "movement"  # copies elements: reshape, transpose, slice, pad, concat, gather, ...
    OPAQUE = "opaque"  # has a loop of its own: sort, scatter, cumulative sums
    REGION = "region"  # carries graphs: fusion, scan, while, cond
    COMPOSITE = "composite"  # defined by its decomposition


class Required(enum.Enum):
    """The default of an attribute that has none."""

    REQUIRED = "required"


@dataclass(frozen=True, slots=True)
class Location:
    """Where in the user's source a node comes from."""

    file: str
    line: int
    code: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, eq=False)
class Op:
    """One operator, declared once.

    `params` are the tensor inputs (a trailing `?` marks an optional one, a leading `*` any number), `attrs` the
    attributes with their defaults. `infer(*types, **attrs)` returns the result's type or a tuple of them;
    `reference(*arrays, **attrs)` computes it with NumPy; both take `regions=` where the op carries graphs.
    `decompose(*symbols, **attrs)` rewrites it in simpler ops, or returns NotImplemented where there is nothing to do
    (a matmul of matrices); `expr(dtypes, attrs)` is an elementwise op's formula;
    `normalize(types, attrs)` brings attributes to canonical form (axes counted from 0, ints widened to tuples).
    """

    name: str
    kind: Kind
    params: tuple[str, ...]
    attrs: Mapping[str, Any]
    infer: Callable[..., TensorType | tuple[TensorType, ...]]
    reference: Callable[..., Array | tuple[Array, ...]]
    decompose: Callable[..., Any] | None = None
    expr: Callable[[Sequence[DType], Attrs], Expr] | None = None
    normalize: Callable[[Sequence[TensorType], dict[str, Any]], dict[str, Any]] | None = None
    traits: frozenset[str] = frozenset()
    doc: str = ""

    def __call__(self, *inputs: Any, regions: Sequence[Graph] = (), **attrs: Any) -> Any:
        """Apply the op to values, tracers or arrays; returns one result, or a tuple where the op has several."""
        operands = self.bind(inputs, attrs)
        for operand in operands:
            if hasattr(operand, "apply_op"):
                return operand.apply_op(self, operands, regions, attrs)
        if all(isinstance(operand, Value) for operand in operands):
            return unwrap(Node(self, operands, attrs, regions).outputs)
        return self.eager(operands, regions, attrs)

    def bind(self, inputs: Sequence[Any], attrs: dict[str, Any]) -> tuple[Any, ...]:
        """Return the tensor inputs in order; those given by keyword are taken out of `attrs`.

        Raises InputTypeError for a missing, extra or unknown argument.
        """
        if self.params and self.params[-1].startswith("*") and len(inputs) >= len(self.params) - 1:
            return tuple(inputs)
        operands = list(inputs)
        for param in self.params[len(inputs) :]:
            operands.append(attrs.pop(param.rstrip("?"), None))
        while operands and operands[-1] is None:
            operands.pop()
        required = [p for p in self.params if not p.endswith("?")]
        if len(operands) > len(self.params) or len(operands) < len(required) or None in map(_none, operands):
            wanted = ", ".join(self.params)
            raise InputTypeError(f"{self.name} takes ({wanted}), got {len(operands)} tensor inputs")
        return tuple(operands)

    def eager(self, operands: Sequence[Any], regions: Sequence[Graph], attrs: Attrs) -> Any:
        """Run the reference on arrays and numbers."""
        weak = self.kind is Kind.ELEMENTWISE  # Python numbers take the dtype of the array beside them
        like = next((x.dtype for x in reversed(operands) if weak and hasattr(x, "dtype")), None)
        arrays = [np.asarray(x, like if isinstance(x, (bool, int, float)) else None) for x in operands]
        values = [Value(TensorType(a.shape, dtype(a.dtype))) for a in arrays]
        node = Node(self, values, attrs, regions)
        with np.errstate(all="ignore"):
            return unwrap(node.compute(arrays))

    def complete(self, types: Sequence[TensorType], attrs: Attrs) -> Attrs:
        """Return the attributes with defaults filled in and brought to canonical form. Raises GraphError."""
        unknown = set(attrs) - set(self.attrs)
        if unknown:
            known = ", ".join(self.attrs) or "none"
            raise GraphError(f"unknown attribute {sorted(unknown)[0]!r} (it has {known})")
        full = {name: freeze(attrs.get(name, default)) for name, default in self.attrs.items()}
        missing = [name for name, value in full.items() if value is Required.REQUIRED]
        if missing:
            raise GraphError(f"attribute {missing[0]!r} is missing")
        return MappingProxyType(self.normalize(types, full) if self.normalize else full)


def _none(operand: Any) -> Any:
    return operand is not None or None


def unwrap(results: Sequence[Any]) -> Any:
    """Return the only result, or all of them as a tuple."""
    return results[0] if len(results) == 1 else tuple(results)


def freeze(value: Any) -> Any:
    """Return an attribute value in immutable form: lists as tuples, NumPy scalars as Python's, arrays read-only."""
    if isinstance(value, (list, tuple)):
        return tuple(map(freeze, value))
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray) and value.flags.writeable:
        value = value.copy()
        value.flags.writeable = False
    return value


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """A tensor in a graph: an input (no node), or the `index`-th output of `node`. Equal only to itself."""

    type: TensorType
    node: Node | None = None
    index: int = 0
    name: str = ""

    @property
    def shape(self) -> tuple[int, ...]:
        """Return the sizes of the axes."""
        return self.type.shape

    @property
    def dtype(self) -> DType:
        """Return the element type."""
        return self.type.dtype

    @property
    def op(self) -> str:
        """Return the name of the op that made the value; empty for an input."""
        return self.node.op.name if self.node else ""


class Node:
    """One application of an op. Immutable; its output values are made, and typed, with it."""

    __slots__ = ("attrs", "inputs", "loc", "op", "outputs", "regions")

    def __init__(
        self,
        op: Op,
        inputs: Sequence[Value],
        attrs: Attrs = MappingProxyType({}),
        regions: Sequence[Graph] = (),
        loc: Location | None = None,
    ) -> None:
        self.op = op
        self.inputs = tuple(inputs)
        self.regions = tuple(regions)
        self.loc = loc
        types = [value.type for value in self.inputs]
        try:
            self.attrs = op.complete(types, attrs)
            results = op.infer(*types, **self.arguments())
        except AicompError as error:
            raise GraphError(self._explain(str(error), types)) from error
        results = results if isinstance(results, tuple) else (results,)
        self.outputs = tuple(Value(type_, self, i) for i, type_ in enumerate(results))

    def arguments(self) -> dict[str, Any]:
        """Return the keyword arguments of `infer` and `reference`."""
        return {**self.attrs, "regions": self.regions} if self.op.kind is Kind.REGION else dict(self.attrs)

    def compute(self, arrays: Sequence[Array]) -> tuple[Array, ...]:
        """Run the reference on arrays; the order of its sums, and so its roundings, do not depend on their strides."""
        if self.op.kind in (Kind.REDUCE, Kind.CONTRACT, Kind.WINDOW):
            arrays = [np.asarray(array, order="C") for array in arrays]
        results = self.op.reference(*arrays, **self.arguments())
        return results if isinstance(results, tuple) else (results,)

    def replace(self, inputs: Sequence[Value] | None = None, regions: Sequence[Graph] | None = None) -> Node:
        """Return this node on other inputs or regions; the node itself where nothing differs."""
        new_inputs = self.inputs if inputs is None else tuple(inputs)
        new_regions = self.regions if regions is None else tuple(regions)
        if new_regions != self.regions:
            return Node(self.op, new_inputs, self.attrs, new_regions, self.loc)
        if new_inputs == self.inputs:
            return self
        if [value.type for value in new_inputs] != [value.type for value in self.inputs]:
            return Node(self.op, new_inputs, self.attrs, new_regions, self.loc)
        return self._on(new_inputs)

    def _on(self, inputs: tuple[Value, ...]) -> Node:
        """Return this node on other inputs of the same types: nothing needs to be inferred again."""
        node = object.__new__(Node)
        node.op, node.inputs, node.attrs, node.regions, node.loc = (
            self.op,
            inputs,
            self.attrs,
            self.regions,
            self.loc,
        )
        node.outputs = tuple(Value(value.type, node, value.index, value.name) for value in self.outputs)
        return node

    def _explain(self, message: str, types: Sequence[TensorType]) -> str:
        where = f" at {self.loc}" if self.loc else ""
        code = f"\n    {self.loc.code}" if self.loc and self.loc.code else ""
        return f"{self.op.name}({', '.join(map(str, types))}){where}: {message}{code}"

    def __repr__(self) -> str:
        return f"<{self.op.name} -> {', '.join(str(o.type) for o in self.outputs)}>"


@dataclass(frozen=True, eq=False)
class Graph:
    """A function on tensors: inputs, nodes in topological order, outputs.

    `output_names` name the outputs; `structure` tells, for a function traced with nested inputs or outputs, how the
    flat ones are grouped (see `aicomp.tree`).
    """

    name: str
    inputs: tuple[Value, ...]
    nodes: tuple[Node, ...]
    outputs: tuple[Value, ...]
    output_names: tuple[str, ...] = ()
    structure: str = ""
    _users: dict[Value, list[Node]] = field(default_factory=dict, init=False, repr=False)

    @staticmethod
    def build(
        name: str,
        inputs: Sequence[Value],
        outputs: Sequence[Value],
        output_names: Sequence[str] = (),
        structure: str = "",
    ) -> Graph:
        """Return the graph of what `outputs` need, its nodes sorted topologically."""
        nodes = tuple(reachable(outputs))
        return Graph(name, tuple(inputs), nodes, tuple(outputs), tuple(output_names), structure)

    def with_outputs(self, outputs: Sequence[Value]) -> Graph:
        """Return a graph of the same interface that computes other outputs from the same inputs."""
        return Graph.build(self.name, self.inputs, outputs, self.output_names, self.structure)

    def users(self, value: Value) -> Sequence[Node]:
        """Return the nodes that read a value, in order; twice where they read it twice."""
        if not self._users:
            for node in self.nodes:
                for operand in node.inputs:
                    self._users.setdefault(operand, []).append(node)
        return self._users.get(value, ())

    @property
    def input_types(self) -> tuple[TensorType, ...]:
        """Return the types of the inputs."""
        return tuple(value.type for value in self.inputs)

    @property
    def output_types(self) -> tuple[TensorType, ...]:
        """Return the types of the outputs."""
        return tuple(value.type for value in self.outputs)

    def walk(self) -> Iterable[Node]:
        """Yield every node, those of regions included, each after the regions it carries."""
        for node in self.nodes:
            for region in node.regions:
                yield from region.walk()
            yield node


def reachable(outputs: Iterable[Value], known: Container[Node] = ()) -> list[Node]:
    """Return the nodes that the outputs depend on, each after its inputs, in a fixed order; no `known` ones."""
    order: list[Node] = []
    state: dict[Node, bool] = {}
    stack = [value.node for value in reversed(list(outputs)) if value.node]
    while stack:
        node = stack[-1]
        if state.get(node) or node in known:
            stack.pop()
        elif node in state:
            stack.pop()
            state[node] = True
            order.append(node)
        else:
            state[node] = False
            stack.extend(v.node for v in reversed(node.inputs) if v.node and v.node not in state)
    return order
