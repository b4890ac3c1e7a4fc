"""Results that fill the last cache: streamed past it, whole lines at a time, wherever the caller's arrays begin."""

from __future__ import annotations

import ctypes
from dataclasses import replace

import numpy as np
import pytest
from handmade import HOST, load, pointers

import aicomp as ac
from aicomp.backends.cpu.aligned import aligned_empty
from aicomp.backends.cpu.codegen.module import module_text
from aicomp.backends.cpu.lower import lower

TINY = replace(HOST, l3=1)  # what any kernel fills


def program(function, *inputs, machine=TINY):
    graph = ac.trace(function, *inputs)
    return lower(graph, machine, "streams")


def streams(program) -> list[bool]:
    """Return, for each kernel, whether it passes the caches by."""
    return ["!nontemporal" in module_text([f]) for f in program.functions]


def beginning(shape, dtype, offset: int) -> np.ndarray:
    """Return an array of zeros that begins so many elements behind a cache line."""
    size = int(np.prod(shape))
    array = aligned_empty((size + offset,), np.dtype(dtype))[offset:].reshape(shape)
    array[...] = 0
    return array


@pytest.mark.parametrize("shape", [(1000,), (4096,), (7, 64), (3, 5, 33), (64, 48)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int8])
@pytest.mark.parametrize("offset", [0, 1])
def test_results_wherever_outputs_begin(shape, dtype, offset):
    x = np.random.default_rng(0).integers(-100, 100, shape).astype(dtype)
    made = program(lambda x: x + x, x)
    assert streams(made) == [True]
    out, library = beginning(shape, dtype, offset), load(made)
    run = ctypes.CFUNCTYPE(ctypes.c_int32, *[ctypes.c_void_p] * 4, ctypes.c_int64)(library.address("streams_run"))
    assert run(pointers([x]), pointers([out]), pointers(made.constants), None, 2) == 0
    np.testing.assert_array_equal(out, x + x)


def test_only_large_results_of_the_model_are_streamed():
    x = np.ones(4096, np.float32)
    assert streams(program(lambda x: x + 1, x, machine=HOST)) == [False]
    assert streams(program(lambda x: np.sum(np.exp(x) * 2), x)) == [False] * 3  # unfused: read again at once
    assert sorted(streams(program(lambda x: -np.exp(x), x))) == [False, True]


def test_rows_that_are_no_whole_lines_are_not():
    x = np.ones((100, 7), np.float32)
    assert streams(program(lambda x: x + np.arange(7, dtype=np.float32), x)) == [False]
    assert streams(program(lambda x: x + np.arange(16, dtype=np.float32), np.ones((100, 16), np.float32))) == [True]


def test_a_compiled_model_streams_and_agrees():
    x = np.random.default_rng(0).standard_normal((HOST.l3 // 8) + 5).astype(np.float32)
    exe = ac.compile(lambda x: np.maximum(x, 0) * 2, (x,), cache=False)
    assert "!nontemporal" in exe.as_text("llvm")
    np.testing.assert_array_equal(exe(x), np.maximum(x, 0) * 2)
