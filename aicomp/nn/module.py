"""The base of layers and models: parameters are the arrays among a module's attributes, named by where they are.

In: a class whose `__init__` sets arrays and modules as attributes and whose `__call__` computes with them. Out: a
model that runs eagerly on arrays and is recorded on tracers, and whose weights load from `.npz` and safetensors.

    class Model(nn.Module):
        def __init__(self, rng):
            self.blocks = [nn.Linear(8, 8, rng=rng), nn.Linear(8, 2, rng=rng)]

        def __call__(self, x): ...

    Model(rng).parameters              # {"blocks.0.weight": f32[8,8], "blocks.0.bias": f32[8], ...}
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ..errors import InputValueError
from ..types import dtype, is_float
from ..weights import Pathname, load_npz, load_safetensors, save_safetensors

Array = np.ndarray[Any, Any]
Tensor = Any  # an array, or a tracer

TRAINING_ONLY = "num_batches_tracked"  # PyTorch's batch norms save it; inference does not need it


@dataclass(frozen=True, eq=False)
class Slot:
    """Where a parameter is: `holder[key]`, the holder being a module's attributes, a list or a dict."""

    name: str
    holder: Any
    key: Any

    @property
    def array(self) -> Array:
        """Return the parameter."""
        return np.asarray(self.holder[self.key])

    def fill(self, value: Array) -> None:
        """Replace the parameter by a value of its shape, converted to its dtype."""
        self.holder[self.key] = value.astype(self.array.dtype, copy=False)


def slots(tree: Any, prefix: str = "") -> Iterator[Slot]:
    """Yield the parameters in a module, list, tuple or dict, in the order they were set; `_names` are left out."""
    holder = vars(tree) if isinstance(tree, Module) else tree
    pairs = holder.items() if isinstance(holder, dict) else enumerate(holder)
    for key, child in pairs:
        if str(key).startswith("_"):
            continue
        if isinstance(child, np.ndarray) and not isinstance(holder, tuple):
            yield Slot(f"{prefix}{key}", holder, key)
        elif isinstance(child, (Module, list, tuple, dict)):
            yield from slots(child, f"{prefix}{key}.")


class Module:
    """A layer or a model. Subclasses set arrays and modules as attributes, and define `__call__`."""

    def __call__(self, *inputs: Tensor) -> Any:
        """Compute the outputs; every subclass says how."""
        raise NotImplementedError(f"{type(self).__name__} does not define __call__")

    def named_parameters(self) -> Iterator[tuple[str, Array]]:
        """Yield (name, array) pairs: `layers.0.weight` for `self.layers[0].weight`."""
        for slot in slots(self):
            yield slot.name, slot.array

    @property
    def parameters(self) -> dict[str, Array]:
        """Return all parameters by name."""
        return dict(self.named_parameters())

    def load_parameters(self, arrays: Mapping[str, Array], strict: bool = True) -> Self:
        """Take over arrays by name, converted to the parameters' dtypes.

        A parameter that is the same array as another (tied weights) may be missing. Raises InputValueError where
        shapes differ and, if `strict`, where names are missing or unknown.
        """
        found = list(slots(self))
        tied = {id(slot.array): arrays[slot.name] for slot in found if slot.name in arrays}
        values = {slot.name: arrays.get(slot.name, tied.get(id(slot.array))) for slot in found}
        if strict:
            unknown = (name for name in arrays if name not in values and not name.endswith(TRAINING_ONLY))
            self._refuse("missing", [name for name, value in values.items() if value is None])
            self._refuse("unknown", list(unknown))
        pairs = [(slot, values[slot.name]) for slot in found]
        wrong = [_mismatch(slot, value) for slot, value in pairs if value is not None and not _fits(slot, value)]
        self._refuse("of another shape or kind", wrong)
        for slot, value in pairs:
            if value is not None:
                slot.fill(value)
        return self

    def _refuse(self, what: str, names: Sequence[str]) -> None:
        if names:
            more = f" and {len(names) - 5} more" if len(names) > 5 else ""
            raise InputValueError(f"parameters of {type(self).__name__} {what}: {', '.join(names[:5])}{more}")

    def load_npz(self, path: Pathname, strict: bool = True) -> Self:
        """Take over the arrays of an `.npz` archive; see `load_parameters`."""
        return self.load_parameters(load_npz(path), strict)

    def load_safetensors(self, path: Pathname, strict: bool = True) -> Self:
        """Take over the tensors of a safetensors file; see `load_parameters`."""
        return self.load_parameters(load_safetensors(path), strict)

    def save_safetensors(self, path: Pathname) -> None:
        """Write all parameters to a safetensors file."""
        save_safetensors(path, self.parameters)

    def astype(self, to: Any) -> Self:
        """Convert all float parameters to another dtype, in place."""
        for slot in slots(self):
            if is_float(slot.array.dtype):
                slot.holder[slot.key] = slot.array.astype(dtype(to))
        return self

    def __repr__(self) -> str:
        arrays = list(slots(self))
        return f"<{type(self).__name__}: {len(arrays)} parameters, {sum(s.array.size for s in arrays):,} elements>"


def _fits(slot: Slot, value: Array) -> bool:
    same_kind = is_float(slot.array.dtype) == is_float(value.dtype)
    return slot.array.shape == value.shape and same_kind


def _mismatch(slot: Slot, value: Array) -> str:
    wanted = slot.array
    return f"{slot.name} (got {value.dtype}{list(value.shape)}, expected {wanted.dtype}{list(wanted.shape)})"
