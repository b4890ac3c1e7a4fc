"""The elementary functions: the bounds that docs/numerics.md states, special values, independence of width."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from aicomp.backends.cpu.codegen.lanes import Lanes
from aicomp.backends.cpu.codegen.vecmath import FUNCTIONS
from aicomp.backends.cpu.machine import Machine
from aicomp.types import FLOAT32, FLOAT64

from .scalar_kernels import MACHINES, compile_lanes, kernel_text, runnable

NUMERICS = Path(__file__).parents[3] / "docs" / "numerics.md"
RUNNABLE = [name for name in MACHINES if runnable(name)]
WIDE_ERF = np.vectorize(math.erf, otypes=[np.float64])
REFERENCES = {
    "exp": np.exp, "exp2": np.exp2, "expm1": np.expm1, "tanh": np.tanh, "erf": WIDE_ERF, "log": np.log,
    "log2": np.log2, "log10": np.log10, "log1p": np.log1p, "sin": np.sin, "cos": np.cos, "tan": np.tan,
    "atan": np.arctan, "atan2": np.arctan2, "pow": np.power, "sqrt": np.sqrt,
}  # fmt: skip
OPERANDS = {"atan2": 2, "pow": 2}
LONG_DOUBLE = np.finfo(np.longdouble).nmant > 60
SPECIAL = [
    0.0, -0.0, 1, -1, 0.5, -0.5, 2, -2, 3, -3, 2.5, 10, 1000, 1024, np.inf, -np.inf, np.nan, 1e-45, -1e-45, 1e-40,
    5e-324, 1e-310, 1.1754944e-38, 3.4e38, -3.4e38, 1.7e308, -1.7e308, 88.72283, 88.72284, -103.97, -104, -87.34,
    709.78, 709.79, -745.13, -745.14, 128, 127.99999, -149, -150, -1074, -1075, 16777217.0, 1e10, 1e22,
    0.9999999, 1.0000001,
]  # fmt: skip


def bounds():
    """Return {function: (float32 FMA, float32, float64 FMA, float64)} from the table of the documentation."""
    rows = [line.split("|")[1:-1] for line in NUMERICS.read_text().splitlines() if line.startswith("|")]
    return {name.strip(): tuple(map(float, numbers)) for name, *numbers in rows[2:]}


def bound(name, dtype, preset):
    return bounds()[name][2 * (dtype == FLOAT64) + (not Machine.preset(preset).fma)]


@cache
def compiled(name, dtype, preset, lanes=None):
    return compile_lanes(FUNCTIONS[name], dtype, preset, OPERANDS.get(name, 1), lanes)


def arguments(name, dtype, size=20000):
    """Return operands over the whole range, and densely where the function changes."""
    rng = np.random.default_rng(7)
    unsigned = np.uint32 if dtype == FLOAT32 else np.uint64
    any_bits = rng.integers(0, np.iinfo(unsigned).max, size, dtype=unsigned, endpoint=True).view(dtype)
    scales = [rng.normal(size=size // 4) * s for s in (0.01, 0.3, 1, 3, 30, 300)]
    turns = rng.integers(1, 20000, size // 4) * (np.pi / 4)
    one = 1 + rng.normal(size=size // 4) * 0.2
    x = np.concatenate([any_bits, *(v.astype(dtype) for v in (*scales, turns, one))])
    if name not in OPERANDS:
        return (x,)
    if name == "atan2":
        return x, rng.permutation(x)
    x = np.abs(x)
    with np.errstate(all="ignore"):
        reach = (88 if dtype == FLOAT32 else 709) / np.maximum(np.abs(np.log(x.astype(np.float64))), 1e-3)
    return x, (rng.uniform(-1, 1, x.size) * reach).astype(dtype)


def ulps(actual, exact):
    """Return the error in ulps of the result's format; 0 where both round to the same, infinite where NaN differs."""
    dtype = actual.dtype
    rounded = exact.astype(dtype)
    unit = np.spacing(np.maximum(np.abs(rounded), np.finfo(dtype).smallest_normal))
    unit = np.where(np.isfinite(unit), unit, np.spacing(np.finfo(dtype).max))
    error = np.abs(actual.astype(exact.dtype) - exact) / unit.astype(exact.dtype)
    same = (actual == rounded) | (np.isnan(actual) & np.isnan(rounded))
    return np.where(np.isfinite(error), error, np.where(same, 0.0, np.inf)).astype(np.float64)


