"""Parses the textual IR that `aicomp.text` prints; printing the result gives the same text again.

In: text, and the arrays of the constants it elides, by digest. Out: a graph, every node type-checked as it is built.

    graph = parse_graph(print_graph(graph), large_constants(graph))

The text may come from anywhere: nothing is evaluated, sizes are checked before anything is allocated, and every error
is a ParseError that names the line.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from .errors import ParseError
from .ir import Array, Graph, Location, Node, Value
from .lexer import Tokens
from .literal import parse_literal, parse_type
from .ops import OPS

MAX_NODES = 1 << 20
MAX_DEPTH = 32
LOCATION = re.compile(r'(?P<file>"(?:[^"\\]|\\.)*"|[^\s:"#][^\s:"]*):(?P<line>\d{1,9})(?:  (?P<code>.*))?')

Names = dict[str, Value]


def parse_graph(text: str, constants: Mapping[str, Array] | None = MappingProxyType({})) -> Graph:
    """Return the graph that a text describes. Raises ParseError, naming the line, where it describes none.

    Without `constants`, those that the text elides stay so (see `aicomp.elided`): the graph can be shown, not run.
    """
    parser = Parser(Tokens(text), constants)
    graph = parser.graph(0)
    if parser.tokens.next.kind != "end":
        parser.tokens.fail("expected the end of the text after the graph")
    return graph


class Parser:
    """A recursive-descent parser over a stream of tokens."""

    def __init__(self, tokens: Tokens, constants: Mapping[str, Array] | None) -> None:
        self.tokens = tokens
        self.constants = constants
        self.count = 0

    def graph(self, depth: int) -> Graph:
        """Parse `graph NAME(INPUTS) { ... return OUTPUTS }`."""
        tokens = self.tokens
        if depth > MAX_DEPTH:
            tokens.fail(f"graphs nest deeper than {MAX_DEPTH}")
        tokens.expect("graph")
        name = self.name()
        names: Names = {}
        inputs = self.inputs(names)
        tokens.expect("{")
        structure = tokens.string() if tokens.accept("structure") else ""
        nodes = []
        while not tokens.peek("return"):
            nodes.append(self.node(names, depth))
        outputs, output_names = self.outputs(names)
        tokens.expect("}")
        return Graph(name, inputs, tuple(nodes), outputs, output_names, structure)

    def name(self) -> str:
        """Parse a plain or quoted name."""
        token = self.tokens.next
        text = self.tokens.take("word", "string")
        return self.tokens.unquote(text) if token.kind == "string" else text

    def inputs(self, names: Names) -> tuple[Value, ...]:
        """Parse `(%x: f32[2], ...)`."""
        inputs = []
        self.tokens.expect("(")
        while not self.tokens.accept(")"):
            label = self.tokens.take("value")
            self.tokens.expect(":")
            inputs.append(Value(parse_type(self.tokens), name=self.input_name(label)))
            self.define(names, label, inputs[-1])
            if not self.tokens.peek(")"):
                self.tokens.expect(",")
        return tuple(inputs)

    def input_name(self, label: str) -> str:
        """Return the name that an input's label states: `%x` is named, `%0` is not."""
        if label.startswith('%"'):
            return self.tokens.unquote(label[1:])
        return "" if label[1].isdigit() else label[1:]

    def define(self, names: Names, label: str, value: Value) -> None:
        """Bind a label to a value, once."""
        if label in names:
            self.tokens.fail(f"{label} is defined twice")
        names[label] = value

    def use(self, names: Names) -> Value:
        """Parse a reference to a value that is defined above."""
        label = self.tokens.take("value")
        if label not in names:
            self.tokens.fail(f"{label} is not defined here")
        return names[label]

    def outputs(self, names: Names) -> tuple[tuple[Value, ...], tuple[str, ...]]:
        """Parse `return %1 as y, ...`."""
        self.tokens.expect("return")
        outputs, labels = [], []
        while self.tokens.next.kind == "value":
            outputs.append(self.use(names))
            if self.tokens.accept("as"):
                labels.append(self.name())
            if not self.tokens.accept(","):
                break
        if labels and len(labels) != len(outputs):
            self.tokens.fail("either all outputs are named or none is")
        return tuple(outputs), tuple(labels)

    def node(self, names: Names, depth: int) -> Node:
        """Parse `%3: f32[2] = op(%1, %2, attr=literal) { graph ... }  # file:line  code`."""
        self.count += 1
        if self.count > MAX_NODES:
            self.tokens.fail(f"more than {MAX_NODES} nodes")
        results = self.results()
        line = self.tokens.last.line
        op = self.tokens.take("word")
        if op not in OPS:
            near = difflib.get_close_matches(op, OPS, 1)
            self.tokens.fail(f"no operator {op!r}" + (f"; do you mean {near[0]!r}?" if near else ""))
        operands, attrs = self.arguments(names)
        regions = self.regions(depth)
        node = _build(op, operands, attrs, regions, self.location(), line)
        declared, inferred = [type_ for _, type_ in results], [value.type for value in node.outputs]
        if declared != inferred:
            raise ParseError(f"line {line}: {op} gives {', '.join(map(str, inferred))}, not what is declared")
        for (label, _), value in zip(results, node.outputs, strict=True):
            self.define(names, label, value)
        return node

    def results(self) -> list[tuple[str, Any]]:
        """Parse `%3: f32[2], %4: i64[2] =`."""
        results = []
        while not self.tokens.accept("="):
            label = self.tokens.take("value")
            self.tokens.expect(":")
            results.append((label, parse_type(self.tokens)))
            if not self.tokens.peek("="):
                self.tokens.expect(",")
        return results

    def arguments(self, names: Names) -> tuple[list[Value], dict[str, Any]]:
        """Parse `(%1, %2, attr=literal)`."""
        operands: list[Value] = []
        attrs: dict[str, Any] = {}
        self.tokens.expect("(")
        while not self.tokens.accept(")"):
            if self.tokens.next.kind == "value":
                operands.append(self.use(names))
            else:
                name = self.tokens.take("word")
                self.tokens.expect("=")
                attrs[name] = parse_literal(self.tokens, self.constants)
            if not self.tokens.peek(")"):
                self.tokens.expect(",")
        return operands, attrs

    def regions(self, depth: int) -> list[Graph]:
        """Parse `{ graph ... graph ... }`, or nothing."""
        regions = []
        if self.tokens.accept("{"):
            while not self.tokens.accept("}"):
                regions.append(self.graph(depth + 1))
        return regions

    def location(self) -> Location | None:
        """Return the source line that the comment after a statement states."""
        match = LOCATION.fullmatch(self.tokens.comment())
        if not match:
            return None
        file, code = (_plain(self.tokens, match[group] or "") for group in ("file", "code"))
        return Location(file, int(match["line"]), code)


def _plain(tokens: Tokens, text: str) -> str:
    return tokens.unquote(text) if text.startswith('"') else text


def _build(
    op: str, operands: list[Value], attrs: dict[str, Any], regions: list[Graph], loc: Location | None, line: int
) -> Node:
    try:
        return Node(OPS[op], operands, attrs, regions, loc)
    except Exception as error:  # attributes of any kind meet inference here, which may fail in any way
        raise ParseError(f"line {line}: {error}") from error
