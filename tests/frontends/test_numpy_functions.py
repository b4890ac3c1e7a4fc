"""Every NumPy function in the table, traced: dtype, shape and value of NumPy's, over dtypes.

The expressions, one a line of expressions.txt, are over x and y [2,3,4], m [3,3], v [5], w [4] and n [3,4], which
has NaN, of each dtype, and i, the int64 positions 2, 0, 1.
"""

import re
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from against_numpy import check, sample

from aicomp.frontends.dispatch import name_of
from aicomp.frontends.numpy_functions import FUNCTIONS

DTYPES = ("bool", "uint8", "int32", "int64", "float16", "float32", "float64", ml_dtypes.bfloat16)
CASES = (Path(__file__).parent / "expressions.txt").read_text().splitlines()
LOOSE = ("cov", "corrcoef", "var", "std", "polyval", "norm", "logspace", "vander", "cumprod", "prod")


# NumPy takes bfloat16 for no float there: it keeps its NaN, or refuses it
UNKNOWN_BFLOAT16 = re.compile(
    r"np\.(nan|einsum|quantile|percentile|(dot|outer)\(m, 2)|(searchsorted|digitize)\(.*\[1|(convolve|correlate)\(v, \["
)


def tolerance(case, dtype):
    """Return a bound for what is rounded more often than once: half precision statistics, f32 sums of powers."""
    half = np.dtype(dtype).itemsize == 2
    if half:
        return 3e-2 if np.dtype(dtype) == np.float16 else 0.15
    return 1e-5 if np.dtype(dtype) == np.float32 and any(word in case for word in LOOSE) else None


@pytest.mark.parametrize("case", CASES)
def test_function(case):
    function = eval(f"lambda x, y, m, v, w, n, i: {case}", {"np": np})
    for dtype in DTYPES if not UNKNOWN_BFLOAT16.search(case) else DTYPES[:-1]:
        x, y = sample((2, 3, 4), dtype), sample((2, 3, 4), dtype, 1)
        n = sample((3, 4), dtype, 2)
        if n.dtype.kind not in "biu":
            n[0], n[1, 2] = np.nan, np.nan
        arrays = x, y, sample((3, 3), dtype, 3), sample((5,), dtype, 4), sample((4,), dtype, 5), n, np.array([2, 0, 1])
        try:
            check(function, *arrays, tolerance=tolerance(case, dtype))
        except AssertionError as error:
            raise AssertionError(f"{case} of {np.dtype(dtype)}: {error}") from error


def test_every_function_of_the_table_is_tested():
    tested = {name for case in CASES for name in re.findall(r"np\.((?:linalg\.)?\w+)\(", case)}
    missing = {name_of(function) for function in FUNCTIONS} - tested
    assert missing <= {"permute_dims", "concat", "amax", "amin", "result_type"}


# what NumPy finds out by dividing by a sum of weights, or while reshaping, no graph can know
EMPTY = re.compile(r"average|median\(x, axis=\(0, 2\)|np.max\(x\[:0\], 0\)")


@pytest.mark.parametrize("shape", [(2, 0, 4), (0, 3, 4)], ids=str)
def test_empty_arrays(shape):
    x, m, v, i = np.zeros(shape, "f4"), np.zeros((0, 0), "f4"), np.zeros(0, "f4"), np.zeros(0, "i8")
    for case in CASES:
        if not EMPTY.search(case):
            function = eval(f"lambda x, y, m, v, w, n, i: {case}", {"np": np})
            check(function, x, x, m, v, v, np.zeros((3, 0), "f4"), i)
