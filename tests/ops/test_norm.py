"""Normalisation layers against their definitions in float64."""

import ml_dtypes
import numpy as np
import pytest
from recorded import names, normal, primitives, tensor

from aicomp import ops
from aicomp.errors import AicompError


def standard(x, axes, epsilon=1e-5):
    wide = x.astype(np.float64)
    return (wide - wide.mean(axes, keepdims=True)) / np.sqrt(wide.var(axes, keepdims=True) + epsilon)


@pytest.mark.parametrize(("axes", "shape"), [(-1, (4,)), (2, (4,)), (1, (3, 4)), (-3, (2, 3, 4))])
def test_layer_norm(axes, shape):
    x, scale, bias = normal(2, 3, 4), normal(*shape), normal(*shape, seed=1)
    last = tuple(range(3 - len(shape), 3))
    assert np.allclose(ops.layer_norm(x, axes=axes), standard(x, last), atol=1e-5)
    expected = standard(x, last, 0.1) * scale + bias
    assert np.allclose(ops.layer_norm(x, scale, bias, axes=axes, epsilon=0.1), expected, atol=1e-5)


def test_layer_norm_far_from_zero():
    x = normal(4, 64) + np.float32(1e4)
    assert np.allclose(ops.layer_norm(x), standard(x, -1), atol=1e-2)


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16])
def test_halves_are_computed_in_float32(dtype):
    x = (normal(2, 64) * 300).astype(dtype)
    result = ops.layer_norm(x, np.ones(64, dtype))
    assert result.dtype == dtype
    assert np.allclose(result.astype(np.float64), standard(x, -1), atol=2e-2)
    assert ops.rms_norm(x).dtype == dtype
    assert np.isfinite(ops.rms_norm(x).astype(np.float32)).all()


def test_rms_norm():
    x, scale = normal(2, 3, 4), normal(4)
    expected = x / np.sqrt(np.mean(x.astype(np.float64) ** 2, -1, keepdims=True) + 1e-5) * scale
    assert np.allclose(ops.rms_norm(x, scale), expected, atol=1e-5)
    assert np.allclose(ops.rms_norm(x, scale, axes=-1, epsilon=1e-5), expected, atol=1e-5)


@pytest.mark.parametrize(("shape", "axis"), [((2, 3), 1), ((2, 3, 4), 1), ((2, 3, 4, 5), 1), ((2, 4, 5, 3), -1)])
def test_batch_norm(shape, axis):
    x, vectors = normal(*shape), [normal(3, seed=i) for i in range(3)]
    var = np.abs(normal(3, seed=3))
    scale, bias, mean = (v.reshape([3 if i == axis % len(shape) else 1 for i in range(len(shape))]) for v in vectors)
    expected = (x - mean) / np.sqrt(var.reshape(mean.shape) + 1e-3) * scale + bias
    assert np.allclose(ops.batch_norm(x, *vectors, var, epsilon=1e-3, axis=axis), expected, atol=1e-5)


def test_batch_norm_is_one_multiply_add_on_the_full_tensor():
    channel = [tensor(3) for _ in range(4)]
    nodes = primitives(ops.batch_norm(tensor(2, 3, 8, 8), *channel))
    assert [node.op.name for node in nodes if node.outputs[0].type.size > 3] == ["multiply", "add"]


@pytest.mark.parametrize("groups", [1, 2, 6])
@pytest.mark.parametrize("spatial", [(), (4,), (3, 5)])
def test_group_norm(groups, spatial):
    x, scale, bias = normal(2, 6, *spatial), normal(6), normal(6, seed=1)
    expected = standard(x.reshape(2, groups, -1), -1).reshape(x.shape)
    column = (6, *(1,) * len(spatial))
    assert np.allclose(ops.group_norm(x, groups=groups), expected, atol=1e-5)
    scaled = expected * scale.reshape(column) + bias.reshape(column)
    assert np.allclose(ops.group_norm(x, scale, bias, groups=groups), scaled, atol=1e-5)


def test_instance_norm():
    x, scale, bias = normal(2, 3, 4, 5), normal(3), normal(3, seed=1)
    expected = standard(x, (2, 3)) * scale.reshape(3, 1, 1) + bias.reshape(3, 1, 1)
    assert np.allclose(ops.instance_norm(x, scale, bias), expected, atol=1e-5)


def test_norms_of_no_elements():
    assert ops.layer_norm(np.zeros((0, 4), np.float32)).shape == (0, 4)
    assert ops.layer_norm(np.zeros((4, 0), np.float32)).shape == (4, 0)
    assert ops.group_norm(np.zeros((0, 4), np.float32), groups=2).shape == (0, 4)


@pytest.mark.parametrize("norm", [ops.layer_norm, ops.rms_norm])
def test_reductions_keep_the_rows_where_they_are(norm):
    found = names(norm(tensor(128, 768), tensor(768)))
    assert not {"transpose", "concat", "gather"} & set(found)
    assert found.count("sum") == (2 if norm is ops.layer_norm else 1)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: ops.layer_norm(normal(2, 4), normal(3)), r"scale has shape \(3,\), expected \(4,\)"),
        (lambda: ops.batch_norm(normal(2, 4), *(normal(4),) * 3, normal(1)), r"var has shape \(1,\)"),
        (lambda: ops.group_norm(normal(2, 4), groups=3), "4 channels do not split into 3 groups"),
        (lambda: ops.instance_norm(normal(4)), "a channel axis"),
        (lambda: ops.layer_norm(np.ones((2, 4), np.int32)), "float tensor"),
    ],
)
def test_errors(call, words):
    with pytest.raises(AicompError, match=words):
        call()
