"""Activations as modules, for `Sequential`: each applies the op of its name, with that op's attributes.

In: a float tensor. Out: a tensor of its shape and dtype.

    nn.LeakyReLU(alpha=0.2)(x)
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from .. import ops
from ..ir import Op
from .module import Module, Tensor


class Activation(Module):
    """The base: subclasses name the op; attributes are the op's, with its defaults."""

    op: ClassVar[Op]

    def __init__(self, **attrs: Any) -> None:
        self._attrs = attrs

    def __call__(self, x: Tensor) -> Tensor:
        """Return op(x)."""
        return self.op(x, **self._attrs)


class ReLU(Activation):
    """max(x, 0)."""

    op = ops.relu


class ReLU6(Activation):
    """min(max(x, 0), 6)."""

    op = ops.relu6


class LeakyReLU(Activation):
    """x where positive, else alpha * x."""

    op = ops.leaky_relu


class ELU(Activation):
    """x where positive, else alpha * (e ** x - 1)."""

    op = ops.elu


class SELU(Activation):
    """Scaled ELU, self-normalising (Klambauer et al. 2017)."""

    op = ops.selu


class CELU(Activation):
    """ELU, continuously differentiable for every alpha (Barron 2017)."""

    op = ops.celu


class GELU(Activation):
    """x times the normal distribution's share below x; `approximate` is "none" or "tanh"."""

    op = ops.gelu


class SiLU(Activation):
    """x * sigmoid(x), also called swish."""

    op = ops.silu


class Sigmoid(Activation):
    """1 / (1 + e ** -x)."""

    op = ops.sigmoid


class Tanh(Activation):
    """The hyperbolic tangent."""

    op = ops.tanh


class HardSigmoid(Activation):
    """min(max(alpha * x + beta, 0), 1)."""

    op = ops.hard_sigmoid


class HardSwish(Activation):
    """x * hard_sigmoid(x) (MobileNetV3)."""

    op = ops.hard_swish


class Softplus(Activation):
    """log(1 + e ** x)."""

    op = ops.softplus


class Softsign(Activation):
    """x / (1 + |x|)."""

    op = ops.softsign


class Mish(Activation):
    """x * tanh(softplus(x)) (Misra 2019)."""

    op = ops.mish


class Softmax(Activation):
    """Powers of e that sum to 1 along `axis` (the last)."""

    op = ops.softmax


class LogSoftmax(Activation):
    """The logarithm of softmax along `axis` (the last)."""

    op = ops.log_softmax


class PReLU(Module):
    """x where positive, else weight * x, with one learnt weight for all or one a channel (axis 1)."""

    def __init__(self, num_parameters: int = 1, init: float = 0.25) -> None:
        self.weight = np.full(num_parameters, init, np.float32)

    def __call__(self, x: Tensor) -> Tensor:
        """Return the activation."""
        shape = (-1, *(1,) * (len(x.shape) - 2)) if len(self.weight) > 1 else (1,)
        return ops.prelu(x, self.weight.reshape(shape))
