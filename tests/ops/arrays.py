"""Inputs that tests of operators share, and how far results may be from exact ones."""

import ml_dtypes
import numpy as np

FLOATS = ["float16", "bfloat16", "float32", "float64"]
INTEGERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
SHAPES = [(), (0,), (5,), (3, 0, 2), (2, 3), (2, 1, 3), (2, 3, 1, 2), (2, 1, 2, 3, 2)]
SPECIALS = [0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 3.5, np.inf, -np.inf, np.nan, 1e-40, -3e-8, 1e-3, 88.5, -89.0, 700.0, 1e38]


def dtype(name):
    """Return the dtype of that name, bfloat16 included."""
    return np.dtype(ml_dtypes.bfloat16 if name == "bfloat16" else name)


def floats(name, seed=0):
    """Return floats of every magnitude and kind: specials, then random ones from 1e-6 to 1e6, of both signs."""
    rng = np.random.default_rng(seed)
    spread = rng.choice([-1, 1], 200) * 10 ** rng.uniform(-6, 6, 200)
    with np.errstate(over="ignore"):
        return np.concatenate([SPECIALS, spread, rng.normal(size=100)]).astype(dtype(name))


def integers(name, seed=0):
    """Return integers: the extremes, those around 0, and random ones."""
    limits = np.iinfo(name)
    rng = np.random.default_rng(seed)
    near = [limits.min, limits.max, 0, 1, 2, 3, limits.max - 1, *([-1, -2] if limits.min else [7])]
    wild = rng.integers(limits.min, limits.max, 60, name, endpoint=True)
    return np.concatenate([np.array(near, name), wild, rng.integers(0, 20, 40).astype(name)])


def tensor(shape, name="float32", seed=0):
    """Return a tensor of small numbers, exact in every dtype."""
    rng = np.random.default_rng([seed, *shape])
    if name == "bool":
        return rng.integers(0, 2, shape).astype(bool)
    return rng.integers(0 if name.startswith("u") else -8, 8, shape).astype(dtype(name))


def pairs(values, seed=0):
    """Return two arrays that pair every special of `values` with every other, and the rest at random."""
    head = values[: len(SPECIALS)]
    rest = np.random.default_rng(seed).permutation(values)
    return np.concatenate([np.repeat(head, len(head)), values]), np.concatenate([np.tile(head, len(head)), rest])


def ulps(got, exact):
    """Return how many units in the last place of its dtype a result is from the exact one; 0 for equal specials."""
    wide = got.astype(np.longdouble)
    info = ml_dtypes.finfo(got.dtype)
    with np.errstate(all="ignore"):
        rounded = exact.astype(got.dtype).astype(np.longdouble)
        same = (wide == rounded) | (np.isnan(wide) & np.isnan(rounded))
        exponent = np.maximum(np.floor(np.log2(np.abs(exact))), info.minexp)
        return np.where(same, 0, np.abs(wide - exact) / np.exp2(exponent) / np.longdouble(float(info.eps)))
