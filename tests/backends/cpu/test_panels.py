"""Constants put into panels: the same bytes however they lie in memory, columns past the last zero."""

from __future__ import annotations

import numpy as np
import pytest
from handmade import HOST

from aicomp.backends.cpu.contract import Conv, Panelling, pack_array, pack_filters
from aicomp.types import FLOAT32, FLOAT64


def by_definition(layout: Panelling, b: np.ndarray) -> np.ndarray:
    """Return [matrix][n / width][k][width] from [matrix, k, n], the last panel as narrow as vectors allow."""
    parts = []
    for matrix in b:
        for first in range(0, layout.n, layout.width):
            columns = matrix[:, first : first + layout.width]
            parts.append(np.pad(columns, ((0, 0), (0, -columns.shape[1] % layout.lanes))).reshape(-1))
    return np.concatenate(parts)


@pytest.mark.parametrize("n", [1, 8, 24, 31, 48, 64, 100])
@pytest.mark.parametrize("order", ["C", "F", "reversed"])
def test_panels(n, order):
    layout = Panelling((3,), 5, n, 3, 8, FLOAT64)
    b = np.random.default_rng(n).standard_normal((3, 5, n))
    strided = b[::-1].copy()[::-1] if order == "reversed" else np.array(b, order=order)
    packed = pack_array(layout, strided)
    np.testing.assert_array_equal(packed, by_definition(layout, b))
    assert packed.ctypes.data % 64 == 0


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_filters_are_read_where_they_lie(groups):
    spec = Conv(1, (9, 9), 8, 20, (3, 2), (1, 1), ((0, 0), (0, 0)), (1, 1), groups, FLOAT32, FLOAT32, FLOAT32)
    w = np.random.default_rng(groups).standard_normal((20, 8 // groups, 3, 2)).astype(np.float32)
    view = w.transpose(2, 3, 1, 0)
    np.testing.assert_array_equal(pack_filters(spec, HOST, view), pack_filters(spec, HOST, view.copy()))
