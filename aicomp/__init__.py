"""A graph-based AI compiler: NumPy functions and model files in, native code out.

    import aicomp as ac
    import numpy as np

    exe = ac.compile(lambda x: np.tanh(x) * 2, example_inputs=(np.ones(4, np.float32),))
    exe(np.zeros(4, np.float32))

Names load on first use, so that importing the package, and asking the command line for help, is instant.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import nn, ops
    from .compiler import Executable, compile, load, trace
    from .control import cond, scan, while_loop
    from .digraph import to_networkx
    from .errors import (
        AicompError,
        GraphError,
        InputTypeError,
        InputValueError,
        ParseError,
        TraceError,
        UnsupportedError,
    )
    from .interpreter import interpret
    from .ir import Graph
    from .options import Options
    from .store import save
    from .types import TensorSpec

__version__ = "0.1.0"

_MODULES = {
    "compiler": ("Executable", "compile", "load", "trace"),
    "digraph": ("to_networkx",),
    "control": ("cond", "scan", "while_loop"),
    "errors": (
        "AicompError", "GraphError", "InputTypeError", "InputValueError",
        "ParseError", "TraceError", "UnsupportedError",
    ),
    "interpreter": ("interpret",),
    "ir": ("Graph",),
    "options": ("Options",),
    "store": ("save",),
    "types": ("TensorSpec",),
}  # fmt: skip
_HOMES = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "AicompError", "Executable", "Graph", "GraphError", "InputTypeError", "InputValueError", "Options",
    "ParseError", "TensorSpec", "TraceError", "UnsupportedError", "compile", "cond", "interpret", "load", "nn", "ops",
    "save", "scan", "to_networkx", "trace", "while_loop",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
    elif name in __all__:
        value = importlib.import_module(f".{name}", __name__)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
