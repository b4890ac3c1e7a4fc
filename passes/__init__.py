"""The passes, by name, and the order in which every backend runs those that are not its own.

Pipeline(STANDARD).run(graph)
Pipeline(parse_passes("decompose, dce", PASSES)).run(graph)
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from aicomp.graph_pass import Pass

from . import dce, decompose

ALL = (decompose.decompose, dce.dce)

PASSES: Mapping[str, Pass] = MappingProxyType({step.name: step for step in ALL})

STANDARD = (decompose.decompose, dce.dce)