@pytest.mark.parametrize("preset", RUNNABLE)
@pytest.mark.parametrize("dtype", [FLOAT32, FLOAT64], ids=str)
@pytest.mark.parametrize("name", REFERENCES)
def test_error_stays_within_the_stated_bound(name, dtype, preset):
    if dtype == FLOAT64 and not LONG_DOUBLE:
        pytest.skip("float64 needs a wider type to be compared with")
    operands = arguments(name, dtype)
    wide = np.float64 if dtype == FLOAT32 or name == "erf" else np.longdouble
    actual = compiled(name, dtype, preset)(*operands)
    with np.errstate(all="ignore"):
        exact = REFERENCES[name](*(x.astype(wide) for x in operands))
        error = ulps(actual, exact)
    worst = int(np.argmax(error))
    slack = 1.0 if name == "erf" and dtype == FLOAT64 else 0.0  # the reference itself is a double
    assert error[worst] <= bound(name, dtype, preset) + slack, [float(x[worst]) for x in operands]


@pytest.mark.parametrize("preset", RUNNABLE)
@pytest.mark.parametrize("dtype", [FLOAT32, FLOAT64], ids=str)
@pytest.mark.parametrize("name", REFERENCES)
def test_special_values(name, dtype, preset):
    with np.errstate(all="ignore"):
        x = np.array(SPECIAL).astype(dtype)
        operands = [v.ravel() for v in np.meshgrid(x, x)] if name in OPERANDS else [x]
        expected = np.asarray(REFERENCES[name](*operands)).astype(dtype)
        actual = compiled(name, dtype, preset)(*operands)
        special = ~np.isfinite(expected) | (expected == 0)
        same = (actual == expected) & (np.signbit(actual) == np.signbit(expected))
        same |= np.isnan(actual) & np.isnan(expected)
        near = np.abs(actual - expected) <= 5 * np.spacing(np.abs(expected))
    wrong = np.flatnonzero(~np.where(special, same, near))
    shown = [(*(float(o[i]) for o in operands), float(actual[i]), float(expected[i])) for i in wrong[:5]]
    assert not shown, shown


@pytest.mark.parametrize("dtype", [FLOAT32, FLOAT64], ids=str)
@pytest.mark.parametrize("name", REFERENCES)
def test_results_do_not_depend_on_the_vector_width(name, dtype):
    operands = [x[:3000] for x in arguments(name, dtype, 3000)]
    expected = compiled(name, dtype, "host")(*operands)
    for lanes in (1, 2, 3, 8, 32):
        np.testing.assert_array_equal(compiled(name, dtype, "host", lanes)(*operands), expected)


@pytest.mark.parametrize("dtype", [FLOAT32, FLOAT64], ids=str)
@pytest.mark.parametrize("name", REFERENCES)
def test_machines_with_fma_agree(name, dtype):
    presets = [p for p in RUNNABLE if Machine.preset(p).fma]
    results = [compiled(name, dtype, p)(*arguments(name, dtype, 3000)) for p in presets]
    for other in results[1:]:
        np.testing.assert_array_equal(other, results[0])


@pytest.mark.parametrize("dtype", [FLOAT32, FLOAT64], ids=str)
def test_exact_results(dtype):
    n = np.arange(-149, 128)
    powers = np.ldexp(dtype.type(1), n)
    np.testing.assert_array_equal(compiled("exp2", dtype, "host")(n.astype(dtype)), powers)
    np.testing.assert_array_equal(compiled("log2", dtype, "host")(powers), n)
    large = np.array([20, 100, 1e30, np.inf], dtype)
    for name in ("tanh", "erf"):
        values = compiled(name, dtype, "host")(np.concatenate([large, -large]))
        np.testing.assert_array_equal(values, [1] * 4 + [-1] * 4)
        assert np.abs(compiled(name, dtype, "host")(np.linspace(-20, 20, 40001))).max() == 1
    for name in ("exp", "cos"):
        np.testing.assert_array_equal(compiled(name, dtype, "host")(np.array([0.0, -0.0])), [1, 1])


def test_private_functions_are_written_once():
    """Two sines and two powers of the same type share one reduction and one power."""
    sine, power = FUNCTIONS["sin"], FUNCTIONS["pow"]

    def body(f, machine, values):
        x = Lanes(f, machine, values[0])
        return power(power(sine(sine(x)), x), x).v

    text = kernel_text(body, [FLOAT64], FLOAT64, Machine.preset("avx2"), 4)
    assert text.count("define internal") == 3  # the sine of huge angles, their reduction, pow
    assert text.count("@aicomp.pow.v4f64.v4f64(") == 3
