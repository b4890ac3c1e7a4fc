"""NumPy's `np.linalg` under NumPy's names and signatures: products, powers, norms.

In: tracers. Out: tracers. What needs a factorisation (inv, solve, svd, ...) is not here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from aicomp.types import BOOL, FLOAT64

from . import numpy_products as products
from .promotion import cast, is_inexact


def matmul(x1: Any, x2: Any, /) -> Any:
    """The matrix product."""
    return np.matmul(x1, x2)


def outer(x1: Any, x2: Any, /) -> Any:
    """Each element of one vector times each of another."""
    return products.outer(x1, x2)


def cross(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    """The cross product along an axis."""
    return products.cross(x1, x2, axis=axis)


def vecdot(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    """The sum of products along an axis."""
    return np.vecdot(np.moveaxis(x1, axis, -1), np.moveaxis(x2, axis, -1))


def tensordot(x1: Any, x2: Any, /, *, axes: Any = 2) -> Any:
    """Sums over pairs of axes."""
    return products.tensordot(x1, x2, axes)


def matrix_transpose(x: Any, /) -> Any:
    """The last two axes exchanged."""
    return np.matrix_transpose(x)


def diagonal(x: Any, /, *, offset: int = 0) -> Any:
    """The diagonals of matrices."""
    return products.diagonal(x, offset, -2, -1)


def trace(x: Any, /, *, offset: int = 0, dtype: Any = None) -> Any:
    """The traces of matrices."""
    return products.trace(x, offset, -2, -1, dtype)


def multi_dot(arrays: Any) -> Any:
    """The product of several matrices in the order of fewest multiplications; the ends may be vectors."""
    xs = list(arrays)
    sizes = [x.shape[0] if x.ndim > 1 else 1 for x in xs[:1]] + [x.shape[0] for x in xs[1:]]
    sizes.append(xs[-1].shape[1] if xs[-1].ndim > 1 else 1)
    return _chain(xs, _cheapest(tuple(sizes)), 0, len(xs) - 1)


def _cheapest(sizes: Sequence[int]) -> dict[tuple[int, int], int]:
    """Return where to cut each chain of matrices (Cormen et al., Introduction to Algorithms, 14.2)."""
    cost = {(i, i): 0 for i in range(len(sizes) - 1)}
    cuts: dict[tuple[int, int], int] = {}
    for width in range(1, len(sizes) - 1):
        for i in range(len(sizes) - 1 - width):
            j = i + width
            costs = {k: cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1] for k in range(i, j)}
            cuts[i, j] = min(costs, key=costs.__getitem__)
            cost[i, j] = costs[cuts[i, j]]
    return cuts


def _chain(xs: Sequence[Any], cuts: dict[tuple[int, int], int], i: int, j: int) -> Any:
    if i == j:
        return xs[i]
    return np.dot(_chain(xs, cuts, i, cuts[i, j]), _chain(xs, cuts, cuts[i, j] + 1, j))


def matrix_power(a: Any, n: int) -> Any:
    """A matrix multiplied by itself, by repeated squaring; n is constant and not negative."""
    if n < 0:
        raise ValueError("negative powers need an inverse, which is not supported")
    if n == 0:
        return np.broadcast_to(a.constant(np.eye(a.shape[-1], dtype=a.dtype)), a.shape)
    half = matrix_power(a, n // 2) if n > 1 else None
    square = a if half is None else np.matmul(half, half)
    return np.matmul(square, a) if half is not None and n % 2 else square


def vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
    """The norm of vectors: sum(|x| ** ord) ** (1 / ord)."""
    axes = tuple(range(x.ndim)) if axis is None else normalize_axis_tuple(axis, x.ndim)
    return _vector_norm(_inexact(x), axes, keepdims, ord)


def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:
    """The norm of matrices, the last two axes."""
    return _matrix_norm(_inexact(x), (x.ndim - 2, x.ndim - 1), keepdims, ord)


def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """The norm of vectors or matrices; of all elements by default."""
    x = _inexact(x)
    axes = tuple(range(x.ndim)) if axis is None else normalize_axis_tuple(axis, x.ndim)
    if ord is None and (axis is None or len(axes) in (1, 2)):
        return _vector_norm(x, axes, keepdims, 2)
    if len(axes) == 1:
        return _vector_norm(x, axes, keepdims, ord)
    if len(axes) != 2:
        raise ValueError("Improper number of dimensions to norm.")
    return _matrix_norm(x, axes, keepdims, ord)


def _inexact(x: Any) -> Any:
    return x if is_inexact(x.dtype) else cast(x, FLOAT64)


def _vector_norm(x: Any, axes: tuple[int, ...], keepdims: bool, ord: Any) -> Any:
    size = np.abs(x)
    if ord in (np.inf, -np.inf):
        return _extremum(size, axes, keepdims, ord > 0)
    if ord == 0:
        return np.sum(cast(cast(x, BOOL), x.dtype), axis=axes, keepdims=keepdims)
    if ord in (1, 2):
        total = np.sum(size if ord == 1 else x * x, axis=axes, keepdims=keepdims)
        return total if ord == 1 else np.sqrt(total)
    if isinstance(ord, str):
        raise ValueError(f"Invalid norm order {ord!r} for vectors")
    return np.sum(size**ord, axis=axes, keepdims=keepdims) ** (1 / ord)


def _extremum(size: Any, axes: Any, keepdims: bool, largest: bool) -> Any:
    return np.max(size, axis=axes, keepdims=keepdims, initial=0) if largest else np.min(size, axes, keepdims=keepdims)


def _matrix_norm(x: Any, axes: tuple[int, ...], keepdims: bool, ord: Any) -> Any:
    if ord in ("fro", "f"):
        return _vector_norm(x, axes, keepdims, 2)
    if ord not in (1, -1, np.inf, -np.inf):
        raise ValueError(f"matrix norm {ord!r} needs singular values, which are not supported")
    summed, kept = axes if abs(ord) == 1 else axes[::-1]
    columns = np.sum(np.abs(x), axis=summed, keepdims=True)
    found = _extremum(columns, kept, True, ord > 0)
    return found if keepdims else np.squeeze(found, axes)
