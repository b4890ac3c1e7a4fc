"""Every NumPy function in the table, traced: dtype, shape and value of NumPy's, over dtypes.

The expressions are over x f[2,3,4], y f[2,3,4], m f[3,3], v f[5], w f[4] of each dtype, and i int64[3] positions 0 to 2.
"""

import re

import ml_dtypes
import numpy as np
import pytest

from aicomp.frontends.dispatch import name_of
from aicomp.frontends.numpy_functions import FUNCTIONS
from tests.frontends.harness import check, sample

EXPRESSIONS = """
np.where(x > 2, x, y)                       np.where(x > 2, x, 0)               np.where(x > 2, 1, 2.5)
np.where(x, y, np.float64(1))               np.select([x > 3, x > 1], [x, y])   np.select([x > 3], [x], 7)
np.choose(i, [v[:3], v[2:], 9])             np.choose(i - 3, [v[0], v[1]], mode="wrap")
np.choose(i, [v[0], v[1]], mode="clip")
np.clip(x, 1, 3)            np.clip(x, None, 2)     np.clip(x, 2, None)     np.clip(x, v[0], 3.5)   np.clip(x, -300, 300)
np.clip(x, min=1, max=2)    np.clip(x, y, 5)
np.round(x)                 np.round(x / 8, 2)      np.round(x * 10, -1)    np.around(x / 4, 1)     np.fix(x / 4)
np.fix(x)                   np.nan_to_num(x)        np.nan_to_num(np.log(x - 1), nan=1, posinf=2, neginf=3)
np.isclose(x, y)            np.isclose(x, 2)        np.isclose(x, x, equal_nan=True)            np.allclose(x, x)
np.array_equal(x, y)        np.array_equal(x, v)    np.array_equal(x, x, equal_nan=True)        np.array_equiv(x, x[:1])
np.sinc(x / 4)              np.sinc(x - x)          np.angle(x)             np.angle(x, deg=True)
np.real(x)                  np.imag(x)              np.isreal(x)            np.iscomplex(x)         np.isrealobj(x)
np.iscomplexobj(x)          np.real_if_close(x)     np.isposinf(x / 1)      np.isneginf(x / 1)      np.astype(x, np.int16)
np.zeros_like(x, dtype=np.result_type(x, np.float32))                       np.can_cast(np.zeros(1, x.dtype), np.int64)
np.polyval([2, 0, 1], v)    np.polyval(v, 2)
np.full_like(x, 3)          np.full_like(x, 2.5, dtype=float)               np.full_like(x, 1, shape=(2, 2))
np.zeros_like(x)            np.ones_like(x, dtype=np.int8)                  np.zeros(np.empty_like(x).shape)
np.linspace(v[0], v[1], 5)  np.linspace(v, 3.0, 4, axis=1)                  np.linspace(v, 9, 4, endpoint=False)
np.linspace(v[0], 8, 5, dtype=int)          np.linspace(v[0], 9, 1)         np.linspace(v, 9, 5, retstep=True)
np.logspace(v[:2] / 8, 1, 4)
np.tril(m)                  np.tril(x, 1)           np.triu(m, -1)          np.triu(v)              np.diag(m)
np.diag(m, 1)               np.diag(v)              np.diag(v, 2)           np.diag(v, -1)          np.diagflat(m, 1)
np.meshgrid(v, w)           np.meshgrid(v, w, indexing="ij")                np.meshgrid(v, w, sparse=True)  np.meshgrid(v)
np.append(m, m, 0)          np.append(m, v)         np.delete(m, 1, 0)      np.delete(v, [0, 2])    np.delete(x, slice(0, 2), 2)
np.resize(v, (3, 4))        np.resize(x, 7)         np.ix_(i, i)
np.pad(m, 1)                np.pad(m, ((1, 2), (0, 3)), constant_values=1)  np.pad(m, 2, "reflect") np.pad(m, 1, mode="edge")
np.pad(x, ((0, 0), (1, 1), (2, 0)), "symmetric")    np.pad(v, (3, 4), "wrap")   np.pad(m, 1, "maximum")    np.pad(m, (1, 0), "minimum")
np.pad(m, ((1, 1), (2, 2)), constant_values=((1, 0), (1, 1)))               np.pad(v, 2, "empty")[2:-2]
np.pad(x, {-1: (1, 2)})
np.nansum(x)                np.nansum(n, 1)         np.nanprod(n, 0)        np.nancumsum(n, 1)      np.nancumprod(n)
np.nanmean(n, 1)            np.nanmean(x)           np.nanvar(n, 1)         np.nanstd(n, 0, ddof=1) np.nanmax(n, 1)
np.nanmin(n, 0)             np.nanmax(x, 1)         np.nanargmax(n[1:], 1)  np.nanargmin(n[1:], 1)  np.nanvar(x, 1)
np.nanmedian(n, 1)          np.nanmedian(n)         np.nanmedian(n, 0, keepdims=True)               np.nanmin(n, 1, keepdims=True)
np.sort(x)                  np.sort(x, 0)           np.sort(x, None)        np.argsort(v, stable=True)  np.argsort(x, 1, kind="stable")
np.partition(v, 2)[2]       np.take(v, np.argpartition(v, 2))[2]
np.searchsorted(np.sort(v), w)              np.searchsorted(np.sort(v), w, side="right")            np.searchsorted([1, 3, 5], x)
np.searchsorted(np.sort(v), 2.5)             np.searchsorted(v, w, sorter=np.argsort(v))
np.digitize(x, [1, 3, 5])   np.digitize(x, np.array([5.0, 3, 1]))           np.digitize(x, [1, 3], right=True)
np.median(v)                np.median(x, axis=1)    np.median(x, axis=(0, 2), keepdims=True)        np.median(w)
np.quantile(v, 0.3)         np.quantile(x, [0.1, 0.5, 1], axis=1)           np.percentile(x, 75, axis=2)
np.quantile(v, 0.4, method="lower")         np.quantile(x, 0.4, axis=2, method="nearest")           np.percentile(v, 60, method="higher")
np.quantile(v, 0.3, method="midpoint")
np.interp(x, [0, 2, 5], [1, 9, 4])          np.interp(x, np.cumsum(np.abs(v)), v, left=7)           np.interp(v, [1], [2])
np.isin(x, [1, 3])          np.isin(x, v, invert=True)
np.take(x, i)               np.take(x, i, axis=1)   np.take(x, [[0, 3]], -1)    np.take(v, [7, -9], mode="wrap")
np.take(v, [7, -9], mode="clip")            np.take_along_axis(x, np.argsort(x, 2, kind="stable"), 2)
np.take_along_axis(x, i[None, :, None] % 2, 0)      np.take_along_axis(x, i, None)
np.compress([True, False, True], x, 1)      np.extract(np.array([True, False, True, False, True]), v)
np.dot(m, m)                np.dot(x, w)            np.dot(w, w)            np.dot(m, 2)            np.dot(x, y.transpose(0, 2, 1))
np.vdot(x, y)               np.inner(x, y)          np.inner(w, w)          np.outer(v, w)          np.outer(m, 2)
np.tensordot(x, y, ([0, 1, 2], [0, 1, 2]))  np.tensordot(m, m, 1)           np.tensordot(x, y, ([0, 2], [0, 2]))
np.kron(m, v)               np.kron(v, m)           np.kron(m, m)
np.einsum("ijk,ilk->ijl", x, y)             np.einsum("ii", m)              np.einsum("...k,k", x, w)  np.einsum("ij->ji", m)
np.einsum(m, [0, 1], m, [1, 2], [0, 2])     np.einsum(x, [Ellipsis, 0], w, [0])
np.diagonal(x)              np.diagonal(x, 1, 1, 2) np.trace(m)             np.trace(x, axis1=1, axis2=2)   np.trace(m, 1, dtype=float)
np.cross(m, v[:3])          np.cross(m, m[::-1])    np.cross(m, m[::-1], axis=0)
np.linalg.matmul(m, m)      np.linalg.outer(v, w)   np.linalg.cross(m, m)   np.linalg.vecdot(x, y)  np.linalg.vecdot(x, y, axis=0)
np.linalg.tensordot(m, m, axes=1)           np.linalg.matrix_transpose(x)   np.linalg.diagonal(x)   np.linalg.trace(x)
np.linalg.multi_dot([x[0].T, m, m, v[:3]])  np.linalg.multi_dot([m, m])     np.linalg.matrix_power(m, 5)    np.linalg.matrix_power(m, 0)
np.linalg.vector_norm(x)    np.linalg.vector_norm(x, axis=1, ord=1)         np.linalg.matrix_norm(x)        np.linalg.vector_norm(x, ord=3)
np.linalg.norm(x)           np.linalg.norm(m, 1)    np.linalg.norm(m, np.inf)   np.linalg.norm(v, -np.inf)  np.linalg.norm(x, axis=1)
np.linalg.norm(v, 0)        np.linalg.norm(x, axis=(0, 2), keepdims=True)   np.linalg.norm(m, -1, axis=(1, 0))  np.linalg.norm(v, 1)
np.sum(x)                   np.sum(x, axis=1)       np.sum(x, axis=(0, -1), keepdims=True)          np.sum(x, axis=())
np.sum(x, dtype=np.float32) np.sum(x, 1, initial=5) np.sum(x, 1, where=x > 2)   np.prod(x, 2)       np.prod(v, where=v > 2, initial=2)
np.max(x)                   np.max(x, 1)            np.max(x, initial=4)        np.min(x, (0, 1))   np.min(x, 1, where=x > 2, initial=3)
np.amax(x, 0)               np.amin(x, 0)           np.max(x[:0], 0, initial=3) np.max(x[:0], 0)
np.any(x, 1)                np.all(x - 2)           np.any(x, where=x > 2)      np.all(x > 0, (0, 1))
np.mean(x)                  np.mean(x, (0, 2))      np.mean(x, 1, keepdims=True)    np.mean(x, dtype=np.float64)
np.mean(x, 2, where=x > 1)
np.var(x)                   np.var(x, 1, ddof=1)    np.std(x, -1)               np.std(x, correction=1)     np.var(x, 0, keepdims=True)
np.argmax(x)                np.argmax(x, 1)         np.argmin(x, -1, keepdims=True) np.argmax(x, keepdims=True)
np.count_nonzero(x - 2)     np.count_nonzero(x > 2, 1)                      np.ptp(x)                       np.ptp(x, 1, keepdims=True)
np.average(x)               np.average(x, 1)        np.average(x, 2, weights=[1, 2, 3, 5])              np.average(x, weights=y)
np.average(x, (1, 0), weights=np.ones((3, 2)), returned=True)               np.average(x, 0, returned=True)
np.cov(m)                   np.cov(v)               np.cov(m, rowvar=False, bias=True)                  np.cov(v, v[::-1])
np.corrcoef(m + np.eye(3))  np.corrcoef(v, np.arange(5.0))
np.cumsum(x)                np.cumsum(x, 1)         np.cumsum(x, 1, dtype=np.float32)   np.cumprod(v)       np.cumprod(x, -1)
np.cumulative_sum(x, axis=1, include_initial=True)  np.cumulative_sum(v)    np.cumulative_prod(x, axis=0)
np.diff(x)                  np.diff(x, 2, 0)        np.diff(v, prepend=1)   np.diff(x, axis=0, append=x[:1])    np.ediff1d(x)
np.ediff1d(v, to_begin=[1], to_end=[0, 1])          np.gradient(v)          np.gradient(x, axis=1)          np.gradient(m, 2.0)
np.gradient(m, 2.0, 0.5)
np.trapezoid(x)             np.trapezoid(v, dx=0.5) np.trapezoid(x, [0, 1, 3, 4], axis=2)               np.trapezoid(x, x, axis=1)
np.unwrap(v)                np.unwrap(x, axis=1, period=6.5)                 np.unwrap(v * 3, 4)
np.convolve(v, w)           np.convolve(w, v, "same")   np.convolve(v, w, "valid")  np.convolve(v, [1, 2], "same")
np.correlate(v, w)          np.correlate(v, w, "full")  np.correlate(w, v, "same")  np.correlate(v, [1, 2], "same")
np.vander(v)                np.vander(v, 3, increasing=True)                np.vander(v, 1)
np.reshape(x, (4, -1))      np.reshape(x, -1)       np.reshape(x, (4, 6), order="F")                    np.reshape(x, (5, 5))
np.ravel(x)                 np.ravel(x, "F")        np.ravel(x[:0])         np.transpose(x)         np.transpose(x, (1, 0, 2))
np.permute_dims(x, (2, 1, 0))               np.matrix_transpose(x)          np.swapaxes(x, 0, -1)   np.moveaxis(x, 0, -1)
np.moveaxis(x, (0, 1), (-1, 0))             np.moveaxis(x, 0, 3)            np.rollaxis(x, 2)       np.rollaxis(x, 0, 2)
np.squeeze(x[:1, :, 1:2])   np.squeeze(x[:1], 0)    np.squeeze(x, 0)        np.expand_dims(x, 1)    np.expand_dims(x, (0, -1))
np.broadcast_to(w, (2, 3, 4))               np.broadcast_arrays(x, w, 1)    np.atleast_1d(v[0])     np.atleast_2d(v, m, x)
np.atleast_3d(v, m, x)      np.atleast_1d(v, 3)
np.concatenate([x, y])      np.concatenate([x, y], axis=2)                  np.concatenate([m, v], axis=None)   np.concatenate([v, [1.5]])
np.concat((v, np.float32([1])))             np.concatenate([v, w], dtype=np.float64)                np.concatenate([x, m])
np.stack([x, y])            np.stack([x, y], axis=-1)                       np.stack([v, w])        np.stack([x, 1 + y], 1)
np.vstack([v, v])           np.hstack([v, w])       np.hstack([m, m])       np.vstack([m, m])       np.dstack([m, m])
np.column_stack([i, m])     np.block([[m, m], [m, m]])                      np.block([v, w])
np.split(x, 2, 2)           np.split(v, [1, 3])     np.split(v, 2)          np.array_split(v, 3)    np.array_split(x, 2, -1)
np.vsplit(x, 2)             np.hsplit(x, 3)         np.dsplit(x, 2)         np.hsplit(v, [2])       np.unstack(x, axis=1)
np.tile(x, 2)               np.tile(m, (2, 1, 2))   np.repeat(x, 2)         np.repeat(x, 3, 1)      np.repeat(m, [1, 0, 2], axis=0)
np.flip(x)                  np.flip(x, (0, 1))      np.flipud(m)            np.fliplr(m)            np.roll(x, 1)
np.roll(x, -1, 1)           np.roll(x, (1, 2), (0, 2))                      np.rot90(m)             np.rot90(x, 3, (1, 2))
np.rot90(m, 2)              np.copy(x)              np.zeros(np.shape(x))   np.zeros(np.ndim(x))    np.zeros(np.size(x))
np.zeros(np.size(x, 1))
"""

DTYPES = ("bool", "uint8", "int32", "int64", "float16", "float32", "float64", ml_dtypes.bfloat16)
CASES = [
    case for line in EXPRESSIONS.splitlines() for case in re.split(r"\s{2,}(?=np\.)|(?<=\)) (?=np\.)", line) if case
]
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
