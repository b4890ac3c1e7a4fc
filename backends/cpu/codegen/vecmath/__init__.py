"""Elementary functions as straight vector code, with no libm behind them. Bounds: `docs/numerics.md`.

In: `Lanes` of float or double, of any lane count. Out: the same type. `FUNCTIONS` names them as `aicomp.expr` does.

    FUNCTIONS["exp"](Lanes(f, machine, x)).v
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from ..lanes import Lanes
from .arctangent import atan, atan2
from .error_function import erf
from .exponential import exp, exp2, expm1, tanh
from .logarithm import log, log1p, log2, log10
from .powers import power
from .rounding import ceil, floor, rint, trunc
from .trigonometric import cos, sin, tan

FUNCTIONS: Mapping[str, Callable[..., Lanes]] = MappingProxyType({
    "exp": exp, "exp2": exp2, "expm1": expm1, "tanh": tanh,
    "log": log, "log2": log2, "log10": log10, "log1p": log1p,
    "sin": sin, "cos": cos, "tan": tan,
    "erf": erf, "pow": power,
    "atan": atan, "atan2": atan2,
    "floor": floor, "ceil": ceil, "trunc": trunc, "round": rint,
    "sqrt": lambda x: x.intrinsic("sqrt"),
})  # fmt: skip
