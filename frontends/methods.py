"""What a tracer has in common with ndarray: operators, methods and properties, each by the NumPy function it is.

In: `x + y`, `x.sum(axis=0)`, `x.T`, `x[1:]`, `for row in x`. Out: calls of `np.add`, `np.sum`, `np.transpose`, ...
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod
from typing import Any

import numpy as np

from aicomp import ops
from aicomp.types import DType
from aicomp.types import dtype as dtype_of

from .recorder import trace_error

Method = Callable[..., Any]


def unary(ufunc: np.ufunc) -> Method:
    """Return the method of a unary operator."""
    return lambda self: self.operator(ufunc, self)


def binary(ufunc: np.ufunc) -> Method:
    """Return the method of an operator with the tracer on its left."""
    return lambda self, other: self.operator(ufunc, self, other)


def reflected(ufunc: np.ufunc) -> Method:
    """Return the method of an operator with the tracer on its right."""
    return lambda self, other: self.operator(ufunc, other, self)


def in_place(ufunc: np.ufunc) -> Method:
    """Return the method of an in-place operator."""
    return lambda self, other: self.update(ufunc, other)


def method(name: str) -> Method:
    """Return the method that is a NumPy function of the array."""
    function = getattr(np, name)
    return lambda self, *args, **kwargs: function(self, *args, **kwargs)


def shape_of(args: tuple[Any, ...]) -> Any:
    """Return the arguments of `reshape(2, 3)` or `reshape((2, 3))` as one."""
    return args[0] if len(args) == 1 else args


class ArrayMethods:
    """ndarray's interface, short of what needs values."""

    __slots__ = ()
    ndim: int
    size: int
    shape: tuple[int, ...]
    dtype: DType

    __neg__, __pos__, __abs__, __invert__ = map(unary, (np.negative, np.positive, np.absolute, np.invert))
    __add__, __radd__, __iadd__ = (f(np.add) for f in (binary, reflected, in_place))
    __sub__, __rsub__, __isub__ = (f(np.subtract) for f in (binary, reflected, in_place))
    __mul__, __rmul__, __imul__ = (f(np.multiply) for f in (binary, reflected, in_place))
    __truediv__, __rtruediv__, __itruediv__ = (f(np.divide) for f in (binary, reflected, in_place))
    __floordiv__, __rfloordiv__, __ifloordiv__ = (f(np.floor_divide) for f in (binary, reflected, in_place))
    __mod__, __rmod__, __imod__ = (f(np.remainder) for f in (binary, reflected, in_place))
    __pow__, __rpow__, __ipow__ = (f(np.power) for f in (binary, reflected, in_place))
    __matmul__, __rmatmul__, __imatmul__ = (f(np.matmul) for f in (binary, reflected, in_place))
    __and__, __rand__, __iand__ = (f(np.bitwise_and) for f in (binary, reflected, in_place))
    __or__, __ror__, __ior__ = (f(np.bitwise_or) for f in (binary, reflected, in_place))
    __xor__, __rxor__, __ixor__ = (f(np.bitwise_xor) for f in (binary, reflected, in_place))
    __lshift__, __rlshift__, __ilshift__ = (f(np.left_shift) for f in (binary, reflected, in_place))
    __rshift__, __rrshift__, __irshift__ = (f(np.right_shift) for f in (binary, reflected, in_place))
    __divmod__, __rdivmod__ = binary(np.divmod), reflected(np.divmod)
    __eq__, __ne__ = binary(np.equal), binary(np.not_equal)
    __lt__, __le__, __gt__, __ge__ = map(binary, (np.less, np.less_equal, np.greater, np.greater_equal))

    sum, prod, mean, std, var = map(method, ("sum", "prod", "mean", "std", "var"))
    max, min, argmax, argmin = map(method, ("max", "min", "argmax", "argmin"))
    any, all, cumsum, cumprod = map(method, ("any", "all", "cumsum", "cumprod"))
    clip, round, __round__, conj, conjugate = map(method, ("clip", "round", "round", "conj", "conjugate"))
    repeat, take, dot, trace, diagonal = map(method, ("repeat", "take", "dot", "trace", "diagonal"))
    squeeze, swapaxes, ravel = map(method, ("squeeze", "swapaxes", "ravel"))
    argsort, searchsorted, copy, __copy__ = map(method, ("argsort", "searchsorted", "copy", "copy"))
    choose, compress, nonzero = map(method, ("choose", "compress", "nonzero"))

    @property
    def T(self: Any) -> Any:
        """Return the array with its axes reversed."""
        return np.transpose(self)

    @property
    def mT(self: Any) -> Any:
        """Return the array with its last two axes exchanged."""
        return np.matrix_transpose(self)

    @property
    def real(self: Any) -> Any:
        """Return the array: it has no complex elements."""
        return np.real(self)

    @property
    def imag(self: Any) -> Any:
        """Return zeros: the array has no complex elements."""
        return np.imag(self)

    @property
    def itemsize(self: Any) -> int:
        """Return the bytes of one element."""
        return int(self.dtype.itemsize)

    @property
    def nbytes(self: Any) -> int:
        """Return the bytes of the elements."""
        return int(prod(self.shape) * self.dtype.itemsize)

    def reshape(self: Any, *shape: Any, order: Any = "C", copy: bool | None = None) -> Any:
        """Return the elements under another shape."""
        return np.reshape(self, shape_of(shape), order=order)

    def flatten(self: Any, order: Any = "C") -> Any:
        """Return a copy of the elements as one axis."""
        return np.copy(np.ravel(self, order))

    def transpose(self: Any, *axes: Any) -> Any:
        """Return the axes permuted, or reversed."""
        return np.transpose(self, shape_of(axes) if axes else None)

    def astype(
        self: Any, dtype: Any, order: str = "K", casting: str = "unsafe", subok: bool = True, copy: bool = True
    ) -> Any:
        """Return the elements converted; float to integer saturates."""
        return np.astype(self, dtype_of(dtype))

    def view(self: Any, dtype: Any) -> Any:
        """Return the bits as another dtype of the same width."""
        return ops.bitcast(self, dtype=dtype_of(dtype))

    def sort(self: Any, axis: int = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> None:
        """Sort in place."""
        self.assign(np.sort(self, axis))

    def fill(self: Any, value: Any) -> None:
        """Set every element."""
        self.assign(np.full_like(self, value))

    @property
    def flat(self: Any) -> Any:
        """Return the elements in row-major order."""
        return np.ravel(self)

    def __len__(self: Any) -> int:
        if not self.ndim:
            raise trace_error(f"{self!r} has no length: it has no axes")
        return int(self.shape[0])

    def __iter__(self: Any) -> Iterator[Any]:
        if not self.ndim:
            raise trace_error(f"{self!r} cannot be iterated over: it has no axes")
        return (self[i] for i in range(self.shape[0]))
