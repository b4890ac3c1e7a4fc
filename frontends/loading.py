"""Python files as models: `model.py:function`, with example inputs from the function or its file.

In: a path. Out: the function, and example inputs: the attribute `function.example_inputs`, or the file's own name
`example_inputs`. Each is a tuple (one example a parameter), or a function of no arguments that returns one.

    # model.py
    def forward(x): return np.tanh(x)
    example_inputs = (np.zeros((1, 64), np.float32),)
"""

from __future__ import annotations

import importlib.util
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from aicomp.errors import AicompError, InputTypeError, ParseError

from .recorder import is_internal


def is_function_path(path: str) -> bool:
    """Return whether text reads `file.py:function`."""
    file, _, function = path.rpartition(":")
    return file.endswith(".py") and bool(function)


def load_function(path: str) -> tuple[Callable[..., Any], tuple[Any, ...] | None]:
    """Return the function at `file.py:function` and its example inputs, if it has some.

    Raises ParseError where the path has another form or names no file or function, AicompError where the file
    fails to run.
    """
    file, _, name = path.rpartition(":")
    if not is_function_path(path):
        raise ParseError(f"{path!r} is not of the form module.py:function")
    module = load_module(Path(file))
    function: Any = module
    for part in name.split("."):
        if not hasattr(function, part):
            raise ParseError(f"{file} has no {name!r}; it has {', '.join(public_callables(module)) or 'nothing'}")
        function = getattr(function, part)
    if not callable(function):
        raise ParseError(f"{path} is a {type(function).__name__}, not a function")
    return function, example_inputs(function, module)


def load_module(file: Path) -> ModuleType:
    """Return a Python file as a module; its folder is importable while it runs, as for `python file.py`."""
    if not file.is_file():
        raise ParseError(f"there is no file {file}")
    name = f"{file.stem}@{file.resolve()}"
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None and spec.loader is not None, file
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    try:
        with importable(file.resolve().parent):
            spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise AicompError(f"{file} failed to run: {type(error).__name__}: {error}{place(error)}") from error
    return module


def place(error: BaseException) -> str:
    """Return where in somebody's file an error was raised; nothing for a SyntaxError, which says so itself."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not is_internal(frame.filename)]
    return f" (at {frames[-1].filename}:{frames[-1].lineno})" if frames else ""


@contextmanager
def importable(folder: Path) -> Iterator[None]:
    """Put a folder first on the import path."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


def public_callables(module: ModuleType) -> list[str]:
    """Return the names of the functions and classes that a module defines."""
    return [
        name for name, value in vars(module).items()
        if callable(value) and not name.startswith("_") and getattr(value, "__module__", "") == module.__name__
    ]  # fmt: skip


def example_inputs(function: Callable[..., Any], module: ModuleType) -> tuple[Any, ...] | None:
    """Return the example inputs that a function or its file states. Raises InputTypeError unless they are a tuple."""
    stated: Any = getattr(function, "example_inputs", None)
    if stated is None:
        stated = getattr(module, "example_inputs", None)
    if callable(stated):
        stated = stated()
    if stated is None or isinstance(stated, tuple):
        return stated
    raise InputTypeError(f"example_inputs of {module.__file__} is a {type(stated).__name__}; expected a tuple")
