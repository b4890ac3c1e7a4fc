"""A value under construction: operators on symbols record nodes. Decompositions are written with it.

x = Symbol(value, loc)
y = (x - mean) * 2.0                 # two nodes at loc; Python numbers take the symbol's dtype
y.value                              # the graph's Value
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np

from ..errors import GraphError
from ..ir import Graph, Location, Node, Op, Value
from ..types import DType, Shape, dtype
from . import bitwise, comparison, contract
from . import elementwise as ew
from .source import constant


def lift(array: Any, like: DType | None = None, loc: Location | None = None) -> Value:
    """Return a constant value holding an array; Python numbers take the dtype `like`."""
    if isinstance(array, (bool, int, float)) and like is not None:
        array = np.asarray(array).astype(like)
    array = np.asarray(array)
    native = np.ascontiguousarray(array, dtype(array.dtype)).reshape(array.shape)
    return Node(constant, (), {"value": native}, loc=loc).outputs[0]


class Symbol:
    """A `Value` with the location its users get; strict about dtypes, NumPy's about shapes."""

    __slots__ = ("loc", "value")
    __array_priority__ = 1000

    def __init__(self, value: Value, loc: Location | None = None) -> None:
        self.value = value
        self.loc = loc

    @property
    def shape(self) -> Shape:
        """Return the sizes of the axes."""
        return self.value.type.shape

    @property
    def dtype(self) -> DType:
        """Return the element type."""
        return self.value.type.dtype

    @property
    def ndim(self) -> int:
        """Return the number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Return the number of elements."""
        return self.value.type.size

    def wrap(self, value: Value) -> Self:
        """Return a symbol of the same kind for a new value."""
        return type(self)(value, self.loc)

    def location(self) -> Location | None:
        """Return the location that a node recorded now gets."""
        return self.loc

    def apply_op(self, op: Op, operands: Sequence[Any], regions: Sequence[Graph], attrs: Mapping[str, Any]) -> Any:
        """Record a node and return its result, or a tuple of results, as symbols."""
        loc = self.location()
        like = next(x for x in reversed(operands) if isinstance(x, Symbol))
        values = [x.value if isinstance(x, Symbol) else like.lift(x, loc) for x in operands]
        results = tuple(self.wrap(value) for value in Node(op, values, attrs, regions, loc).outputs)
        return results[0] if len(results) == 1 else results

    def lift(self, operand: Any, loc: Location | None) -> Value:
        """Return a non-symbol operand as a value: values as they are, arrays and numbers as constants."""
        return operand if isinstance(operand, Value) else lift(operand, self.dtype, loc)

    def __add__(self, other: Any) -> Any:
        return ew.add(self, other)

    def __radd__(self, other: Any) -> Any:
        return ew.add(other, self)

    def __sub__(self, other: Any) -> Any:
        return ew.subtract(self, other)

    def __rsub__(self, other: Any) -> Any:
        return ew.subtract(other, self)

    def __mul__(self, other: Any) -> Any:
        return ew.multiply(self, other)

    def __rmul__(self, other: Any) -> Any:
        return ew.multiply(other, self)

    def __truediv__(self, other: Any) -> Any:
        return ew.divide(self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return ew.divide(other, self)

    def __floordiv__(self, other: Any) -> Any:
        return ew.floor_divide(self, other)

    def __rfloordiv__(self, other: Any) -> Any:
        return ew.floor_divide(other, self)

    def __mod__(self, other: Any) -> Any:
        return ew.remainder(self, other)

    def __rmod__(self, other: Any) -> Any:
        return ew.remainder(other, self)

    def __pow__(self, other: Any) -> Any:
        return ew.pow_(self, other)

    def __rpow__(self, other: Any) -> Any:
        return ew.pow_(other, self)

    def __matmul__(self, other: Any) -> Any:
        return contract.matmul(self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return contract.matmul(other, self)

    def __and__(self, other: Any) -> Any:
        return bitwise.bitwise_and(self, other)

    def __rand__(self, other: Any) -> Any:
        return bitwise.bitwise_and(other, self)

    def __or__(self, other: Any) -> Any:
        return bitwise.bitwise_or(self, other)

    def __ror__(self, other: Any) -> Any:
        return bitwise.bitwise_or(other, self)

    def __xor__(self, other: Any) -> Any:
        return bitwise.bitwise_xor(self, other)

    def __rxor__(self, other: Any) -> Any:
        return bitwise.bitwise_xor(other, self)

    def __lshift__(self, other: Any) -> Any:
        return bitwise.bitwise_left_shift(self, other)

    def __rlshift__(self, other: Any) -> Any:
        return bitwise.bitwise_left_shift(other, self)

    def __rshift__(self, other: Any) -> Any:
        return bitwise.bitwise_right_shift(self, other)

    def __rrshift__(self, other: Any) -> Any:
        return bitwise.bitwise_right_shift(other, self)

    def __neg__(self) -> Any:
        return ew.negative(self)

    def __pos__(self) -> Any:
        return ew.positive(self)

    def __abs__(self) -> Any:
        return ew.abs_(self)

    def __invert__(self) -> Any:
        return bitwise.bitwise_invert(self)

    def __eq__(self, other: object) -> Any:
        return comparison.equal(self, other)

    def __ne__(self, other: object) -> Any:
        return comparison.not_equal(self, other)

    def __lt__(self, other: Any) -> Any:
        return comparison.less(self, other)

    def __le__(self, other: Any) -> Any:
        return comparison.less_equal(self, other)

    def __gt__(self, other: Any) -> Any:
        return comparison.greater(self, other)

    def __ge__(self, other: Any) -> Any:
        return comparison.greater_equal(self, other)

    __hash__ = object.__hash__

    def __bool__(self) -> bool:
        raise GraphError("a symbol has no truth value while the graph is being built")
