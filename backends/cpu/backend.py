"""The CPU backend: optimised graphs to executables of native code.

In: a graph and the user's options. Out: an `Executable`. `threads`, `exact` and the opt level come from the options;
the backend's own option is `cpu`, the processor to compile for (`host`, `avx512`, `avx2`, `x86-64`, `neon`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aicomp.errors import AicompError, InputValueError
from aicomp.graph_pass import Pass
from aicomp.ir import Graph
from aicomp.options import Options
from aicomp.passes import STANDARD
from aicomp.passes.fuse import fusion_pass
from aicomp.passes.reciprocals import reciprocals
from aicomp.passes.split_reductions import split_reductions

from .executable import CpuExecutable
from .export.link import find_compiler
from .fits import Fits
from .lower import lower
from .machine import PRESETS, Machine
from .runtime import store
from .runtime.cache import Cache, default_folder


class CpuBackend:
    """Compiles graphs for CPUs, through LLVM."""

    name = "cpu"
    option_names = frozenset({"cpu"})

    def pipeline(self, options: Options) -> tuple[Pass, ...]:
        """Return the passes: at level 0 one kernel a node, at level 1 fused kernels, from 2 on cheaper formulas too."""
        if options.opt_level == 0:
            return STANDARD
        cheaper = (reciprocals, split_reductions) if options.opt_level > 1 else ()
        return (*STANDARD, *cheaper, fusion_pass(Fits()))

    def compile(self, graph: Graph, options: Options, extra: Mapping[str, Any]) -> CpuExecutable:
        """Return the executable of a graph that went through the pipeline.

        Raises InputValueError for a processor that is not known.
        """
        machine = machine_of(extra.get("cpu", "host"))
        program = lower(graph, machine, symbol(graph.name))
        cache = Cache(default_folder()) if options.cache else None
        return CpuExecutable.build(graph, program, machine, options.threads or usable_processors(), cache)

    def describe(self) -> dict[str, str]:
        """Return what the backend knows of this machine, for people."""
        host = Machine.host()
        return {
            "processor": host.cpu,
            "vectors": f"{host.vector_bits} bits, {host.vector_registers} registers",
            "caches": f"L1 {host.l1 >> 10} KiB, L2 {host.l2 >> 10} KiB, L3 {host.l3 >> 10} KiB",
            "threads": str(usable_processors()),
            "linker": linker(host),
            "cache": str(default_folder()),
        }

    def is_artefact(self, path: Path) -> bool:
        """Return whether a file is an executable that `save` wrote."""
        return store.is_compiled(path)

    def load(self, path: Path, threads: int | None) -> CpuExecutable:
        """Return the executable in a file. Raises ParseError where the file is damaged or for another machine."""
        return CpuExecutable.load(path, threads or usable_processors())


def machine_of(name: str) -> Machine:
    """Return the machine to compile for. Raises InputValueError for an unknown name."""
    if name != "host" and name not in PRESETS:
        raise InputValueError(f"no cpu {name!r}; known are host, {', '.join(PRESETS)}")
    return Machine.preset(name)


def linker(machine: Machine) -> str:
    """Return the command that links programs, or why there is none."""
    try:
        return " ".join(find_compiler(machine))
    except AicompError as error:
        return f"none: {error}"


def symbol(name: str) -> str:
    """Return a graph's name as a C identifier."""
    word = re.sub(r"\W", "_", name, flags=re.ASCII)
    return word if re.match(r"[A-Za-z_]", word) else f"model_{word}"


def usable_processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
