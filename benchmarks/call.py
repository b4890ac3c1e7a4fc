"""What a call costs: the time from Python into compiled code and back, on functions that compute next to nothing.

python benchmarks/call.py
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

import aicomp as ac
from aicomp.cli.show import table
from aicomp.measure import interleave, timing

SIZES = (16, 1024)


def add(x: Any, y: Any) -> Any:
    """Return the sum."""
    return x + y


def main() -> None:
    """Time an add through aicomp and through NumPy, in turn."""
    rows = []
    for n in SIZES:
        x = np.ones(n, np.float32)
        exe = ac.compile(add, (x, x))
        sides = {"aicomp": partial(exe, x, x), "numpy": partial(add, x, x)}
        samples = interleave(list(sides.values()), iterations=20_000, warmup=1000)
        for name, taken in zip(sides, samples, strict=True):
            found = timing(taken)
            times = {"median us": found.median, "p90 us": found.p90, "min us": found.min}
            rows.append({"call": name, "elements": n} | {k: f"{v * 1e6:.2f}" for k, v in times.items()})
    table(rows, title="Call overhead: x + y")


if __name__ == "__main__":
    main()
