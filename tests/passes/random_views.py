"""Chains of movement, reductions and windows, drawn at random over small shapes.

random_chain(7)      # the graph of a few steps on one input, the same for the same seed
"""

from __future__ import annotations

from random import Random

import numpy as np

from aicomp import ops
from aicomp.ir import Graph, Value
from aicomp.ops.symbol import Symbol, lift
from aicomp.types import TensorType

SIZES = [0, 1, 1, 1, 2, 2, 3, 4]
MANY = 200  # elements; larger values are not extended
NUMBERS = [0.0, -0.0, -np.inf, 1.0]


class Moves:
    """Draws steps: each takes a symbol and returns one made of it."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng

    def step(self, x: Symbol) -> Symbol:
        choices = [self.transpose, self.reshape, self.broadcast, self.slice, self.pad, self.elementwise]
        if x.ndim:
            choices += [self.concat, self.gather, self.fold, self.window, self.slice, self.pad, self.position]
        return self.rng.choice(choices)(x)

    def transpose(self, x: Symbol) -> Symbol:
        return ops.transpose(x, perm=self.rng.sample(range(x.ndim), x.ndim))

    def reshape(self, x: Symbol) -> Symbol:
        sizes = [n for n in x.shape if n != 1]
        if len(sizes) > 1 and self.rng.random() < 0.3:
            sizes[:2] = [sizes[0] * sizes[1]]
        for _ in range(self.rng.randrange(3)):
            sizes.insert(self.rng.randrange(len(sizes) + 1), 1)
        return ops.reshape(x, shape=sizes)

    def broadcast(self, x: Symbol) -> Symbol:
        front = [self.rng.choice([1, 2]) for _ in range(self.rng.randrange(2))]
        return ops.broadcast_to(x, shape=(*front, *(self.rng.choice([1, 2, 3]) if n == 1 else n for n in x.shape)))

    def slice(self, x: Symbol) -> Symbol:
        starts, sizes, steps = [], [], []
        for n in x.shape:
            step = self.rng.choice([1, 1, 1, 2, -1, -2])
            size = self.rng.choice([-(-n // abs(step)), self.rng.randint(0, -(-n // abs(step)))])
            spare = max(n - 1 - (size - 1) * abs(step), 0) if size else 0
            start = self.rng.choice([0, spare, self.rng.randint(0, spare)])
            starts.append(start if step > 0 or not size else n - 1 - start)
            sizes.append(size)
            steps.append(step)
        return ops.slice(x, starts=starts, sizes=sizes, steps=steps)

    def pad(self, x: Symbol) -> Symbol:
        low, high = ([self.rng.choice([0, 0, 0, 1, 2, -1]) for _ in x.shape] for _ in range(2))
        interior = [self.rng.choice([0, 0, 0, 1]) for _ in x.shape]
        for i, n in enumerate(x.shape):
            if max(n + (n - 1) * interior[i], 0) + low[i] + high[i] < 0:
                low[i] = high[i] = 0
        return ops.pad(
            x, low=low, high=high, interior=interior, value=self.rng.choice(NUMBERS if x.dtype.kind == "f" else [0, 1])
        )

    def concat(self, x: Symbol) -> Symbol:
        axis = self.rng.randrange(x.ndim)
        cuts = sorted(self.rng.randint(0, x.shape[axis]) for _ in range(2))
        parts = [self.part(x, axis, a, b) for a, b in zip([0, *cuts], [*cuts, x.shape[axis]], strict=True)]
        if self.rng.random() < 0.3:
            self.rng.shuffle(parts)
        if self.rng.random() < 0.3:
            parts = [ops.concat(*parts[:2], axis=axis), *parts[2:], x]
        return ops.concat(*parts, axis=axis)

    def part(self, x: Symbol, axis: int, begin: int, end: int) -> Symbol:
        starts = [begin if i == axis else 0 for i in range(x.ndim)]
        sizes = [end - begin if i == axis else n for i, n in enumerate(x.shape)]
        return ops.slice(x, starts=starts, sizes=sizes, steps=(1,) * x.ndim)

    def gather(self, x: Symbol) -> Symbol:
        axis = self.rng.randrange(x.ndim)
        n = x.shape[axis]
        if not n:
            return ops.abs(x)
        ramp = list(range(-n, n))[self.rng.randrange(n) :: self.rng.choice([1, 2])][: self.rng.randint(0, n)]
        indices = self.rng.choice([ramp, ramp[::-1], [self.rng.randrange(-n, n) for _ in range(2)]])
        return ops.gather(x, Symbol(lift(np.array(indices, np.int64))), axis=axis)

    def fold(self, x: Symbol) -> Symbol:
        fold = self.rng.choice([ops.sum, ops.prod, ops.max, ops.min])
        axes = self.rng.sample(range(x.ndim), self.rng.randint(0, x.ndim))
        if fold in (ops.max, ops.min) and not all(x.shape[axis] for axis in axes):
            fold = ops.sum
        return fold(x, axes=axes, keepdims=self.rng.random() < 0.5)

    def position(self, x: Symbol) -> Symbol:
        axis = self.rng.randrange(x.ndim)
        if not x.shape[axis]:
            return ops.relu(x)
        return ops.cast(ops.argmax(x, axis=axis, keepdims=self.rng.random() < 0.5), dtype=x.dtype)

    def window(self, x: Symbol) -> Symbol:
        window = [self.rng.choice([1, 1, 2]) if n > 1 else 1 for n in x.shape]
        padding = [(self.rng.choice([0, 0, 1]), self.rng.choice([0, 1])) if w > 1 else (0, 0) for w in window]
        strides = [self.rng.choice([1, 2]) for _ in window]
        kind = self.rng.choice(["max", "sum"])
        return ops.reduce_window(x, kind=kind, window=window, strides=strides, padding=padding)

    def elementwise(self, x: Symbol) -> Symbol:
        return self.rng.choice([lambda: ops.relu(x), lambda: x + x, lambda: x * ops.slice(x, **_everything(x))])()


def _everything(x: Symbol) -> dict[str, tuple[int, ...]]:
    return {"starts": (0,) * x.ndim, "sizes": x.shape, "steps": (1,) * x.ndim}


def random_chain(seed: int) -> Graph:
    """Return the graph of a few steps on one input."""
    rng = Random(seed)
    shape = [rng.choice(SIZES) for _ in range(rng.randint(0, 3))]

    def network(x: Symbol) -> Symbol:
        for _ in range(rng.randint(2, 4)):
            x = Moves(rng).step(x) if x.size <= MANY else x
        return x

    text = f"{rng.choice(['f32', 'f32', 'i32'])}[{','.join(map(str, shape))}]"
    x = Value(TensorType.parse(text), name="x")
    return Graph.build("random", [x], [network(Symbol(x)).value])
