"""Scalar expressions as machine code against their NumPy reference, bit for bit, on every x86 preset."""

from __future__ import annotations

import itertools
import re
from functools import partial

import numpy as np
import pytest

from aicomp import expr as ex
from aicomp.backends.cpu.codegen.module import module_text
from aicomp.backends.cpu.codegen.scalar import emit
from aicomp.backends.cpu.machine import Machine
from aicomp.backends.cpu.runtime.jit import emit_assembly
from aicomp.errors import GraphError
from aicomp.types import BOOL, DTYPES, FLOAT32, FLOAT64, HALVES, INT32, INTEGERS, SHORT_NAMES, is_float

from .scalar_kernels import MACHINES, compile_expr, kernel, kernel_text, runnable

EXACT_FLOAT = ("add", "sub", "mul", "div", "neg", "abs", "sqrt", "floor", "ceil", "trunc", "round", "copysign")
SPECIAL = [0.0, -0.0, 1, -1, 0.5, -0.5, 1.5, -1.5, 2.5, np.inf, -np.inf, np.nan, 1e-40, -1e-45, 3e38, 1e300, -7.0, 3.0]
EDGES = [0, 1, -1, 2, 3, 7, 8, 15, 16, 31, 32, 63, 64, 100, -2, -3, -8, -100]
RUNNABLE = [name for name in MACHINES if runnable(name)]


def samples(dtype, operands=1, size=600, seed=0):
    """Return arrays whose first elements are all combinations of edge values and whose rest is random."""
    rng = np.random.default_rng(seed)
    if dtype == BOOL:
        edges, fill = np.array([False, True]), rng.integers(0, 2, (operands, size)).astype(bool)
    elif is_float(dtype):
        with np.errstate(all="ignore"):
            edges = np.array(SPECIAL).astype(dtype)
            fill = (rng.normal(size=(operands, size)) * 10.0 ** rng.integers(-3, 4, (operands, size))).astype(dtype)
    else:
        limits = np.iinfo(dtype)
        edges = np.array([e for e in EDGES if e >= limits.min] + [limits.min, limits.max], dtype)
        small = rng.integers(0, 11, (operands, size)).astype(dtype)
        wide = rng.integers(limits.min, limits.max, (operands, size), dtype=dtype, endpoint=True)
        fill = np.where(rng.random((operands, size)) < 0.5, small, wide)
    grid = np.array(list(itertools.product(edges, repeat=operands)), dtype=dtype).T
    return [np.concatenate([g, r.astype(dtype)]) for g, r in zip(grid, fill, strict=True)]


def assert_same_bits(actual, expected, message=""):
    """Fail where two arrays differ: NaN equals NaN, the sign of zero counts."""
    assert actual.dtype == expected.dtype
    if is_float(actual.dtype):
        wide_a, wide_e = actual.astype(np.float64), expected.astype(np.float64)
        bad = ~((wide_a == wide_e) & (np.signbit(wide_a) == np.signbit(wide_e)) | np.isnan(wide_a) & np.isnan(wide_e))
    else:
        bad = actual != expected
    where = np.flatnonzero(bad)[:5]
    assert not where.size, f"{message} differs at {where}: {actual[where]} instead of {expected[where]}"


def check(expr, arrays, preset, lanes=None):
    run = compile_expr(expr, [a.dtype for a in arrays], preset, lanes)
    expected = ex.evaluate(expr, arrays)
    shown = f"{expr} on {preset}, operands {[a.dtype.name for a in arrays]}"
    assert_same_bits(run(*arrays), np.asarray(expected), shown)


def check_op(op, dtype, operands, preset, lanes=None):
    args = [ex.arg(i, dtype) for i in range(operands)]
    check(ex.make(op, *args), samples(dtype, operands), preset, lanes)


def emit_body(e, f, machine, values):
    return emit(f, machine, e, values)


def arity(op):
    return 1 if op in ("neg", "abs", "sqrt", "floor", "ceil", "trunc", "round", "not") else 2


@pytest.mark.parametrize("preset", RUNNABLE)
@pytest.mark.parametrize("dtype", [FLOAT32, FLOAT64], ids=str)
@pytest.mark.parametrize("op", [*EXACT_FLOAT, "min", "max", "floordiv", "mod", "fmod"])
def test_float_operations(op, dtype, preset):
    check_op(op, dtype, arity(op), preset)


