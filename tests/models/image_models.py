"""Models of images and volumes, as their users write them: blocks of well-known networks, small and of odd sizes."""

from __future__ import annotations

import numpy as np
from listing import model, normal

from aicomp import nn, ops

rng = np.random.default_rng(0)


def norm2d(channels, rng):
    norm = nn.BatchNorm2d(channels)
    norm.running_mean, norm.running_var = normal(channels, scale=0.1), rng.uniform(0.5, 1.5, channels).astype("f4")
    return norm


growing = [
    nn.Sequential(norm2d(10 + 6 * i, rng), nn.ReLU(), nn.Conv2d(10 + 6 * i, 6, 3, padding=1, rng=rng)) for i in range(3)
]
stem, head = nn.Conv2d(3, 10, 3, padding=1, rng=rng), nn.Linear(28, 5, rng=rng)


@model(normal(2, 3, 13, 13))
def dense_block(x):
    features = [stem(x)]
    for layer in growing:
        features.append(layer(np.concatenate(features, axis=1)))
    return head(ops.avg_pool(np.concatenate(features, axis=1), window=2).mean(axis=(2, 3)))


expand, depthwise = nn.Conv2d(13, 33, 1, rng=rng), nn.Conv2d(33, 33, 5, 2, 2, groups=33, bias=False, rng=rng)
squeeze, excite, project = nn.Conv2d(33, 5, 1, rng=rng), nn.Conv2d(5, 33, 1, rng=rng), nn.Conv2d(33, 13, 1, rng=rng)
wide_norm = norm2d(33, rng)


@model(normal(1, 13, 17, 17))
def inverted_residual(x):
    y = wide_norm(depthwise(ops.hard_swish(expand(x))))
    gate = ops.hard_sigmoid(excite(ops.relu(squeeze(ops.global_avg_pool(y)))))
    return project(ops.hard_swish(y * gate))


grouped, shortcut = nn.Conv2d(16, 60, 3, 2, 1, groups=4, rng=rng), nn.Conv2d(16, 60, 1, 2, rng=rng)


@model(normal(7, 16, 9, 9))
def grouped_residual(x):
    return np.maximum(grouped(np.maximum(x, 0)) + shortcut(x), 0)


branches = [
    nn.Conv2d(13, 5, 1, rng=rng),
    nn.Conv2d(13, 9, 3, padding=1, rng=rng),
    nn.Conv2d(13, 7, 5, padding=2, rng=rng),
]


@model(normal(2, 13, 9, 8))
def inception(x):
    parts = [ops.relu(branch(x)) for branch in branches]
    return np.concatenate([*parts, ops.max_pool(x, window=3, strides=1, padding=1)], axis=1)


down, middle = nn.Conv2d(1, 5, 3, padding=1, rng=rng), nn.Conv2d(5, 10, 3, padding=1, rng=rng)
up, out = nn.ConvTranspose2d(10, 5, 4, 2, 1, rng=rng), nn.Conv2d(10, 2, 1, rng=rng)


@model(normal(1, 1, 10, 14))
def unet(x):
    skip = ops.relu(down(x))
    deep = ops.relu(middle(ops.max_pool(skip, window=2)))
    return ops.sigmoid(out(np.concatenate([skip, up(deep)], axis=1))), np.repeat(np.repeat(deep, 2, axis=2), 2, axis=3)


first, second, embed = nn.Conv2d(8, 8, 3, padding=1, rng=rng), nn.Conv2d(8, 8, 1, rng=rng), nn.Linear(8, 8, rng=rng)
group_norm, qkv = nn.GroupNorm(4, 8), nn.Conv2d(8, 24, 1, rng=rng)


@model(normal(2, 8, 6, 6), np.float32([3, 800]))
def diffusion_block(x, t):
    angles = t[:, None] * np.exp(-9.2 * np.arange(4, dtype=np.float32) / 4)
    time = embed(ops.silu(np.concatenate([np.cos(angles), np.sin(angles)], axis=-1)))
    x = x + second(ops.silu(group_norm(first(ops.silu(group_norm(x))) + time[:, :, None, None])))
    q, k, v = np.split(qkv(group_norm(x)).reshape(2, 6, 4, 36), 3, axis=1)
    weights = ops.softmax(np.einsum("nhcq,nhck->nhqk", q, k) / 2, axis=-1)
    return x + np.einsum("nhqk,nhck->nhcq", weights, v).reshape(x.shape)


generator = nn.Sequential(
    nn.ConvTranspose2d(20, 16, 4, bias=False, rng=rng), norm2d(16, rng), nn.ReLU(),
    nn.ConvTranspose2d(16, 3, 4, 2, 1, rng=rng), nn.Tanh(),
)  # fmt: skip
discriminator = nn.Sequential(
    nn.Conv2d(3, 8, 4, 2, 1, rng=rng), nn.LeakyReLU(alpha=0.2), nn.InstanceNorm2d(8, affine=True), nn.Conv2d(8, 1, 4, rng=rng),
)  # fmt: skip


@model(normal(2, 20))
def adversaries(noise):
    images = generator(noise[:, :, None, None])
    return images, ops.sigmoid(discriminator(images)).reshape(-1)


encode, decode = nn.Linear(49, 26, rng=rng), nn.Linear(13, 49, rng=rng)


@model(np.abs(normal(7, 7, 7)) % 1, normal(7, 13))
def autoencoder(x, noise):
    mean, log_variance = np.split(ops.tanh(encode(x.reshape(7, 49))), 2, axis=-1)
    y = ops.sigmoid(decode(mean + np.exp(0.5 * log_variance) * noise))
    divergence = -0.5 * np.sum(1 + log_variance - mean**2 - np.exp(log_variance), axis=-1)
    flat = x.reshape(7, 49)
    entropy = -np.sum(flat * np.log(y + 1e-7) + (1 - flat) * np.log1p(-y + 1e-7), axis=1)
    return {"image": y.reshape(x.shape), "loss": np.mean(entropy + divergence)}


volume = nn.Sequential(
    nn.Conv3d(2, 5, 3, padding=1, rng=rng), nn.ReLU(), nn.MaxPool3d((1, 2, 2)), nn.Conv3d(5, 3, 3, (1, 2, 2), rng=rng),
    nn.AdaptiveAvgPool3d(1), nn.Flatten(),
)  # fmt: skip
model(normal(2, 2, 5, 8, 7), name="volume")(volume)


@model(normal(2, 3, 7, 9))
def borders(x):
    modes = ("reflect", "edge", "wrap", "symmetric", "constant")
    return [np.pad(x, ((0, 0), (0, 0), (3, 2), (1, 4)), mode=mode) * 2 for mode in modes]


@model(normal(1, 3, 7, 9))
def resize(x):
    place = np.clip((np.arange(16) + 0.5) * 7 / 16 - 0.5, 0, 6)
    low = np.floor(place).astype(int)
    share = (place - low).astype(np.float32)[:, None]
    return x[:, :, low] * (1 - share) + x[:, :, np.minimum(low + 1, 6)] * share, x[..., ::2, ::-1][:, :, [0, 2, 1]]
