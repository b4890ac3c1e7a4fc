"""Runs one kernel over NumPy arrays, as the driver would: `void name(ptr args, i64 begin, i64 end)`."""

from __future__ import annotations

import ctypes
import mmap
from collections.abc import Callable
from itertools import pairwise

import numpy as np

from aicomp.backends.cpu.codegen.casts import memory_type
from aicomp.backends.cpu.codegen.llvm import Function, V
from aicomp.backends.cpu.codegen.module import module_text
from aicomp.backends.cpu.machine import Machine
from aicomp.backends.cpu.runtime.jit import Library, compile_object
from aicomp.types import BOOL, compute_dtype

LIBC = ctypes.CDLL(None)
X86_PRESETS = ("x86-64", "avx2", "avx512")
Write = Callable[[Function, list[V]], None]


def kernel(operands: int, write: Write) -> Function:
    """Return a kernel; `write` gets its function and the pointers of its operands."""
    f = Function("kernel", [("ptr", "args"), ("i64", "begin"), ("i64", "end")])
    write(f, [f.load("ptr", f.gep("ptr", f.args[0], i)) for i in range(operands)])
    f.ret()
    return f


class Compiled:
    """A kernel in this process."""

    def __init__(self, machine: Machine, operands: int, write: Write) -> None:
        self.object = compile_object(module_text([kernel(operands, write)]), machine)
        self.library = Library([self.object], ["kernel"])
        signature = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)
        self.call = signature(self.library.address("kernel"))

    def run(self, arrays: list[np.ndarray], tasks: int, pieces: int = 1) -> None:
        """Run all tasks, in `pieces` calls."""
        pointers = (ctypes.c_void_p * len(arrays))(*[array.ctypes.data for array in arrays])
        cuts = [tasks * i // pieces for i in range(pieces + 1)]
        for begin, end in pairwise(cuts):
            self.call(pointers, begin, end)


def guarded(array: np.ndarray) -> np.ndarray:
    """Return a copy after whose end memory may not be touched: a kernel that reads or writes on crashes."""
    page = mmap.PAGESIZE
    size = -(-max(1, array.nbytes) // page) * page
    memory = mmap.mmap(-1, size + page)
    bytes_ = np.frombuffer(memory, np.uint8)
    LIBC.mprotect(ctypes.c_void_p(bytes_.ctypes.data + size), ctypes.c_size_t(page), 0)
    copy = bytes_[size - array.nbytes : size].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


def storing(dtype, shape, pointer):
    """Return a store callback that writes results of a dtype to a dense array; bool as bytes."""
    strides = [int(np.prod(shape[axis + 1 :])) for axis in range(len(shape))]
    element = memory_type(compute_dtype(dtype))

    def store(f, value, at, mask):
        if dtype == BOOL:
            value = f.convert("zext", value, value.type.replace("i1", "i8"))
        target = at.address(f, element, pointer, strides)
        f.masked_store(value, target, mask) if mask else f.store(value, target)

    return store
