"""Tracing: a Python function over NumPy arrays becomes a graph.

In: a function, and example inputs: arrays, `TensorSpec`s, Python numbers, or tuples, lists and dicts of those. Out: a
graph whose inputs are named after the function's parameters (`x`, `params.w`, `xs[0]`). Only shapes and dtypes of the
examples matter. Closed-over arrays become constants, closed-over numbers are weak, as in NumPy.

    trace(lambda x: np.tanh(x) * 2, TensorSpec((2, 3), "float32"))
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from pathlib import PurePath
from typing import Any

import numpy as np

from aicomp.errors import InputTypeError
from aicomp.ir import Graph
from aicomp.tree import flatten, format_structure, leaf_names, leaves, map_leaves
from aicomp.types import TensorSpec, TensorType, dtype

from . import control
from .loading import is_function_path, load_function
from .promotion import is_number
from .recorder import Frame, Recorder
from .tracer import Tracer, output_value


def trace(fn: Callable[..., Any], *example_inputs: Any, name: str | None = None) -> Graph:
    """Return the graph that a function computes on inputs of the examples' shapes and dtypes.

    Raises TraceError where the function needs an element's value, UnsupportedError listing every NumPy function
    that has no translation, InputTypeError where the examples do not fit the parameters.
    """
    recorder = Recorder()
    with recorder.frame() as frame:
        named = bind(fn, example_inputs)
        arguments = [enter(tree, parameter, frame) for parameter, tree in named]
        result = run(fn, arguments, recorder)
        outputs = [output_value(leaf, frame) for leaf in leaves(result)]
    recorder.check_supported()
    structure = format_structure(flatten(tuple(tree for _, tree in named))[1], flatten(result)[1])
    return Graph.build(name or name_of(fn), frame.inputs, outputs, output_names(result), structure)


def bind(fn: Callable[..., Any], example_inputs: Sequence[Any]) -> list[tuple[str, Any]]:
    """Return (parameter name, example) pairs. Raises InputTypeError where there are too few or too many."""
    try:
        signature = inspect.signature(fn)
    except ValueError:  # a builtin or a ufunc that does not tell
        return [(f"x{i}", each) for i, each in enumerate(example_inputs)]
    try:
        bound = signature.bind(*example_inputs)
    except TypeError as error:
        raise InputTypeError(
            f"{name_of(fn)}{signature} does not take {len(example_inputs)} example inputs: {error}"
        ) from error
    named: list[tuple[str, Any]] = []
    for parameter, value in bound.arguments.items():
        if signature.parameters[parameter].kind is inspect.Parameter.VAR_POSITIONAL:
            named.extend((f"{parameter}{i}", each) for i, each in enumerate(value))
        else:
            named.append((parameter, value))
    return named


def enter(tree: Any, parameter: str, frame: Frame) -> Any:
    """Return an example with inputs of the frame, as tracers, in place of its leaves."""
    names = iter(leaf_names(tree, parameter))
    return map_leaves(lambda leaf: _input(leaf, next(names), frame), tree)


def _input(leaf: Any, name: str, frame: Frame) -> Tracer:
    return Tracer(frame.add_input(example_type(leaf, name), name), frame, weak=is_number(leaf))


def example_type(leaf: Any, name: str) -> TensorType:
    """Return the type of an example input. Raises InputTypeError where it is none."""
    if isinstance(leaf, TensorSpec):
        return leaf.type
    if isinstance(leaf, TensorType):
        return leaf
    if isinstance(leaf, (np.ndarray, np.generic)) or is_number(leaf):
        return TensorType(np.shape(leaf), dtype(np.asarray(leaf).dtype))
    raise InputTypeError(
        f"example input {name} is a {type(leaf).__name__}; expected an array, a TensorSpec, a number, "
        "or tuples, lists and dicts of those"
    )


def run(fn: Callable[..., Any], arguments: Sequence[Any], recorder: Recorder) -> Any:
    """Call the function. What fails after an unsupported function was noted is reported as that function."""
    try:
        return fn(*arguments)
    except Exception as error:
        recorder.check_supported(error)
        raise


def output_names(result: Any) -> tuple[str, ...]:
    """Return names for output leaves: `output`, or `output0`, `output1`, ... of a tuple, or the keys of a dict."""
    if isinstance(result, dict):
        named = [(str(key), child) for key, child in result.items()]
    elif isinstance(result, (tuple, list)):
        named = [(f"output{i}", child) for i, child in enumerate(result)]
    else:
        named = [("output", result)]
    return tuple(leaf for name, child in named for leaf in leaf_names(child, name))


def name_of(fn: Callable[..., Any]) -> str:
    """Return a function's name as an identifier."""
    inner = getattr(fn, "func", fn)  # of a functools.partial
    name = getattr(inner, "__name__", type(inner).__name__)
    return name if name.isidentifier() else name.strip("<>")


class TraceFrontend:
    """The frontend for Python functions, and for paths of them: `module.py:function`."""

    name = "trace"
    cond, scan, while_loop = staticmethod(control.cond), staticmethod(control.scan), staticmethod(control.while_loop)

    def accepts(self, model: Any) -> bool:
        """Return whether the model is callable, or such a path."""
        return callable(model) or (isinstance(model, (str, PurePath)) and is_function_path(str(model)))

    def import_model(self, model: Any, example_inputs: tuple[Any, ...] | None) -> Graph:
        """Return the traced graph; a path's example inputs may stand in its file."""
        if isinstance(model, (str, PurePath)):
            model, own = load_function(str(model))
            example_inputs = own if example_inputs is None else example_inputs
        if example_inputs is None:
            raise InputTypeError(f"{name_of(model)} needs example_inputs: arrays or TensorSpecs, one a parameter")
        return trace(model, *example_inputs)


frontend = TraceFrontend()
