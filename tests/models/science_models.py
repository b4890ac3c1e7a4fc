"""Graph networks, statistics, simulations, searches and integer pipelines, as their users write them."""

from __future__ import annotations

import numpy as np
from listing import model, normal, whole

import aicomp as ac
from aicomp import nn, ops

rng = np.random.default_rng(0)
source, target = whole(33, 90), whole(33, 90, seed=2)


@model(normal(33, 13), source, target, normal(13, 24, seed=2, scale=0.3), normal(3, 8, seed=3))
def graph_attention(x, source, target, w, a):
    h = (x @ w).reshape(33, 3, 8)
    energy = ops.leaky_relu((h * a).sum(-1)[source] + (h * a).sum(-1)[target], alpha=0.2)
    top = ops.scatter_nd(np.full((33, 3), -np.inf, "f4"), target[:, None], energy, reduction="max")
    powers = np.exp(energy - top[target])
    total = ops.scatter_nd(np.zeros((33, 3), "f4"), target[:, None], powers, reduction="add")
    messages = h[source] * (powers / total[target])[..., None]
    return ops.elu(ops.scatter_nd(np.zeros((33, 3, 8), "f4"), target[:, None], messages, reduction="add"))


@model(normal(100, 5), normal(7, 5, seed=2))
def k_means(x, centres):
    distances = ((x[:, None] - centres) ** 2).sum(-1)
    nearest = distances.argmin(axis=1)
    member = (nearest[:, None] == np.arange(7)).astype(np.float32)
    return member.T @ x / np.maximum(member.sum(0), 1)[:, None], nearest


@model((np.random.default_rng(3).random((20, 20)) < 0.3).astype(np.float32))
def page_rank(links):
    spread = links / np.maximum(links.sum(0), 1)

    def step(carry):
        ranks, _, turns = carry
        new = 0.15 / 20 + 0.85 * (spread @ ranks)
        return new, np.abs(new - ranks).max(), turns + 1

    start = np.full(20, 0.05, np.float32), np.float32(1), 0
    return ac.while_loop(lambda carry: np.logical_and(carry[1] > 1e-3, carry[2] < 50), step, start)[0]


@model(normal(20, 1), np.float32([[1, 0.1], [0, 1]]))
def kalman(readings, f):
    def step(carry, z):
        x, p = f @ carry["x"], f @ carry["p"] @ f.T + 0.01 * np.eye(2, dtype=np.float32)
        gain = p[:, 0] / (p[0, 0] + 0.5)
        x = x + gain * (z - x[0])
        return {"p": p - np.outer(gain, p[0]), "x": x}, x

    last, path = ac.scan(step, {"x": np.zeros(2, np.float32), "p": np.eye(2, dtype=np.float32)}, readings)
    return last["x"], last["p"], path


@model(normal(200), normal(7, seed=2))
def signal(x, kernel):
    running = np.cumsum(x)
    points = np.linspace(0, 99, 37).astype(np.float32)
    smooth = np.convolve(x, kernel, "same"), np.correlate(x, kernel, "full")
    return *smooth, (running[8:] - running[:-8]) / 8, np.diff(x, n=2), np.interp(points, np.arange(100), x[:100])


@model(np.abs(normal(33)) + 1)
def newton(a):
    return ac.while_loop(lambda x: (np.abs(x * x - a) > 1e-4 * a).any(), lambda x: 0.5 * (x + a / x), a)


@model(normal(13, 3), normal(13, 3, seed=2), np.abs(normal(13, seed=3)))
def bodies(places, speeds, masses):
    def step(carry, _):
        p, v = carry
        apart = p[None] - p[:, None]
        pull = (apart * apart).sum(-1) + np.float32(0.1)
        v = v + 0.01 * (masses[None, :, None] * apart * pull[..., None] ** -1.5).sum(1)
        return (p + 0.01 * v, v), None

    return ac.scan(step, (places, speeds), None, length=3)[0]


@model(normal(20, 8), normal(8, 20, seed=3))
def beam_search(table, w):
    def step(carry, _):
        scores, tokens = carry
        total = scores[:, None] + ops.log_softmax(ops.take(table, tokens, axis=0) @ w)
        values, places = ops.top_k(total.reshape(-1), k=4)
        return (values, places % 20), (places // 20, places % 20)

    start = np.float32([0, -np.inf, -np.inf, -np.inf]), np.zeros(4, np.int64)
    return ac.scan(step, start, None, length=4)


@model(normal(13, 33), whole(255, 33, 20, dtype=np.int8))
def quantised(x, w):
    q = np.clip(np.rint(x / np.float32(0.03)), -128, 127).astype(np.int8)
    total = q.astype(np.int32) @ w.astype(np.int32)
    return q, np.clip(np.rint(total * np.float32(0.003)) + 128, 0, 255).astype(np.uint8), total // 7, total % -5


@model(np.random.default_rng(1).integers(-(2**62), 2**62, 100), whole(256, 2, 9, 11, 3, dtype=np.uint8))
def integers(x, image):
    h = x.astype(np.uint64)
    h = (h ^ (h >> 33)) * np.uint64(0xFF51AFD7ED558CCD)
    counts = ops.scatter_nd(
        np.zeros(256, np.int64), image.reshape(-1, 1).astype(int), np.ones(594, int), reduction="add"
    )
    pixels = (image.astype(np.float32) / 255 - np.float32([0.4, 0.5, 0.6])).transpose(0, 3, 1, 2)
    return h, np.cumsum(x), np.sort(x)[::-1], np.argsort(-x, kind="stable"), counts, pixels[..., ::-1]


stem, head = nn.Conv2d(3, 10, 3, padding=1, rng=rng), nn.Linear(10, 5, rng=rng)


@model(np.zeros((0, 3, 8, 8), np.float32))
def nothing(images):
    return head(np.maximum(stem(images), 0).mean(axis=(2, 3))), images.sum()
