"""The table of NumPy functions that tracers translate, gathered from the modules that write them.

In: a NumPy function. Out: its translation: FUNCTIONS[np.concatenate]. `docs/numpy.md` lists them all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType, ModuleType
from typing import Any

import numpy as np

from . import (
    numpy_elements,
    numpy_joining,
    numpy_linalg,
    numpy_making,
    numpy_nan,
    numpy_order,
    numpy_picking,
    numpy_products,
    numpy_reductions,
    numpy_series,
    numpy_shape,
)

MODULES: tuple[tuple[ModuleType, Any], ...] = (
    (numpy_elements, np),
    (numpy_joining, np),
    (numpy_making, np),
    (numpy_nan, np),
    (numpy_order, np),
    (numpy_picking, np),
    (numpy_products, np),
    (numpy_reductions, np),
    (numpy_series, np),
    (numpy_shape, np),
    (numpy_linalg, np.linalg),
)


def translations(module: ModuleType, home: Any) -> dict[Callable[..., Any], Callable[..., Any]]:
    """Return the functions that a module defines under the names of NumPy's, by NumPy's."""
    own = {
        name: each for name, each in vars(module).items()
        if getattr(each, "__module__", "") == module.__name__ and not name.startswith("_")
    }  # fmt: skip
    return {getattr(home, name): each for name, each in own.items() if hasattr(home, name)}


FUNCTIONS: Mapping[Callable[..., Any], Callable[..., Any]] = MappingProxyType(
    {function: each for module, home in MODULES for function, each in translations(module, home).items()}
)
