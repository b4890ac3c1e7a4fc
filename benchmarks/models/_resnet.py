"""Residual networks (He et al., 2016; stride in the 3x3 convolution, as torchvision has it).

In: the kind of block, the number of blocks in each of four stages, a seed. Out: a module, images to 1000 scores.
"""

from __future__ import annotations

import numpy as np
from _layers import conv_bn

from aicomp import nn, ops


class Block(nn.Module):
    """Two 3x3 convolutions around a shortcut."""

    expansion = 1

    def __init__(self, channels, width, stride, rng):
        self.body = nn.Sequential(
            conv_bn(channels, width, 3, rng, stride=stride, activation=nn.ReLU()),
            conv_bn(width, width, 3, rng),
        )
        self.shortcut = shortcut(channels, width, stride, rng)

    def __call__(self, x):
        return ops.relu(self.body(x) + self.shortcut(x))


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions around a shortcut; four times as wide outside as inside."""

    expansion = 4

    def __init__(self, channels, width, stride, rng):
        self.body = nn.Sequential(
            conv_bn(channels, width, 1, rng, activation=nn.ReLU()),
            conv_bn(width, width, 3, rng, stride=stride, activation=nn.ReLU()),
            conv_bn(width, 4 * width, 1, rng),
        )
        self.shortcut = shortcut(channels, 4 * width, stride, rng)

    def __call__(self, x):
        return ops.relu(self.body(x) + self.shortcut(x))


def shortcut(channels, filters, stride, rng):
    """Return the identity, or a projection where sizes differ."""
    same = stride == 1 and channels == filters
    return nn.Identity() if same else conv_bn(channels, filters, 1, rng, stride=stride)


def resnet(block, depths, seed):
    """Return the network: images f32[N,3,H,W] to scores f32[N,1000]."""
    rng = np.random.default_rng(seed)
    layers = [conv_bn(3, 64, 7, rng, stride=2, activation=nn.ReLU()), nn.MaxPool2d(3, 2, 1)]
    channels = 64
    for stage, depth in enumerate(depths):
        width = 64 << stage
        for i in range(depth):
            layers.append(block(channels, width, 2 if stage and not i else 1, rng))
            channels = width * block.expansion
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 1000, rng=rng))
