"""Objects and listings from LLVM text, and loading them."""

from __future__ import annotations

import ctypes
import threading

import pytest
from handmade import HOST, add, elementwise, load

from aicomp.backends.cpu.codegen.module import module_text
from aicomp.backends.cpu.machine import Machine
from aicomp.backends.cpu.runtime.jit import (
    KERNELS_PER_MODULE,
    Library,
    compile_kernels,
    compile_object,
    emit_assembly,
    pool_address,
)

TWICE = "define i64 @twice(i64 %x) nounwind {\n %y = add i64 %x, %x\n ret i64 %y\n}\n"
USES = """
declare i64 @{name}(i64)
define i64 @uses(i64 %x) nounwind {{
  %y = call i64 @{name}(i64 %x)
  ret i64 %y
}}
"""


def call(library: Library, name: str, value: int) -> int:
    function = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(library.address(name))
    return function(value)


@pytest.mark.parametrize("fast", [True, False])
def test_objects_refer_to_each_other(fast):
    objects = [compile_object(text, HOST, fast) for text in (USES.format(name="twice"), TWICE)]
    assert call(Library(objects, ["uses", "twice"]), "uses", 21) == 42


def test_libraries_may_define_the_same_names():
    thrice = TWICE.replace("%x, %x", "%x, 1")
    one, other = (Library([compile_object(t, HOST)], ["twice"]) for t in (TWICE, thrice))
    assert (call(one, "twice", 5), call(other, "twice", 5)) == (10, 6)


def test_undefined_symbols_are_refused(capfd):
    with pytest.raises(RuntimeError, match="symbol"):
        Library([compile_object(USES.format(name="missing"), HOST)], ["uses"])
    assert "missing" in capfd.readouterr().err


@pytest.mark.parametrize("text", ["define", "define i64 @f(i64 %x) {\n %y = add i64 %z, 1\n ret i64 %y\n}"])
def test_invalid_text_is_refused(text):
    with pytest.raises(RuntimeError):
        compile_object(text, HOST)


def test_unverified_text_is_refused():
    backwards = "define i64 @f(i64 %x) {\n %y = add i64 %z, 1\n %z = add i64 %x, 1\n ret i64 %y\n}"
    with pytest.raises(RuntimeError, match="dominate"):
        compile_object(backwards, HOST)


def test_kernels_are_compiled_a_few_in_a_module():
    kernels = [elementwise(f"k{n}", "float", "fadd") for n in range(2 * KERNELS_PER_MODULE + 1)]
    objects = compile_kernels(kernels, HOST)
    assert len(objects) == 3
    assert Library(objects, ["k0", "k16"]).address("k16")


def test_assembly_is_the_targets():
    text = module_text(add().functions)
    assert "vaddss" in emit_assembly(text, Machine.preset("avx2"))
    assert "fadd" in emit_assembly(text, Machine.preset("neon"))


def test_one_pool_a_process():
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(pool_address())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    load(add(1000, 1000))
    assert len({*found, pool_address()}) == 1
