"""Compiles a function of registers into a loop over arrays, for the tests of scalar code."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from aicomp.backends.cpu.codegen.casts import memory_type
from aicomp.backends.cpu.codegen.lanes import Lanes
from aicomp.backends.cpu.codegen.llvm import Function, V
from aicomp.backends.cpu.codegen.module import module_text
from aicomp.backends.cpu.codegen.scalar import emit, load, store
from aicomp.backends.cpu.machine import Machine
from aicomp.backends.cpu.runtime.jit import Library, compile_object
from aicomp.expr import Expr
from aicomp.types import DType

Array = np.ndarray[Any, Any]
MACHINES = ("x86-64", "avx2", "avx512")
Body = Callable[[Function, Machine, list[V]], V]


def runnable(name: str) -> bool:
    """Return whether this processor runs a preset's code."""
    host = Machine.host()
    return host.is_x86 and host.vector_bits >= Machine.preset(name).vector_bits


def kernel(
    body: Body, sources: Sequence[DType], target: DType, machine: Machine, lanes: int, name: str = "run"
) -> Function:
    """Return `void run(ptr in0, ..., ptr out, i64 n)`, `lanes` elements a turn."""
    names = [f"x{i}" for i in range(len(sources))]
    f = Function(name, [("ptr", n) for n in (*names, "y")] + [("i64", "n")])
    *inputs, y, n = f.args
    with f.loop(0, n, lanes) as loop:
        pairs = zip(sources, inputs, strict=True)
        values = [load(f, d, f.gep(memory_type(d), p, loop.index), lanes) for d, p in pairs]
        store(f, target, body(f, machine, values), f.gep(memory_type(target), y, loop.index))
    f.ret()
    return f


def kernel_text(body: Body, sources: Sequence[DType], target: DType, machine: Machine, lanes: int) -> str:
    """Return the module of one kernel."""
    return module_text([kernel(body, sources, target, machine, lanes)])


def compile_body(
    body: Body, sources: Sequence[DType], target: DType, preset: str, lanes: int | None = None
) -> Callable[..., Array]:
    """Return a NumPy function that runs the body over whole arrays on this processor."""
    machine = Machine.preset(preset)
    lanes = lanes or machine.lanes(8 * max(d.itemsize for d in (*sources, target)))
    text = kernel_text(body, sources, target, machine, lanes)
    library = Library([compile_object(text, machine)], exports=["run"])
    function = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * (len(sources) + 1), ctypes.c_int64)(library.address("run"))

    def run(*arrays: Array) -> Array:
        assert library
        size = arrays[0].size
        padded = -(-size // lanes) * lanes
        inputs = [np.resize(np.ascontiguousarray(a, d), padded) for a, d in zip(arrays, sources, strict=True)]
        out = np.empty(padded, target)
        function(*(a.ctypes.data for a in inputs), out.ctypes.data, padded)
        return out[:size]

    return run


def compile_expr(expr: Expr, sources: Sequence[DType], preset: str, lanes: int | None = None) -> Callable[..., Array]:
    """Return a NumPy function that runs an expression over whole arrays on this processor."""
    return compile_body(lambda f, m, args: emit(f, m, expr, args), sources, expr.dtype, preset, lanes)


def compile_lanes(
    function: Callable[..., Lanes], dtype: DType, preset: str, operands: int = 1, lanes: int | None = None
) -> Callable[..., Array]:
    """Return a NumPy function that runs a function of `Lanes` over whole arrays of one dtype."""

    def body(f: Function, machine: Machine, values: list[V]) -> V:
        return function(*(Lanes(f, machine, v) for v in values)).v

    return compile_body(body, [dtype] * operands, dtype, preset, lanes)
