"""Arrays whose data begins on a cache line, as kernels want their constants and workspaces.

In: a shape and dtype, or an array. Out: such an array, a copy only where there must be one.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

LINE = 64  # bytes of a cache line and of the widest vector


def aligned_empty(shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    """Return an uninitialised C-contiguous array whose data begins on a cache line."""
    nbytes = prod(shape) * dtype.itemsize
    buffer = np.empty(nbytes + LINE, np.uint8)
    start = -buffer.ctypes.data % LINE
    return buffer[start : start + nbytes].view(dtype).reshape(shape)


def aligned(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the array itself where it is C-contiguous on a cache line, else a copy that is."""
    if array.flags.c_contiguous and array.ctypes.data % LINE == 0:
        return array
    copy = aligned_empty(array.shape, array.dtype)
    copy[...] = array
    return copy
