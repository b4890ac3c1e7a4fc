"""Matrix products of every shape, stride, dtype and way of reading B, against NumPy in float64 (or modulo 2^bits)."""

from __future__ import annotations

import re

import numpy as np
import pytest
from kernels import X86_PRESETS, Compiled, guarded, kernel, storing

from aicomp.backends.cpu.codegen.module import module_text
from aicomp.backends.cpu.contract import (
    Epilogue,
    Gemm,
    Matrix,
    emit_gemm,
    emit_pack,
    gemm_panels,
    gemm_tasks,
    needs_packing,
    pack_array,
    pack_source,
    pack_tasks,
    packed,
)
from aicomp.backends.cpu.contract.gemm import gemm_tile
from aicomp.backends.cpu.contract.microkernel import Tile
from aicomp.backends.cpu.machine import Machine
from aicomp.backends.cpu.runtime.jit import compile_object
from aicomp.types import BOOL, FLOAT32, HALVES, compute_dtype, dtype

SHAPES = [
    (1, 1, 1), (1, 7, 3), (3, 1, 9), (5, 3, 0), (0, 4, 4), (4, 0, 4), (2, 17, 33), (1, 100, 65), (13, 33, 5),
    (25, 64, 16), (31, 130, 41), (7, 70, 300), (3, 20, 2), (64, 48, 24), (1, 10, 1024),
]  # fmt: skip


def values(shape, dtype_, rng):
    if dtype_ == BOOL:
        return rng.random(shape) < 0.3
    if dtype_.kind in "iu":
        info = np.iinfo(dtype_)
        return rng.integers(info.min, info.max, shape, dtype_, endpoint=True)
    return rng.standard_normal(shape).astype(dtype_)


