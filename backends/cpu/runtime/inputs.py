"""Checks what a call was given against what the program expects; every complaint is one sentence.

In: the specs, and the arguments of a call by position and by name. Out: one dense, aligned, native-endian
array a spec, or `InputTypeError` or `InputValueError`.

    bind_inputs("add", specs, (x,), {"y": y})
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from aicomp.errors import InputTypeError, InputValueError
from aicomp.types import BOOL, TensorSpec, is_float

Array = np.ndarray[Any, Any]


def bind_inputs(name: str, specs: Sequence[TensorSpec], arrays: Sequence[Any], named: Mapping[str, Any]) -> list[Array]:
    """Return one array a spec, in order, converted where that loses nothing.

    Raises InputTypeError (kind, number, name or dtype) or InputValueError (shape or value).
    """
    if len(arrays) != len(specs) or named:
        arrays = _in_order(name, specs, arrays, named)
    return [convert(spec, array) for spec, array in zip(specs, arrays, strict=True)]


def _in_order(name: str, specs: Sequence[TensorSpec], arrays: Sequence[Any], named: Mapping[str, Any]) -> list[Any]:
    """Return the arguments in the order of the specs; raises InputTypeError where one has none or two."""
    names = [s.name for s in specs]
    expected = ", ".join(f"{s.name}: {s.type}" for s in specs) or "no inputs"
    if len(arrays) > len(specs):
        raise InputTypeError(f"{name} takes {len(specs)} inputs ({expected}), got {len(arrays)}")
    taken = dict(zip(names, arrays, strict=False))
    for key in named:
        if key in taken:
            raise InputTypeError(f"input {key!r} of {name} is given twice, by position and by name")
        if key not in names:
            raise InputTypeError(f"{name} has no input {key!r}; it takes {expected}")
    taken |= named
    missing = ", ".join(n for n in names if n not in taken)
    if missing:
        raise InputTypeError(f"{name} takes {expected}; missing: {missing}")
    return [taken[n] for n in names]


def convert(spec: TensorSpec, value: Any) -> Array:
    """Return `value` as a dense array of exactly the spec's dtype and shape; copies only where it must."""
    if spec.shape == () and type(value) in (bool, int, float):
        return _scalar(spec, value)
    array = _as_array(spec, value)
    if array.dtype != spec.dtype and array.dtype.newbyteorder("=") != spec.dtype:
        fix = f"; pass np.asarray({spec.name}, {spec.dtype.name!r}) to convert it" if array.dtype.kind in "biuf" else ""
        raise InputTypeError(f"input {spec.name!r} must be {spec.dtype.name}, got {_kind(value, array)}{fix}")
    if array.ndim != len(spec.shape):
        raise InputValueError(
            f"input {spec.name!r} must have rank {len(spec.shape)} (shape {spec.shape}), "
            f"got rank {array.ndim} (shape {array.shape})"
        )
    if array.shape != spec.shape:
        raise InputValueError(f"input {spec.name!r} must have shape {spec.shape}, got {array.shape}")
    return np.require(array, spec.dtype, ["C_CONTIGUOUS", "ALIGNED"])


def _as_array(spec: TensorSpec, value: Any) -> Array:
    try:
        return np.asarray(value)
    except (TypeError, ValueError) as error:
        raise InputTypeError(
            f"input {spec.name!r} must be an array of {spec.type}, got a {type(value).__name__} "
            "that NumPy makes no array of"
        ) from error


def _scalar(spec: TensorSpec, value: bool | int | float) -> Array:
    """Return a Python scalar as a 0-d array, where its kind and value fit the dtype."""
    if isinstance(value, float) and not is_float(spec.dtype):
        raise InputTypeError(f"input {spec.name!r} must be {spec.dtype.name}, got the float {value!r}")
    if not isinstance(value, bool) and spec.dtype == BOOL:
        raise InputTypeError(f"input {spec.name!r} must be bool, got the {type(value).__name__} {value!r}")
    try:
        with np.errstate(over="ignore"):
            return np.array(value, spec.dtype)
    except OverflowError as error:
        raise InputValueError(f"input {spec.name!r} must be {spec.dtype.name}, which cannot hold {value!r}") from error


def _kind(value: Any, array: Array) -> str:
    """Return what was given, in words: `float64`, `a list of float64`, `a str`."""
    if isinstance(value, (np.ndarray, np.generic)):
        return str(array.dtype)
    kind = f"a {type(value).__name__}"
    return f"{kind} of {array.dtype}" if isinstance(value, (list, tuple)) else kind
