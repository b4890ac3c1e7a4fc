"""Attention, rotary positions and embeddings against their definitions in float64."""

import ml_dtypes
import numpy as np
import pytest
from recorded import names, normal, tensor

from aicomp import ops
from aicomp.errors import AicompError

INF = np.inf


def attend(q, k, v, mask=None, scale=None):
    """softmax(q @ k.T * scale + mask) @ v in float64, keys and values repeated for the queries' heads."""
    q, k, v = (x.astype(np.float64) for x in (q, k, v))
    if q.ndim > 2:
        k, v = (np.repeat(x, q.shape[-3] // x.shape[-3], -3) for x in (k, v))
    scores = q @ k.swapaxes(-1, -2) * (q.shape[-1] ** -0.5 if scale is None else scale)
    if mask is not None:
        scores = np.where(mask, scores, -INF) if mask.dtype == bool else scores + mask
    powers = np.exp(scores - scores.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True) @ v


SHAPES = [
    ((4, 8), (6, 8), (6, 5)),
    ((2, 4, 8), (2, 6, 8), (2, 6, 8)),
    ((3, 6, 4, 8), (3, 2, 5, 8), (3, 2, 5, 7)),
    ((3, 6, 1, 8), (3, 1, 5, 8), (3, 1, 5, 8)),
    ((2, 3, 4, 5, 8), (2, 3, 2, 5, 8), (2, 3, 2, 5, 8)),
]


@pytest.mark.parametrize("shapes", SHAPES)
@pytest.mark.parametrize("scale", [None, 0.5])
def test_attention(shapes, scale):
    q, k, v = (normal(*shape) for shape in shapes)
    assert np.allclose(ops.attention(q, k, v, scale=scale), attend(q, k, v, scale=scale), atol=1e-5)


@pytest.mark.parametrize("shapes", SHAPES)
def test_causal_attention_counts_from_the_first_key(shapes):
    q, k, v = (normal(*shape) for shape in shapes)
    mask = np.tri(q.shape[-2], k.shape[-2], dtype=bool)
    assert np.allclose(ops.attention(q, k, v, causal=True), attend(q, k, v, mask), atol=1e-5)


@pytest.mark.parametrize("shape", [(4, 5), (5,), (3, 1, 1, 5), (6, 1, 5), (3, 6, 4, 5)])
def test_masks(shape):
    q, k, v = (normal(*shape) for shape in SHAPES[2])
    added = normal(*shape, seed=9)
    taken = added > -1
    assert np.allclose(ops.attention(q, k, v, added), attend(q, k, v, added), atol=1e-5)
    assert np.allclose(ops.attention(q, k, v, taken), attend(q, k, v, taken), atol=1e-5)


def test_a_mask_and_causal_both_hold():
    q, k, v = (normal(*shape) for shape in SHAPES[0])
    mask = np.array([True, False, True, True, True, True])
    expected = attend(q, k, v, mask & np.tri(4, 6, dtype=bool))
    assert np.allclose(ops.attention(q, k, v, mask, causal=True), expected, atol=1e-5)


@pytest.mark.parametrize("mask", [np.zeros((4, 6), bool), np.full((4, 6), -INF, np.float32)])
def test_queries_barred_from_every_key_get_zeros(mask):
    q, k, v = (normal(*shape) for shape in SHAPES[0])
    mask[1] = ~mask[1] if mask.dtype == bool else 0
    result = ops.attention(q, k, v, mask)
    assert np.array_equal(result[[0, 2, 3]], np.zeros((3, 5)))
    assert np.allclose(result[1], attend(q, k, v)[1], atol=1e-5)


def test_nan_stays():
    q, k, v = (normal(*shape) for shape in SHAPES[0])
    q[2, 0] = np.nan
    result = ops.attention(q, k, v, np.ones((4, 6), bool))
    assert np.isnan(result[2]).all()
    assert not np.isnan(result[[0, 1, 3]]).any()


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16])
def test_halves_are_computed_in_float32(dtype):
    q, k, v = ((normal(2, 4, 64) * 40).astype(dtype) for _ in range(3))
    result = ops.attention(q, k, v)
    assert result.dtype == dtype
    assert np.allclose(result.astype(np.float64), attend(q, k, v), rtol=1e-2)


def test_no_queries_and_no_keys():
    q, k = np.zeros((2, 0, 8), np.float32), normal(2, 3, 8)
    assert ops.attention(q, k, k, np.ones((0, 3), bool)).shape == (2, 0, 8)
    assert np.array_equal(ops.attention(k, q, q), np.zeros((2, 3, 8)))


def test_grouped_heads_share_keys_without_copies():
    found = names(ops.attention(tensor(2, 8, 10, 4), tensor(2, 2, 10, 4), tensor(2, 2, 10, 4)))
    assert found.count("matmul") == 2
    assert not {"broadcast_to", "concat", "gather"} & set(found)
    assert found.count("transpose") == 1


@pytest.mark.parametrize(
    ("shapes", "words"),
    [
        (((4, 8), (6, 7), (6, 8)), "do not fit"),
        (((4, 8), (6, 8), (5, 8)), "do not fit"),
        (((5, 4, 8), (2, 6, 8), (2, 6, 8)), "multiple"),
        (((2, 2, 4, 8), (1, 2, 6, 8), (1, 2, 6, 8)), "do not fit"),
        (((4, 8), (6, 8), (6, 8), (2, 4, 6)), "does not broadcast"),
    ],
)
def test_attention_errors(shapes, words):
    with pytest.raises(AicompError, match=words):
        ops.attention(*(normal(*shape) for shape in shapes))


def test_embedding():
    table, ids = normal(10, 4), np.array([[0, 9], [-1, 3]], np.int32)
    assert np.array_equal(ops.embedding(ids, table), table[ids])
    with pytest.raises(AicompError, match="expected"):
        ops.embedding(ids, normal(10))


@pytest.mark.parametrize("interleaved", [False, True])
@pytest.mark.parametrize("turned", [8, 4])
def test_rotary_embedding(turned, interleaved):
    x, angles = normal(2, 3, 5, 8), normal(5, turned // 2)
    first, second = (slice(0, turned, 2), slice(1, turned, 2))
    if not interleaved:
        first, second = slice(0, turned // 2), slice(turned // 2, turned)
    expected = x.astype(np.float64)
    complex_pairs = (expected[..., first] + 1j * expected[..., second]) * np.exp(1j * angles)
    expected[..., first], expected[..., second] = complex_pairs.real, complex_pairs.imag
    result = ops.rotary_embedding(x, np.cos(angles), np.sin(angles), interleaved=interleaved)
    assert np.allclose(result, expected, atol=1e-5)


def test_rotary_embedding_errors():
    with pytest.raises(AicompError, match="do not fit"):
        ops.rotary_embedding(normal(5, 8), normal(5, 5), normal(5, 5))
