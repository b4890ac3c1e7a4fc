"""Programs written by hand: what lowering would make of `x + y` and the like, without lowering."""

from __future__ import annotations

import ctypes

import numpy as np

from aicomp.backends.cpu.codegen.llvm import Function, V, constant
from aicomp.backends.cpu.codegen.module import module_text
from aicomp.backends.cpu.export.aot import Export
from aicomp.backends.cpu.machine import Machine
from aicomp.backends.cpu.program import Call, Program, Ref
from aicomp.backends.cpu.runtime.driver import emit_driver
from aicomp.backends.cpu.runtime.jit import Library, compile_kernels, compile_object
from aicomp.types import FLOAT32, INT32, TensorSpec, TensorType

ARGS = [("ptr", "args"), ("i64", "begin"), ("i64", "end")]
HOST = Machine.host()


def elementwise(name: str, element: str, op: str, operands: int = 2) -> Function:
    """Return the kernel `out[i] = op(in0[i], in1[i])` (one input: `op(in0[i], 1)`), a task an element."""
    f = Function(name, ARGS)
    args, begin, end = f.args
    pointers = [f.load("ptr", f.gep("ptr", args, n)) for n in range(operands + 1)]
    with f.loop(begin, end) as loop:
        values = [f.load(element, f.gep(element, p, loop.index)) for p in pointers[:-1]]
        second = values[1] if operands == 2 else constant(element, 1)
        f.store(f.binary(op, values[0], second), f.gep(element, pointers[-1], loop.index))
    f.ret()
    return f


def fail_where_negative() -> Function:
    """Return a kernel `(in, out, status)` that copies i32 values and leaves status 2 for a negative one."""
    f = Function("check", ARGS)
    args, begin, end = f.args
    source, target, status = (f.load("ptr", f.gep("ptr", args, n)) for n in range(3))
    with f.loop(begin, end) as loop:
        value = f.load("i32", f.gep("i32", source, loop.index))
        f.store(value, f.gep("i32", target, loop.index))
        with f.if_(f.icmp("slt", value, V("0", "i32"))):
            f.store(V("2", "i32"), status)
    f.ret()
    return f


def add(size: int = 16, tasks: int = 1, shape: tuple[int, ...] | None = None) -> Program:
    """Return `x + y` over float32; with several tasks, one an element."""
    kernel = elementwise("add_kernel", "float", "fadd")
    if tasks == 1:
        kernel = whole(kernel, size)
    kind = TensorType(shape if shape is not None else (size,), FLOAT32)
    refs = (Ref("input", 0), Ref("input", 1), Ref("output", 0))
    call = Call(kernel.name, refs, tasks, "add")
    return Program("add", (kind, kind), (kind,), (kernel,), (call,), (), 0)


def whole(kernel: Function, size: int) -> Function:
    """Return a kernel of one task that runs all elements of `kernel`."""
    f = Function(f"{kernel.name}_whole", ARGS, helpers={kernel.name: kernel})
    f.call_void(kernel.name, [f.args[0], V("0", "i64"), V(str(size), "i64")])
    f.ret()
    return f


def counting(steps, inputs=(), size: int = 4, arena: int = 0, constants=(), **named) -> Program:
    """Return a program over int32 vectors with the kernels `inc` (out = in + 1), `sum` and `check`."""
    kernels = (elementwise("inc", "i32", "add", 1), elementwise("sum", "i32", "add"), fail_where_negative())
    kind = TensorType((size,), INT32)
    inputs = tuple(inputs) or (kind,)
    return Program("counting", inputs, (kind,), kernels, tuple(steps), constants, arena, **named)


def load(program: Program, clock: bool = False) -> Library:
    """Return the loaded library of a program; `NAME_run` (or `NAME_profile`) is exported."""
    driver = emit_driver(program.name, program.steps, clock)
    objects = compile_kernels(program.functions, HOST)
    objects.append(compile_object(module_text(driver), HOST, fast=False))
    return Library(objects, [driver[0].name])


def pointers(arrays) -> ctypes.Array:
    """Return a C array of the arrays' addresses."""
    return (ctypes.c_void_p * max(len(arrays), 1))(*(a.ctypes.data for a in arrays))


def run(program: Program, *inputs: np.ndarray, threads: int = 1) -> tuple[int, list[np.ndarray]]:
    """Return the status and outputs of one run through the driver alone."""
    library = load(program)
    call = ctypes.CFUNCTYPE(ctypes.c_int32, *[ctypes.c_void_p] * 4, ctypes.c_int64)(
        library.address(f"{program.name}_run")
    )
    outputs = [np.zeros(t.shape, t.dtype) for t in program.outputs]
    arena = np.zeros(max(program.arena_bytes, 1), np.uint8)
    status = call(pointers(inputs), pointers(outputs), pointers(program.constants), arena.ctypes.data, threads)
    return status, outputs


WEIGHTS = np.arange(1000, dtype=np.int32) * 7


def weighted(size: int = 1000) -> Export:
    """Return y = x + 1 + w + v, in parallel, by way of a workspace; status 2 where a value is negative."""
    kind = TensorType((size,), INT32)
    middle = Ref("arena")
    steps = (
        Call("inc", (Ref("input"), middle), size),
        Call("sum", (middle, Ref("constant", 0), middle), size),
        Call("sum", (middle, Ref("constant", 1), middle), size),
        Call("check", (middle, Ref("output"), Ref("status")), size),
    )
    constants = (WEIGHTS[:size], np.full(size, 3, np.int32))
    program = counting(steps, (kind,), size, 4 * size, constants, errors=("never", "below zero"))
    return Export("weighted", program, (TensorSpec((size,), INT32, "x"),), (spec("y", size),), HOST)


def spec(name: str, *shape: int, dtype=INT32) -> TensorSpec:
    return TensorSpec(shape, dtype, name)
