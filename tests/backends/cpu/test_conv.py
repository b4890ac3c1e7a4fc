"""Convolutions of every rank, stride, padding, dilation and grouping, against a sum over taps in float64."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from kernels import X86_PRESETS, Compiled, guarded, kernel, storing

from aicomp.backends.cpu.codegen.module import module_text
from aicomp.backends.cpu.contract import (
    Conv,
    Epilogue,
    conv_panels,
    conv_tasks,
    emit_conv,
    emit_pack,
    filter_source,
    pack_filters,
    pack_tasks,
)
from aicomp.backends.cpu.contract.conv import split_line
from aicomp.backends.cpu.machine import Machine
from aicomp.backends.cpu.runtime.jit import compile_object
from aicomp.types import FLOAT32, compute_dtype, dtype


def conv(batch, spatial, channels, filters, kernel, stride=1, padding=0, dilation=1, groups=1):
    rank = len(spatial)

    def each(value):
        return value if isinstance(value, tuple) else (value,) * rank

    pads = tuple(p if isinstance(p, tuple) else (p, p) for p in each(padding))
    last = (each(dilation), groups, FLOAT32, FLOAT32, FLOAT32)
    return Conv(batch, spatial, channels, filters, each(kernel), each(stride), pads, *last)


def reference(spec, x, w, wide=np.float64):
    """Return the sum over taps, in `wide`; x as [batch, *spatial, channels], w [*kernel, depth, filters]."""
    pads = [(max(0, lo), max(0, hi)) for lo, hi in spec.padding]
    x = np.pad(x.astype(wide), [(0, 0), *pads, (0, 0)])
    crop = [slice(max(0, -lo), x.shape[i + 1] - max(0, -hi)) for i, (lo, hi) in enumerate(spec.padding)]
    x = x[(slice(None), *crop)]
    y = np.zeros((spec.batch, *spec.out, spec.filters), wide)
    for tap in product(*map(range, spec.kernel)):
        taken = [
            slice(t * d, t * d + (n - 1) * s + 1 if n else t * d, s)
            for t, d, n, s in zip(tap, spec.dilation, spec.out, spec.stride, strict=True)
        ]
        part = x[(slice(None), *taken)].reshape(spec.batch, *spec.out, spec.groups, spec.depth)
        weights = w[tap].astype(wide).reshape(spec.depth, spec.groups, spec.width)
        y += np.einsum("...gc,cgf->...gf", part, weights).reshape(y.shape)
    return y


def shapes(spec):
    return (spec.batch, *spec.spatial, spec.channels), (*spec.kernel, spec.depth, spec.filters)


def run(machine, spec, x, w, looped=False, pieces=1):
    out = guarded(np.full((spec.batch, *spec.out, spec.filters), 1, compute_dtype(spec.dtype)))
    panels = guarded(pack_filters(spec, machine, w))

    def write(f, p):
        epilogue = Epilogue(storing(spec.dtype, out.shape, p[2]), looped)
        emit_conv(f, machine, spec, p[0], p[1], f.args[1], f.args[2], epilogue)

    Compiled(machine, 3, write).run([x, panels, out], conv_tasks(spec, machine), pieces)
    return out


def check(preset, spec, **options):
    rng = np.random.default_rng(0)
    x, w = (guarded(rng.standard_normal(shape).astype(spec.x)) for shape in shapes(spec))
    actual = run(Machine.preset(preset), spec, x, w, **options)
    scale = reference(spec, abs(x), abs(w))
    eps = np.finfo(actual.dtype).eps
    terms = int(np.prod(spec.kernel)) * spec.depth
    assert np.all(abs(actual - reference(spec, x, w)) <= eps * (terms + 2) * scale)


CASES = {
    "3x3": conv(2, (9, 14), 5, 7, 3, padding=1),
    "3x3 wide": conv(1, (6, 56), 8, 64, 3, padding=1),
    "1x1": conv(2, (5, 7), 9, 33, 1),
    "1x1 stride 2": conv(1, (8, 9), 6, 20, 1, stride=2),
    "7x7 stride 2, few channels": conv(1, (33, 45), 3, 32, 7, stride=2, padding=3),
    "dilated": conv(1, (20, 22), 4, 9, 3, padding=2, dilation=2),
    "dilated far": conv(1, (14, 30), 3, 5, 3, padding=12, dilation=12),
    "groups": conv(2, (7, 8), 12, 18, 3, padding=1, groups=3),
    "groups of few filters": conv(1, (6, 9), 16, 32, 3, padding=1, groups=8),
    "depthwise by groups": conv(1, (6, 9), 10, 20, 3, padding=1, groups=10),
    "one pixel": conv(1, (1, 1), 4, 6, 3, padding=1),
    "kernel larger than input": conv(1, (2, 3), 3, 4, 5, padding=2),
    "padding larger than kernel": conv(1, (4, 5), 2, 3, 2, padding=4),
    "padding on one side": conv(1, (7, 8), 3, 5, 3, padding=((0, 2), (1, 0))),
    "negative padding": conv(1, (9, 10), 3, 5, 3, padding=((-1, 0), (-2, -1))),
    "stride larger than kernel": conv(1, (11, 13), 3, 4, 2, stride=(3, 5)),
    "mixed strides": conv(1, (11, 13), 3, 4, (2, 3), stride=(1, 2), padding=((1, 1), (0, 1)), dilation=(2, 1)),
    "many runs of taps": conv(1, (3, 90), 2, 9, (1, 40), padding=((0, 0), (45, 25))),
    "depthwise": conv(2, (9, 14), 37, 37, 3, padding=1, groups=37),
    "depthwise stride 2": conv(1, (14, 13), 64, 64, 3, stride=2, padding=1, groups=64),
    "depthwise 5x5": conv(1, (9, 30), 20, 20, 5, padding=2, groups=20),
    "depthwise wide kernel": conv(1, (5, 70), 8, 8, (1, 13), padding=((0, 0), (6, 6)), groups=8),
    "depthwise very wide kernel": conv(1, (2, 50), 4, 4, (1, 60), padding=((0, 0), (40, 40)), groups=4),
    "depthwise dilated": conv(1, (12, 15), 18, 18, 3, padding=2, dilation=2, groups=18),
    "depthwise, 2 filters a channel": conv(1, (6, 9), 19, 38, 3, padding=1, groups=19),
    "depthwise, 3 filters a channel": conv(2, (6, 9), 13, 39, 3, padding=1, groups=13),
    "depthwise, 20 filters a channel": conv(1, (6, 9), 3, 60, 3, padding=1, groups=3),
    "depthwise 1d": conv(2, (40,), 24, 24, 4, padding=((3, 0),), groups=24),
    "depthwise 3d": conv(1, (4, 5, 6), 9, 9, 3, padding=1, groups=9),
    "depthwise 1x1": conv(2, (4, 5), 9, 9, 1, groups=9),
    "1d": conv(2, (50,), 6, 17, 5, padding=2),
    "1d long": conv(1, (300,), 4, 8, 31, padding=15),
    "1d stride": conv(1, (41,), 3, 8, 4, stride=3, padding=1),
    "3d": conv(1, (4, 5, 6), 3, 5, 3, padding=1),
    "3d mixed": conv(2, (5, 4, 9), 2, 3, (2, 1, 3), stride=(2, 1, 2), padding=((1, 0), (0, 0), (1, 2))),
    "empty output": conv(1, (2, 5), 3, 4, 3),
    "no batch": conv(0, (5, 5), 3, 4, 3),
    "no channels": conv(1, (5, 5), 0, 4, 3, padding=1),
    "no filters": conv(1, (5, 5), 3, 0, 3),
}


@pytest.mark.parametrize("preset", X86_PRESETS)
@pytest.mark.parametrize("name", CASES)
def test_float32(preset, name):
    check(preset, CASES[name])


@pytest.mark.parametrize("preset", X86_PRESETS)
@pytest.mark.parametrize("name", ["f64", "f16", "bf16"])
@pytest.mark.parametrize("case", ["3x3", "depthwise", "depthwise, 3 filters a channel", "groups"])
def test_other_floats(preset, name, case):
    check(preset, replace(CASES[case], dtype=dtype(name), x=dtype(name), w=dtype(name)))


@pytest.mark.parametrize("preset", X86_PRESETS)
@pytest.mark.parametrize("name", ["i8", "u8", "i32", "i64"])
@pytest.mark.parametrize("case", ["3x3", "depthwise, 2 filters a channel"])
def test_integers_wrap(preset, name, case):
    spec = replace(CASES[case], dtype=dtype(name), x=dtype(name), w=dtype(name))
    info, rng = np.iinfo(spec.x), np.random.default_rng(1)
    x, w = (rng.integers(info.min, info.max, shape, spec.x, endpoint=True) for shape in shapes(spec))
    np.testing.assert_array_equal(run(Machine.preset(preset), spec, x, w), reference(spec, x, w, spec.x))


@pytest.mark.parametrize("case", ["3x3 wide", "1x1", "depthwise", "groups", "many runs of taps"])
def test_neither_scratch_nor_cutting_the_tasks_changes_a_bit(case):
    spec, machine = CASES[case], Machine.preset("avx512")
    rng = np.random.default_rng(2)
    x, w = (rng.standard_normal(shape).astype(np.float32) for shape in shapes(spec))
    once = run(machine, spec, x, w)
    np.testing.assert_array_equal(once, run(machine, spec, x, w, looped=True))
    np.testing.assert_array_equal(once, run(machine, spec, x, w, pieces=7))


def test_large_convolutions_are_many_tasks():
    spec, machine = conv(2, (40, 41), 48, 80, 3, padding=1), Machine.preset("avx512")
    assert conv_tasks(spec, machine) > 8
    check("avx512", spec, pieces=3)


@pytest.mark.parametrize("case", ["3x3", "groups", "1x1", "depthwise", "no channels"])
def test_weights_known_only_at_run_time(case):
    spec, machine = CASES[case], Machine.preset("avx2")
    w = np.random.default_rng(3).standard_normal(shapes(spec)[1]).astype(np.float32)
    layout, source = conv_panels(spec, machine), filter_source(spec, machine)
    panels = np.full(layout.elements, 7, np.float32)

    def write(f, p):
        emit_pack(f, machine, layout, source, p[0], p[1], f.args[1], f.args[2])

    Compiled(machine, 2, write).run([w, panels], pack_tasks(layout))
    np.testing.assert_array_equal(panels, pack_filters(spec, machine, w))


def test_padding_is_not_multiplied_by_infinity():
    spec = conv(1, (4, 5), 3, 4, 3, padding=1)
    x, w = (np.ones(shape, np.float32) for shape in shapes(spec))
    w[0] = np.inf
    y = run(Machine.preset("avx512"), spec, x, w)
    assert np.isfinite(y[0, 0]).all() and np.isinf(y[0, 1:]).all()


@pytest.mark.parametrize("name", ["f32", "bf16", "i8"])
@pytest.mark.parametrize("case", ["3x3", "depthwise, 3 filters a channel"])
def test_neon_objects_need_no_library(name, case):
    machine = Machine.preset("neon")
    spec = replace(CASES[case], dtype=dtype(name), x=dtype(name), w=dtype(name))

    def write(f, p):
        epilogue = Epilogue(storing(spec.dtype, (spec.batch, *spec.out, spec.filters), p[2]))
        emit_conv(f, machine, spec, p[0], p[1], f.args[1], f.args[2], epilogue)

    code = compile_object(module_text([kernel(3, write)]), machine)
    assert b"kernel" in code
    assert not re.search(rb"__\w+|mem(cpy|set|move)", code)


def test_kinds_of_tiles_stay_few():
    many = split_line(CASES["many runs of taps"], 6)
    assert [(strip.first, strip.count, strip.rows) for strip in many] == [(0, 48, 1), (48, 8, 6), (96, 25, 1)]
    usual = split_line(CASES["3x3 wide"], 6)
    assert [(strip.first, strip.count, strip.rows) for strip in usual] == [(0, 1, 6), (6, 8, 6), (54, 1, 2)]
