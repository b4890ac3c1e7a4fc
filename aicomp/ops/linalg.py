"""Linear algebra as composites: products of vectors, matrices and tensors, diagonals, fully connected layers.

In: tensors of one dtype. Out: matmuls of transposed and reshaped operands or, where there is no matrix to multiply,
elementwise products and their sums.

    linear(x, w, b)                    # x @ w.T + b, w f32[out,in]
    tensordot(a, b, axes=2)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import GraphError
from ..types import Shape
from . import movement as mv
from . import reduce as rd
from .base import as_tuple, normal_axis
from .composite import composite
from .contract import matmul
from .elementwise import multiply
from .labelled import Labelled, contract, product_sum, take_diagonal
from .symbol import Symbol


@composite
def linear(x: Symbol, w: Symbol, bias: Symbol | None = None) -> Any:
    """x @ w.T + bias: x [..., in], w [out, in], bias [out] -> [..., out] (PyTorch's layout of weights)."""
    if w.ndim != 2 or not x.ndim or x.shape[-1] != w.shape[1]:
        raise GraphError(f"x has shape {x.shape} and w {w.shape}, expected [..., in] and [out, in]")
    if bias is not None and bias.shape != w.shape[:1]:
        raise GraphError(f"bias has shape {bias.shape}, expected {w.shape[:1]}")
    product = matmul(x, mv.transpose(w, perm=(1, 0)))
    return product if bias is None else product + bias


@composite
def dot(a: Symbol, b: Symbol) -> Any:
    """NumPy's dot: sums over the last axis of a and the last but one (or only) of b; scalars multiply."""
    if not a.ndim or not b.ndim:
        return multiply(a, b)
    return _contract_axes(a, b, (a.ndim - 1,), (max(b.ndim - 2, 0),))


@composite
def inner(a: Symbol, b: Symbol) -> Any:
    """NumPy's inner: sums over the last axes of both; scalars multiply."""
    if not a.ndim or not b.ndim:
        return multiply(a, b)
    return _contract_axes(a, b, (a.ndim - 1,), (b.ndim - 1,))


@composite
def vecdot(a: Symbol, b: Symbol, *, axis: int = -1) -> Any:
    """The sum of products along an axis of the operands' broadcast."""
    return product_sum(a, b, axis)


@composite
def outer(a: Symbol, b: Symbol) -> Any:
    """Every element of a times every element of b: [a.size, b.size]."""
    return multiply(mv.reshape(a, shape=(a.size, 1)), mv.reshape(b, shape=(1, b.size)))


@composite
def tensordot(a: Symbol, b: Symbol, *, axes: int | Sequence[Any] = 2) -> Any:
    """Sum over axes: the last n of a with the first n of b, or a pair (axes of a, axes of b)."""
    if isinstance(axes, int):
        if not 0 <= axes <= min(a.ndim, b.ndim):
            raise GraphError(f"axes is {axes}, expected 0 to {min(a.ndim, b.ndim)}")
        return _contract_axes(a, b, tuple(range(a.ndim - axes, a.ndim)), tuple(range(axes)))
    if len(axes) != 2:
        raise GraphError(f"axes {axes} must be a number or a pair (axes of a, axes of b)")
    left = tuple(normal_axis(axis, a.ndim) for axis in as_tuple(axes[0]))
    right = tuple(normal_axis(axis, b.ndim) for axis in as_tuple(axes[1]))
    return _contract_axes(a, b, left, right)


def _contract_axes(a: Symbol, b: Symbol, left: Shape, right: Shape) -> Any:
    """Return the sums of products over pairs of axes; the other axes of a come first, then those of b."""
    sizes = [a.shape[axis] for axis in left], [b.shape[axis] for axis in right]
    if sizes[0] != sizes[1] or len(set(left)) < len(left) or len(set(right)) < len(right):
        raise GraphError(f"axes {left} of shape {a.shape} and {right} of {b.shape} do not pair up")
    pairs = dict(zip(right, left, strict=True))
    first = Labelled(a, tuple(range(a.ndim)))
    second = Labelled(b, tuple(pairs.get(axis, a.ndim + axis) for axis in range(b.ndim)))
    kept = tuple(label for label in (*first.labels, *second.labels) if label not in left)
    return contract(first, second, kept).arranged(kept)


@composite
def diagonal(x: Symbol, *, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The elements whose indices along two axes differ by `offset`, along a new last axis (NumPy's diagonal)."""
    return take_diagonal(x, normal_axis(axis1, x.ndim), normal_axis(axis2, x.ndim), offset)


@composite
def trace(x: Symbol, *, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The sum of a diagonal of two axes."""
    return rd.reduce_sum(diagonal(x, offset=offset, axis1=axis1, axis2=axis2), axes=-1)
