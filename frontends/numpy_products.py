"""NumPy's products of vectors, matrices and tensors, under NumPy's names and signatures.

In: tracers. Out: tracers, through the contractions of `aicomp.ops`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from aicomp import ops
from aicomp.ir import Op
from aicomp.types import BOOL, INT64
from aicomp.types import dtype as dtype_of

from .numpy_reductions import sum_dtype
from .promotion import arrays, cast, promote


def _contract(op: Op, operands: Iterable[Any], **attrs: Any) -> Any:
    """Apply a contraction to promoted operands; of booleans it is "or" of "and", counted in int64."""
    xs = promote(*arrays(list(operands)))
    if xs[0].dtype != BOOL:
        return op(*xs, **attrs)
    return cast(op(*(cast(x, INT64) for x in xs), **attrs), BOOL)


def dot(a: Any, b: Any) -> Any:
    """Sums over the last axis of a and the last but one of b."""
    return _contract(ops.dot, (a, b))


def vdot(a: Any, b: Any) -> Any:
    """The sum of the products of all elements."""
    return _contract(ops.dot, map(np.ravel, arrays((a, b))))


def inner(a: Any, b: Any) -> Any:
    """Sums over the last axes."""
    return _contract(ops.inner, (a, b))


def outer(a: Any, b: Any) -> Any:
    """Each element of a times each of b."""
    return _contract(ops.outer, (a, b))


def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    """Sums over pairs of axes."""
    return _contract(ops.tensordot, (a, b), axes=axes)


def kron(a: Any, b: Any) -> Any:
    """Each element of a times all of b, as blocks."""
    x, y = arrays((a, b))
    rank = max(x.ndim, y.ndim)
    x, y = x.reshape((1,) * (rank - x.ndim) + x.shape), y.reshape((1,) * (rank - y.ndim) + y.shape)
    blocks = np.expand_dims(x, tuple(range(1, 2 * rank, 2))) * np.expand_dims(y, tuple(range(0, 2 * rank, 2)))
    return blocks.reshape(tuple(n * m for n, m in zip(x.shape, y.shape, strict=True)))


def einsum(*operands: Any, optimize: Any = False, dtype: Any = None, order: str = "K", casting: str = "safe") -> Any:
    """Sums of products: `einsum("ij,jk->ik", a, b)`, or with lists of axis numbers, `einsum(a, [0, 1], ...)`."""
    if not isinstance(operands[0], str):
        operands = _from_sublists(operands)
    equation, *xs = operands
    xs = [x if dtype is None else cast(x, dtype_of(dtype)) for x in arrays(xs)]
    return _contract(ops.einsum, xs, equation=equation)


def _from_sublists(operands: tuple[Any, ...]) -> tuple[Any, ...]:
    xs, labels = operands[: len(operands) // 2 * 2 : 2], operands[1::2]
    equation = ",".join(map(_letters, labels))
    if len(operands) % 2:
        equation += "->" + _letters(operands[-1])
    return (equation, *xs)


def _letters(labels: Any) -> str:
    return "".join("..." if label is Ellipsis else chr(ord("a") + label) for label in labels)


def diagonal(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The diagonal of two axes, as the last axis."""
    return ops.diagonal(a, offset=offset, axis1=axis1, axis2=axis2)


def trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None) -> Any:
    """The sum of a diagonal."""
    x = cast(a, sum_dtype(a.dtype) if dtype is None else dtype_of(dtype))
    return ops.trace(x, offset=offset, axis1=axis1, axis2=axis2)


def cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Any:
    """The cross product of vectors of three elements."""
    if axis is not None:
        axisa = axisb = axisc = axis
    x, y = np.moveaxis(a, axisa, -1), np.moveaxis(b, axisb, -1)
    if x.shape[-1] != 3 or y.shape[-1] != 3:
        raise ValueError("vectors of the cross product have 3 elements")
    parts = [
        x[..., i] * y[..., j] - x[..., j] * y[..., i] for i, j in ((1, 2), (2, 0), (0, 1))
    ]  # fmt: skip
    return np.stack(parts, axis=axisc)