@pytest.mark.parametrize("preset", RUNNABLE)
@pytest.mark.parametrize("dtype", INTEGERS, ids=str)
def test_integer_operations(dtype, preset):
    for op in ("add", "sub", "mul", "neg", "abs", "min", "max", "and", "or", "xor", "not", "shl", "shr"):
        check_op(op, dtype, arity(op), preset)


@pytest.mark.parametrize("lanes", [None, 1])
@pytest.mark.parametrize("preset", RUNNABLE)
@pytest.mark.parametrize("dtype", INTEGERS, ids=str)
def test_integer_division_and_powers(dtype, preset, lanes):
    for op in ("floordiv", "mod", "fmod", "pow"):
        check_op(op, dtype, 2, preset, lanes)


@pytest.mark.parametrize("dtype", SHORT_NAMES, ids=str)
@pytest.mark.parametrize("preset", RUNNABLE)
def test_comparisons_and_selects(dtype, preset):
    a, b = ex.arg(0, dtype), ex.arg(1, dtype)
    for op in ("eq", "ne", "lt", "le"):
        check(ex.make(op, a, b), samples(dtype, 2), preset)
    check(ex.select(ex.make("lt", a, b), b, a), samples(dtype, 2), preset)


@pytest.mark.parametrize("preset", RUNNABLE)
def test_bool_operations(preset):
    for op in ("and", "or", "xor", "min", "max", "not"):
        check_op(op, BOOL, arity(op), preset)


@pytest.mark.parametrize("preset", RUNNABLE)
@pytest.mark.parametrize("source", SHORT_NAMES, ids=str)
def test_casts_between_all_dtypes(source, preset):
    (x,) = samples(source)
    if is_float(source):
        limits = [n for d in INTEGERS for n in (np.iinfo(d).min, np.iinfo(d).max)]
        near = np.array([float(n) * f for n in limits for f in (1, 1 - 1e-7, 1 + 1e-7, 1.5)])
        with np.errstate(all="ignore"):
            x = np.concatenate([x, near.astype(source)])
    for target in SHORT_NAMES:
        with np.errstate(all="ignore"):
            check(ex.cast(ex.arg(0, source), target), [x], preset)


@pytest.mark.parametrize("lanes", [None, 1])
@pytest.mark.parametrize("preset", RUNNABLE)
@pytest.mark.parametrize("half", HALVES, ids=str)
def test_every_half_widens_exactly(half, preset, lanes):
    x = np.arange(1 << 16, dtype=np.uint16).view(half)
    check(ex.cast(ex.arg(0, half), FLOAT32), [x], preset, lanes)


@pytest.mark.parametrize("lanes", [None, 1])
@pytest.mark.parametrize("preset", RUNNABLE)
@pytest.mark.parametrize("half", HALVES, ids=str)
@pytest.mark.parametrize("source", [FLOAT32, FLOAT64], ids=str)
def test_narrowing_rounds_as_numpy_does(source, half, preset, lanes):
    """Every half, the midpoints between them, and the neighbours of both."""
    with np.errstate(all="ignore"):
        halves = np.arange(1 << 16, dtype=np.uint16).view(half).astype(source)
        finite = np.sort(halves[np.isfinite(halves)])
        middles = finite[:-1] / 2 + finite[1:] / 2
        exact = np.concatenate([finite, middles, np.array([65520, 65519.99, 3.3953e38, np.inf, np.nan], source)])
        x = np.concatenate([exact, np.nextafter(exact, source.type(np.inf)), np.nextafter(exact, source.type(-np.inf))])
        check(ex.cast(ex.arg(0, source), half), [x], preset, lanes)


@pytest.mark.parametrize("preset", RUNNABLE)
@pytest.mark.parametrize("dtype", [FLOAT32, FLOAT64], ids=str)
def test_remainders_of_far_apart_operands(dtype, preset):
    rng = np.random.default_rng(3)
    spread = 40 if dtype == FLOAT32 else 300
    exponents = rng.uniform(-spread, spread, (2, 400))
    with np.errstate(all="ignore"):
        a, b = (rng.normal(size=(2, 400)) * 10.0**exponents).astype(dtype)
    for op in ("fmod", "mod", "floordiv"):
        check(ex.make(op, ex.arg(0, dtype), ex.arg(1, dtype)), [a, b], preset)


