"""Models of sequences, as their users write them: recurrent, convolutional, transformers, experts, decoding steps."""

from __future__ import annotations

import ml_dtypes
import numpy as np
from listing import model, normal, whole

import aicomp as ac
from aicomp import nn, ops

rng = np.random.default_rng(0)
filters = [nn.Conv1d(6, 6, 2, dilation=2**i, rng=rng) for i in range(4)]
gates = [nn.Conv1d(6, 6, 2, dilation=2**i, rng=rng) for i in range(4)]
skips = [nn.Conv1d(6, 5, 1, rng=rng) for _ in range(4)]


@model(normal(1, 6, 50))
def wavenet(x):
    total = 0
    for i, (a, b, skip) in enumerate(zip(filters, gates, skips, strict=True)):
        padded = np.pad(x, ((0, 0), (0, 0), (2**i, 0)))
        y = np.tanh(a(padded)) * ops.sigmoid(b(padded))
        total, x = total + skip(y), x + y
    return ops.log_softmax(np.maximum(total, 0), axis=1)


words = nn.Embedding(17, 12, rng=rng)
lstm = nn.LSTM(12, 7, num_layers=2, bidirectional=True, batch_first=True, rng=rng)
gru = nn.GRU(12, 12, batch_first=True, rng=rng)
keys, query, recur = nn.Linear(12, 12, rng=rng), nn.Linear(12, 12, rng=rng), nn.Linear(36, 12, rng=rng)


@model(whole(17, 2, 5))
def recurrent(tokens):
    y, (h, c) = lstm(words(tokens))
    return ops.softmax(y[:, -1]), h, c


@model(whole(17, 2, 5))
def translation(tokens):
    memory, h = gru(words(tokens))

    def step(carry, _):
        h, token = carry
        weights = ops.softmax(np.tanh(query(h)[:, None] + keys(memory)).sum(-1), axis=1)
        context = (weights[:, :, None] * memory).sum(axis=1)
        h = np.tanh(recur(np.concatenate([h, context, words(token)], axis=1)))
        scores = h @ words.weight.T
        return (h, scores.argmax(axis=1)), (scores, weights)

    return ac.scan(step, (h[0], np.zeros(2, np.int64)), None, length=4)[1]


encoder = nn.TransformerEncoderLayer(24, 3, 50, activation="gelu", rng=rng)


@model(normal(2, 11, 24), np.arange(11) < np.array([[11], [7]]))
def masked_encoder(x, mask):
    return encoder(x, mask=mask[:, None, None, :])


weights_qkv, weights_out = normal(24, 72, scale=0.2), normal(24, 24, scale=0.2)


def layer_norm(x):
    return (x - x.mean(axis=-1, keepdims=True)) / np.sqrt(x.var(axis=-1, keepdims=True) + 1e-5)


@model(normal(2, 9, 24))
def causal_numpy(x):
    q, k, v = (z.reshape(2, 9, 3, 8).transpose(0, 2, 1, 3) for z in np.split(layer_norm(x) @ weights_qkv, 3, axis=-1))
    scores = q @ k.swapaxes(-1, -2) / 8**0.5 + (1 - np.tri(9, dtype=np.float32)) * -1e10
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    y = powers / powers.sum(axis=-1, keepdims=True) @ v
    x = x + y.transpose(0, 2, 1, 3).reshape(2, 9, 24) @ weights_out
    return 0.5 * x * (1 + np.tanh(0.79788 * (x + 0.044715 * x**3)))


def rotate(x, positions):
    half = x.shape[-1] // 2
    angles = (positions[..., None] * 10.0 ** -np.arange(half)).astype(x.dtype)
    a, b, c, s = x[..., :half], x[..., half:], np.cos(angles), np.sin(angles)
    return np.concatenate([a * c - b * s, b * c + a * s], axis=-1)


class Llama(nn.Module):
    """One layer: 6 heads of queries share 2 of keys and values; RMS norms, rotary positions, a gated MLP."""

    def __init__(self, dtype):
        rng = np.random.default_rng(0)
        self.norm = nn.RMSNorm(24)
        self.q, self.k, self.v, self.o = (nn.Linear(24, n, bias=False, rng=rng) for n in (24, 8, 8, 24))
        self.gate, self.up, self.down = (nn.Linear(*n, bias=False, rng=rng) for n in ((24, 40), (24, 40), (40, 24)))
        self.astype(dtype)

    def heads(self, x, positions):
        y = self.norm(x)
        q, k, v = (f(y).reshape(*x.shape[:2], -1, 4).swapaxes(1, 2) for f in (self.q, self.k, self.v))
        return rotate(q, positions), rotate(k, positions), v

    def finish(self, x, attended):
        x = x + self.o(attended.swapaxes(1, 2).reshape(x.shape))
        return x + self.down(ops.silu(self.gate(self.norm(x))) * self.up(self.norm(x)))

    def __call__(self, x):
        q, k, v = self.heads(x, np.arange(x.shape[1]))
        return self.finish(x, ops.attention(q, k, v, causal=True))

    def step(self, x, position, cache):
        q, *new = self.heads(x, position.reshape(1))
        here = (np.arange(13) == position)[:, None]
        k, v = (np.where(here, one, old) for one, old in zip(new, cache, strict=True))
        wide = [np.repeat(each, 3, axis=1) for each in (k, v)]
        scores = np.where(np.arange(13) <= position, q @ wide[0].swapaxes(-1, -2) / 2, -np.inf)
        return self.finish(x, ops.softmax(scores) @ wide[1]), {"k": k, "v": v}


for each in (np.float32, np.float16, ml_dtypes.bfloat16):
    model(normal(2, 9, 24).astype(each), name=f"llama_{np.dtype(each)}")(Llama(each))
cache = normal(1, 2, 13, 4), normal(1, 2, 13, 4, seed=2)
model(normal(1, 1, 24), np.array(5), cache, name="llama_step")(Llama(np.float32).step)

patches, class_token = nn.Conv2d(3, 24, 8, 8, rng=rng), normal(1, 1, 24)
pre_norm = nn.TransformerEncoderLayer(24, 4, 30, activation="silu", norm_first=True, rng=rng)
mix = nn.Linear(5, 5, rng=rng)


@model(normal(2, 3, 16, 16))
def vision(x):
    y = patches(x).reshape(2, 24, 4).swapaxes(1, 2)
    y = pre_norm(np.concatenate([np.broadcast_to(class_token, (2, 1, 24)), y], axis=1))
    return (y + ops.gelu(mix(y.swapaxes(1, 2))).swapaxes(1, 2))[:, 0]


@model(normal(13, 10), normal(10, 5, seed=2), normal(5, 10, 9, seed=3), normal(5, 9, 10, seed=4))
def experts(x, router, w1, w2):
    values, chosen = ops.top_k(x @ router, k=2)
    share = ops.softmax(values)
    hidden = ops.silu(np.einsum("td,tkdf->tkf", x, ops.take(w1, chosen, axis=0)))
    sparse = np.einsum("tkf,tkfd,tk->td", hidden, ops.take(w2, chosen, axis=0), share)
    dense = np.einsum("tef,efd->ted", ops.silu(np.einsum("td,edf->tef", x, w1)), w2)
    combined = (ops.one_hot(chosen, depth=5) * share[..., None]).sum(axis=1)
    return sparse, (dense * combined[..., None]).sum(axis=1), chosen
