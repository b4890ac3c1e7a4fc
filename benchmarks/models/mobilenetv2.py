"""MobileNetV2 (Sandler et al., 2018): an image f32[1,3,224,224] to scores f32[1,1000]."""

from __future__ import annotations

import numpy as np
from _layers import conv_bn

import aicomp as ac
from aicomp import nn

example_inputs = (ac.TensorSpec((1, 3, 224, 224), "float32", "x"),)

# expansion, channels, blocks, stride of the first
STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


class InvertedResidual(nn.Module):
    """Expand (1x1), filter each channel (3x3), project (1x1); added to the input where sizes agree."""

    def __init__(self, channels, filters, stride, expansion, rng):
        width = channels * expansion
        expand = [conv_bn(channels, width, 1, rng, activation=nn.ReLU6())] if expansion > 1 else []
        self.body = nn.Sequential(
            *expand,
            conv_bn(width, width, 3, rng, stride=stride, groups=width, activation=nn.ReLU6()),
            conv_bn(width, filters, 1, rng),
        )
        self.residual = stride == 1 and channels == filters

    def __call__(self, x):
        return x + self.body(x) if self.residual else self.body(x)


def mobilenet(seed):
    """Return the network."""
    rng = np.random.default_rng(seed)
    layers, channels = [conv_bn(3, 32, 3, rng, stride=2, activation=nn.ReLU6())], 32
    for expansion, filters, depth, stride in STAGES:
        for i in range(depth):
            layers.append(InvertedResidual(channels, filters, 1 if i else stride, expansion, rng))
            channels = filters
    head = conv_bn(channels, 1280, 1, rng, activation=nn.ReLU6())
    return nn.Sequential(*layers, head, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1280, 1000, rng=rng))


network = mobilenet(seed=0)


def model(x):
    """Return the scores of a thousand classes."""
    return network(x)
