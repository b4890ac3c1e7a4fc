"""What to write instead: the advice in the errors for what a static graph cannot hold.

In: the user's source line, or the name of a NumPy function. Out: a phrase to go after "; ".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

# the first pattern found in the source line decides
TRUTH = (
    (r"^while\b", "use ac.while_loop(condition, body, init)"),
    (r"\bassert\b", "assert on shapes and dtypes, which are known, not on values"),
    (r"\b(max|min)\(", "use np.maximum and np.minimum"),
    (r"\b(any|all)\(", "use np.any and np.all"),
    (r"\bsorted\(|\.sort\(", "use np.sort"),
    (r"\bif\b|\belif\b", "use np.where(condition, a, b), or ac.cond(condition, then_fn, else_fn, *operands)"),
    (r"\b(and|or|not)\b", "use np.logical_and, np.logical_or and np.logical_not"),
    (r" in ", "use np.any(array == value)"),
)
TRUTH_DEFAULT = "use np.where(condition, a, b), ac.cond or ac.while_loop"
NUMBER = (
    (r"\brange\(", "use ac.scan(body, init, xs), or ac.while_loop(condition, body, init) for a traced count"),
    (r"\bmath\.", "use NumPy's function of the same name"),
    (r"\bint\(", "use x.astype(int)"),
    (r"\bfloat\(", "use x.astype(float)"),
    (r"\bround\(", "use np.round"),
    (r"\[", "use ac.ops.take(np.stack(list), index, axis=0)"),
)
NUMBER_DEFAULT = "keep it an array, and compute with np.* or ac.ops"
ARRAY = (
    (r"\bnp\.(array|asarray)\(\s*[\[(]", "use np.stack to join traced values"),
    (
        r"\bnp\.(array|asarray|asanyarray|ascontiguousarray|float\d+|int\d+)\(",
        "drop it, or use x.astype(dtype)",
    ),
    (r"\w\[.*\]\s*=[^=]", "write the array as one expression, by np.where, np.concatenate or np.stack"),
    (r"\w\[", "use ac.ops.take(array, index, axis=0)"),
    (r"\bnp\.full\(", "use np.broadcast_to(value, shape)"),
)
ARRAY_DEFAULT = "call np.* and ac.ops functions on it directly"


def _first(table: tuple[tuple[str, str], ...], code: str, default: str) -> str:
    return next((advice for pattern, advice in table if re.search(pattern, code)), default)


def for_truth(code: str) -> str:
    """Return what to use instead of a traced value's truth."""
    return _first(TRUTH, code, TRUTH_DEFAULT)


def for_number(code: str) -> str:
    """Return what to use instead of a traced value as a Python number."""
    return _first(NUMBER, code, NUMBER_DEFAULT)


def for_array(code: str) -> str:
    """Return what to use instead of a traced value as a NumPy array."""
    return _first(ARRAY, code, ARRAY_DEFAULT)


_BY_MASK = "its size depends on values: use np.where(mask, a, b) or a sum over the mask"
_BY_SOLVER = "factor or invert constant matrices outside the function"
_IN_PLACE = "arrays in a graph are not written to: use np.where or ac.ops.scatter_nd"
_BY_HAND = "write it with np.* functions of the table in docs/numpy.md"

NEAREST: Mapping[str, str] = MappingProxyType(
    dict.fromkeys(
        ("nonzero", "argwhere", "flatnonzero", "extract", "compress", "unique", "unique_values", "union1d",
         "intersect1d", "setdiff1d", "setxor1d", "trim_zeros", "delete"), _BY_MASK)
    | dict.fromkeys(
        ("linalg.inv", "linalg.solve", "linalg.pinv", "linalg.svd", "linalg.qr", "linalg.eig", "linalg.eigh",
         "linalg.cholesky", "linalg.lstsq", "linalg.det", "linalg.slogdet", "linalg.eigvals",
         "linalg.eigvalsh", "linalg.matrix_rank", "linalg.cond", "linalg.tensorsolve", "linalg.tensorinv"), _BY_SOLVER)
    | dict.fromkeys(
        ("put", "put_along_axis", "place", "putmask", "fill_diagonal", "resize"), _IN_PLACE)
    | {
        "copyto": f"{_IN_PLACE}; np.full(shape, value) is np.broadcast_to(value, shape)",
        "bincount": "use np.sum(ac.ops.one_hot(x, depth=n), axis=0)",
        "histogram": "use np.searchsorted on the edges, then a sum of ac.ops.one_hot",
        "apply_along_axis": "write the function over the whole array, with axis=",
        "vectorize": "np.* functions are vectorised already",
        "piecewise": "use np.select or np.where",
        "partition": "use np.sort", "argpartition": "use np.argsort",
        "lexsort": "use np.argsort, the last key first",
        "fft.fft": "use np.matmul with the matrix of the transform",
    }
)  # fmt: skip


def nearest(name: str) -> str:
    """Return what to use instead of a NumPy function that has no translation."""
    return NEAREST.get(name, _BY_HAND)
