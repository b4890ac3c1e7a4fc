"""ResNet-50 (He et al., 2016): an image f32[1,3,224,224] to scores f32[1,1000]."""

from __future__ import annotations

from _resnet import Bottleneck, resnet

import aicomp as ac

example_inputs = (ac.TensorSpec((1, 3, 224, 224), "float32", "x"),)
network = resnet(Bottleneck, (3, 4, 6, 3), seed=0)


def model(x):
    """Return the scores of a thousand classes."""
    return network(x)
