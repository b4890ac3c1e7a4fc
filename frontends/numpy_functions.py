"""The table of NumPy functions that tracers translate, gathered from the modules that write them under NumPy's names.

In: a NumPy function. Out: its translation: FUNCTIONS[np.concatenate]. `docs/numpy.md` lists them all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType, ModuleType
from typing import Any

import numpy as np

from . import numpy_shape

MODULES = {numpy_shape: np}
UFUNC_METHODS = {}


def translations(module: ModuleType) -> dict[str, Callable[..., Any]]:
    """Return the public functions that a module defines, by name."""
    own = {name: each for name, each in vars(module).items() if getattr(each, "__module__", "") == module.__name__}
    return {name.rstrip("_"): each for name, each in own.items() if callable(each) and not name.startswith("_")}


FUNCTIONS: Mapping[Callable[..., Any], Callable[..., Any]] = MappingProxyType(
    {getattr(home, name): each for module, home in MODULES.items() for name, each in translations(module).items()}
)
