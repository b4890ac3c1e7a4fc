"""What `ac.compile` returns for the CPU: a callable that also shows, profiles, saves and exports itself.

In: an optimised graph and its program. Out: `exe(*arrays, **named)`. Where the model takes and returns plain arrays, a
call is the native entry itself, with no Python in between.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from aicomp.errors import InputTypeError, InputValueError, UnsupportedError
from aicomp.ir import Graph
from aicomp.parse import parse_graph
from aicomp.text import print_graph
from aicomp.tree import LEAF, arranged, leaves, parse_structure, structure_of, unflatten
from aicomp.types import TensorSpec

from .codegen.module import module_text
from .export.aot import Export
from .export.link import Kind, write_export
from .machine import Machine
from .program import Program
from .runtime import store
from .runtime.artefact import Artefact, compile_program
from .runtime.cache import Cache
from .runtime.call import bind
from .runtime.jit import emit_assembly
from .runtime.profile import Row, profile

KINDS: tuple[Kind, ...] = ("obj", "lib", "exe")
FORMS = ("ir", "llvm", "asm")
GRAPH_TEXT = "graph"  # under which an artefact keeps its graph


class CpuExecutable:
    """A model compiled for the CPU. Safe to call from several Python threads at once."""

    def __init__(self, graph: Graph, artefact: Artefact, threads: int, program: Program | None = None) -> None:
        self.graph = graph
        self.artefact = artefact
        self.threads = threads
        self.program = program
        self.input_specs: tuple[TensorSpec, ...] = artefact.inputs
        self.output_specs: tuple[TensorSpec, ...] = artefact.outputs

    @staticmethod
    def build(
        graph: Graph, program: Program, machine: Machine, threads: int, cache: Cache | None = None
    ) -> CpuExecutable:
        """Compile a program's kernels, those that the cache does not hold, and return the executable."""
        names = [value.name or f"input{i}" for i, value in enumerate(graph.inputs)]
        outputs = graph.output_names or [f"output{i}" for i in range(len(graph.outputs))]
        artefact = compile_program(program, machine, names, outputs, cache=cache)
        return executable(graph, artefact, threads, program)

    @staticmethod
    def load(path: Path, threads: int) -> CpuExecutable:
        """Return the executable in a file. Raises ParseError where it is damaged, AicompError for another machine."""
        artefact = store.load(path, Machine.host())
        return executable(parse_graph(artefact.texts[GRAPH_TEXT], None), artefact, threads)

    def __call__(self, *arrays: Any, **named: Any) -> Any:
        """Run the model; return one array, or what the model returns, nested as it does.

        Raises InputTypeError or InputValueError naming the input that does not fit.
        """
        raise NotImplementedError("executables are made by `executable`")

    def as_text(self, form: str) -> str:
        """Return the optimised graph (`ir`) or the kernels (`llvm`, `asm`) as text."""
        if form == "ir":
            return print_graph(self.graph)
        if form not in FORMS:
            raise InputValueError(f"the CPU target has no {form!r} text; it has {', '.join(FORMS)}")
        text = module_text(self._program().functions)
        return text if form == "llvm" else emit_assembly(text, self.artefact.machine)

    def profile(self, *arrays: Any, runs: int = 10) -> list[Row]:
        """Return a row a kernel call: label, calls, seconds (of all runs) and bytes moved a call."""
        return profile(self.artefact, leaves(arrays), self.threads, runs)

    def report(self, *arrays: Any) -> Any:
        """Raise UnsupportedError: only simulated targets count cycles."""
        raise UnsupportedError("the CPU target has no report; `profile` times its kernels")

    def save(self, path: str | Path) -> None:
        """Write the executable to a file that `ac.load` reads on a machine of the same kind."""
        texts = {**self.artefact.texts, GRAPH_TEXT: print_graph(self.graph)}
        store.save(replace(self.artefact, texts=texts), Path(path))

    def export(self, path: str | Path, emit: str = "exe") -> list[Path]:
        """Write an object (`obj`), a shared library with a C header (`lib`) or a program (`exe`).

        Returns the files written. Raises AicompError where linking needs a compiler and there is none.
        """
        kind = next((known for known in KINDS if known == emit), None)
        if kind is None:
            raise InputValueError(f"emit is one of {', '.join(KINDS)}, got {emit!r}")
        artefact = self.artefact
        export = Export(artefact.name, self._program(), artefact.inputs, artefact.outputs, artefact.machine)
        return write_export(export, Path(path), kind)

    def _program(self) -> Program:
        if self.program is None:
            raise UnsupportedError(
                "an executable loaded from a file holds machine code only; compile the model for this"
            )
        return self.program


def executable(graph: Graph, artefact: Artefact, threads: int, program: Program | None = None) -> CpuExecutable:
    """Return the executable of an artefact.

    Python looks `__call__` up in the type, so each executable has a type of its own, whose `__call__` is the native
    entry: a method in between would cost as much as a small kernel.
    """
    native = bind(artefact, threads)
    call = native if is_plain(graph) else nested_call(graph, native)
    own = type("CpuExecutable", (CpuExecutable,), {"__call__": staticmethod(call), "__doc__": CpuExecutable.__doc__})
    made: CpuExecutable = own(graph, artefact, threads, program)
    return made


def is_plain(graph: Graph) -> bool:
    """Return whether the model takes plain arrays, and returns one or a tuple of them."""
    if not graph.structure:
        return True
    inputs, outputs = parse_structure(graph.structure)
    flat = isinstance(outputs, tuple) and len(outputs) > 1 and all(each == LEAF for each in outputs)
    return all(each == LEAF for each in inputs) and (outputs == LEAF or flat)


def nested_call(graph: Graph, native: Callable[..., Any]) -> Callable[..., Any]:
    """Return the callable that takes and returns arrays nested as the model does."""
    inputs, outputs = parse_structure(graph.structure)
    names = parameter_names(graph, inputs)

    def call(*arrays: Any, **named: Any) -> Any:
        values = in_order(graph.name, names, arrays, named)
        for name, value, wanted in zip(names, values, inputs, strict=True):
            if structure_of(value) != wanted and wanted != LEAF:
                raise InputTypeError(f"input {name!r} of {graph.name} is nested as {wanted}, got {structure_of(value)}")
        results = native(*leaves(arranged(tuple(values), inputs)))
        return unflatten(outputs, results if len(graph.outputs) != 1 else (results,))

    return call


def parameter_names(graph: Graph, inputs: Sequence[Any]) -> list[str]:
    """Return the names of the model's parameters, the roots of its inputs' names."""
    names, at = [], 0
    for number, tree in enumerate(inputs):
        count = len(leaves(tree))
        first = graph.inputs[at].name if count else f"input{number}"
        names.append(first if tree == LEAF else first.split(".")[0].split("[")[0])
        at += count
    return names


def in_order(model: str, names: Sequence[str], arrays: Sequence[Any], named: Mapping[str, Any]) -> list[Any]:
    """Return positional and named arguments in the order of the parameters. Raises InputTypeError."""
    taken = dict(zip(names, arrays, strict=False))
    wrong = [name for name in named if name in taken or name not in names]
    missing = [name for name in names if name not in taken and name not in named]
    if len(arrays) > len(names) or wrong or missing:
        given = f"{len(arrays)} inputs by position" + "".join(f", {name!r} by name" for name in named)
        raise InputTypeError(f"{model} takes {', '.join(names) or 'no inputs'}; got {given}")
    return [{**taken, **named}[name] for name in names]
