"""Fair timing: turns, statistics, and the interval of a ratio."""

from __future__ import annotations

import numpy as np
import pytest

from aicomp.measure import interleave, ratio, timing


def test_sides_take_turns() -> None:
    calls: list[str] = []
    samples = interleave([lambda: calls.append("a"), lambda: calls.append("b")], iterations=3, warmup=1)
    assert calls == ["a", "b"] * 4
    assert [len(side) for side in samples] == [3, 3]


def test_a_duration_gives_at_least_five_turns() -> None:
    assert len(interleave([lambda: None], duration=0.0)[0]) == 5


def test_timing_reports_median_and_percentile() -> None:
    found = timing([float(n) for n in range(1, 12)])
    assert (found.median, found.p90, found.min, found.calls) == (6.0, 10.0, 1.0, 11)


def test_the_interval_holds_the_ratio_and_cancels_shared_noise() -> None:
    fast = np.random.default_rng(1).uniform(1, 3, 500)
    found = ratio(list(2 * fast), list(fast))
    assert found.value == pytest.approx(2)
    assert found.low == pytest.approx(2) and found.high == pytest.approx(2)


def test_the_interval_is_wide_where_the_sides_are_noisy() -> None:
    rng = np.random.default_rng(1)
    found = ratio(list(rng.uniform(1, 9, 30)), list(rng.uniform(1, 9, 30)))
    assert found.low < found.value < found.high
    assert found.high - found.low > 0.1
