"""Recurrent and transformer layers against the same in plain NumPy; the layers were checked against PyTorch's."""

import numpy as np
import pytest

from aicomp import nn, ops


def normal(*shape):
    return np.random.default_rng(list(shape)).normal(size=shape).astype(np.float32)


def test_layers_and_directions_of_a_recurrent_layer():
    layer = nn.GRU(4, 6, num_layers=2, bidirectional=True, rng=3)
    p, x = layer.parameters, normal(5, 3, 4)
    states, y = [], x
    for i in range(2):
        both = []
        for suffix, reverse in ((f"_l{i}", False), (f"_l{i}_reverse", True)):
            weights = [p[kind + suffix] for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
            out, last = ops.gru(y, *weights, reverse=reverse)
            both.append(out)
            states.append(last)
        y = np.concatenate(both, -1)
    found, h = layer(x)
    assert np.allclose(found, y, atol=1e-6)
    assert np.allclose(h, states, atol=1e-6)
    assert list(p)[:5] == ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0", "weight_ih_l0_reverse"]


@pytest.mark.parametrize("bias", [False, True])
def test_states_go_in_and_come_out(bias):
    layer = nn.LSTM(4, 6, num_layers=2, bias=bias, batch_first=True)
    x = normal(3, 8, 4)
    whole, (h, c) = layer(x)
    first, state = layer(x[:, :5])
    second, (h2, c2) = layer(x[:, 5:], state)
    assert np.allclose(np.concatenate([first, second], 1), whole, atol=1e-6)
    assert np.allclose(h, h2, atol=1e-6)
    assert np.allclose(c, c2, atol=1e-6)
    assert h.shape == (2, 3, 6)


def softmax(x):
    powers = np.exp(x - x.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def attend(p, prefix, query, key, heads, mask=True):
    """Multi-head attention with the parameters of that prefix."""
    sources, parts = (query, key, key), np.split(np.arange(len(p[prefix + "in_proj_weight"])), 3)
    q, k, v = (
        (x @ p[prefix + "in_proj_weight"][rows].T + p[prefix + "in_proj_bias"][rows])
        .reshape(*x.shape[:2], heads, -1)
        .swapaxes(1, 2)
        for x, rows in zip(sources, parts, strict=True)
    )
    scores = np.where(mask, q @ k.swapaxes(-1, -2) / np.sqrt(q.shape[-1]), -np.inf)
    result = (softmax(scores) @ v).swapaxes(1, 2).reshape(query.shape)
    return result @ p[prefix + "out_proj.weight"].T + p[prefix + "out_proj.bias"]


def norm(p, name, x):
    scaled = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
    return scaled * p[name + ".weight"] + p[name + ".bias"]


def feed_forward(p, x):
    hidden = np.maximum(x @ p["linear1.weight"].T + p["linear1.bias"], 0)
    return hidden @ p["linear2.weight"].T + p["linear2.bias"]


def randomised(layer):
    """The layer with normal numbers for all parameters, and those in float64."""
    rng = np.random.default_rng(5)
    layer.load_parameters({name: rng.normal(size=a.shape) / 2 for name, a in layer.parameters.items()})
    return layer, {name: a.astype(np.float64) for name, a in layer.parameters.items()}


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("norm_first", [False, True])
def test_encoder_layer(norm_first, causal):
    layer, p = randomised(nn.TransformerEncoderLayer(8, 2, 16, norm_first=norm_first))
    x = normal(2, 5, 8)
    mask = np.tri(5, dtype=bool) if causal else True
    if norm_first:
        y = norm(p, "norm1", x)
        y = x + attend(p, "self_attn.", y, y, 2, mask)
        expected = y + feed_forward(p, norm(p, "norm2", y))
    else:
        y = norm(p, "norm1", x + attend(p, "self_attn.", x, x, 2, mask))
        expected = norm(p, "norm2", y + feed_forward(p, y))
    assert np.allclose(layer(x, causal=causal), expected, atol=1e-4)


def test_decoder_layer():
    layer, p = randomised(nn.TransformerDecoderLayer(8, 2, 16))
    x, memory = normal(2, 5, 8), normal(2, 7, 8)
    taken = np.arange(7) < 4
    y = norm(p, "norm1", x + attend(p, "self_attn.", x, x, 2, np.tri(5, dtype=bool)))
    y = norm(p, "norm2", y + attend(p, "multihead_attn.", y, memory, 2, taken))
    expected = norm(p, "norm3", y + feed_forward(p, y))
    assert np.allclose(layer(x, memory, memory_mask=taken), expected, atol=1e-4)


def test_attention_to_other_keys_and_values():
    layer, p = randomised(nn.MultiHeadAttention(8, 2))
    q, k = normal(2, 3, 8), normal(2, 5, 8)
    assert np.allclose(layer(q, k), attend(p, "", q, k, 2), atol=1e-4)
    assert np.allclose(layer(q, k, k), layer(q, k))
    assert np.allclose(layer(q, q, q), layer(q), atol=1e-5)


def test_fewer_heads_of_keys_share_them():
    layer, p = randomised(nn.MultiHeadAttention(8, 4, num_kv_heads=2))
    x = normal(2, 5, 8)
    repeated = nn.MultiHeadAttention(8, 4)
    q, k, v = np.split(np.arange(16), [8, 12])
    rows = np.concatenate([q, *(np.repeat(part.reshape(2, 2), 2, 0).ravel() for part in (k, v))])
    inner = {name: p["in_proj_" + name][rows] for name in ("weight", "bias")}
    repeated.load_parameters(p | {f"in_proj_{name}": array for name, array in inner.items()})
    assert np.allclose(layer(x), repeated(x), atol=1e-5)


def test_attention_without_biases():
    layer = nn.MultiHeadAttention(8, 2, bias=False)
    assert list(layer.parameters) == ["in_proj_weight", "out_proj.weight"]
    assert layer(normal(5, 8), normal(3, 8)).shape == (5, 8)
