"""Calling a compiled program from Python, in well under a microsecond.

In: an `Artefact` and a number of threads. Out: a callable, `(*arrays, **named) -> array or tuple of arrays`,
that may be called from any number of threads at once and lets others run meanwhile.

    add = bind(artefact, threads=2)
    add(x, y=y)

The callable is a built-in function (`runtime/entry.ll`) that reads the arrays' own fields. What does not fit
exactly (a list, a strided view, a wrong dtype), it hands to a `CheckedCall`, which converts or raises.
"""

from __future__ import annotations

import ctypes
import os
import sys
import weakref
from collections.abc import Callable, Sequence
from functools import cache
from importlib.resources import files
from string import Template
from typing import Any

import numpy as np

from aicomp.errors import InputValueError

from ..machine import Machine
from .artefact import Artefact
from .inputs import Array, bind_inputs
from .jit import Library, compile_object

CALL, INVOKE, BLOCKS = "aic_call", "aic_invoke", "aic_blocks"
WORKSPACES = slice(10, 26)  # the words of a table that hold idle workspaces
LARGE_OUTPUT = 1 << 18  # bytes from which memory is kept for later calls (see runtime/blocks.ll)
MOST_KEPT = 1 << 28
OUT_OF_MEMORY = -1
METH_FASTCALL_KEYWORDS = 0x0080 | 0x0002
ARRAY_TYPE, NEW_FROM_DESCR, SET_HANDLER, API_LENGTH = 2, 94, 304, 305  # places in NumPy's table of C functions
C_CONTIGUOUS, ALIGNED = 0x1, 0x100  # NumPy's flags of an array
READY = C_CONTIGUOUS | ALIGNED


class _MethodDef(ctypes.Structure):
    """CPython's PyMethodDef."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )


class _Table(np.ndarray[Any, Any]):
    """The array that a built-in function has as `self`; `owner` is what its words point into."""

    owner: CheckedCall


def bind(artefact: Artefact, threads: int) -> Callable[..., Any]:
    """Return the program as a callable: one array, or a tuple of arrays in output order, a call.

    Calls raise InputTypeError or InputValueError where arguments do not fit, and InputValueError with the
    program's own message where it finds a value it cannot work with.
    """
    checked = CheckedCall(artefact, threads)
    return checked.builtin() if layout_is_known() else checked


class CheckedCall:
    """A compiled program as a callable that accepts whatever it can convert; owns all that the program needs."""

    def __init__(self, artefact: Artefact, threads: int) -> None:
        self.name, self.inputs, self.outputs = artefact.name, artefact.inputs, artefact.outputs
        self.errors = artefact.errors
        symbol = f"{artefact.name}_run"
        self._library = Library(artefact.objects, [symbol])
        self._constants = artefact.constants
        self._constant_pointers = pointers(artefact.constants)
        self._shapes = [np.array(s.shape, np.intp) for s in (*self.inputs, *self.outputs)]
        words = [self._library.address(symbol), len(self.inputs), len(self.outputs)]
        words += [ctypes.addressof(self._constant_pointers), artefact.arena_bytes, threads]
        words += [id(self), id(np.ndarray), *_numpy_functions()]
        words += [0] * (WORKSPACES.stop - WORKSPACES.start)
        for spec, sizes in zip((*self.inputs, *self.outputs), self._shapes, strict=True):
            handler = id(_memory_handler()) if spec.type.nbytes >= LARGE_OUTPUT and layout_is_known() else 0
            words += [id(np.dtype(spec.dtype.type)), len(spec.shape), sizes.ctypes.data, handler]
        self._words = np.array(words, np.uintp)
        weakref.finalize(self, _free_workspaces, self._words).atexit = False

    def __call__(self, *arrays: Any, **named: Any) -> Any:
        """Return the outputs for these inputs, converted where that loses nothing."""
        inputs = bind_inputs(self.name, self.inputs, arrays, named)
        outputs = [np.empty(spec.shape, spec.dtype) for spec in self.outputs]
        status = _invoke()(self._words.ctypes.data, pointers(inputs), pointers(outputs))
        if status == OUT_OF_MEMORY:
            raise MemoryError(f"no memory for the workspace of {self.name}")
        if status:
            raise InputValueError(self.errors[status - 1])
        return outputs[0] if len(outputs) == 1 else tuple(outputs)

    def builtin(self) -> Callable[..., Any]:
        """Return the same as a built-in function that passes through here only when it must."""
        table = self._words.view(_Table)
        table.owner = self
        self._name = self.name.encode()
        self._method = _MethodDef(self._name, _entry().address(CALL), METH_FASTCALL_KEYWORDS, None)
        make = ctypes.pythonapi.PyCFunction_NewEx
        make.restype = ctypes.py_object
        make.argtypes = (ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p)
        function: Callable[..., Any] = make(ctypes.addressof(self._method), table, None)
        return function


def pointers(arrays: Sequence[Array]) -> ctypes.Array[ctypes.c_void_p]:
    """Return a C array of the arrays' addresses."""
    return (ctypes.c_void_p * len(arrays))(*(a.ctypes.data for a in arrays))


