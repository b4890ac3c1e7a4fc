"""Elementwise activation functions of neural networks.

In: floats (relu: any number). Out: the same dtype and shape.
"""

from __future__ import annotations

import math

from .. import expr as e
from ..errors import GraphError
from ..expr import Expr
from .base import elementwise
from .elementwise import idempotent

SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805  # Klambauer et al. 2017, section 2


@idempotent
def relu(x: Expr) -> Expr:
    """max(x, 0)."""
    return e.maximum(x, 0)


@idempotent
def relu6(x: Expr) -> Expr:
    """min(max(x, 0), 6)."""
    return e.minimum(e.maximum(x, 0), 6)


@elementwise
def leaky_relu(x: Expr, *, alpha: float = 0.01) -> Expr:
    """x where x >= 0, else alpha * x."""
    return e.select(x >= 0.0, x, x * alpha)


@elementwise
def prelu(x: Expr, slope: Expr) -> Expr:
    """x where x >= 0, else slope * x."""
    return e.select(x >= 0.0, x, slope * x)


@elementwise
def thresholded_relu(x: Expr, *, alpha: float = 1.0) -> Expr:
    """x where x > alpha, else 0."""
    return e.select(x <= alpha, e.const(0.0, x.dtype), x)


@elementwise
def shrink(x: Expr, *, bound: float = 0.5, bias: float = 0.0) -> Expr:
    """x pulled towards 0 by bias where |x| > bound, else 0 (bias = bound: soft shrinkage)."""
    pulled = x - e.copysign(e.const(bias, x.dtype), x)
    return e.select(e.absolute(x) <= bound, e.const(0.0, x.dtype), pulled)


@idempotent
def hard_tanh(x: Expr, *, low: float = -1.0, high: float = 1.0) -> Expr:
    """min(max(x, low), high)."""
    return e.minimum(e.maximum(x, low), high)


@elementwise
def elu(x: Expr, *, alpha: float = 1.0) -> Expr:
    """x where x > 0, else alpha * (e ** x - 1)."""
    return e.select(x > 0.0, x, alpha * e.expm1(x))


@elementwise
def selu(x: Expr) -> Expr:
    """scale * elu(x, alpha), with the constants that keep mean 0 and variance 1."""
    return SELU_SCALE * e.select(x > 0.0, x, SELU_ALPHA * e.expm1(x))


@elementwise
def celu(x: Expr, *, alpha: float = 1.0) -> Expr:
    """x where x > 0, else alpha * (e ** (x / alpha) - 1)."""
    return e.select(x > 0.0, x, alpha * e.expm1(x / alpha))


@elementwise
def gelu(x: Expr, *, approximate: str = "none") -> Expr:
    """x * (1 + erf(x / sqrt(2))) / 2; "tanh": x * (1 + tanh(u)) / 2 with u = sqrt(2 / pi) * (x + 0.044715 x**3).

    (1 + tanh(u)) / 2 is computed as 1 / (1 + e ** -2u), which does not cancel (Hendrycks and Gimpel 2016).
    """
    if approximate == "none":
        return 0.5 * x * (e.erf(x * math.sqrt(0.5)) + 1.0)
    if approximate != "tanh":
        raise GraphError(f'approximate {approximate!r} is neither "none" nor "tanh"')
    twice = math.sqrt(8.0 / math.pi) * (x + 0.044715 * (x * x * x))
    return x / (e.exp(-twice) + 1.0)


@elementwise
def sigmoid(x: Expr) -> Expr:
    """1 / (1 + e ** -x)."""
    return 1.0 / (e.exp(-x) + 1.0)


@elementwise
def log_sigmoid(x: Expr) -> Expr:
    """min(x, 0) - log1p(e ** -|x|): the logarithm of the sigmoid."""
    return e.minimum(x, 0.0) - _log1p_exp(x)


@elementwise
def silu(x: Expr) -> Expr:
    """x * sigmoid(x)."""
    return x / (e.exp(-x) + 1.0)


@elementwise
def hard_sigmoid(x: Expr, *, alpha: float = 1 / 6, beta: float = 0.5) -> Expr:
    """min(max(alpha * x + beta, 0), 1)."""
    return e.minimum(e.maximum(alpha * x + beta, 0.0), 1.0)


@elementwise
def hard_swish(x: Expr) -> Expr:
    """x * min(max(x / 6 + 1/2, 0), 1)."""
    return x * e.minimum(e.maximum(x * (1 / 6) + 0.5, 0.0), 1.0)


@elementwise
def softplus(x: Expr) -> Expr:
    """max(x, 0) + log1p(e ** -|x|), which is log(1 + e ** x)."""
    return e.maximum(x, 0.0) + _log1p_exp(x)


def _log1p_exp(x: Expr) -> Expr:
    return e.log1p(e.exp(-e.absolute(x)))


@elementwise
def softsign(x: Expr) -> Expr:
    """x / (1 + |x|)."""
    return x / (e.absolute(x) + 1.0)


@elementwise
def mish(x: Expr) -> Expr:
    """x * tanh(softplus(x))."""
    return x * e.tanh(e.maximum(x, 0.0) + _log1p_exp(x))
