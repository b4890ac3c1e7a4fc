"""From a model to an executable: a frontend makes the graph, the backend's passes rewrite it, the backend compiles it.

exe = compile("lenet5.py:model", target="cpu", threads=1)
exe = compile(lambda x, y: x @ y, (np.ones((2, 3)), np.ones((3, 4))))
exe(x, y)
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from .errors import AicompError, InputTypeError
from .graph_pass import Pass
from .ir import Graph
from .options import Options
from .pipeline import Pipeline
from .plugins import backends, frontends
from .store import load_graph
from .types import TensorSpec

EXAMPLES = tuple[Any, ...] | list[Any] | None


class Executable(Protocol):
    """A compiled model. Calling it takes the model's inputs in order or by name and returns NumPy arrays."""

    graph: Graph
    input_specs: tuple[TensorSpec, ...]
    output_specs: tuple[TensorSpec, ...]

    def __call__(self, *arrays: Any, **named: Any) -> Any:
        """Return one array, or a tuple of arrays in the model's output order (or as it nested them)."""

    def as_text(self, form: str) -> str:
        """Return the `ir`, `llvm`, `asm` or `isa` of the model, where the target has it."""

    def profile(self, *arrays: Any) -> list[Any]:
        """Return one row a kernel: what it is, its calls, seconds and bytes."""

    def report(self, *arrays: Any) -> Any:
        """Return what a simulated target counts: cycles, stalls, bytes, energy."""

    def save(self, path: Any) -> None:
        """Write the executable to a file that `load` reads, with no toolchain needed."""

    def export(self, path: Any, emit: str) -> list[Path]:
        """Write an `obj`, `lib` or `exe` that runs without Python; return the files written."""


def compile(model: Any, example_inputs: EXAMPLES = None, target: str = "cpu", **options: Any) -> Executable:
    """Compile a model: a path (`.aic`, `.onnx`, `file.py:function`), a Graph, a function over NumPy arrays.

    `example_inputs` are arrays or `TensorSpec`s (nested as the function takes them), where the model does not say its
    own shapes. `options` are fields of `Options`, and those of the target. Raises AicompError.
    """
    backend = backends().named(target)
    chosen, extra = split_options(options, backend)
    graph = import_graph(model, example_inputs)
    result = Pipeline(backend.pipeline(chosen)).run(graph, chosen)
    executable: Executable = backend.compile(result.graph, chosen, extra)
    return executable


def split_options(options: Mapping[str, Any], backend: Any) -> tuple[Options, dict[str, Any]]:
    """Return the common options and those of the backend. Raises InputTypeError for one that neither knows."""
    base = options.get("options", Options())
    common = {field.name for field in dataclasses.fields(Options)}
    unknown = sorted(set(options) - common - backend.option_names - {"options"})
    if unknown:
        known = ", ".join(sorted(common | backend.option_names))
        raise InputTypeError(f"unknown option {unknown[0]!r} for target {backend.name}; the options are {known}")
    chosen = base.replace(**{name: value for name, value in options.items() if name in common})
    return chosen, {name: value for name, value in options.items() if name in backend.option_names}


def import_graph(model: Any, example_inputs: Any = None) -> Graph:
    """Return a model as the graph its frontend makes.

    Raises AicompError where no frontend takes it, InputTypeError where the examples are no tuple or list.
    """
    if not isinstance(example_inputs, (tuple, list, type(None))):
        got = type(example_inputs).__name__
        raise InputTypeError(f"example_inputs is a tuple, one example a parameter: (x, y), or (x,); got a {got}")
    if isinstance(model, Graph):
        return model
    if isinstance(model, (str, Path)) and Path(model).suffix == ".aic":
        if not Path(model).is_file():
            raise AicompError(f"there is no file {model}")
        return load_graph(model)
    frontend = frontends().first(lambda plugin: plugin.accepts(model))
    if frontend is None:
        names = ", ".join(sorted(frontends()))
        raise AicompError(
            f"cannot import {model!r}: not a graph, a .aic file or what a frontend ({names}) takes, such as a function "
            "or file.py:function"
        )
    examples = None if example_inputs is None else tuple(example_inputs)
    graph: Graph = frontend.import_model(model, examples)
    return graph


def trace(function: Any, *example_inputs: Any) -> Graph:
    """Return the graph of a function, recorded on inputs like the examples (arrays or TensorSpecs).

    `function` may be a path, `file.py:function`, whose file tells its own examples. Raises AicompError.
    """
    return import_graph(function, example_inputs if example_inputs or callable(function) else None)


def load(path: str | Path, threads: int | None = None) -> Executable:
    """Return the executable in a file that `Executable.save` wrote; a model file is compiled.

    Raises AicompError where the file is neither.
    """
    if not Path(path).is_file():
        raise AicompError(f"there is no file {path}")
    backend = backends().first(lambda plugin: plugin.is_artefact(Path(path)))
    if backend is None:
        return compile(path, threads=threads)
    executable: Executable = backend.load(Path(path), threads)
    return executable


def is_artefact(path: str | Path) -> bool:
    """Return whether a file is an executable that some backend has saved."""
    return backends().first(lambda plugin: plugin.is_artefact(Path(path))) is not None


def pipeline(target: str, options: Options) -> Pipeline:
    """Return the passes that compilation for a target runs."""
    return Pipeline(tuple(backends().named(target).pipeline(options)))


def passes() -> dict[str, Pass]:
    """Return every pass that an installed backend runs, by name."""
    found: dict[str, Pass] = {}
    for backend in backends().values():
        found.update((step.name, step) for step in backend.pipeline(Options()))
    return found
