"""Every operator, declared once. `OPS` maps names to declarations; `aicomp.ops.NAME` is the op, callable on anything."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ..ir import Op
from . import elementwise, source

FAMILIES = (source, elementwise)

OPS: Mapping[str, Op] = MappingProxyType(
    {op.name: op for family in FAMILIES for op in vars(family).values() if isinstance(op, Op)}
)


def __getattr__(name: str) -> Op:
    if name in OPS:
        return OPS[name]
    raise AttributeError(f"aicomp.ops has no operator {name!r}; `aicomp list ops` shows them all")
