"""Recurrent layers as composites over `scan`: LSTM, GRU and the plain (Elman) RNN, one layer, one direction.

In: x [T,N,I] ([N,T,I] with `batch_first`), weights in PyTorch's layout and gate order, w_ih [G*H,I], w_hh [G*H,H],
biases [G*H]; initial states [N,H], zeros unless given. Out: all hidden states [T,N,H] and the last ones [N,H].

The inputs' products with w_ih do not depend on the state: those of all steps are one matmul before the loop, whose
body is left with one product of the hidden state. 16-bit floats are computed in float32, states included.

    y, h, c = lstm(x, w_ih, w_hh, b_ih, b_hh)          # gates i, f, g, o
    y, h = gru(x, w_ih, w_hh, b_ih, b_hh)              # gates r, z, n
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from ..errors import GraphError
from ..ir import Op
from .activations import relu, sigmoid
from .composite import composite
from .contract import matmul
from .recurrence import Layer, gates
from .shaping import along
from .symbol import Symbol
from .transcendental import tanh

ACTIVATIONS: Mapping[str, Op] = MappingProxyType({"tanh": tanh, "relu": relu})


@composite
def lstm(
    x: Symbol,
    w_ih: Symbol,
    w_hh: Symbol,
    b_ih: Symbol | None = None,
    b_hh: Symbol | None = None,
    h0: Symbol | None = None,
    c0: Symbol | None = None,
    *,
    reverse: bool = False,
    batch_first: bool = False,
) -> tuple[Any, Any, Any]:
    """Long short-term memory (Hochreiter, Schmidhuber 1997): c = f * c + i * g, h = o * tanh(c); -> (y, h, c).

    Gates i, f, g, o of x @ w_ih.T + b_ih + h @ w_hh.T + b_hh, sigmoids but for g, a tanh. `reverse` starts at the end.
    """
    layer = Layer.of(x, w_ih, w_hh, b_ih, b_hh, 4, batch_first)
    states = layer.states(("h0", h0), ("c0", c0))

    def step(h: Symbol, c: Symbol, inputs: Symbol, weights: Symbol) -> tuple[Any, ...]:
        i, f, g, o = gates(inputs + matmul(h, weights), 4)
        c = sigmoid(f) * c + sigmoid(i) * tanh(g)
        h = sigmoid(o) * tanh(c)
        return h, c, h

    return layer.run(step, states, layer.both_biases(), (layer.transposed,), reverse)


@composite
def gru(
    x: Symbol,
    w_ih: Symbol,
    w_hh: Symbol,
    b_ih: Symbol | None = None,
    b_hh: Symbol | None = None,
    h0: Symbol | None = None,
    *,
    reverse: bool = False,
    batch_first: bool = False,
    linear_before_reset: bool = True,
) -> tuple[Any, Any]:
    """Gated recurrent unit (Cho et al. 2014): h = (1 - z) * n + z * h; -> (y, h).

    Gates r, z, n: sigmoids r and z, and n = tanh(x_n + r * (h @ w_hn.T + b_hn)), as PyTorch and cuDNN; without
    `linear_before_reset` n = tanh(x_n + (r * h) @ w_hn.T + b_hn), the paper's and ONNX's default.
    """
    layer = Layer.of(x, w_ih, w_hh, b_ih, b_hh, 3, batch_first)
    size = layer.hidden
    split = along(layer.transposed, 1, 0, 2 * size), along(layer.transposed, 1, 2 * size, size)

    def step_after(h: Symbol, inputs: Symbol, weights: Symbol, bias: Symbol | None = None) -> tuple[Any, ...]:
        x_r, x_z, x_n = gates(inputs, 3)
        product = matmul(h, weights)
        h_r, h_z, h_n = gates(product if bias is None else product + bias, 3)
        n = tanh(x_n + sigmoid(x_r + h_r) * h_n)
        return _interpolate(sigmoid(x_z + h_z), h, n)

    def step_before(h: Symbol, inputs: Symbol, weights: Symbol, candidate: Symbol) -> tuple[Any, ...]:
        x_r, x_z, x_n = gates(inputs, 3)
        h_r, h_z = gates(matmul(h, weights), 2)
        n = tanh(x_n + matmul(sigmoid(x_r + h_r) * h, candidate))
        return _interpolate(sigmoid(x_z + h_z), h, n)

    states = layer.states(("h0", h0))
    if not linear_before_reset:
        return layer.run(step_before, states, layer.both_biases(), split, reverse)
    inner = () if layer.b_hh is None else (layer.b_hh,)
    return layer.run(step_after, states, layer.b_ih, (layer.transposed, *inner), reverse)


def _interpolate(z: Symbol, h: Symbol, n: Symbol) -> tuple[Any, Any]:
    h = (1.0 - z) * n + z * h
    return h, h


@composite
def rnn(
    x: Symbol,
    w_ih: Symbol,
    w_hh: Symbol,
    b_ih: Symbol | None = None,
    b_hh: Symbol | None = None,
    h0: Symbol | None = None,
    *,
    reverse: bool = False,
    batch_first: bool = False,
    activation: str = "tanh",
) -> tuple[Any, Any]:
    """Elman's network: h = activation(x @ w_ih.T + b_ih + h @ w_hh.T + b_hh), "tanh" or "relu"; -> (y, h)."""
    if activation not in ACTIVATIONS:
        raise GraphError(f"activation is {activation!r}, expected {' or '.join(ACTIVATIONS)}")
    layer = Layer.of(x, w_ih, w_hh, b_ih, b_hh, 1, batch_first)

    def step(h: Symbol, inputs: Symbol, weights: Symbol) -> tuple[Any, ...]:
        h = ACTIVATIONS[activation](inputs + matmul(h, weights))
        return h, h

    return layer.run(step, layer.states(("h0", h0)), layer.both_biases(), (layer.transposed,), reverse)
