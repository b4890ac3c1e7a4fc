"""Declares passes: rewritings of graphs with a name, a contract and options.

@graph_pass(Contract.EXACT) def fold_constants(graph: Graph, *, max_bytes: int = 1 << 24) -> Graph: ...

fold_constants(graph, max_bytes=4096) parse_passes("cse, fold_constants{max_bytes=4096}", PASSES)
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from .contract import Contract
from .errors import InputValueError
from .ir import Graph


@dataclass(frozen=True)
class Pass:
    """A rewriting of graphs. `function(graph, **options)` does it; `options` are set or default values."""

    name: str
    function: Callable[..., Graph]
    contract: Contract
    doc: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)

    def run(self, graph: Graph) -> Graph:
        """Return the rewritten graph; the same object where nothing changes."""
        return self.function(graph, **self.options)

    def __call__(self, graph: Graph, **options: Any) -> Graph:
        """Run the pass with some options overridden."""
        return self.configure(**options).run(graph)

    def configure(self, **options: Any) -> Pass:
        """Return the pass with options set. Raises InputValueError for an unknown option or another type."""
        for name, value in options.items():
            if name not in self.options:
                known = ", ".join(self.options) or "none"
                raise InputValueError(f"pass {self.name} has no option {name!r} (it has {known})")
            if type(value) is not type(self.options[name]):
                wanted = type(self.options[name]).__name__
                raise InputValueError(f"option {name} of pass {self.name} is of type {wanted}, got {value!r}")
        return replace(self, options=MappingProxyType({**self.options, **options}))

    def __str__(self) -> str:
        settings = ",".join(f"{name}={value!r}" for name, value in self.options.items())
        return f"{self.name}{{{settings}}}" if settings else self.name


def graph_pass(contract: Contract) -> Callable[[Callable[..., Graph]], Pass]:
    """Declare a pass by its function: keyword-only parameters are its options, the docstring its doc."""

    def decorate(function: Callable[..., Graph]) -> Pass:
        parameters = inspect.signature(function).parameters.values()
        options = {p.name: p.default for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY}
        doc = inspect.getdoc(function) or ""
        return Pass(function.__name__.strip("_"), function, contract, doc, MappingProxyType(options))

    return decorate


def parse_passes(text: str, known: Mapping[str, Pass]) -> tuple[Pass, ...]:
    """Return the passes of a list such as `cse, fold_constants{max_bytes=4096}`.

    Raises InputValueError, naming what is known, for another pass or option.
    """
    parts = re.split(r",(?![^{]*\})", text)
    return tuple(_parse_pass(part.strip(), known) for part in parts if part.strip())


def _parse_pass(text: str, known: Mapping[str, Pass]) -> Pass:
    match = re.fullmatch(r"(\w+)\s*(?:\{(.*)\})?", text)
    if not match or match[1] not in known:
        raise InputValueError(f"no pass {text!r}; the passes are {', '.join(sorted(known))}")
    return known[match[1]].configure(**_settings(text, match[2] or ""))


def _settings(text: str, options: str) -> dict[str, Any]:
    """Return what `name=literal, ...` sets; a bare word is a string. Nothing is evaluated."""
    try:
        call = ast.parse(f"f({options})", mode="eval").body
        if isinstance(call, ast.Call) and not call.args:
            return {str(setting.arg): _literal(setting.value) for setting in call.keywords}
    except (ValueError, SyntaxError):
        pass
    raise InputValueError(f"{text!r} does not set options as in pass{{option=1,other='word'}}")


def _literal(value: ast.expr) -> Any:
    return value.id if isinstance(value, ast.Name) else ast.literal_eval(value)
