"""Builds random graphs value by value. Each value is computed as it is made, so that what follows can fit it.

Every value has a grade. What jumps (comparisons, rounding, sorting, casts to integers) is applied only to values of
which no order of summation and no last bit of a sine can change anything; all else is compared with a tolerance.

    b = Builder(random.Random(0))
    x = b.input((2, 3), FLOAT32)
    b.apply("less", x, b.input((3,), FLOAT32))
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from random import Random
from typing import Any

import numpy as np

from aicomp import ops
from aicomp.errors import AicompError
from aicomp.ir import Graph, Kind, Node, Value
from aicomp.types import BOOL, DTYPES, INT64, DType, Shape, TensorType, is_float, is_integer

Array = np.ndarray[Any, Any]

SIZES = (0, 1, 2, 3, 4, 5, 7, 8, 16, 17, 33, 40)
SIZE_WEIGHTS = (1, 12, 16, 16, 12, 10, 6, 6, 4, 4, 2, 2)
RANK_WEIGHTS = (1, 3, 6, 5, 4, 1)
DTYPE_WEIGHTS = {"f32": 50, "f64": 8, "f16": 6, "bf16": 6, "i32": 8, "i64": 8, "bool": 4, "u8": 3, "i8": 3, "i16": 1, "u16": 1, "u32": 1, "u64": 1}  # fmt: skip
LARGEST = 1 << 13  # elements of a value
LARGE_SIZES = (1, 3, 40, 64, 100, 129, 257, 600)  # enough work for several tasks
SAFE = 1 << 20  # integers up to here are added exactly in float32, and so are a few of them


class Grade(IntEnum):
    """How a value may differ between ways to compute it."""

    GIVEN = 0  # not at all, and its zeros have the signs they were given
    EXACT = 1  # in the sign of zeros only
    APPROXIMATE = 2  # by roundings


class Rejected(Exception):
    """A step that fits nothing at hand, or whose result would be of no use; the graph stays as it was."""


# The same bits whatever the operands: they select, or move.
SELECTING = set("maximum minimum where relu relu6 abs negative positive clip max min fmax fmin hard_tanh cast".split())
# Exact on whole numbers that stay small, in any order of summation.
ON_WHOLE_NUMBERS = set(
    "add subtract multiply square sum prod matmul conv reduce_window cumulative cumsum cumprod linear outer einsum "
    "tensordot sign floor ceil trunc round scatter_nd scatter_elements max_pool global_max_pool".split()
)
# What a last bit can change altogether.
JUMPING = set(
    "equal not_equal less less_equal greater greater_equal isnan sign floor ceil trunc round argmax argmin argsort top_k "
    "floor_divide remainder fmod logical_and logical_or logical_xor logical_not".split()
)
MOVING = set(
    "squeeze expand_dims swapaxes moveaxis flip tile stack split unstack repeat roll tril triu take take_along_axis "
    "pad_mode diagonal sort embedding".split()
)


@dataclass(frozen=True)
class Sample:
    """A graph, an array for each input, and the values that are compared with a tolerance."""

    graph: Graph
    arrays: tuple[Array, ...]
    approximate: frozenset[Value]


class Builder:
    """A graph being built. `careful` takes every float as approximate: in loops, later turns see other numbers.

    Sizes are small, or `large`.
    """

    def __init__(self, rng: Random, careful: bool = False, depth: int = 0, large: bool = False) -> None:
        self.rng = rng
        self.large = large
        self.largest = LARGEST << 4 if large else LARGEST
        self.careful = careful
        self.depth = depth
        self.inputs: list[Value] = []
        self.values: list[Value] = []
        self.arrays: dict[Value, Array] = {}
        self.grades: dict[Value, Grade] = {}
        self.approximate: set[Value] = set()  # the approximate values, those of regions too

    # -- making values -------------------------------------------------------------------------------
    def add(self, value: Value, array: Array, grade: Grade) -> Value:
        """Record a value."""
        self.values.append(value)
        self.arrays[value] = array
        self.grades[value] = Grade.APPROXIMATE if self.careful and is_float(value.dtype) else grade
        if self.grades[value] is Grade.APPROXIMATE:
            self.approximate.add(value)
        return value

    def input(self, shape: Shape, dtype: DType, array: Array | None = None) -> Value:
        """Return a new input."""
        value = Value(TensorType(tuple(shape), dtype), name=f"x{len(self.inputs)}")
        self.inputs.append(value)
        return self.add(value, self.random_array(shape, dtype) if array is None else array, Grade.GIVEN)

    def constant(self, array: Array) -> Value:
        """Return a constant."""
        return self.add(ops.constant(value=array), array, Grade.GIVEN)

    def number(self, value: float, dtype: DType) -> Value:
        """Return a constant scalar."""
        return self.constant(np.asarray(value).astype(dtype))

    def fresh(self, shape: Shape, dtype: DType) -> Value:
        """Return a new input, or a constant."""
        if self.depth or self.rng.random() < 0.3:
            return self.constant(self.random_array(shape, dtype))
        return self.input(shape, dtype)

    def random_array(self, shape: Shape, dtype: DType) -> Array:
        """Return numbers: small whole ones, normal ones, or (seldom) with NaN and infinities among them."""
        rng = np.random.default_rng(self.rng.getrandbits(32))
        kind = self.rng.random()
        if dtype == BOOL:
            return rng.integers(0, 2, shape).astype(BOOL)
        low = 0 if dtype.kind == "u" else -6
        if is_integer(dtype) or kind < 0.5:
            return np.asarray(rng.integers(low, 7, shape)).astype(dtype)
        array = np.asarray(rng.standard_normal(shape)).astype(dtype)
        if kind > 0.97 and array.size:
            array.reshape(-1)[rng.integers(array.size)] = self.rng.choice([np.nan, np.inf, -np.inf, -0.0])
        return array

    def apply(self, name: str, *operands: Value, **attrs: Any) -> Any:
        """Return the results of an operator: one value, or a tuple. Raises Rejected."""
        regions = attrs.pop("regions", ())
        try:
            node = Node(ops.OPS[name], operands, attrs, regions)
            if any(value.type.size > self.largest for value in node.outputs):
                raise Rejected("too large")
            with np.errstate(all="ignore"):
                arrays = node.compute([self.arrays[value] for value in operands])
        except AicompError as error:
            raise Rejected(str(error)) from error
        if name in JUMPING and not all(map(self.exact, operands)):
            raise Rejected("the last bits of an operand matter")
        self._check(operands, arrays)
        for value, array in zip(node.outputs, arrays, strict=True):
            self.add(value, np.asarray(array), self._grade(node, operands, np.asarray(array), is_float(value.dtype)))
        return node.outputs[0] if len(node.outputs) == 1 else node.outputs

    def _check(self, operands: Sequence[Value], results: Sequence[Array]) -> None:
        """Reject what overflows, or becomes too large for tolerances to mean much."""
        floats = [np.asarray(a, np.float64) for a in results if is_float(np.asarray(a).dtype)]
        plain = all(np.isfinite(np.asarray(self.arrays[v], np.float64)).all() for v in operands)
        for array in floats:
            finite = np.isfinite(array)
            if (plain and not finite.all()) or np.abs(array[finite]).max(initial=0) > 1e4:
                raise Rejected("too large numbers")

    def _grade(self, node: Node, operands: Sequence[Value], result: Array, is_real: bool) -> Grade:
        grade = max((self.grades[v] for v in operands), default=Grade.GIVEN)
        if not is_real:
            return Grade.EXACT
        name = node.op.name
        if node.op.kind in (Kind.MOVEMENT, Kind.SOURCE) or name in MOVING:
            return grade
        if grade is Grade.APPROXIMATE or node.op.kind is Kind.REGION:
            return Grade.APPROXIMATE
        if name in SELECTING or (name in ON_WHOLE_NUMBERS and self._stays_whole(operands, result)):
            return Grade.EXACT
        return Grade.APPROXIMATE

    def _stays_whole(self, operands: Sequence[Value], result: Array) -> bool:
        reach = 1.0
        for array in (self.arrays[v].astype(np.float64) for v in operands):
            if not np.array_equal(array, np.rint(array)):
                return False
            reach *= max(float(np.abs(array).max(initial=0)), 1.0)
        terms = max((v.type.size for v in operands), default=1)
        wide = np.abs(result.astype(np.float64)).max(initial=0)
        return reach * max(terms, 1) < SAFE and wide < SAFE

    # -- choosing ------------------------------------------------------------------------------------
    def pick(self, fits: Callable[[Value], bool] = lambda value: True) -> Value:
        """Return a value at hand, later ones more often. Raises Rejected where none fits."""
        found = [value for value in self.values if fits(value)]
        if not found:
            raise Rejected("nothing at hand fits")
        return found[int(len(found) * self.rng.random() ** 0.6)]

    def exact(self, value: Value) -> bool:
        """Return whether what jumps may be applied to a value."""
        return self.grades[value] is not Grade.APPROXIMATE

    def chance(self, probability: float) -> bool:
        """Return True with a probability."""
        return self.rng.random() < probability

    def size(self) -> int:
        """Return the size of an axis."""
        return self.rng.choice(LARGE_SIZES) if self.large else self.rng.choices(SIZES, SIZE_WEIGHTS)[0]

    def positive_size(self) -> int:
        """Return the size of an axis, at least 1."""
        return max(self.size(), 1)

    def shape(self, low: int = 0, high: int = 5) -> Shape:
        """Return a shape of some rank. Raises Rejected where it is too large."""
        rank = self.rng.choices(range(low, high + 1), RANK_WEIGHTS[low : high + 1])[0]
        shape = tuple(self.size() for _ in range(rank))
        if np.prod(shape, dtype=float) > self.largest / 2:
            raise Rejected("too large")
        return shape

    def dtype(self) -> DType:
        """Return a dtype."""
        return DTYPES[self.rng.choices(list(DTYPE_WEIGHTS), list(DTYPE_WEIGHTS.values()))[0]]

    def axis(self, value: Value) -> int:
        """Return an axis of a value. Raises Rejected where it has none."""
        if not value.shape:
            raise Rejected("no axes")
        return self.rng.randrange(len(value.shape))

    def floats(self, rank: int = 0) -> Value:
        """Return a float at hand of at least some rank."""
        return self.pick(lambda v: is_float(v.dtype) and len(v.shape) >= rank)

    def integers_below(self, limit: int, shape: Shape, dtype: DType = INT64) -> Value:
        """Return indices into an axis of that size, of which some may count from the end."""
        if not limit:
            raise Rejected("an empty axis")
        rng = np.random.default_rng(self.rng.getrandbits(32))
        low = 0 if dtype.kind == "u" else -limit
        array = rng.integers(low, limit, shape).astype(dtype)
        if self.depth or self.chance(0.3):
            return self.constant(array)
        return self.input(shape, dtype, array)

    def partner(self, x: Value) -> Value:
        """Return a value of x's dtype that broadcasts with it: one at hand, or a new one."""
        found = [v for v in self.values if v.dtype == x.dtype and _broadcasts(v.shape, x.shape)]
        if found and self.chance(0.7):
            return self.rng.choice(found)
        shape = tuple(1 if self.chance(0.3) else n for n in x.shape)
        shape = shape[self.rng.randint(0, len(shape)) :] if self.chance(0.4) else shape
        return self.fresh(shape, x.dtype)

    def sample(self, name: str = "fuzz") -> Sample:
        """Return the graph of most values that nothing reads, and of some others; some outputs stand twice."""
        read = {v for value in self.values if value.node for v in value.node.inputs}
        ends = [v for v in self.values if v not in read and v.node]
        outputs = [v for v in ends if self.chance(0.9)] or self.values[-1:]
        outputs += [v for v in self.values if v in read and self.chance(0.08)]
        outputs += [self.rng.choice(outputs)] if self.chance(0.05) else []
        self.rng.shuffle(outputs)
        graph = Graph.build(name, self.inputs, outputs)
        return Sample(graph, tuple(self.arrays[v] for v in self.inputs), frozenset(self.approximate))


def _broadcasts(a: Shape, b: Shape) -> bool:
    try:
        np.broadcast_shapes(a, b)
    except ValueError:
        return False
    return True