def _free_workspaces(words: Array) -> None:
    free = ctypes.CDLL(None).free
    for address in words[WORKSPACES]:
        if address:
            free(ctypes.c_void_p(int(address)))


@cache
def _entry() -> Library:
    """Return the native entry, compiled at the first use in a process."""
    entry, blocks = ((files(__package__) / name).read_text("utf-8") for name in ("entry.ll", "blocks.ll"))
    linux = "linux" in Machine.host().triple
    memory = Template(blocks).substitute(
        limit=min(MOST_KEPT, _memory_size() // 8),
        declare_advise="declare i32 @madvise(ptr, i64, i32)" if linux else "",
        anonymous=34 if linux else 4098,  # MAP_PRIVATE | MAP_ANONYMOUS
        advise="call i32 @madvise(ptr %block, i64 %capacity, i32 14)  ; MADV_HUGEPAGE" if linux else "",
    )
    library = Library([compile_object(entry + memory, Machine.host(), fast=False)], [CALL, INVOKE, BLOCKS])
    library.keep()  # programs may be called, and arrays freed, while the interpreter is torn down
    return library


def _memory_size() -> int:
    """Return the bytes of main memory."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


@cache
def _memory_handler() -> Any:
    """Return the object by which NumPy allocates large outputs."""
    return ctypes.PYFUNCTYPE(ctypes.py_object)(_entry().address(BLOCKS))()


def _numpy_functions() -> list[int]:
    """Return the addresses of PyArray_NewFromDescr and PyDataMem_SetHandler, 0 where they will not be called."""
    return [_numpy_api()[place] or 0 if layout_is_known() else 0 for place in (NEW_FROM_DESCR, SET_HANDLER)]


@cache
def _invoke() -> Callable[..., int]:
    return ctypes.CFUNCTYPE(ctypes.c_int32, *[ctypes.c_void_p] * 3)(_entry().address(INVOKE))


@cache
def _numpy_api() -> ctypes.Array[ctypes.c_void_p]:
    """Return NumPy's table of C functions."""
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype = ctypes.c_void_p
    pointer.argtypes = (ctypes.py_object, ctypes.c_char_p)
    capsule = np._core._multiarray_umath._ARRAY_API  # type: ignore[attr-defined]
    return (ctypes.c_void_p * API_LENGTH).from_address(pointer(capsule, None))


@cache
def layout_is_known() -> bool:
    """Return whether arrays and NumPy's functions are where `entry.ll` takes them for granted to be."""
    if sys.implementation.name != "cpython" or sys.maxsize < 1 << 32:
        return False
    array = np.zeros((2, 3), np.float32)
    words = (ctypes.c_uint64 * 9).from_address(id(array))
    ranks, flags = words[3] & 0xFFFFFFFF, words[8] & 0xFFFFFFFF
    strided = (ctypes.c_uint32 * 17).from_address(id(array.T))[16]
    return (
        (words[1], words[2], ranks) == (id(np.ndarray), array.ctypes.data, 2)
        and list((ctypes.c_int64 * 2).from_address(words[4])) == [2, 3]
        and words[7] == id(np.dtype(np.float32))
        and (flags & READY, strided & READY) == (READY, ALIGNED)
        and _numpy_api()[ARRAY_TYPE] == id(np.ndarray)
    )
