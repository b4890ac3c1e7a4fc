"""Panels: how B (or a convolution's weights) is laid out for the register tile, and constants put into that layout.

In: `Panelling`, the sizes of matrices and of the tile. Out: [matrix][n / width][k][width] in one flat array:
a step k of the tile reads `width` values in a row. The last panel is as narrow as whole vectors allow; its
columns past n are zero.

    layout = gemm_panels(spec, machine)
    constant = pack_array(layout, weights)             # [*matrices, k, n] -> [layout.elements]
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from aicomp.types import DType

from ..aligned import aligned_empty
from .schedule import split_columns

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Matrix:
    """How one operand lies in memory: its dtype, and strides in elements (0 = broadcast), one a batch axis too."""

    dtype: DType
    row: int
    column: int
    batch: tuple[int, ...] = ()


@dataclass(frozen=True)
class Panelling:
    """Matrices [k, n], as many as the product of `matrices`, in panels of `vectors` x `lanes` columns of `dtype`."""

    matrices: tuple[int, ...]
    k: int
    n: int
    vectors: int
    lanes: int
    dtype: DType

    @property
    def width(self) -> int:
        """Return the columns of a full panel."""
        return self.vectors * self.lanes

    @property
    def matrix_elements(self) -> int:
        """Return the elements of one packed matrix."""
        return self.k * -(-self.n // self.lanes) * self.lanes

    @property
    def elements(self) -> int:
        """Return the elements of all packed matrices."""
        return prod(self.matrices) * self.matrix_elements


def pack_array(layout: Panelling, b: Array) -> Array:
    """Return constants [*matrices, *k, n] (k may be several axes, of any strides) in panels, as [layout.elements]."""
    count = prod(layout.matrices)
    axes = next(axes for axes in range(b.ndim) if prod(b.shape[:axes]) == count)
    steps = b.shape[axes:-1]
    matrices = np.asarray(b).reshape(count, *steps, layout.n)
    packed = aligned_empty((count, layout.matrix_elements), layout.dtype)
    for panels in split_columns(layout.n, layout.vectors, layout.lanes):
        first, width = panels.first * layout.width, panels.vectors * layout.lanes
        begin, size = layout.k * first, layout.k * panels.count * width
        target = packed[:, begin : begin + size].reshape(count, panels.count, *steps, width)
        columns = panels.columns
        source = matrices[..., first : first + panels.count * columns].reshape(count, *steps, panels.count, columns)
        target[..., :columns] = np.moveaxis(source, -2, 1)
        target[..., columns:] = 0
    return packed.ravel()
