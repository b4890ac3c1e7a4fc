"""Prints graphs as text that reads like code, and that `aicomp.parse` turns back into the same graph.

In: a graph. Out: one line a node; large constants stand as a digest of their bytes.

    graph mlp(%x: f32[2,3]) {
      %0: f32[3] = constant(value=f32[3](0.5, -1.0, inf))
      %1: f32[2,3] = add(%x, %0)  # model.py:12  y = x + b
      return %1 as y
    }
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from .ir import Array, Graph, Location, Node, Value
from .literal import digest, fits_inline, literal

IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
PLAIN_FILE = re.compile(r'[^\s:"#][^\s:"]*')


def print_graph(graph: Graph, locations: bool = True) -> str:
    """Return the text of a graph, ending in a newline; `locations` adds each node's source line."""
    return "\n".join(_graph(graph, locations)) + "\n"


def large_constants(graph: Graph) -> dict[str, Array]:
    """Return the arrays that the text elides, by digest: what the parser needs beside the text."""
    arrays = (n.attrs["value"] for n in graph.walk() if n.op.name == "constant")
    return {digest(array): array for array in arrays if not fits_inline(array)}


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
