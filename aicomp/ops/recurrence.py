"""What recurrent layers share: checked tensors, the projection of all inputs, the loop over time.

In: the tensors of a layer and a step, a function of states, one time step's projected inputs and loop invariants that
returns the next states and an output. Out: the layer's outputs and last states.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..errors import GraphError
from ..types import TensorType
from . import movement as mv
from .composite import region
from .contract import matmul
from .region import scan
from .shaping import along
from .statistics import narrow, widen
from .symbol import Symbol

Step = Callable[..., tuple[Any, ...]]


def gates(x: Symbol, count: int) -> list[Any]:
    """Return the equal parts of the last axis."""
    size = x.shape[-1] // count
    return [along(x, x.ndim - 1, i * size, size) for i in range(count)]


@dataclass(frozen=True, eq=False)
class Layer:
    """A recurrent layer's tensors, checked and widened: time first, recurrent weights transposed to [H, G*H]."""

    source: Symbol
    x: Any
    w_ih: Any
    transposed: Any
    b_ih: Any
    b_hh: Any
    batch_first: bool

    @staticmethod
    def of(
        x: Symbol,
        w_ih: Symbol,
        w_hh: Symbol,
        b_ih: Symbol | None,
        b_hh: Symbol | None,
        count: int,
        batch_first: bool,
    ) -> Layer:
        """Return the layer. Raises GraphError naming the tensor whose shape does not fit."""
        if x.ndim != 3 or w_hh.ndim != 2:
            raise GraphError(f"x has shape {x.shape} and w_hh {w_hh.shape}, expected 3 axes and 2")
        size = w_hh.shape[1]
        expect("w_ih", w_ih, (count * size, x.shape[2]))
        expect("w_hh", w_hh, (count * size, size))
        for name, bias in (("b_ih", b_ih), ("b_hh", b_hh)):
            if bias is not None:
                expect(name, bias, (count * size,))
        wide = [None if each is None else widen(each) for each in (x, w_ih, w_hh, b_ih, b_hh)]
        first = mv.transpose(wide[0], perm=(1, 0, 2)) if batch_first else wide[0]
        return Layer(x, first, wide[1], mv.transpose(wide[2], perm=(1, 0)), wide[3], wide[4], batch_first)

    @property
    def hidden(self) -> int:
        """Return the size of the hidden state."""
        return int(self.transposed.shape[0])

    def states(self, *named: tuple[str, Symbol | None]) -> tuple[Any, ...]:
        """Return the initial states, zeros for those that are not given."""
        shape = (self.x.shape[1], self.hidden)
        for name, state in named:
            if state is not None:
                expect(name, state, shape)
        zeros = mv.broadcast_to(self.x.wrap(self.x.lift(0.0, self.x.loc)), shape=shape)
        return tuple(zeros if state is None else widen(state) for _, state in named)

    def both_biases(self) -> Any:
        """Return the sum of the biases there are, or None: added once, outside the loop."""
        if self.b_ih is None or self.b_hh is None:
            return self.b_hh if self.b_ih is None else self.b_ih
        return self.b_ih + self.b_hh

    def run(
        self, step: Step, states: tuple[Any, ...], bias: Any, invariants: tuple[Any, ...], reverse: bool
    ) -> tuple[Any, ...]:
        """Return all outputs, then the last states, of a scan of `step` over the projected inputs."""
        projected = matmul(self.x, mv.transpose(self.w_ih, perm=(1, 0)))
        projected = projected if bias is None else projected + bias
        inputs = (*states, projected, *invariants)
        types = [each.value.type for each in inputs]
        types[len(states)] = TensorType(projected.shape[1:], projected.dtype)
        body = region(step, types, name="step")
        attrs = {"num_carry": len(states), "num_xs": 1, "length": projected.shape[0], "reverse": reverse}
        *last, outputs = scan(*inputs, regions=[body], **attrs)
        y = mv.transpose(outputs, perm=(1, 0, 2)) if self.batch_first else outputs
        return tuple(narrow(each, self.source) for each in (y, *last))


def expect(name: str, x: Symbol, shape: tuple[int, ...]) -> None:
    """Raise GraphError naming a tensor unless it has that shape."""
    if x.shape != shape:
        raise GraphError(f"{name} has shape {x.shape}, expected {shape}")
