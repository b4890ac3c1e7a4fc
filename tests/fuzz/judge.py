"""Decides how far results may be apart: runs the interpreter on roundings moved at random, and measures what follows.

In: a sample. Out: for each output what the interpreter gives, and a tolerance. Where a graph cancels or amplifies, the
moved runs show by how much (Vignes 1993, stochastic arithmetic).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import ml_dtypes
import numpy as np

from aicomp.interpreter import interpret
from aicomp.ir import Graph, Kind, Node, Value
from aicomp.types import DType, is_float

from .builder import Array, Sample

RUNS = 3
SUMS = {Kind.REDUCE, Kind.CONTRACT, Kind.WINDOW, Kind.OPAQUE, Kind.COMPOSITE}


@dataclass(frozen=True)
class Expected:
    """What an output should be; `allowance` is None where it must be equal, `unsure` tells elements to leave out."""

    array: Array
    allowance: float | None
    unsure: Any = False

    def difference(self, got: Array) -> str:
        """Return how a result differs; empty where it may be so."""
        want = self.array
        if got.shape != want.shape or got.dtype != want.dtype:
            return f"is {got.dtype}{list(got.shape)}, expected {want.dtype}{list(want.shape)}"
        same = self._same(got, want) | self.unsure
        if np.all(same):
            return ""
        at = tuple(np.argwhere(~same)[0].tolist())
        allowed = "" if self.allowance is None else f", off by at most {self.allowance:.1e}"
        return (
            f"{np.sum(~same)} of {got.size} elements differ, first {list(at)}: {got[at]}, expected {want[at]}{allowed}"
        )

    def _same(self, got: Array, want: Array) -> Any:
        with np.errstate(all="ignore"):
            same = got == want
            if is_float(want.dtype):
                same |= np.isnan(got) & np.isnan(want)
            if self.allowance is None:
                return np.asarray(same)
            gap = np.abs(got.astype(np.float64) - want.astype(np.float64))
            return np.asarray(same | (gap <= self.allowance))


def expected(sample: Sample) -> list[Expected]:
    """Return what each output should be."""
    wanted = interpret(sample.graph, sample.arrays)
    moved = [_moved(sample, np.random.default_rng(seed)) for seed in range(RUNS)]
    found = []
    for i, (value, want) in enumerate(zip(sample.graph.outputs, wanted, strict=True)):
        if value not in sample.approximate or not is_float(want.dtype):
            found.append(Expected(want, None))
            continue
        wide = want.astype(np.float64)
        others = [run[i].astype(np.float64) for run in moved]
        finite = np.isfinite(wide)
        unsure = sum(((np.isfinite(o) != finite) for o in others), np.zeros(want.shape, bool))
        with np.errstate(all="ignore"):
            spread = max(np.where(finite & ~unsure, np.abs(o - wide), 0).max(initial=0) for o in others)
        scale = np.abs(wide[finite]).max(initial=0)
        found.append(Expected(want, 8 * float(spread) + 16 * _epsilon(want.dtype) * float(scale) + 1e-30, unsure))
    return found


def _epsilon(dtype: DType) -> float:
    return float(ml_dtypes.finfo(dtype).eps) if is_float(dtype) else 0.0


def _moved(sample: Sample, rng: np.random.Generator) -> tuple[Array, ...]:
    """Run the graph, and those in it, with the last bits of approximate values moved."""

    def run(graph: Graph, arrays: Sequence[Array]) -> tuple[Array, ...]:
        memory: dict[Value, Array] = dict(zip(graph.inputs, arrays, strict=True))
        for node in graph.nodes:
            results = _compute(node, [memory[v] for v in node.inputs], sample, rng)
            memory.update(zip(node.outputs, results, strict=True))
        return tuple(memory[value] for value in graph.outputs)

    with np.errstate(all="ignore"), patch("aicomp.ops.region.interpret", run):
        return run(sample.graph, sample.arrays)


def _compute(node: Node, operands: list[Array], sample: Sample, rng: np.random.Generator) -> list[Array]:
    approximate = any(value in sample.approximate for value in node.outputs)
    if approximate and node.op.kind in SUMS:
        operands = [_jiggle(array, rng) for array in operands]
    results = [np.asarray(array) for array in node.compute(operands)]
    if approximate and node.op.kind not in (Kind.MOVEMENT, Kind.REGION):
        pairs = zip(node.outputs, results, strict=True)
        results = [_jiggle(array, rng) if v in sample.approximate else array for v, array in pairs]
    return results


def _jiggle(array: Array, rng: np.random.Generator) -> Array:
    """Return floats moved by up to two roundings each way."""
    if not is_float(array.dtype):
        return array
    factor = 1 + rng.choice([-2.0, -1.0, 1.0, 2.0], array.shape) * _epsilon(array.dtype)
    return np.asarray(array.astype(np.float64) * factor).astype(array.dtype)
