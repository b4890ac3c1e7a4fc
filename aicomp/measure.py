"""Times calls fairly on a noisy machine: sides take turns, and a ratio comes with an interval.

In: functions without arguments. Out: seconds of each call, their statistics, the ratio of medians.

    fast, slow = interleave([call_a, call_b], iterations=50)
    ratio(slow, fast)                # Ratio(value=1.8, low=1.7, high=1.9)
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

Call = Callable[[], object]

LEAST_TURNS = 5
RESAMPLES = 1000
MOST_PAIRS = 1000


@dataclass(frozen=True)
class Timing:
    """Statistics of one side, in seconds."""

    median: float
    p90: float
    min: float
    calls: int


@dataclass(frozen=True)
class Ratio:
    """How many times faster, with the 95% interval of the bootstrap."""

    value: float
    low: float
    high: float


def interleave(
    calls: Sequence[Call], iterations: int | None = None, duration: float = 3.0, warmup: int = 2
) -> list[list[float]]:
    """Return the seconds of each call of each side, the sides taking turns (A B A B ...).

    Runs `iterations` turns, or, where that is None, as many as fit in `duration` seconds, at least five.
    """
    for call in [*calls] * warmup:
        call()
    samples: list[list[float]] = [[] for _ in calls]
    start = time.perf_counter()
    while not _done(len(samples[0]), time.perf_counter() - start, iterations, duration):
        for call, taken in zip(calls, samples, strict=True):
            before = time.perf_counter()
            call()
            taken.append(time.perf_counter() - before)
    return samples


def _done(turns: int, elapsed: float, iterations: int | None, duration: float) -> bool:
    if iterations is not None:
        return turns >= iterations
    return elapsed >= duration and turns >= LEAST_TURNS


def timing(samples: Sequence[float]) -> Timing:
    """Return the statistics of one side."""
    median, p90 = np.percentile(samples, (50, 90))
    return Timing(float(median), float(p90), min(samples), len(samples))


def ratio(slow: Sequence[float], fast: Sequence[float], seed: int = 0) -> Ratio:
    """Return the ratio of the medians of two sides that took turns, with its interval.

    Turns are resampled in pairs, so that what slowed both sides at once cancels (Efron's bootstrap).
    """
    pairs = np.stack([slow, fast])[:, :: 1 + len(slow) // MOST_PAIRS]
    picks = np.random.default_rng(seed).integers(0, pairs.shape[1], (RESAMPLES, pairs.shape[1]))
    medians = np.median(pairs[:, picks], axis=2)
    low, high = np.percentile(medians[0] / medians[1], (2.5, 97.5))
    return Ratio(float(np.median(slow) / np.median(fast)), float(low), float(high))
