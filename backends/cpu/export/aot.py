"""A program as one relocatable object: kernels, driver, thread pool and weights, with a plain C entry.

In: a `Program`, the names of its tensors, and the machine to compile for. Out: the bytes of an object that defines

    int NAME(const float *x, ..., float *y, ..., void *workspace)     0, or a number for NAME_error
    const char *NAME_error(int status)
    int NAME_threads                                                  0: AICOMP_THREADS, or all processors

and needs the C library alone. No toolchain is used: weights take the place of zeros in the finished object.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from typing import Any

import llvmlite.binding as llvm
import numpy as np

from aicomp.errors import AicompError
from aicomp.types import TensorSpec

from ..aligned import LINE
from ..codegen.llvm import Function, V
from ..codegen.module import module_text
from ..machine import Machine
from ..program import Program
from ..runtime.driver import emit_driver
from ..runtime.jit import emit, parse
from ..runtime.pool import pool_text
from .c_names import c_identifiers

MARK_BYTES = 64
WEIGHTS_LIMIT = (1 << 31) - (1 << 24)  # what position-relative addresses reach
PUBLIC = {"aic_entry": "", "aic_error": "_error", "aic_chosen": "_threads"}  # and what follows the model's name
NO_MEMORY = "no memory for the workspace"


@dataclass(frozen=True)
class Export:
    """A program with names for C: what an exported object is made from, and what its header says."""

    name: str  # of the C entry: an identifier
    program: Program
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    machine: Machine

    @cached_property
    def parameters(self) -> tuple[str, ...]:
        """Return the C names of inputs, then outputs."""
        taken = (self.name, "workspace")
        return c_identifiers([s.name for s in (*self.inputs, *self.outputs)], taken)

    @property
    def workspace_bytes(self) -> int:
        """Return the size of the workspace a caller may hand in, wherever it begins."""
        return self.program.arena_bytes + LINE if self.program.arena_bytes else 0


def export_object(export: Export) -> bytes:
    """Return the relocatable object. Raises AicompError where the weights are too many for one object."""
    program, machine = export.program, export.machine
    offsets, size = _layout(program.constants)
    if size > WEIGHTS_LIMIT:
        raise AicompError(f"{export.name} has {size / 2**30:.1f} GiB of constants; one object holds at most 2")
    module = parse(export_text(export), machine)
    for text in (pool_text(machine), _threads_text(machine)):
        module.link_in(parse(text, machine))
    _rename(module, export.name)
    return _fill(emit(module, machine), _mark(export.name), program.constants, offsets)


def export_text(export: Export) -> str:
    """Return the LLVM assembly of kernels, driver and entry (the pool and the weights are elsewhere)."""
    program = export.program
    driver = emit_driver(program.name, program.steps)
    offsets, size = _layout(program.constants)
    pointers = ", ".join(f"ptr getelementptr (i8, ptr @aic_weights, i64 {at})" for at in offsets)
    mark = "".join(f"\\{byte:02X}" for byte in _mark(export.name))
    kind = f"<{{ [{MARK_BYTES} x i8], [{size - MARK_BYTES} x i8] }}>"
    globals_ = [
        f'@aic_weights = internal externally_initialized constant {kind} <{{ [{MARK_BYTES} x i8] c"{mark}", '
        f"[{size - MARK_BYTES} x i8] zeroinitializer }}>, align {LINE}",
        f"@aic_constants = internal constant [{len(offsets)} x ptr] [{pointers}]",
        *_messages(program.errors),
    ]
    functions = [*program.functions, *driver, _entry(export, driver[0].name), _error(export)]
    return module_text(functions, globals_)


def _entry(export: Export, driver: str) -> Function:
    """Return `i32 NAME(ptr inputs..., ptr outputs..., ptr workspace)`."""
    tensors = [("ptr", p) for p in export.parameters]
    f = Function("aic_entry", [*tensors, ("ptr", "workspace")], "i32")
    *pointers, workspace = f.args
    arrays = []
    for part in (pointers[: len(export.inputs)], pointers[len(export.inputs) :]):
        arrays.append(f.alloca("ptr", max(len(part), 1), 8))
        for n, pointer in enumerate(part):
            f.store(pointer, f.gep("ptr", arrays[-1], n))
    threads = f.call("aic_threads", "i64", [])
    constants = V("@aic_constants", "ptr")
    if not export.workspace_bytes:
        f.ret(f.call(driver, "i32", [*arrays, constants, V("null", "ptr"), threads]))
        return f
    own, run, failed = (f.label(hint) for hint in ("own", "run", "failed"))
    before = f.block
    given = f.icmp("ne", workspace, V("null", "ptr"))
    f.branch(given, run, own)
    f.start(own)
    made = f.call("malloc", "ptr", [V(str(export.workspace_bytes), "i64")])
    f.branch(f.icmp("eq", made, V("null", "ptr")), failed, run)
    f.start(run)
    memory = f.ins(f"phi ptr [ {workspace.ref}, %{before} ], [ {made.ref}, %{own} ]", "ptr")
    mine = f.ins(f"phi ptr [ null, %{before} ], [ {made.ref}, %{own} ]", "ptr")
    address = f.binary("and", f.add(f.convert("ptrtoint", memory, "i64"), LINE - 1), V(str(-LINE), "i64"))
    arena = f.convert("inttoptr", address, "ptr")
    status = f.call(driver, "i32", [*arrays, constants, arena, threads])
    f.call_void("free", [mine])
    f.ret(status)
    f.start(failed)
    f.ret(V("-1", "i32"))
    return f


def _error(export: Export) -> Function:
    """Return `ptr NAME_error(i32 status)`: the message of a status, as a C string."""
    messages = export.program.errors
    f = Function("aic_error", [("i32", "status")], "ptr")
    known = f.icmp("ule", f.args[0], V(str(len(messages)), "i32"))
    index = f.convert("zext", f.select(known, f.args[0], V(str(len(messages) + 1), "i32")), "i64")
    f.ret(f.load("ptr", f.gep("ptr", V("@aic_messages", "ptr"), index)))
    return f


def _messages(errors: Sequence[str]) -> list[str]:
    """Return the table of messages: status 0, the program's own, and what -1 means."""
    texts = [m.encode() + b"\0" for m in ("no error", *errors, NO_MEMORY)]
    lines = [
        f'@aic_message{n} = internal constant [{len(t)} x i8] c"' + "".join(f"\\{b:02X}" for b in t) + '"'
        for n, t in enumerate(texts)
    ]
    table = ", ".join(f"ptr @aic_message{n}" for n in range(len(texts)))
    return [*lines, f"@aic_messages = internal constant [{len(texts)} x ptr] [{table}]"]


