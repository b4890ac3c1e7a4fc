"""The tracer: what a traced function gets for an array. It looks like an ndarray and records what is done to it.

In: every Python operator, `np.*` call, ndarray method and index a NumPy function may use. Out: tracers, whose
values are nodes of the graph. What needs an element's value, unknown while tracing, raises TraceError.

    def f(x):                       # x: Tracer f32[2,3]
        return np.tanh(x) * 2       # two nodes
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn, Self

import numpy as np

from aicomp.errors import TraceError
from aicomp.ir import Graph, Location, Op, Value, unwrap
from aicomp.ops.symbol import Symbol

from . import advice
from .dispatch import call_function, call_ufunc, naming
from .indexing import is_view, read
from .methods import ArrayMethods
from .promotion import cast, is_number
from .recorder import Frame, trace_error, user_location

# results of these share memory with their first operand in NumPy
VIEWS = frozenset(
    {
        np.reshape, np.ravel, np.transpose, np.swapaxes, np.moveaxis, np.rollaxis, np.squeeze, np.expand_dims,
        np.broadcast_to, np.diagonal, np.flip, np.fliplr, np.flipud, np.rot90, np.split, np.array_split,
        np.hsplit, np.vsplit, np.dsplit, np.atleast_1d, np.atleast_2d, np.atleast_3d, np.real, np.unstack,
        np.matrix_transpose, np.diag,
    }
)  # fmt: skip


class Storage:
    """What an array and its views share: how often it was written to, and where last."""

    __slots__ = ("version", "written")

    def __init__(self) -> None:
        self.version = 0
        self.written: Location | None = None


class Tracer(ArrayMethods, Symbol):
    """A traced array. `weak` marks a Python number given as an input: it promotes as Python numbers do."""

    __slots__ = ("frame", "storage", "version", "weak")
    __hash__ = None  # type: ignore[assignment]  # as ndarray: == compares elements

    def __init__(self, value: Value, frame: Frame, weak: bool = False, storage: Storage | None = None) -> None:
        super().__init__(value)
        self.frame = frame
        self.weak = weak
        self.storage = storage or Storage()
        self.version = self.storage.version

    def wrap(self, value: Value) -> Self:
        """Return a tracer of the same trace for a new value."""
        return type(self)(value, self.frame.recorder.current)

    def location(self) -> Location | None:
        """Return the user's line."""
        return user_location()

    def constant(self, array: Any) -> Self:
        """Return a tracer of a constant array."""
        self.check()
        return self.wrap(self.frame.recorder.current.constant(array))

    def lift(self, operand: Any, loc: Location | None) -> Value:
        """Return an operand as a value: arrays as constants, one for each array object."""
        if isinstance(operand, Value):
            return operand
        array = np.array(operand, dtype=self.dtype) if is_number(operand) else operand
        return self.frame.recorder.current.constant(array)

    def check(self) -> None:
        """Raise TraceError unless the tracer may be used now."""
        if not self.frame.open:
            raise trace_error(f"{self!r} is used after its trace, or its body, ended; return it from the function")
        if self.version != self.storage.version:
            raise trace_error(
                f"{self!r} shares memory with an array written to in place at {self.storage.written}; "
                "write y = y + 1 there, not y += 1"
            )

    def apply_op(self, op: Op, operands: Sequence[Any], regions: Sequence[Graph], attrs: Mapping[str, Any]) -> Any:
        """Record a node. Raises TraceError for tracers of another trace."""
        self.check()
        values = [self.operand_value(x) for x in operands]
        outputs = self.frame.recorder.current.record(op, values, attrs, regions)
        return unwrap([self.wrap(value) for value in outputs])

    def operand_value(self, operand: Any) -> Value:
        """Return an operand's value. Raises TraceError where it is a tracer of another trace."""
        if not isinstance(operand, Tracer):
            return operand.value if isinstance(operand, Symbol) else self.lift(operand, None)
        operand.check()
        if operand.frame.recorder is not self.frame.recorder:
            raise trace_error(f"{operand!r} belongs to another trace; pass it as an argument")
        return operand.value

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        return self.fresh(call_ufunc(self, ufunc, method, inputs, kwargs), kwargs)

    def __array_function__(
        self, function: Callable[..., Any], types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        results = call_function(self, function, args, kwargs)
        source = args[0] if function in VIEWS and args else None
        return self.fresh(results, kwargs, source if isinstance(source, Tracer) else None)

    def fresh(self, results: Any, kwargs: Mapping[str, Any], source: Tracer | None = None) -> Any:
        """Return results as objects of their own, since NumPy's are; views of `source` share its storage."""
        if isinstance(results, (tuple, list)):
            parts = [self.fresh(each, kwargs, source) for each in results]
            return type(results)(*parts) if hasattr(results, "_fields") else type(results)(parts)
        if not isinstance(results, Tracer) or kwargs.get("out") is not None:
            return results
        return type(self)(results.value, results.frame, storage=None if source is None else source.storage)

    def operator(self, ufunc: np.ufunc, *operands: Any) -> Any:
        """Apply a Python operator: on Python numbers alone it gives, as Python does, a (weak) number."""
        result = ufunc(*operands)
        if self.weak and all(_is_weak(x) for x in operands):
            for each in result if isinstance(result, tuple) else (result,):
                each.weak = True
        return result

    def update(self, ufunc: np.ufunc, other: Any) -> Any:
        """Apply an in-place operator: arrays are updated, numbers (rank 0) are not objects to update."""
        if self.ndim == 0:
            return self.operator(ufunc, self, other)
        return self.assign(ufunc(self, other))

    def replacing(self, array: np.ndarray[Any, Any]) -> Self:
        """Return this value as what a constant array becomes by `array += value`; the array becomes unusable."""
        target = self.constant(array)
        self.frame.recorder.written.append((array, user_location()))
        return target.assign(self)

    def assign(self, result: Any) -> Self:
        """Make this array, and all names for it, hold another value of its shape; views of it become unusable."""
        self.check()
        if self.frame is not self.frame.recorder.current:
            raise trace_error(f"{self!r} is written to inside a body; carry it, or return it from there")
        if result.shape != self.shape:
            raise trace_error(f"a result of shape {result.shape} cannot be written into {self!r} in place")
        if not np.can_cast(result.dtype, self.dtype, "same_kind"):
            raise trace_error(f"a {result.dtype} result cannot be written into {self!r} in place; cast it first")
        self.value = cast(result, self.dtype).value
        self.storage.version += 1
        self.storage.written = user_location()
        self.version = self.storage.version
        return self

    def __repr__(self) -> str:
        return f"Tracer {self.value.type}"

    def __format__(self, spec: str) -> str:
        if spec:
            raise self.unknown("formatting", advice.NUMBER_DEFAULT)
        return repr(self)

    def unknown(self, what: str, hint: str) -> TraceError:
        """Return the error for code that needs an element's value."""
        return trace_error(f"{what} needs the value of {self!r}, which is unknown while tracing; {hint}")

    def code(self) -> str:
        """Return the user's source line."""
        loc = user_location()
        return loc.code if loc else ""

    def __bool__(self) -> NoReturn:
        raise self.unknown("a condition", advice.for_truth(self.code()))

    def __contains__(self, item: Any) -> NoReturn:
        raise self.unknown("`in`", "use np.any(array == value)")

    def number(self, *_: Any) -> NoReturn:
        """Raise TraceError: a traced value is no Python number."""
        raise self.unknown("a Python number", advice.for_number(self.code()))

    __int__ = __float__ = __complex__ = __index__ = __trunc__ = __floor__ = __ceil__ = number
    item = tolist = tobytes = tofile = dump = dumps = number

    def __array__(self, *_: Any, **__: Any) -> NoReturn:
        raise self.unknown("a NumPy array", advice.for_array(self.code()))

    def __getitem__(self, index: Any) -> Any:
        with naming(f"indexing {self!r}"):
            self.check()
            result = read(self, index)
        return self.fresh(result, {}, self if is_view(index) else None)

    def __setitem__(self, index: Any, value: Any) -> NoReturn:
        raise trace_error(
            f"{self!r} cannot be assigned to by index; use np.where(mask, new, old), np.concatenate, "
            "or ac.ops.scatter_nd(array, indices, updates)"
        )


def output_value(leaf: Any, frame: Frame) -> Value:
    """Return what a traced function returned as a value: tracers as they are, arrays and numbers as constants.

    Raises TraceError for anything else.
    """
    if isinstance(leaf, Tracer):
        leaf.check()
        return leaf.value
    if isinstance(leaf, (np.ndarray, np.generic)) or is_number(leaf):
        return frame.constant(leaf)
    raise trace_error(f"the traced function returns a {type(leaf).__name__}, which is no array")


def _is_weak(x: Any) -> bool:
    if isinstance(x, Tracer):
        return x.weak
    return is_number(x)
