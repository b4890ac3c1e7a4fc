"""Where in the output a vector of results goes: what a store callback asks for addresses and indices.

In: the index of the tile's first element on each axis, and a constant offset on the last two. Out: element
addresses into operands of any (broadcast) strides, and plain index values.

    def store(f, value, at, mask):                                   # y = x @ w + bias
        bias = f.load(value.type, at.address(f, "float", bias_pointer, (0, 1)))
        f.store(f.fadd(value, bias), at.address(f, "float", y, (n, 1)))
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import prod
from typing import NamedTuple

from ..codegen.llvm import Function, Index, V, i64

Folds = tuple[tuple[int, ...], ...]


class Anchor(NamedTuple):
    """Where a tile begins in an operand, and the stride of each axis of the nest (None: not evenly strided)."""

    first: V
    steps: list[int] | None


@dataclass(frozen=True)
class Point:
    """The first of the lanes, which run along the last axis: axis i of the loop nest is at `base[i] + offset[i]`.

    `folds[i]` are the sizes of the output axes that axis i of the nest stands for (they were collapsed into
    one). `memo` keeps the address of the tile per operand, so that its elements differ by constants; it lives
    as long as the tile's block, so a callback may branch only if it asks for its addresses first.
    """

    base: tuple[Index, ...]
    offset: tuple[int, ...]
    folds: Folds
    memo: dict[tuple[str, tuple[int, ...]], Anchor] = field(default_factory=dict)

    def moved(self, rows: int, columns: int) -> Point:
        """Return the point some rows and columns further in the same tile."""
        offset = (*self.offset[:-2], self.offset[-2] + rows, self.offset[-1] + columns)
        return Point(self.base, offset, self.folds, self.memo)

    def index(self, f: Function) -> tuple[V, ...]:
        """Return the index on every output axis, as i64."""
        return tuple(
            v
            for base, offset, sizes in zip(self.base, self.offset, self.folds, strict=True)
            for v in unfold(f, f.add(base, offset), sizes)
        )

    def address(self, f: Function, element: str, pointer: V, strides: Sequence[int]) -> V:
        """Return the address in an operand with these strides (in elements; one an output axis, 0 = broadcast)."""
        key = (pointer.ref, tuple(strides))
        if key not in self.memo:
            steps = self._steps(strides)
            first = f.gep(element, pointer, dot(f, self.base, steps)) if steps is not None else pointer
            self.memo[key] = Anchor(first, steps)
        anchor = self.memo[key]
        if anchor.steps is None:
            return f.gep(element, pointer, dot(f, self.index(f), strides))
        return f.gep(element, anchor.first, sum(o * s for o, s in zip(self.offset, anchor.steps, strict=True)))

    def _steps(self, strides: Sequence[int]) -> list[int] | None:
        """Return one stride an axis of the nest, or None where a folded axis is not evenly strided."""
        steps, rest = [], list(strides)
        for sizes in self.folds:
            step = even_stride(sizes, rest[: len(sizes)])
            if step is None:
                return None
            steps.append(step)
            del rest[: len(sizes)]
        return steps


def even_stride(sizes: Sequence[int], strides: Sequence[int]) -> int | None:
    """Return the stride that walks all the axes as one, or None."""
    axes = [(size, stride) for size, stride in zip(sizes, strides, strict=True) if size != 1]
    outer_pairs = pairwise(axes)
    even = all(stride == inner_size * inner for (_, stride), (inner_size, inner) in outer_pairs)
    return (axes[-1][1] if axes else 0) if even else None


def unfold(f: Function, index: Index, sizes: Sequence[int]) -> list[V]:
    """Return the index on each of the axes collapsed into one."""
    result, rest = [], i64(index)
    for axis, size in enumerate(sizes):
        inner = prod(sizes[axis + 1 :])
        part = rest if inner == 1 else f.binary("udiv", rest, i64(inner))
        result.append(part if size != 1 else i64(0))
        if inner != 1:
            rest = f.binary("urem", rest, i64(inner))
    return result


def dot(f: Function, indices: Sequence[Index], strides: Sequence[int]) -> V:
    """Return the sum of index * stride."""
    total = i64(0)
    for index, stride in zip(indices, strides, strict=True):
        if stride:
            total = f.add(total, f.mul(index, stride))
    return total


Store = Callable[[Function, V, Point, V | None], None]
