"""Patterns on values, written as the formulas they match.

In: variables, numbers and op calls. Out: a `Pattern`; `match` yields what its variables stand for, `build` is the
way back.

    x, y = Var("x"), Var("y")
    x - -y                                    # subtract(x, negative(y))
    op.where(op.logical_not(x), y, y)         # a variable that stands twice is the same value twice
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .contract import same_bits
from .ir import Array, Node, Op, Value
from .ops import OPS
from .ops.symbol import Symbol
from .types import BOOL, is_float, is_integer

Bindings = Mapping[str, Value]
VIEWS = ("broadcast_to", "reshape", "transpose")


class Pattern:
    """What a value may look like. Operators make larger patterns; numbers match constants filled with them."""

    def match(self, value: Value, bound: Bindings) -> Iterator[Bindings]:
        """Yield `bound` extended by every way in which the pattern matches the value."""
        raise NotImplementedError

    def build(self, match: Match) -> Any:
        """Return the symbol (or the number) that the pattern means under a match."""
        raise NotImplementedError

    def __add__(self, other: Pattern | complex) -> Apply:
        return op.add(self, other)

    def __sub__(self, other: Pattern | complex) -> Apply:
        return op.subtract(self, other)

    def __rsub__(self, other: complex) -> Apply:
        return op.subtract(other, self)

    def __mul__(self, other: Pattern | complex) -> Apply:
        return op.multiply(self, other)

    def __truediv__(self, other: Pattern | complex) -> Apply:
        return op.divide(self, other)

    def __rtruediv__(self, other: complex) -> Apply:
        return op.divide(other, self)

    def __neg__(self) -> Apply:
        return op.negative(self)


@dataclass(frozen=True)
class Var(Pattern):
    """Any value that meets a condition; the same value wherever the name stands."""

    name: str
    condition: Callable[[Value], bool] | None = None

    def match(self, value: Value, bound: Bindings) -> Iterator[Bindings]:
        """Yield once if the variable may stand for the value."""
        if self.name in bound:
            if bound[self.name] is value:
                yield bound
        elif self.condition is None or self.condition(value):
            yield {**bound, self.name: value}

    def build(self, match: Match) -> Symbol:
        """Return what the variable stands for."""
        return match[self.name]

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Fill(Pattern):
    """A constant with one number everywhere: a float matches floats (0.0 is not -0.0), an int integers."""

    numbers: tuple[bool | int | float, ...]

    def match(self, value: Value, bound: Bindings) -> Iterator[Bindings]:
        """Yield once if the value is filled with one of the numbers."""
        array = constant_under(value)
        if array is not None and any(_filled(array, number) for number in self.numbers):
            yield bound

    def build(self, match: Match) -> Any:
        """Return the number, in a replacement the first."""
        return self.numbers[0]

    def __str__(self) -> str:
        return repr(self.numbers[0])


@dataclass(frozen=True)
class Apply(Pattern):
    """The result of one of some ops on operands that match; either way round where the op is commutative.

    `operands` of None match any.
    """

    ops: tuple[str, ...]
    operands: tuple[Pattern, ...] | None
    name: str = ""

    def named(self, name: str) -> Apply:
        """Return the pattern with its own value bound to a name."""
        return replace(self, name=name)

    def match(self, value: Value, bound: Bindings) -> Iterator[Bindings]:
        """Yield every way in which the operands match."""
        node = value.node
        if node is None or node.op.name not in self.ops:
            return
        bound = {**bound, self.name: value} if self.name else bound
        if self.operands is None:
            yield bound
        elif len(node.inputs) == len(self.operands):
            yield from _match_all(self.operands, node.inputs, bound)
            if len(node.inputs) == 2 and "commutative" in node.op.traits:
                yield from _match_all(self.operands, node.inputs[::-1], bound)

    def build(self, match: Match) -> Symbol:
        """Return the op applied to what the operands build."""
        return call(OPS[self.ops[0]], *(operand.build(match) for operand in self.operands or ()))

    def __str__(self) -> str:
        return f"{self.ops[0]}({', '.join(map(str, self.operands or ('...',)))})"


def _match_all(patterns: Sequence[Pattern], values: Sequence[Value], bound: Bindings) -> Iterator[Bindings]:
    if not patterns:
        yield bound
        return
    for found in patterns[0].match(values[0], bound):
        yield from _match_all(patterns[1:], values[1:], found)


@dataclass(frozen=True)
class Match:
    """A rule's root node and what its variables stand for; symbols record nodes at the root's location."""

    root: Node
    values: Bindings

    def __getitem__(self, name: str) -> Symbol:
        return Symbol(self.values[name], self.root.loc)

    @property
    def inputs(self) -> tuple[Symbol, ...]:
        """Return the operands of the root."""
        return tuple(Symbol(value, self.root.loc) for value in self.root.inputs)

    def node(self, name: str) -> Node:
        """Return the node that made what a name stands for."""
        node = self.values[name].node
        assert node is not None, f"{name} is an input"
        return node


class Ops:
    """`op.NAME(*patterns)` is the pattern of that op."""

    def __getattr__(self, name: str) -> Callable[..., Apply]:
        return lambda *operands: any_of((name,), *operands)


def any_of(names: Sequence[str], *operands: Pattern | complex) -> Apply:
    """Return the pattern of any of the named ops on these operands."""
    return Apply(tuple(names), tuple(map(lift, operands)))


def inner(*names: str) -> Apply:
    """Return the pattern of any of the named ops on `x`, bound as `inner`."""
    return any_of(names, Var("x")).named("inner")


def root(*names: str) -> Apply:
    """Return the pattern of any of the named ops on whatever operands."""
    return Apply(names, None)


op = Ops()


def call(op_: Op, *operands: Any, **attrs: Any) -> Symbol:
    """Return the result of an op, which has one, on symbols and numbers."""
    result: Symbol = op_(*operands, **attrs)
    return result


def lift(operand: Pattern | complex) -> Pattern:
    """Return a pattern; a number as the constant filled with it."""
    return operand if isinstance(operand, Pattern) else fill(operand)


def fill(*numbers: Any) -> Fill:
    """Return the pattern of a constant filled with one of the numbers."""
    return Fill(numbers)


def with_trait(trait: str) -> tuple[str, ...]:
    """Return the names of the ops that have a trait."""
    return tuple(name for name, op_ in OPS.items() if trait in op_.traits)


def integer(value: Value) -> bool:
    """Return whether the elements are integers."""
    return is_integer(value.dtype)


def signed(value: Value) -> bool:
    """Return whether the elements are numbers of either sign: a negative unsigned integer wraps around."""
    return value.dtype.kind not in "ub"


def floating(value: Value) -> bool:
    """Return whether the elements are floats."""
    return is_float(value.dtype)


def boolean(value: Value) -> bool:
    """Return whether the elements are bools."""
    return value.dtype == BOOL


def constant(value: Value) -> bool:
    """Return whether the value is known at compile time."""
    return value.op == "constant"


def constant_under(value: Value) -> Array | None:
    """Return the array of the constant that a value is, or is a view of; None for other values."""
    node = value.node
    while node and node.op.name in VIEWS:
        node = node.inputs[0].node
    return node.attrs["value"] if node and node.op.name == "constant" else None


def _filled(array: Array, number: Any) -> bool:
    kind = float if is_float(array.dtype) else bool if array.dtype == BOOL else int
    if type(number) is not kind or not array.size:
        return False
    with np.errstate(over="ignore"):
        wanted = np.asarray(number).astype(array.dtype)
    first = array.flat[:1]
    return bool(kind(wanted) == number and same_bits(first, wanted).all() and same_bits(array, wanted).all())
