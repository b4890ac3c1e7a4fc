"""Recurrent layers: LSTM, GRU and RNN of several layers and one or two directions; parameters named as in PyTorch.

In: x [T, N, input_size] ([N, T, input_size] with `batch_first`), and optionally the initial state. Out: the last
layer's outputs [T, N, directions * hidden_size] and the last states [layers * directions, N, hidden_size].

    y, (h, c) = nn.LSTM(32, 64, num_layers=2, bidirectional=True, rng=rng)(x)
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Any, ClassVar

from .. import ops
from ..ir import Op
from .initial import Random, generator, uniform, zeros
from .module import Module, Tensor


class Recurrent(Module):
    """The base: subclasses name the op, the number of gates and the number of states."""

    op: ClassVar[Op]
    gates: ClassVar[int]
    state_count: ClassVar[int] = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        bidirectional: bool = False,
        *,
        rng: Random = None,
        **attrs: Any,
    ) -> None:
        self.hidden_size = hidden_size
        self.batch_first = batch_first
        self._attrs = attrs
        self._suffixes = [
            f"_l{layer}{direction}"
            for layer in range(num_layers)
            for direction in (("", "_reverse") if bidirectional else ("",))
        ]
        self._directions = 2 if bidirectional else 1
        random, rows = generator(rng), self.gates * hidden_size
        for i, suffix in enumerate(self._suffixes):
            inputs = input_size if i < self._directions else self._directions * hidden_size
            shapes: dict[str, tuple[int, ...]] = {"weight_ih": (rows, inputs), "weight_hh": (rows, hidden_size)}
            shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)} if bias else {}
            for name, shape in shapes.items():
                setattr(self, name + suffix, uniform(random, shape, 1 / sqrt(hidden_size)))

    def __call__(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """Return (outputs, last state); the state is one tensor, or a pair (h, c) of an LSTM's."""
        given = () if state is None else tuple(state) if self.state_count > 1 else (state,)
        last: list[Sequence[Tensor]] = []
        for layer in range(0, len(self._suffixes), self._directions):
            outputs = []
            for i in range(layer, layer + self._directions):
                y, *states = self._run(x, i, [_row(each, i) for each in given])
                outputs.append(y)
                last.append(states)
            x = outputs[0] if len(outputs) == 1 else ops.concat(*outputs, axis=-1)
        stacked = tuple(ops.stack(*each, axis=0) for each in zip(*last, strict=True))
        return x, stacked if self.state_count > 1 else stacked[0]

    def _run(self, x: Tensor, index: int, states: Sequence[Tensor]) -> Any:
        """Return the outputs and last states of one direction of one layer."""
        suffix = self._suffixes[index]
        weights = [vars(self)[name + suffix] for name in ("weight_ih", "weight_hh")]
        no_bias = zeros(self.gates * self.hidden_size).astype(weights[0].dtype)
        biases = [vars(self).get(name + suffix, no_bias) for name in ("bias_ih", "bias_hh")]
        reverse = self._directions == 2 and index % 2 == 1
        how = self._attrs | {"reverse": reverse, "batch_first": self.batch_first}
        return self.op(x, *weights, *biases, *states, **how)


def _row(x: Tensor, index: int) -> Tensor:
    """Return x[index] of [rows, N, H]."""
    row = ops.slice(x, starts=(index, 0, 0), sizes=(1, *x.shape[1:]), steps=1)
    return ops.reshape(row, shape=x.shape[1:])


class LSTM(Recurrent):
    """Long short-term memory; returns (y, (h, c)). Gates i, f, g, o."""

    op = ops.lstm
    gates = 4
    state_count = 2


class GRU(Recurrent):
    """Gated recurrent units; returns (y, h). Gates r, z, n; `linear_before_reset=False` gives the paper's."""

    op = ops.gru
    gates = 3


class RNN(Recurrent):
    """Elman's network; returns (y, h). `activation` is "tanh" or "relu"."""

    op = ops.rnn
    gates = 1
