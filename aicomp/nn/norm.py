"""Normalisation layers, at inference; parameters are named as in PyTorch.

In: a float tensor. Out: a tensor of its shape.

    nn.BatchNorm2d(64)                 # weight, bias, running_mean, running_var: f32[64]
    nn.LayerNorm(768)
"""

from __future__ import annotations

from math import prod

from .. import ops
from .initial import ones, zeros
from .module import Module, Tensor

Sizes = int | tuple[int, ...]


class BatchNorm(Module):
    """Batch norm by the running statistics, channels along axis 1; one class for 1d, 2d and 3d."""

    def __init__(self, num_features: int, eps: float = 1e-5) -> None:
        self.eps = eps
        self.weight = ones(num_features)
        self.bias = zeros(num_features)
        self.running_mean = zeros(num_features)
        self.running_var = ones(num_features)

    def __call__(self, x: Tensor) -> Tensor:
        """Return the normalised tensor."""
        statistics = self.running_mean, self.running_var
        return ops.batch_norm(x, self.weight, self.bias, *statistics, epsilon=self.eps)


BatchNorm1d = BatchNorm2d = BatchNorm3d = BatchNorm


class LayerNorm(Module):
    """Layer norm over the last axes, of sizes `normalized_shape`."""

    def __init__(self, normalized_shape: Sizes, eps: float = 1e-5, affine: bool = True, bias: bool = True) -> None:
        self.eps = eps
        self.shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        size = prod(self.shape)
        self.weight = ones(size).reshape(self.shape) if affine else None
        self.bias = zeros(size).reshape(self.shape) if affine and bias else None

    def __call__(self, x: Tensor) -> Tensor:
        """Return the normalised tensor."""
        return ops.layer_norm(x, self.weight, self.bias, axes=-len(self.shape), epsilon=self.eps)


class RMSNorm(Module):
    """Root mean square norm over the last axes, of sizes `normalized_shape`."""

    def __init__(self, normalized_shape: Sizes, eps: float = 1e-6, affine: bool = True) -> None:
        self.eps = eps
        self.shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        self.weight = ones(prod(self.shape)).reshape(self.shape) if affine else None

    def __call__(self, x: Tensor) -> Tensor:
        """Return the normalised tensor."""
        return ops.rms_norm(x, self.weight, axes=-len(self.shape), epsilon=self.eps)


class GroupNorm(Module):
    """Group norm of x [N, num_channels, *S] over `num_groups` groups of channels."""

    def __init__(self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True) -> None:
        self.groups = num_groups
        self.eps = eps
        self.weight = ones(num_channels) if affine else None
        self.bias = zeros(num_channels) if affine else None

    def __call__(self, x: Tensor) -> Tensor:
        """Return the normalised tensor."""
        return ops.group_norm(x, self.weight, self.bias, groups=self.groups, epsilon=self.eps)


class InstanceNorm(Module):
    """Instance norm of x [N, num_features, *S] over S; one class for 1d, 2d and 3d."""

    def __init__(self, num_features: int, eps: float = 1e-5, affine: bool = False) -> None:
        self.eps = eps
        self.weight = ones(num_features) if affine else None
        self.bias = zeros(num_features) if affine else None

    def __call__(self, x: Tensor) -> Tensor:
        """Return the normalised tensor."""
        return ops.instance_norm(x, self.weight, self.bias, epsilon=self.eps)


InstanceNorm1d = InstanceNorm2d = InstanceNorm3d = InstanceNorm