def _threads_text(machine: Machine) -> str:
    kind = "affinity" if "linux" in machine.triple else "sysconf"
    folder = files(__package__)
    parts = [(folder / f"{name}.ll").read_text(encoding="utf-8") for name in ("threads", f"threads_{kind}")]
    return "\n".join(parts)


def _rename(module: Any, name: str) -> None:
    """Give the public definitions their names and hide all others, so that models link together."""
    public = {private: f"{name}{suffix}" for private, suffix in PUBLIC.items()}
    defined = [v for v in (*module.functions, *module.global_variables) if not v.is_declaration]
    for value in defined:
        if value.name not in public:
            value.linkage = llvm.Linkage.internal
            if value.name in public.values():
                value.name = f"{value.name}.kernel"
    for value in defined:
        wanted = public.get(value.name, value.name)
        value.name = wanted
        if value.name != wanted:
            raise AicompError(f"the C library has a function {wanted}: choose another name for the model")


def _layout(constants: Sequence[np.ndarray]) -> tuple[list[int], int]:
    """Return the offset of each constant among the weights, and their size, at least a mark's."""
    offsets, size = [], 0
    for array in constants:
        offsets.append(size)
        size += -(-array.nbytes // LINE) * LINE
    return offsets, max(size, MARK_BYTES)


def _mark(name: str) -> bytes:
    """Return the bytes that stand where the weights begin until they are filled in."""
    return hashlib.sha512(f"weights of {name}".encode()).digest()


def _fill(image: bytes, mark: bytes, constants: Sequence[np.ndarray], offsets: Sequence[int]) -> bytes:
    """Return the object with the weights in their place."""
    start = image.index(mark)
    filled = np.frombuffer(bytearray(image), np.uint8)
    filled[start : start + len(mark)] = 0
    for array, offset in zip(constants, offsets, strict=True):
        data = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
        filled[start + offset : start + offset + array.nbytes] = data
    return filled.tobytes()
