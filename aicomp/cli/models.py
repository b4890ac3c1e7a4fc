"""From the arguments of a verb to a graph or an executable.

In: parsed arguments (`model`, `shape`, `opt_level`, ...). Out: what the verb works on; progress on stderr.

    exe = compile_model(args)
    graph = import_model(args)
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from ..compiler import Executable, compile, import_graph
from ..errors import AicompError
from ..ir import Graph
from ..options import Options
from ..tree import parse_structure, unflatten
from ..types import TensorSpec, TensorType
from .show import progress

Arguments = argparse.Namespace


def import_model(args: Arguments) -> Graph:
    """Return the model as its frontend made it, before any pass."""
    with progress(f"importing {args.model}"):
        return import_graph(args.model, example_inputs(args.shape))


def compile_model(args: Arguments, graph: Graph | None = None, **overrides: Any) -> Executable:
    """Return the model, or a graph already imported from it, compiled as the arguments say."""
    chosen = options(args) | overrides
    with progress(f"compiling {args.model} for {chosen['target']} at -O{chosen['opt_level']}"):
        return compile(graph or args.model, example_inputs(args.shape), **chosen)


def nested(exe: Executable, arrays: Sequence[Any]) -> tuple[Any, ...]:
    """Return the arrays as the executable's arguments: grouped where its model takes tuples, lists or dicts."""
    structure = exe.graph.structure
    return tuple(unflatten(parse_structure(structure)[0], arrays)) if structure else tuple(arrays)


def options(args: Arguments) -> dict[str, Any]:
    """Return the keyword arguments of `ac.compile` that the compilation options stand for."""
    named = {
        "target": args.target,
        "opt_level": args.opt_level,
        "threads": args.threads,
        "disable_passes": tuple(args.disable_pass),
        "exact": args.exact,
        "cache": not args.no_cache,
    }
    return named | dict(args.set)


def common_options(args: Arguments) -> Options:
    """Return the options that are not the backend's own."""
    names = {field.name for field in fields(Options)}
    return Options(**{name: value for name, value in options(args).items() if name in names})


def example_inputs(shapes: Sequence[tuple[str, str]]) -> tuple[TensorSpec, ...] | None:
    """Return the specs that --shape gives, or None where it is not used."""
    return tuple(_spec(name, text) for name, text in shapes) or None


def _spec(name: str, text: str) -> TensorSpec:
    try:
        type_ = TensorType.parse(text)
    except AicompError as error:
        error.add_note(f"in --shape {name}={text}")
        raise
    return TensorSpec(type_.shape, type_.dtype, name)
