"""Convolution with batch norm, the brick of the image models; statistics as of a trained network, so that signals live.

In: channel counts and a generator. Out: modules.
"""

from __future__ import annotations

import numpy as np

from aicomp import nn


def conv_bn(channels, filters, kernel, rng, *, stride=1, groups=1, activation=None):
    """Return a convolution without bias, batch norm, and an activation if one is given; padded to keep sizes."""
    conv = nn.Conv2d(channels, filters, kernel, stride, kernel // 2, groups=groups, bias=False, rng=rng)
    layers = [conv, seeded_norm(filters, rng)]
    return nn.Sequential(*layers, *([activation] if activation else []))


def seeded_norm(channels, rng):
    """Return a batch norm that has seen activations of the size that random weights give."""
    norm = nn.BatchNorm2d(channels)
    norm.weight = rng.uniform(0.5, 1.5, channels).astype(np.float32)
    norm.bias = rng.normal(0, 0.1, channels).astype(np.float32)
    norm.running_mean = rng.normal(0, 0.1, channels).astype(np.float32)
    norm.running_var = rng.uniform(0.2, 0.6, channels).astype(np.float32)
    return norm
