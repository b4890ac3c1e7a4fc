"""Arrays in and out of files: `-i NAME=@FILE.npy`, `--fill`, `-o NAME=@FILE.npy`.

In: the specs of a model's inputs or outputs and what the user wrote. Out: one array an input; files.

    load_inputs([TensorSpec((2, 3), "float32", "x")], {"x": "x.npy"}, "zeros", seed=0)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputValueError, ParseError
from ..types import TensorSpec, is_float

Array = np.ndarray[Any, Any]


def load_inputs(specs: Sequence[TensorSpec], files: Mapping[str, str], fill: str, seed: int) -> list[Array]:
    """Return one array an input: from its file where one is given, else filled.

    Raises InputValueError for a name the model has not, ParseError for a file that is no array.
    """
    check_names(files, specs, "input")
    rng = np.random.default_rng(seed)
    filled = [filled_array(spec, fill, rng) for spec in specs]
    return [read_array(files[s.name]) if s.name in files else a for s, a in zip(specs, filled, strict=True)]


def check_names(names: Mapping[str, str], specs: Sequence[TensorSpec], what: str) -> None:
    """Raise InputValueError unless every name is that of a spec."""
    known = [spec.name for spec in specs]
    for name in names:
        if name not in known:
            raise InputValueError(f"the model has no {what} {name!r}; it has {', '.join(known) or 'none'}")


def filled_array(spec: TensorSpec, fill: str, rng: np.random.Generator) -> Array:
    """Return zeros, ones, or random values: normal floats, and integers 0 and 1, safe as indices."""
    if fill != "random":
        return np.full(spec.shape, int(fill == "ones")).astype(spec.dtype)
    values = rng.standard_normal(spec.shape) if is_float(spec.dtype) else rng.integers(0, 2, spec.shape)
    return np.asarray(values).astype(spec.dtype)


def read_array(path: str) -> Array:
    """Return the array of an .npy file. Raises ParseError for anything else, pickles included."""
    try:
        array = np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise ParseError(f"{path} is not an .npy file: {error}") from error
    if not isinstance(array, np.ndarray):
        raise ParseError(f"{path} holds several arrays; give one .npy file for each input")
    return array


def save_outputs(specs: Sequence[TensorSpec], arrays: Sequence[Array], files: Mapping[str, str]) -> None:
    """Write the named outputs as .npy files. Raises InputValueError for a name the model has not."""
    for spec, array in zip(specs, arrays, strict=True):
        if spec.name in files:
            with Path(files[spec.name]).open("wb") as file:
                np.save(file, array, allow_pickle=False)


def summary(specs: Sequence[TensorSpec], arrays: Sequence[Array]) -> list[dict[str, object]]:
    """Return a row for each output: its type, its range and its first elements."""
    return [_summary(spec, array) for spec, array in zip(specs, arrays, strict=True)]


def _summary(spec: TensorSpec, array: Array) -> dict[str, object]:
    wide = array.astype(np.float64) if array.size else np.zeros(0)
    finite = wide[np.isfinite(wide)]
    low, mean, high = (finite.min(), finite.mean(), finite.max()) if finite.size else (np.nan,) * 3
    first = " ".join(f"{value:.6g}" for value in wide.ravel()[:4])
    numbers = {"min": f"{low:.6g}", "mean": f"{mean:.6g}", "max": f"{high:.6g}"}
    odd = wide.size - finite.size
    return {"output": spec.name, "type": str(spec.type), **numbers, "not finite": odd, "first": first}
