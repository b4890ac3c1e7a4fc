"""LLVM text to machine code, and machine code into this process.

In: LLVM assembly and a `Machine`. Out: `compile_object` gives one relocatable object, `emit_assembly` its
listing, and `Library` loads objects and tells the addresses of their functions. Objects may refer to each
other, to the thread pool and to the C library; any other undefined symbol is an error.

    library = Library([compile_object(text, machine)], exports=["add_run"])
    library.address("add_run")
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from threading import Lock
from typing import Any

import llvmlite
import llvmlite.binding as llvm

from ..codegen.llvm import Function
from ..codegen.module import module_text
from ..machine import Machine
from .cache import Cache, key_of
from .driver import PARALLEL
from .pool import pool_text

KERNELS_PER_MODULE = 8  # a module costs 0.6 ms, and Ctrl-C is heard between two modules
_POOL_LOCK = Lock()


def parse(text: str, machine: Machine) -> Any:
    """Return the verified LLVM module of an assembly text, made for `machine`."""
    module = llvm.parse_assembly(text)
    module.triple = machine.triple
    module.data_layout = str(_emitter(machine, True).target_data)
    module.verify()
    return module


def emit(module: Any, machine: Machine, fast: bool = True) -> bytes:
    """Return the relocatable object of a parsed module, whose code is as its text schedules it."""
    with _no_strength_reduction():
        data: bytes = _emitter(machine, fast).emit_object(module)
    return data


def compile_object(text: str, machine: Machine, fast: bool = True, cache: Cache | None = None) -> bytes:
    """Return the relocatable object of one module of LLVM assembly, from the cache if it is there.

    Without `fast` it is compiled five times as quickly, to code that suits what runs rarely.
    """
    if cache is None:
        return emit(parse(text, machine), machine, fast)
    key = key_of(text, repr(machine), repr(fast), llvmlite.__version__)
    return cache.get(key) or cache.put(key, emit(parse(text, machine), machine, fast))


def compile_kernels(functions: Sequence[Function], machine: Machine, cache: Cache | None = None) -> list[bytes]:
    """Return the objects of all kernels, a few in each."""
    starts = range(0, len(functions), KERNELS_PER_MODULE)
    texts = (module_text(functions[i : i + KERNELS_PER_MODULE]) for i in starts)
    return [compile_object(text, machine, cache=cache) for text in texts]


def emit_assembly(text: str, machine: Machine) -> str:
    """Return the target's assembly of one module of LLVM assembly."""
    with _no_strength_reduction():
        listing: str = _emitter(machine, True).emit_assembly(parse(text, machine))
    return listing


class Library:
    """Objects loaded into this process; they stay as long as this does, and are unloaded with it."""

    def __init__(self, objects: Sequence[bytes], exports: Sequence[str]) -> None:
        self._jit = llvm.create_lljit_compiler(Machine.host().target_machine(), use_jit_link=True)
        builder = llvm.JITLibraryBuilder().add_current_process()
        for data in objects:
            builder.add_object_img(data)
        for name in exports:
            builder.export_symbol(name)
        if PARALLEL not in exports and any(PARALLEL.encode() in data for data in objects):
            builder.import_symbol(PARALLEL, pool_address())
        self._tracker = builder.link(self._jit, "aicomp")

    def address(self, name: str) -> int:
        """Return the address of one of the exports."""
        found: int = self._tracker[name]
        return found

    def keep(self) -> None:
        """Leave the code loaded until the process ends, even while the interpreter is torn down."""
        self._tracker.detach()
        self._jit.detach()


def pool_address() -> int:
    """Return the address of this process's `aic_parallel`, compiled at the first call."""
    with _POOL_LOCK:
        return _load_pool()


@lru_cache(maxsize=1)
def _load_pool() -> int:
    machine = Machine.host()
    library = Library([compile_object(pool_text(machine), machine, fast=False)], [PARALLEL])
    library.keep()  # its workers run this code to the very end
    return library.address(PARALLEL)


@contextmanager
def _no_strength_reduction() -> Iterator[None]:
    """Leave out LLVM's loop strength reduction: two thirds of code generation, for nothing in our loops.

    The option is the process's, so it is put back for others who use LLVM here.
    """
    llvm.set_option("aicomp", "-disable-lsr=true")
    try:
        yield
    finally:
        llvm.set_option("aicomp", "-disable-lsr=false")


@lru_cache(maxsize=16)
def _emitter(machine: Machine, fast: bool) -> Any:
    """Return the target machine that emits code for `machine` (never given to an engine)."""
    return machine.target_machine(opt=2 if fast else 0)