def test_bitcasts_keep_bits():
    for source, target in ((FLOAT32, INT32), (INT32, FLOAT32), (FLOAT64, DTYPES["u64"]), (HALVES[1], DTYPES["i16"])):
        check(ex.bitcast(ex.arg(0, source), target), samples(source), "host")


def test_powers_by_constants():
    for dtype, exponents in ((INT32, (0, 1, 2, 5, 31, -1, -2)), (DTYPES["u8"], (0, 2, 3, 255))):
        for n in exponents:
            check(ex.make("pow", ex.arg(0, dtype), n), samples(dtype), "host")
    check(ex.make("pow", ex.arg(0, FLOAT32), 2.0), samples(FLOAT32), "host")


def test_division_by_constants():
    for dtype in INTEGERS:
        for n in (0, 1, 3, 10, 64, *((-1, -7) if dtype.kind == "i" else ())):
            for op in ("floordiv", "mod", "fmod"):
                check(ex.make(op, ex.arg(0, dtype), n), samples(dtype), "host")


def test_constants_of_every_dtype():
    for dtype in SHORT_NAMES:
        value = True if dtype == BOOL else 3
        a = ex.arg(0, dtype)
        check(ex.select(ex.make("eq", a, a), ex.const(value, dtype), a), samples(dtype), "host")


def test_a_shared_subexpression_is_written_once():
    x = ex.arg(0, FLOAT32)
    for _ in range(40):  # 2^40 operations as a tree
        x = x + x
    text = kernel_text(partial(emit_body, x), [FLOAT32], FLOAT32, Machine.host(), 1)
    assert text.count("fadd") == 40


def test_long_chains_do_not_recurse():
    x = ex.arg(0, FLOAT32)
    for _ in range(3000):
        x = x + 1.0
    text = kernel_text(partial(emit_body, x), [FLOAT32], FLOAT32, Machine.host(), 1)
    assert text.count("fadd") == 3000


def everything():
    """Yield every operation on every dtype it takes, and every cast, each with its operands' dtypes."""
    for op, declared in ex.SCALAR_OPS.items():
        count = declared_arity(op, declared)
        for dtype in SHORT_NAMES:
            kinds = [BOOL, dtype, dtype] if op == "select" else [dtype] * count
            try:
                yield ex.make(op, *(ex.arg(i, d) for i, d in enumerate(kinds))), kinds
            except GraphError:
                continue
    for source, target in itertools.permutations(SHORT_NAMES, 2):
        yield ex.cast(ex.arg(0, source), target), [source]


def declared_arity(op, declared):
    if op == "pow":
        return 2
    return 3 if op == "select" else getattr(declared.reference, "nin", 1)


@pytest.mark.parametrize("lanes", [1, 16])
@pytest.mark.parametrize("preset", [*MACHINES, "neon"])
def test_no_operation_calls_a_library(preset, lanes):
    machine = Machine.preset(preset)
    functions = []
    for n, (e, sources) in enumerate(everything()):
        body = partial(emit_body, e)
        functions.append(kernel(body, sources, e.dtype, machine, lanes, name=f"run{n}"))
    for start in range(0, len(functions), 32):
        listing = emit_assembly(module_text(functions[start : start + 32]), machine)
        assert outside_calls(listing) == set()


def outside_calls(listing):
    """Return the functions that a listing calls or jumps to and does not define."""
    defined = set(re.findall(r"^([\w.$]+):", listing, re.MULTILINE))
    called = set(re.findall(r"^\s+(?:call|callq|jmp|bl|b)\s+([A-Za-z_.$][\w.$]*)", listing, re.MULTILINE))
    return {name for name in called if name not in defined and not name.startswith(".L")}


def test_outside_calls_are_found():
    text = kernel_text(libm_sine, [FLOAT32], FLOAT32, Machine.preset("x86-64"), 4)
    assert outside_calls(emit_assembly(text, Machine.preset("x86-64"))) == {"sinf"}


def libm_sine(f, machine, values):
    return f.call("llvm.sin.v4f32", "<4 x float>", values)
