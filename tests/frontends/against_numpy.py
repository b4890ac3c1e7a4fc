"""Runs an expression over NumPy arrays twice, by NumPy and traced, and compares dtypes, shapes and values."""

import warnings
from collections.abc import Sequence
from typing import Any

import ml_dtypes
import numpy as np

from aicomp.errors import AicompError
from aicomp.frontends.trace import trace
from aicomp.interpreter import interpret
from aicomp.tree import flatten, parse_structure

BF16 = np.dtype(ml_dtypes.bfloat16)
TOLERANCE = {"float16": 4e-3, "bfloat16": 3e-2, "float32": 3e-6, "float64": 1e-12}


def sample(shape: tuple[int, ...], dtype: Any, seed: int = 0) -> np.ndarray:
    """Return small numbers of either sign, without zeros, that every dtype holds exactly."""
    numbers = np.random.default_rng(seed).permutation(np.arange(1, np.prod(shape, dtype=int) + 1) % 13 + 1)
    signs = 1 if np.dtype(dtype).kind in "bu" else np.where(numbers % 3 == 0, -1, 1)
    values = (numbers * signs).reshape(shape)
    return values.astype(np.int64).astype(dtype) if np.dtype(dtype).kind != "b" else (values % 2).astype(dtype)


def run(function: Any, arrays: Sequence[np.ndarray]) -> Any:
    """Return the leaves and structure of a traced function's results."""
    graph = trace(function, *arrays)
    return list(interpret(graph, [np.asarray(a) for a in arrays])), parse_structure(graph.structure)[1]


def check(function: Any, *arrays: np.ndarray, tolerance: float | None = None) -> None:
    """Assert that tracing gives what NumPy does; where NumPy raises, tracing must too, with an AicompError."""
    with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
        try:
            expected = function(*(np.copy(a) if isinstance(a, np.ndarray) else a for a in arrays))
        except (TypeError, ValueError, LookupError, ArithmeticError) as error:
            check_refused(function, arrays, error)
            return
    leaves, structure = flatten(expected)
    results, traced_structure = run(function, arrays)
    assert traced_structure == structure
    for result, leaf in zip(results, map(np.asarray, leaves), strict=True):
        compare(result, leaf, tolerance)


def check_refused(function: Any, arrays: Sequence[np.ndarray], error: Exception) -> None:
    """Assert that tracing fails as NumPy does."""
    try:
        run(function, arrays)
    except AicompError:
        return
    raise AssertionError(f"NumPy raises {error!r}, tracing does not")


def compare(result: np.ndarray, expected: np.ndarray, tolerance: float | None = None) -> None:
    """Assert equal dtypes, shapes and values, floats within a few roundings."""
    assert (result.dtype, result.shape) == (expected.dtype, expected.shape)
    if expected.dtype.name not in TOLERANCE:
        np.testing.assert_array_equal(result, expected)
        return
    rtol = TOLERANCE[expected.dtype.name] if tolerance is None else tolerance
    wide = (each.astype(np.float64) for each in (result, expected))
    np.testing.assert_allclose(*wide, rtol=rtol, atol=rtol)
