"""Layers and models with named parameters, for inference: written once, run on arrays, compiled from a trace.

In: arrays, or tracers. Out: the same. Layouts, argument names and parameter names are PyTorch's, so that its state
dicts load; attention and transformer layers are batch first. `rng` is a generator or a seed.

    model = nn.Sequential(nn.Linear(784, 100, rng=rng), nn.ReLU(), nn.Linear(100, 10, rng=rng))
    model.load_safetensors("mlp.safetensors")
    aicomp.compile(model, example_inputs=(x,))
"""

from __future__ import annotations

from .activations import (
    CELU,
    ELU,
    GELU,
    SELU,
    Activation,
    HardSigmoid,
    HardSwish,
    LeakyReLU,
    LogSoftmax,
    Mish,
    PReLU,
    ReLU,
    ReLU6,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Softsign,
    Tanh,
)
from .convolution import Conv1d, Conv2d, Conv3d, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from .layers import Dropout, Embedding, Flatten, Identity, Linear, Sequential
from .module import Module
from .norm import (
    BatchNorm,
    BatchNorm1d,
    BatchNorm2d,
    BatchNorm3d,
    GroupNorm,
    InstanceNorm,
    InstanceNorm1d,
    InstanceNorm2d,
    InstanceNorm3d,
    LayerNorm,
    RMSNorm,
)
from .pooling import (
    AdaptiveAvgPool,
    AdaptiveAvgPool1d,
    AdaptiveAvgPool2d,
    AdaptiveAvgPool3d,
    AdaptiveMaxPool,
    AdaptiveMaxPool1d,
    AdaptiveMaxPool2d,
    AdaptiveMaxPool3d,
    AvgPool,
    AvgPool1d,
    AvgPool2d,
    AvgPool3d,
    MaxPool,
    MaxPool1d,
    MaxPool2d,
    MaxPool3d,
)
from .recurrent import GRU, LSTM, RNN
from .transformer import MultiHeadAttention, TransformerDecoderLayer, TransformerEncoderLayer

__all__ = [
    "CELU", "ELU", "GELU", "GRU", "LSTM", "RNN", "SELU", "Activation", "AdaptiveAvgPool", "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d", "AdaptiveAvgPool3d", "AdaptiveMaxPool", "AdaptiveMaxPool1d", "AdaptiveMaxPool2d",
    "AdaptiveMaxPool3d", "AvgPool", "AvgPool1d", "AvgPool2d", "AvgPool3d", "BatchNorm", "BatchNorm1d",
    "BatchNorm2d", "BatchNorm3d", "Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d",
    "ConvTranspose3d", "Dropout", "Embedding", "Flatten", "GroupNorm", "HardSigmoid", "HardSwish", "Identity",
    "InstanceNorm", "InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d", "LayerNorm", "LeakyReLU", "Linear",
    "LogSoftmax", "MaxPool", "MaxPool1d", "MaxPool2d", "MaxPool3d", "Mish", "Module", "MultiHeadAttention",
    "PReLU", "RMSNorm", "ReLU", "ReLU6", "Sequential", "SiLU", "Sigmoid", "Softmax", "Softplus", "Softsign",
    "Tanh", "TransformerDecoderLayer", "TransformerEncoderLayer",
]  # fmt: skip
