"""Prints graphs as text that reads like code, and that `aicomp.parse` turns back into the same graph.

In: a graph. Out: one line a node; large constants stand as a digest of their bytes.

    graph mlp(%x: f32[2,3]) {
      %0: f32[3] = constant(value=f32[3](0.5, -1.0, inf))
      %1: f32[2,3] = add(%x, %0)  # model.py:12  y = x + b
      return %1 as y
    }
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from typing import Any

import numpy as np

from .errors import GraphError
from .ir import Graph, Location, Node, Value
from .types import SHORT_NAMES, TensorType, dtype, is_float

Array = np.ndarray[Any, Any]

INLINE_ELEMENTS = 32
SPLAT_ELEMENTS = 1 << 20
IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
PLAIN_FILE = re.compile(r'[^\s:"#][^\s:"]*')


def print_graph(graph: Graph, locations: bool = True) -> str:
    """Return the text of a graph, ending in a newline; `locations` adds each node's source line."""
    return "\n".join(_graph(graph, locations)) + "\n"


def large_constants(graph: Graph) -> dict[str, Array]:
    """Return the arrays that the text elides, by digest: what the parser needs beside the text."""
    arrays = (n.attrs["value"] for n in graph.walk() if n.op.name == "constant")
    return {digest(array): array for array in arrays if not _fits_inline(array)}


def digest(array: Array) -> str:
    """Return a name for an array's dtype, shape and bytes."""
    head = str(TensorType(array.shape, dtype(array.dtype))).encode()
    return hashlib.sha256(head + np.ascontiguousarray(array).tobytes()).hexdigest()


def _graph(graph: Graph, locations: bool) -> Iterable[str]:
    names = name_values(graph)
    inputs = ", ".join(f"{names[value]}: {value.type}" for value in graph.inputs)
    yield f"graph {_name(graph.name)}({inputs}) {{"
    if graph.structure:
        yield f"  structure {json.dumps(graph.structure)}"
    for node in graph.nodes:
        yield from (f"  {line}" for line in _node(node, names, locations))
    yield f"  return{_outputs(graph, names)}"
    yield "}"


def name_values(graph: Graph) -> dict[Value, str]:
    """Return how the text writes each value: inputs by name where they have one, all others by number."""
    names: dict[Value, str] = {}
    for value in graph.inputs:
        name = f"%{_name(value.name)}"
        taken = not value.name or name in names.values()
        names[value] = f"%{len(names)}" if taken else name
    for node in graph.nodes:
        for value in node.outputs:
            names[value] = f"%{len(names)}"
    return names


def _node(node: Node, names: dict[Value, str], locations: bool) -> Iterable[str]:
    results = ", ".join(f"{names[value]}: {value.type}" for value in node.outputs)
    operands = [names.get(value, "%?") for value in node.inputs]
    attrs = [f"{name}={literal(value)}" for name, value in node.attrs.items()]
    call = f"{results} = {node.op.name}({', '.join(operands + attrs)})"
    end = f"  # {_location(node.loc)}" if locations and node.loc else ""
    if not node.regions:
        yield call + end
        return
    yield f"{call} {{"
    for region in node.regions:
        yield from (f"  {line}" for line in _graph(region, locations))
    yield "}" + end


def _outputs(graph: Graph, names: dict[Value, str]) -> str:
    items = [names.get(value, "%?") for value in graph.outputs]
    if graph.output_names:
        items = [f"{item} as {_name(name)}" for item, name in zip(items, graph.output_names, strict=True)]
    return f" {', '.join(items)}" if items else ""


def _name(name: str) -> str:
    return name if IDENTIFIER.fullmatch(name) else json.dumps(name)


def _location(loc: Location) -> str:
    file = loc.file if PLAIN_FILE.fullmatch(loc.file) else json.dumps(loc.file)
    plain = loc.code.isprintable() and loc.code == loc.code.strip() and not loc.code.startswith('"')
    code = loc.code if plain else json.dumps(loc.code)
    return f"{file}:{loc.line}" + (f"  {code}" if code else "")


def literal(value: Any) -> str:
    """Return an attribute's value as text. Raises GraphError for what attributes cannot hold."""
    if isinstance(value, np.ndarray):
        return _array(value)
    if isinstance(value, np.dtype):
        return SHORT_NAMES[value]
    if isinstance(value, tuple):
        items = ", ".join(map(literal, value))
        return f"({items},)" if len(value) == 1 else f"({items})"
    if isinstance(value, str):
        return json.dumps(value)
    if value is None or isinstance(value, (bool, int, float)):
        return repr(value)
    raise GraphError(f"an attribute cannot be {value!r}: the text has no form for {type(value).__name__}")


def _array(array: Array) -> str:
    head = str(TensorType(array.shape, dtype(array.dtype)))
    if is_splat(array):
        return f"{head}({_scalar(array.reshape(-1)[0])}, ...)"
    if array.size <= INLINE_ELEMENTS:
        return f"{head}({', '.join(map(_scalar, array.reshape(-1)))})"
    return f"{head}(sha256:{digest(array)})"


def _fits_inline(array: Array) -> bool:
    return array.size <= INLINE_ELEMENTS or is_splat(array)


def is_splat(array: Array) -> bool:
    """Return whether the text writes the array as one number that fills it."""
    if not 1 < array.size <= SPLAT_ELEMENTS:
        return False
    flat = array.reshape(-1)
    bits = flat.view(f"u{array.dtype.itemsize}")
    return bool(bits[0] == bits[-1] and (bits == bits[0]).all())


def _scalar(number: Any) -> str:
    if not is_float(np.asarray(number).dtype):
        return str(number)
    if number != number:
        return "-nan" if np.signbit(number) else "nan"
    return next(text for text in _spellings(number) if number.dtype.type(float(text)) == number)


def _spellings(number: Any) -> Iterable[str]:
    """Yield ever longer decimal forms of a float."""
    yield str(number)
    yield from (f"{float(number):.{digits}g}" for digits in range(5, 18))
