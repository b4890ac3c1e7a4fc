"""Every operator, declared once, by family.

In: modules of declarations. Out: `OPS`, from names to operators, and `aicomp.ops.NAME`, the operator
itself, callable on values, tracers and arrays. (A module here never has an operator's name, which it would
hide.)

    ops.sum(np.ones((2, 3), np.float32), axes=1)           # array([3., 3.], dtype=float32)
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ..ir import Op
from . import (
    activations,
    adaptive,
    bitwise,
    comparison,
    contract,
    convolution,
    einstein,
    elementwise,
    indexing,
    linalg,
    lookup,
    movement,
    norm,
    opaque,
    order,
    pooling,
    recurrent,
    reduce,
    region,
    rounding,
    shaping,
    source,
    statistics,
    transcendental,
    transformer,
    window,
)

FAMILIES = (
    source,
    elementwise,
    rounding,
    transcendental,
    comparison,
    bitwise,
    activations,
    reduce,
    contract,
    window,
    movement,
    lookup,
    opaque,
    region,
    shaping,
    indexing,
    statistics,
    linalg,
    einstein,
    order,
    norm,
    pooling,
    adaptive,
    convolution,
    transformer,
    recurrent,
)

OPS: Mapping[str, Op] = MappingProxyType(
    {op.name: op for family in FAMILIES for op in vars(family).values() if isinstance(op, Op)}
)


def __getattr__(name: str) -> Op:
    if name in OPS:
        return OPS[name]
    raise AttributeError(f"aicomp.ops has no operator {name!r}; `aicomp list ops` shows them all")
