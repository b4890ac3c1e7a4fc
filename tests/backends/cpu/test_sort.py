"""Sorting kernels: keys in order, rows of every length around blocks and runs, the first few alone."""

import numpy as np
import pytest

import aicomp as ac
from aicomp import ops
from aicomp.backends.cpu.loops.sort import FEW, key
from aicomp.expr import arg, evaluate
from aicomp.types import DTYPES, dtype

LENGTHS = (1, 2, 7, 8, 9, 15, 16, 17, 24, 31, 33, 48, 63, 65, 100, 129, 256, 300)
rng = np.random.default_rng(0)


def special(name: str) -> np.ndarray:
    """Return 300 numbers: many equal ones, and the least, the greatest, zeros, infinities and NaN."""
    of = dtype(name)
    if of.kind in "iu":
        limits = np.iinfo(of)
        some = [limits.min, limits.max, 0, 1, limits.max - 1, limits.min + 1]
        return np.array([some[i] for i in rng.integers(0, len(some), 300)], of)
    if of.kind == "b":
        return rng.random(300) < 0.5
    some = np.array([np.nan, -np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-7, -1e-7, 1, -1]).astype(of)
    return np.where(rng.random(300) < 0.5, some[rng.integers(0, len(some), 300)], rng.standard_normal(300).astype(of))


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("name", DTYPES)
def test_keys_are_in_order(name, descending):
    x = special(name)
    keys = evaluate(key(arg(0, x.dtype), descending), [x])
    assert keys.dtype == ("uint64" if x.dtype.itemsize == 8 else "uint32")
    np.testing.assert_array_equal(np.argsort(keys, kind="stable"), ops.argsort(x, descending=descending))


@pytest.mark.parametrize("name", ["u8", "i64", "f16", "f32", "f64"])
def test_lengths(name):
    x = special(name)

    def orders(x):
        return tuple(ops.argsort(x[:n], descending=n % 3 == 0) for n in LENGTHS)

    for got, wanted in zip(ac.compile(orders, (x,), cache=False)(x), orders(x), strict=True):
        np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("cpu", ["host", "x86-64"])
def test_the_first_few_of_columns(cpu):
    x = special("f32").reshape(3, 50, 2)
    counts = (0, 1, 5, FEW, FEW + 1, 50)

    def firsts(x):
        return tuple(ops.argsort(x, axis=1, descending=n == 5, count=n) for n in counts)

    for got, wanted, n in zip(ac.compile(firsts, (x,), cpu=cpu, cache=False)(x), firsts(x), counts, strict=True):
        assert got.shape == (3, n, 2)
        np.testing.assert_array_equal(got, wanted)


def test_the_first_few_in_the_worst_order():
    x = np.arange(1000, dtype=np.float32)
    values, places = ac.compile(lambda x: ops.top_k(x, k=3), (x,), cache=False)(x)
    assert (values.tolist(), places.tolist()) == ([999, 998, 997], [999, 998, 997])
