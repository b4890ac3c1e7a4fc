"""Exported objects and libraries: linked with the system's compiler, called through C."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from handmade import HOST, WEIGHTS, add, spec, weighted

from aicomp.backends.cpu.export.aot import Export, export_object
from aicomp.backends.cpu.export.c_names import c_identifier, c_identifiers
from aicomp.backends.cpu.export.link import find_compiler, write_export
from aicomp.backends.cpu.machine import PRESETS, Machine
from aicomp.errors import AicompError

needs_cc = pytest.mark.skipif(not shutil.which("cc"), reason="needs a C compiler")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("exported")


@pytest.fixture(scope="module")
def library(folder) -> ctypes.CDLL:
    write_export(weighted(), folder / "libweighted.so", "lib")
    return ctypes.CDLL(str(folder / "libweighted.so"))


def call(library: ctypes.CDLL, x: np.ndarray, workspace: int | None = None) -> tuple[int, np.ndarray]:
    y = np.zeros_like(x)
    pointers = [ctypes.c_void_p(a) for a in (x.ctypes.data, y.ctypes.data, workspace)]
    return library.weighted(*pointers), y


@needs_cc
def test_runs_with_its_own_workspace_and_weights(library):
    x = np.arange(1000, dtype=np.int32)
    for _ in range(3):
        status, y = call(library, x)
        assert status == 0
        np.testing.assert_array_equal(y, x + 1 + WEIGHTS + 3)


@needs_cc
def test_takes_a_workspace_at_any_address(library):
    x = np.arange(1000, dtype=np.int32)
    nbytes = weighted().workspace_bytes
    memory = np.full(128 + nbytes + 128, 0xAB, np.uint8)
    start = 128 - (memory.ctypes.data + 63) % 64  # one past a multiple of 64
    status, y = call(library, x, memory.ctypes.data + start)
    assert status == 0
    np.testing.assert_array_equal(y, x + 1 + WEIGHTS + 3)
    assert (memory[:start] == 0xAB).all()
    assert (memory[start + nbytes :] == 0xAB).all()


@needs_cc
def test_threads_do_not_change_results(library):
    x = np.arange(1000, dtype=np.int32)
    chosen = ctypes.c_int.in_dll(library, "weighted_threads")
    outs = []
    for threads in (1, 2, 5, 0):
        chosen.value = threads
        outs.append(call(library, x)[1])
    assert all((out == outs[0]).all() for out in outs)


@needs_cc
def test_errors_have_messages(library):
    library.weighted_error.restype = ctypes.c_char_p
    assert call(library, np.full(1000, -(10**6), np.int32))[0] == 2
    messages = [library.weighted_error(n) for n in (0, 1, 2, 3, -1)]
    memory = b"no memory for the workspace"
    assert messages == [b"no error", b"never", b"below zero", memory, memory]


@needs_cc
def test_exports_nothing_else(folder, library):
    done = subprocess.run(
        ["nm", "-D", "--defined-only", str(folder / "libweighted.so")], capture_output=True, text=True
    )
    names = {line.split()[-1] for line in done.stdout.splitlines()}
    assert names == {"weighted", "weighted_error", "weighted_threads"}


@needs_cc
def test_header_is_c_and_cpp_and_says_sizes(folder, library):
    program = """
#include "libweighted.h"
#include <stdio.h>
int main(void) {
  int32_t x[WEIGHTED_X_SIZE] = {0}, y[WEIGHTED_Y_SIZE];
  static char workspace[WEIGHTED_WORKSPACE_BYTES];
  const int shape[WEIGHTED_X_RANK] = WEIGHTED_X_SHAPE;
  weighted_threads = 1;
  if (weighted(x, y, workspace)) return 1;
  printf("%d %d %s %d\\n", y[1], shape[0], WEIGHTED_Y_DTYPE, WEIGHTED_INPUTS + WEIGHTED_OUTPUTS);
  return 0;
}
"""
    for suffix, compiler in ((".c", ["cc", "-std=c99"]), (".cpp", ["cc", "-xc++"])):
        source, binary = folder / f"use{suffix}", folder / f"use{suffix}.out"
        source.write_text(program)
        flags = ["-Wall", "-Wextra", "-Werror", str(source), "-xnone", str(folder / "libweighted.so")]
        subprocess.run([*compiler, *flags, "-o", str(binary)], check=True)
        done = subprocess.run([str(binary)], capture_output=True, text=True, check=True)
        assert done.stdout == "11 1000 int32 2\n"


@needs_cc
def test_two_models_link_into_one_program(folder):
    for name in ("one", "two"):
        write_export(replace(weighted(4), name=name), folder / f"{name}.o", "obj")
    source = folder / "both.c"
    source.write_text("""
