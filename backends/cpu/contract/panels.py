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
    """Return constants [*matrices, k, n] (any axes may be merged) in panels, as [layout.elements]."""
    shape = (prod(layout.matrices), layout.k, layout.n)
    matrices = np.asarray(b).reshape(shape).astype(layout.dtype, copy=False)
    packed = np.zeros((shape[0], layout.matrix_elements), layout.dtype)
    for panels in split_columns(layout.n, layout.vectors, layout.lanes):
        first, width = panels.first * layout.width, panels.vectors * layout.lanes
        part = np.zeros((shape[0], layout.k, panels.count * width), layout.dtype)
        part[:, :, : layout.n - first] = matrices[:, :, first : first + part.shape[2]]
        panel = part.reshape(shape[0], layout.k, panels.count, width).swapaxes(1, 2)
        start, size = layout.k * first, layout.k * panels.count * width
        packed[:, start : start + size] = panel.reshape(shape[0], size)
    return packed.ravel()
