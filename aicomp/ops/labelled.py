"""Contraction of tensors with labelled axes: what einsum and tensordot have in common.

In: tensors whose axes carry labels, and the labels to keep. Out: a tensor of the kept labels, the others summed over.
A contraction is one matmul of [batch, rows, summed] and [batch, summed, columns] where it can be, else a broadcast
product (nothing is summed) or a product and a sum (neither side has an axis of its own).

    contract(Labelled(a, "ij"), Labelled(b, "jk"), "ik")
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from ..errors import GraphError
from ..types import compute_dtype
from . import movement as mv
from . import reduce as rd
from .contract import matmul
from .elementwise import cast, multiply
from .shaping import along
from .symbol import Symbol

Label = str | int


@dataclass(frozen=True, eq=False)
class Labelled:
    """A tensor with one label an axis, none twice."""

    x: Any
    labels: Sequence[Label]

    def sizes(self, labels: Sequence[Label]) -> tuple[int, ...]:
        """Return the sizes of the axes of those labels."""
        return tuple(self.x.shape[self.labels.index(label)] for label in labels)

    def arranged(self, labels: Sequence[Label]) -> Any:
        """Return the tensor with its axes in the order of those labels."""
        perm = tuple(self.labels.index(label) for label in labels)
        return self.x if perm == tuple(range(len(perm))) else mv.transpose(self.x, perm=perm)

    def summed(self, keep: Collection[Label]) -> Labelled:
        """Return the tensor with the axes of all other labels summed over."""
        axes = tuple(axis for axis, label in enumerate(self.labels) if label not in keep)
        labels = [label for label in self.labels if label in keep]
        return Labelled(rd.reduce_sum(self.x, axes=axes) if axes else self.x, labels)


def contract(a: Labelled, b: Labelled, keep: Sequence[Label]) -> Labelled:
    """Return the product of two tensors, labels that are not kept summed over.

    The result's axes are the shared ones, then those of one side and those of the other: the side that has the last
    label to keep comes last, which spares a transpose afterwards.
    """
    a, b = a.summed([*keep, *b.labels]), b.summed([*keep, *a.labels])
    if keep and keep[-1] in a.labels:
        a, b = b, a
    batch = [label for label in keep if label in a.labels and label in b.labels]
    shared = [label for label in a.labels if label in b.labels and label not in batch]
    rows = [label for label in keep if label in a.labels and label not in batch]
    columns = [label for label in keep if label in b.labels and label not in batch]
    if not shared:
        left = _with_ones(a, (*batch, *rows), len(batch) + len(rows), len(columns))
        right = _with_ones(b, (*batch, *columns), len(batch), len(rows))
        return Labelled(multiply(left, right), (*batch, *rows, *columns))
    if not rows and not columns:
        flat = (*a.sizes(batch), prod(a.sizes(shared)))
        left, right = (mv.reshape(side.arranged((*batch, *shared)), shape=flat) for side in (a, b))
        return Labelled(product_sum(left, right, axis=-1), batch)
    return _matrix_product(a, b, batch, rows, shared, columns)


def _with_ones(term: Labelled, order: Sequence[Label], position: int, count: int) -> Any:
    """Return the tensor in an order of labels, with axes of size 1 inserted at a position."""
    sizes = term.sizes(order)
    shape = (*sizes[:position], *(1,) * count, *sizes[position:])
    return mv.reshape(term.arranged(order), shape=shape)


def _matrix_product(
    a: Labelled,
    b: Labelled,
    batch: Sequence[Label],
    rows: Sequence[Label],
    shared: Sequence[Label],
    columns: Sequence[Label],
) -> Labelled:
    outer, depth = a.sizes(batch), prod(a.sizes(shared))
    m, n = a.sizes(rows), b.sizes(columns)
    left = mv.reshape(a.arranged((*batch, *rows, *shared)), shape=(*outer, prod(m), depth))
    right = mv.reshape(b.arranged((*batch, *shared, *columns)), shape=(*outer, depth, prod(n)))
    return Labelled(mv.reshape(matmul(left, right), shape=(*outer, *m, *n)), (*batch, *rows, *columns))


def product_sum(a: Symbol, b: Symbol, axis: int) -> Any:
    """Return the sum of products along an axis; 16-bit floats are multiplied and summed in float32."""
    wide = compute_dtype(a.dtype)
    if wide == a.dtype:
        return rd.reduce_sum(multiply(a, b), axes=axis)
    return cast(product_sum(cast(a, dtype=wide), cast(b, dtype=wide), axis), dtype=a.dtype)


def take_diagonal(x: Symbol, axis1: int, axis2: int, offset: int = 0) -> Any:
    """Return the elements with index2 - index1 = offset along a new last axis: one strided slice of the flat plane."""
    if axis1 == axis2:
        raise GraphError("a diagonal needs two different axes")
    rows, columns = x.shape[axis1], x.shape[axis2]
    rest = tuple(axis for axis in range(x.ndim) if axis not in (axis1, axis2))
    plane = mv.transpose(x, perm=(*rest, axis1, axis2))
    flat = mv.reshape(plane, shape=(*(x.shape[axis] for axis in rest), rows * columns))
    length = max(min(rows + min(offset, 0), columns - max(offset, 0)), 0)
    return along(flat, flat.ndim - 1, max(offset, -offset * columns), length, columns + 1)