#include "one.h"
#include "two.h"
int main(void) {
  int32_t x[4] = {1, 2, 3, 4}, y[4], z[4];
  return one(x, y, 0) || two(y, z, 0) || z[3] != 4 + 2 * (1 + 21 + 3);
}
""")
    objects = [str(folder / "one.o"), str(folder / "two.o")]
    subprocess.run(["cc", str(source), *objects, "-o", str(folder / "both"), "-pthread"], check=True)
    subprocess.run([str(folder / "both")], check=True)


@needs_cc
def test_a_model_may_be_named_as_one_of_its_kernels(folder):
    write_export(replace(weighted(), name="inc"), folder / "inc.so", "lib")
    assert ctypes.CDLL(str(folder / "inc.so")).inc


@pytest.mark.parametrize("preset", PRESETS)
def test_objects_for_every_target(preset, tmp_path):
    export = replace(weighted(), machine=Machine.preset(preset))
    write_export(export, tmp_path / "model.o", "obj")
    image = (tmp_path / "model.o").read_bytes()
    assert image[:4] == b"\x7fELF"
    assert WEIGHTS.tobytes() in image
    assert (tmp_path / "model.h").exists()


def test_names_that_the_c_library_has_are_refused():
    with pytest.raises(AicompError, match="choose another name"):
        export_object(replace(weighted(), name="free"))


def test_too_many_weights_are_refused():
    many = np.broadcast_to(np.float32(0), (1 << 29,))
    program = replace(add(), constants=(many,))
    export = Export("big", program, (spec("x", 16), spec("y", 16)), (spec("z", 16),), HOST)
    with pytest.raises(AicompError, match=r"2\.0 GiB of constants"):
        export_object(export)


def test_without_a_compiler_one_sentence_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(AicompError, match="pip install ziglang"):
        write_export(weighted(), tmp_path / "model.so", "lib")
    with pytest.raises(AicompError, match="pip install ziglang"):
        find_compiler(Machine.preset("neon"))
    assert write_export(weighted(), tmp_path / "model.o", "obj")


def test_compiler_of_the_environment_and_zig(monkeypatch, tmp_path):
    monkeypatch.setenv("CC", "ccache gcc")
    assert find_compiler(HOST) == ["ccache", "gcc"]
    monkeypatch.setenv("CC", "")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name)
    assert find_compiler(HOST)[1:] == ["-m", "ziglang", "cc"]
    if HOST.is_x86:
        assert find_compiler(Machine.preset("neon"))[-2:] == ["-target", "aarch64-linux-gnu"]


@needs_cc
def test_what_the_linker_says_is_passed_on(monkeypatch, tmp_path):
    monkeypatch.setenv("CC", "cc -nonsense")
    with pytest.raises(AicompError, match=r"cc could not link .*model: .*nonsense"):
        write_export(weighted(), tmp_path / "model", "exe")
    with pytest.raises(AicompError, match="cannot write"):
        write_export(weighted(), tmp_path / "no" / "model.o", "obj")


def test_c_names():
    names = ["x", "x", "class", "conv.0", "1st", "", "main", "workspace", "é"]
    expected = ("x", "x_1", "class_", "conv_0", "_1st", "_", "main_", "workspace_1", "__1")
    assert c_identifiers(names, ["workspace"])[:8] == expected[:8]
    assert c_identifier("f32") == "f32"
