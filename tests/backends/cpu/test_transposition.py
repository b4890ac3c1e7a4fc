"""Copies that change the order of axes: which nests are such, and that blocks and their remainders are all copied."""

from __future__ import annotations

import ctypes
import itertools

import numpy as np
import pytest
from kernels import guarded
from nests import graph_of

from aicomp import ops
from aicomp.backends.cpu.codegen.module import module_text
from aicomp.backends.cpu.loops.build import build_nests
from aicomp.backends.cpu.loops.schedule import merge, split
from aicomp.backends.cpu.loops.transposition import Transposition, emit_transposition, recognise
from aicomp.backends.cpu.machine import Machine
from aicomp.backends.cpu.runtime.jit import Library, compile_object
from aicomp.types import dtype

HOST = Machine.host()
AVX2 = Machine.preset("avx2")


def recognised(function, *types, machine=AVX2) -> Transposition | None:
    (nest,) = build_nests(graph_of(function, *types))
    return recognise(merge(split(nest)), machine)


def turned(perm, text, machine=AVX2) -> Transposition | None:
    return recognised(lambda x: ops.transpose(x, perm=perm), text, machine=machine)


@pytest.mark.parametrize(
    ("perm", "shape", "across", "along"),
    [
        ((1, 0), "20,30", 30, 20),
        ((0, 2, 1), "5,20,30", 30, 20),
        ((2, 0, 1), "5,20,30", 30, 100),
        ((1, 2, 0), "5,20,30", 600, 5),
        ((0, 2, 3, 1), "2,3,7,7", 49, 3),
        ((0, 3, 1, 2), "2,7,7,3", 3, 49),
        ((3, 2, 1, 0), "4,5,6,7", 7, 4),
    ],
)
def test_the_axes_that_are_contiguous_in_the_source_and_in_the_target(perm, shape, across, along):
    plan = turned(perm, f"f32[{shape}]")
    assert (plan.across.extent, plan.along.extent) == (across, along)


def test_a_slice_of_a_transpose_is_one():
    plan = recognised(lambda x: ops.transpose(ops.slice(x, starts=(1, 2), sizes=(8, 9), steps=(1, 1))), "f32[10,12]")
    assert (plan.across.extent, plan.along.extent) == (9, 8)


@pytest.mark.parametrize(
    ("reason", "function", "types"),
    [
        ("it computes", lambda x: ops.relu(ops.transpose(x)), ["f32[8,9]"]),
        ("the last axis stays", lambda x: ops.transpose(x, perm=(1, 0, 2)), ["f32[8,9,4]"]),
        ("nothing moves", lambda x: ops.reshape(x, shape=(9, 8)), ["f32[8,9]"]),
        ("it pads", lambda x: ops.transpose(ops.pad(x, low=(1, 0), high=(0, 0))), ["f32[8,9]"]),
        ("it goes backwards", lambda x: ops.transpose(ops.slice(x, starts=(0, 8), sizes=(8, 9), steps=(1, -1))), ["f32[8,9]"]),
        ("it folds", lambda x: ops.sum(x, axes=0), ["f32[8,9]"]),
        ("it reads by index", lambda x, i: ops.gather(x, i, axis=1), ["f32[8,9]", "i64[3]"]),
        ("it writes twice", lambda x: (ops.transpose(x), ops.transpose(x)), ["f32[8,9]"]),
    ],
)  # fmt: skip
def test_what_is_none(reason, function, types):
    assert recognised(function, *types) is None


@pytest.mark.parametrize(
    ("text", "block"),
    [("f32[20,30]", 8), ("f64[20,30]", 4), ("i8[99,99]", 16), ("f16[20,30]", 16), ("f32[7,30]", 4), ("f32[3,30]", 1)],
)
def test_blocks_fit_registers_and_both_axes(text, block):
    assert turned((1, 0), text).block == block


@pytest.mark.parametrize("shape", [(3, 5), (100, 1000), (4096, 4096), (17, 100_000), (100_000, 17)])
def test_strips_cover_the_axis_and_are_whole_blocks(shape):
    plan = turned((1, 0), f"f32[{shape[0]},{shape[1]}]")
    assert (plan.strips - 1) * plan.strip < plan.across.extent <= plan.strips * plan.strip
    assert plan.strips == 1 or plan.strip % plan.block == 0
    assert plan.tasks == plan.strips


CASES = [
    ((1, 0), (1, 9)), ((1, 0), (9, 1)), ((1, 0), (3, 5)), ((1, 0), (8, 8)), ((1, 0), (17, 33)), ((1, 0), (5, 100)),
    ((1, 0), (130, 300)), ((0, 2, 1), (3, 9, 20)), ((2, 1, 0), (4, 5, 20)), ((1, 2, 0), (3, 20, 30)),
    ((0, 2, 3, 1), (2, 3, 8, 9)), ((0, 3, 1, 2), (2, 8, 9, 3)), ((4, 3, 2, 1, 0), (2, 3, 2, 5, 7)),
]  # fmt: skip


@pytest.mark.parametrize("name", ["i8", "f16", "f32", "f64", "bool"])
def test_every_element_is_copied_and_nothing_else(name):
    plans = []
    for perm, shape in CASES:
        plan = turned(perm, f"{name}[{','.join(map(str, shape))}]", HOST)
        if plan:
            plans.append((plan, perm, shape))
    functions = [emit_transposition(plan, f"copy{i}") for i, (plan, _, _) in enumerate(plans)]
    library = Library([compile_object(module_text(functions), HOST)], [f.name for f in functions])
    signature = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)
    assert len(plans) > 8
    for f, (plan, perm, shape) in zip(functions, plans, strict=True):
        x = guarded(np.random.default_rng(0).integers(0, 2, shape).astype(dtype(name)))
        expected = np.transpose(x, perm)
        out = guarded(np.zeros(expected.shape, x.dtype))
        pointers = (ctypes.c_void_p * 2)(x.ctypes.data, out.ctypes.data)
        for begin, end in itertools.pairwise([0, plan.tasks // 3, plan.tasks]):
            signature(library.address(f.name))(pointers, begin, end)
        np.testing.assert_array_equal(out, expected)
