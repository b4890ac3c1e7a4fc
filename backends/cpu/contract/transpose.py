"""Transposes a square block held in registers, by log2(n) rounds of interleaving.

In: n vectors of n lanes, n a power of two. Out: n vectors of which lane j of vector i was lane i of vector j.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..codegen.llvm import Function, V


def transpose(f: Function, rows: Sequence[V]) -> list[V]:
    """Return the transposed block.

    A round interleaves rows i and i + n/2 into rows 2i and 2i + 1, which turns the address (row, lane), read
    as one binary number, left by a bit; after log2(n) rounds, row and lane have changed places.
    """
    n, current = len(rows), list(rows)
    low = [k for i in range(n // 2) for k in (i, n + i)]
    high = [k + n // 2 for k in low]
    for _ in range(n.bit_length() - 1):
        pairs = zip(current[: n // 2], current[n // 2 :], strict=True)
        current = [f.shuffle(a, b, order) for a, b in pairs for order in (low, high)]
    return current