def matrix(array, batch):
    """Describe an array [*batch, row, column] (axes of size 1 in its batch are broadcast)."""
    steps = [s // array.itemsize for s in array.strides]
    broadcast = tuple(0 if n == 1 else s for n, s in zip(array.shape[:-2], steps, strict=False))
    return Matrix(array.dtype, steps[-2], steps[-1], broadcast if batch else ())


def run(machine, spec, a, b, way, looped=False, pieces=1):
    """Return the product; `way` is how B is read: 'constant', 'packed' at run time, or 'in place'."""
    out = guarded(np.full((*spec.batch, spec.m, spec.n), 1, compute_dtype(spec.dtype)))
    panels = b
    if way != "in place":
        source, spec = pack_source(spec), packed(spec)
        layout = gemm_panels(spec, machine)
        panels = guarded(np.full(layout.elements, 1, spec.b.dtype))
        if way == "constant":
            panels = guarded(pack_array(layout, b))
            assert panels.shape == (layout.elements,)
        else:
            write = lambda f, p: emit_pack(f, machine, layout, source, p[0], p[1], f.args[1], f.args[2])  # noqa: E731
            Compiled(machine, 2, write).run([b, panels], pack_tasks(layout), pieces)

    def write_gemm(f, p):
        epilogue = Epilogue(storing(spec.dtype, (*spec.batch, spec.m, spec.n), p[2]), looped)
        emit_gemm(f, machine, spec, p[0], p[1], f.args[1], f.args[2], epilogue)

    Compiled(machine, 3, write_gemm).run([a, panels, out], gemm_tasks(spec, machine), pieces)
    return out


def reference(a, b, dtype_):
    if dtype_ == BOOL:
        return np.matmul(a.astype(int), b.astype(int)) > 0
    return np.matmul(a, b) if dtype_.kind in "iu" else np.matmul(a.astype(float), b.astype(float))


def check(actual, a, b, dtype_):
    expected = reference(a, b, dtype_)
    if dtype_ == BOOL or dtype_.kind in "iu":
        np.testing.assert_array_equal(actual, expected)
    else:
        scale = np.matmul(abs(a.astype(float)), abs(b.astype(float)))
        eps = np.finfo(actual.dtype).eps
        assert np.all(abs(actual - expected) <= eps * (a.shape[-1] + 2) * scale)


def make(m, n, k, dtype_, rng, transposed=False, batch=(), a_batch=None, b_batch=None):
    a = guarded(values((*(batch if a_batch is None else a_batch), m, k), dtype_, rng))
    b_shape = batch if b_batch is None else b_batch
    b = guarded(values((*b_shape, *((n, k) if transposed else (k, n))), dtype_, rng))
    b = b.swapaxes(-1, -2) if transposed else b
    return Gemm(m, n, k, dtype_, matrix(a, batch), matrix(b, batch), batch), a, b


@pytest.mark.parametrize("preset", X86_PRESETS)
@pytest.mark.parametrize("way", ["constant", "packed", "in place"])
@pytest.mark.parametrize("transposed", [False, True])
def test_float32(preset, way, transposed):
    rng = np.random.default_rng(0)
    for m, n, k in SHAPES:
        spec, a, b = make(m, n, k, FLOAT32, rng, transposed)
        check(run(Machine.preset(preset), spec, a, b, way), a, b, FLOAT32)


@pytest.mark.parametrize("preset", X86_PRESETS)
@pytest.mark.parametrize("way", ["constant", "packed", "in place"])
@pytest.mark.parametrize("name", ["f64", "f16", "bf16", "i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64", "bool"])
def test_dtypes(preset, way, name):
    rng = np.random.default_rng(1)
    for m, n, k in [(5, 19, 37), (1, 9, 40), (9, 1, 21)]:
        spec, a, b = make(m, n, k, dtype(name), rng)
        result = run(Machine.preset(preset), spec, a, b, way)
        assert result.dtype == (FLOAT32 if dtype(name) in HALVES else dtype(name))
        check(result, a, b, dtype(name))


@pytest.mark.parametrize("way", ["constant", "packed", "in place"])
@pytest.mark.parametrize(
    "batch, a_batch, b_batch",
    [
        ((3,), (3,), (3,)),
        ((3,), (3,), (1,)),
        ((3,), (1,), (3,)),
        ((2, 3), (2, 3), (1, 1)),
        ((2, 3), (2, 3), (2, 1)),
        ((2, 3), (2, 1), (1, 3)),
        ((2, 0), (2, 0), (2, 0)),
    ],
)
def test_batches(way, batch, a_batch, b_batch):
    rng = np.random.default_rng(2)
    for m, n, k in [(5, 21, 7), (1, 33, 6)]:
        spec, a, b = make(m, n, k, FLOAT32, rng, False, batch, a_batch, b_batch)
        check(run(Machine.preset("avx512"), spec, a, b, way), a, b, FLOAT32)


@pytest.mark.parametrize("way", ["packed", "in place"])
def test_strides(way):
    rng = np.random.default_rng(3)
    a = guarded(values((40, 90), FLOAT32, rng))
    b = guarded(values((90, 80), FLOAT32, rng))
    for left, right in [
        (a.T[:31, ::-1], b[39::-1, ::2]),
        (a[::3, ::2], b[::2, 5:40]),
        (a[::-1], b[::-1, :]),
        (a[:, :80], b.T[:80, ::3]),
    ]:
        (m, k), n = left.shape, right.shape[1]
        spec = Gemm(m, n, k, FLOAT32, matrix(left, ()), matrix(right, ()))
        contiguous = right.strides[1] == 4 or (left.strides[1] == 4 and right.strides[0] == 4)
        if way == "in place" and not contiguous:
            with pytest.raises(ValueError, match="must be packed"):
                run(Machine.preset("avx2"), spec, left, right, way)
            continue
        check(run(Machine.preset("avx2"), spec, left, right, way), left, right, FLOAT32)


@pytest.mark.parametrize("preset", X86_PRESETS)
@pytest.mark.parametrize("way", ["constant", "in place"])
def test_scratch_epilogue_gives_the_same_bits(preset, way):
    rng = np.random.default_rng(4)
    spec, a, b = make(29, 53, 11, FLOAT32, rng)
    direct, looped = (run(Machine.preset(preset), spec, a, b, way, looped) for looped in (False, True))
    np.testing.assert_array_equal(direct, looped)


@pytest.mark.parametrize("way", ["constant", "packed", "in place"])
def test_cutting_the_tasks_changes_no_bit(way):
    rng = np.random.default_rng(5)
    spec, a, b = make(300, 200, 150, FLOAT32, rng)
    machine = Machine.preset("avx512")
    assert gemm_tasks(spec, machine) > 4
    whole, cut = (run(machine, spec, a, b, way, pieces=pieces) for pieces in (1, 5))
    np.testing.assert_array_equal(whole, cut)
    check(whole, a, b, FLOAT32)


@pytest.mark.parametrize("m, n, k", [(1500, 48, 100), (48, 1500, 100), (700, 700, 9), (2, 3000, 600)])
def test_large(m, n, k):
    spec, a, b = make(m, n, k, FLOAT32, np.random.default_rng(6))
    check(run(Machine.host(), spec, a, b, "constant"), a, b, FLOAT32)


def test_nan_and_infinity_stay_in_their_rows_and_columns():
    a, b = np.ones((7, 5), np.float32), np.ones((5, 40), np.float32)
    a[2, 3], b[1, 35] = np.nan, np.inf
    spec = Gemm(7, 40, 5, FLOAT32, matrix(a, ()), matrix(b, ()))
    for way in ("constant", "in place"):
        np.testing.assert_array_equal(run(Machine.preset("avx512"), spec, a, b, way), a @ b)


def test_which_b_is_packed():
    def wants(m, n, k, row, column):
        return needs_packing(Gemm(m, n, k, FLOAT32, Matrix(FLOAT32, k, 1), Matrix(FLOAT32, row, column)))

    assert wants(128, 768, 768, 768, 1)  # large
    assert not wants(32, 768, 768, 768, 1)  # not read often enough
    assert wants(32, 1024, 768, 1024, 1)  # ... unless its rows get into each other's way
    assert not wants(1, 768, 768, 768, 1)  # read once
    assert not wants(1, 768, 768, 1, 768)  # dot products
    assert not wants(128, 64, 128, 64, 1)  # in cache anyhow
    assert wants(128, 128, 64, 1, 64)  # transposed, read often
    assert wants(1, 8, 8, 16, 2)  # contiguous nowhere


@pytest.mark.parametrize("preset", ["neon", *X86_PRESETS])
@pytest.mark.parametrize("name", ["f32", "f16", "bf16", "i8", "i64", "bool"])
def test_objects_need_no_library(preset, name):
    machine = Machine.preset(preset)
    spec, _, _ = make(9, 21, 33, dtype(name), np.random.default_rng(7))

    def write(f, p):
        emit_gemm(
            f,
            machine,
            spec,
            *p[:2],
            f.args[1],
            f.args[2],
            Epilogue(storing(spec.dtype, (*spec.batch, spec.m, spec.n), p[2])),
        )

    code = compile_object(module_text([kernel(3, write)]), machine)
    assert b"kernel" in code
    assert not re.search(rb"__\w+|mem(cpy|set|move)", code)


@pytest.mark.parametrize("m, n, k", [(1, 4, 70), (1, 16, 64), (2, 8, 33), (9, 8, 50)])
def test_the_order_of_summation_is_the_documented_one(m, n, k):
    machine = Machine.preset("x86-64")  # without fused multiply-adds, NumPy can do the same
    spec, a, b = make(m, n, k, FLOAT32, np.random.default_rng(8))
    tile = gemm_tile(packed(spec), machine)
    parts = [np.zeros((m, n), np.float32) for _ in range(Tile(min(m, tile.rows), tile.vectors, 4).phases(k))]
    for step in range(k):
        parts[step % len(parts)] += a[:, step, None] * b[step]
    while len(parts) > 1:
        half = len(parts) // 2
        parts = [x + y for x, y in zip(parts[:half], parts[half:], strict=True)]
    np.testing.assert_array_equal(run(machine, spec, a, b, "constant"), parts[0])


@pytest.mark.parametrize("way", ["constant", "in place"])
def test_a_batch_that_is_not_evenly_strided(way):
    rng = np.random.default_rng(9)
    a = guarded(values((3, 9, 7), FLOAT32, rng))[:, :5]
    b = guarded(values((1, 7, 21), FLOAT32, rng))
    spec = Gemm(5, 21, 7, FLOAT32, matrix(a, (3,)), matrix(b, (3,)), (3,))
    check(run(Machine.preset("avx512"), spec, a, b, way), a, b, FLOAT32)


def test_an_epilogue_reaches_operands_of_any_strides():
    """Two batch axes and m are one axis of the loops here; the bias and the output do not follow it evenly."""
    rng, machine = np.random.default_rng(10), Machine.preset("avx512")
    spec, a, b = make(5, 37, 6, FLOAT32, rng, False, (2, 3), (2, 3), (1, 1))
    bias = guarded(values((2, 5), FLOAT32, rng))
    out = np.zeros((2, 4, 7, 40), np.float32)
    indices = np.zeros((2, 3, 5, 37, 4), np.int64)

    def write(f, p):
        def store(f, value, at, mask):
            where = at.address(f, "float", p[2], [1120, 280, 40, 1])
            shift = f.splat(f.load("float", at.address(f, "float", p[3], [5, 0, 1, 0])), value.lanes)
            f.masked_store(f.fadd(value, shift), where, mask) if mask else f.store(f.fadd(value, shift), where)
            for axis, index in enumerate(at.index(f)):
                target = at.address(f, "i64", f.gep("i64", p[4], axis), [2220, 740, 148, 4])
                f.store(index, target)

        emit_gemm(f, machine, spec, p[0], p[1], f.args[1], f.args[2], Epilogue(store))

    Compiled(machine, 5, write).run([a, b, out, bias, indices], gemm_tasks(spec, machine))
    np.testing.assert_allclose(out[:, :3, :5, :37], a @ b + bias[:, None, :, None], rtol=1e-5, atol=1e-5)
    assert not out[:, 3:].any() and not out[:, :, 5:].any() and not out[..., 37:].any()
    expected = np.stack(np.indices((2, 3, 5, 37)), -1)
    np.testing.assert_array_equal(indices[:, :, :, ::16], expected[:, :, :, ::16])


@pytest.mark.parametrize("preset", X86_PRESETS)
@pytest.mark.parametrize("way", ["constant", "packed", "in place"])
@pytest.mark.parametrize("a_name, b_name, name", [("u8", "i8", "i32"), ("f16", "f32", "f32"), ("f32", "bf16", "f64")])
def test_operands_of_other_dtypes_are_widened(preset, way, a_name, b_name, name):
    rng = np.random.default_rng(11)
    a, b = guarded(values((7, 40), dtype(a_name), rng)), guarded(values((40, 21), dtype(b_name), rng))
    spec = Gemm(7, 21, 40, dtype(name), matrix(a, ()), matrix(b, ()))
    wide = dtype(name)
    check(run(Machine.preset(preset), spec, a, b, way), a.astype(wide), b.astype(wide), wide)
