"""NumPy's functions that join and split arrays, under NumPy's names and signatures.

In: tracers, and arrays among them, of dtypes that promote. Out: a tracer, or a list of them.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from aicomp import ops
from aicomp.types import dtype as dtype_of

from .promotion import array, arrays, cast, promote


def concatenate(arrays: Any, axis: int | None = 0, *, dtype: Any = None, casting: str = "same_kind") -> Any:
    """Arrays joined along an axis; without one, their elements."""
    xs = [array(x) for x in arrays]
    xs = [cast(x, dtype_of(dtype)) for x in xs] if dtype is not None else list(promote(*xs))
    if axis is None:
        xs, axis = [np.ravel(x) for x in xs], 0
    if any(x.ndim == 0 for x in xs):
        raise ValueError("zero-dimensional arrays cannot be concatenated")
    return ops.concat(*xs, axis=normalize_axis_index(axis, xs[0].ndim))


def stack(arrays: Any, axis: int = 0, *, dtype: Any = None, casting: str = "same_kind") -> Any:
    """Arrays of one shape joined along a new axis."""
    xs = [array(x) for x in arrays]
    if len({x.shape for x in xs}) != 1:
        raise ValueError("all input arrays must have the same shape")
    place = normalize_axis_index(axis, xs[0].ndim + 1)
    return concatenate([np.expand_dims(x, place) for x in xs], place, dtype=dtype)


def vstack(tup: Any, *, dtype: Any = None, casting: str = "same_kind") -> Any:
    """Arrays joined along axis 0, vectors as rows."""
    return concatenate([np.atleast_2d(x) for x in arrays(tup)], 0, dtype=dtype)


def hstack(tup: Any, *, dtype: Any = None, casting: str = "same_kind") -> Any:
    """Arrays joined along axis 1; vectors along axis 0."""
    xs = [np.atleast_1d(x) for x in arrays(tup)]
    return concatenate(xs, 0 if xs[0].ndim == 1 else 1, dtype=dtype)


def dstack(tup: Any) -> Any:
    """Arrays joined along axis 2."""
    return concatenate([np.atleast_3d(x) for x in arrays(tup)], 2)


def column_stack(tup: Any) -> Any:
    """Arrays joined along axis 1, vectors as columns."""
    return concatenate([x.reshape(-1, 1) if x.ndim < 2 else x for x in arrays(tup)], 1)


def block(arrays: Any) -> Any:
    """Nested lists of arrays joined: the innermost along the last axis, and so on outwards."""
    depth = _depth(arrays)
    rank = max(depth, *(np.ndim(x) for x in _flat(arrays)))
    return _block(arrays, depth, rank)


def _depth(nested: Any) -> int:
    return 1 + max(map(_depth, nested)) if isinstance(nested, list) else 0


def _flat(nested: Any) -> list[Any]:
    return [x for each in nested for x in _flat(each)] if isinstance(nested, list) else [nested]


def _block(nested: Any, depth: int, rank: int) -> Any:
    if not isinstance(nested, list):
        x = array(nested)
        return x.reshape((1,) * (rank - x.ndim) + x.shape)
    return concatenate([_block(each, depth - 1, rank) for each in nested], -depth)


def split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """The array cut along an axis into equal parts, or at indices."""
    if np.ndim(indices_or_sections) == 0 and ary.shape[axis] % indices_or_sections:
        raise ValueError("array split does not result in an equal division")
    return array_split(ary, indices_or_sections, axis)


def array_split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """The array cut along an axis into nearly equal parts, or at indices."""
    length = ary.shape[axis]
    if np.ndim(indices_or_sections) == 0:
        count = int(indices_or_sections)
        if count < 1:
            raise ValueError("number sections must be larger than 0")
        bounds = [i * (length // count) + min(i, length % count) for i in range(count + 1)]
    else:
        bounds = [0, *map(int, indices_or_sections), length]
    before = (slice(None),) * normalize_axis_index(axis, ary.ndim)
    return [ary[(*before, slice(a, b))] for a, b in pairwise(bounds)]


def vsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    """The array cut along axis 0."""
    return split(ary, indices_or_sections, 0)


def hsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    """The array cut along axis 1; a vector along axis 0."""
    return split(ary, indices_or_sections, 1 if ary.ndim > 1 else 0)


def dsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    """The array cut along axis 2."""
    return split(ary, indices_or_sections, 2)


def unstack(x: Any, /, *, axis: int = 0) -> tuple[Any, ...]:
    """The slices along an axis."""
    return tuple(np.moveaxis(x, axis, 0))
