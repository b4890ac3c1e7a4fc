"""Every operator, declared once. `OPS` maps names to declarations; `aicomp.ops.NAME` is the op, callable on anything."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ..ir import Op
from . import (
    activations,
    bitwise,
    comparison,
    contract,
    elementwise,
    lookup,
    movement,
    opaque,
    reduce,
    region,
    source,
    transcendental,
    window,
)

FAMILIES = (
    source,
    elementwise,
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
)

OPS: Mapping[str, Op] = MappingProxyType(
    {op.name: op for family in FAMILIES for op in vars(family).values() if isinstance(op, Op)}
)


def __getattr__(name: str) -> Op:
    if name in OPS:
        return OPS[name]
    raise AttributeError(f"aicomp.ops has no operator {name!r}; `aicomp list ops` shows them all")
