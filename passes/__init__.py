"""The passes, by name, and the order in which every backend runs those that are not its own.

Pipeline(STANDARD).run(graph)
Pipeline(parse_passes("decompose, dce", PASSES)).run(graph)
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from aicomp.graph_pass import Pass

from . import (
    canonicalize,
    cse,
    dce,
    decompose,
    fold_batch_norm,
    fold_constants,
    fuse,
    layout,
    reassociate,
    reciprocals,
    split_reductions,
)

ALL = (
    decompose.decompose,
    canonicalize.canonicalize,
    fold_constants.fold_constants,
    cse.cse,
    reassociate.reassociate,
    fold_batch_norm.fold_batch_norm,
    layout.layout,
    reciprocals.reciprocals,
    split_reductions.split_reductions,
    dce.dce,
    fuse.fuse,
)

PASSES: Mapping[str, Pass] = MappingProxyType({step.name: step for step in ALL})

_SIMPLIFY = (canonicalize.canonicalize, fold_constants.fold_constants, cse.cse)

STANDARD = (
    decompose.decompose,
    *_SIMPLIFY,
    reassociate.reassociate,
    fold_batch_norm.fold_batch_norm,
    layout.layout,
    *_SIMPLIFY,
    dce.dce,
)
