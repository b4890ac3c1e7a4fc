"""Operators that carry graphs: fusion, scan, while, cond.

In: tensors, and graphs whose inputs are of those types. Out: what the graphs compute. All are pure.

    scan(h, xs, weights, regions=[body], num_carry=1, num_xs=1, length=10)
    # body(h, x, weights) -> (h, y);  results: the last h, the stacked ys
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import GraphError
from ..interpreter import interpret
from ..ir import Graph, Kind
from ..types import BOOL, TensorType
from .base import Array, primitive

Types = tuple[TensorType, ...]


def _check_count(regions: Sequence[Graph], count: int) -> None:
    if len(regions) != count:
        raise GraphError(f"carries {count} graphs, got {len(regions)}")


def _check_inputs(what: str, region: Graph, types: Sequence[TensorType]) -> None:
    if len(region.inputs) != len(types):
        raise GraphError(f"{what} takes {len(region.inputs)} inputs, but gets {len(types)}")
    for i, (wanted, got) in enumerate(zip(region.input_types, types, strict=True)):
        if wanted != got:
            raise GraphError(f"{what} takes input {i} as {wanted}, but gets {got}")


def _check_carries(what: str, results: Types, carries: Sequence[TensorType]) -> None:
    if len(results) < len(carries):
        raise GraphError(f"{what} returns {len(results)} results, but {len(carries)} carries enter it")
    for i, (result, carry) in enumerate(zip(results, carries, strict=False)):
        if result != carry:
            raise GraphError(f"{what} returns carry {i} as {result}, but it enters as {carry}")


def _infer_fusion(*xs: TensorType, kind: str, regions: Sequence[Graph]) -> Types:
    _check_count(regions, 1)
    _check_inputs("fusion body", regions[0], xs)
    return regions[0].output_types


@primitive(Kind.REGION, _infer_fusion)
def fusion(*xs: Array, kind: str = "", regions: Sequence[Graph]) -> tuple[Array, ...]:
    """body(*xs), computed by one kernel; `kind` tells the backend which."""
    return interpret(regions[0], xs)


def _normalize_scan(types: Sequence[TensorType], attrs: dict[str, Any]) -> dict[str, Any]:
    carries, scanned = attrs["num_carry"], attrs["num_xs"]
    if min(carries, scanned, attrs["length"]) < 0 or carries + scanned > len(types):
        raise GraphError(f"{carries} carries and {scanned} scanned inputs need as many of the {len(types)} inputs")
    return {**attrs, "reverse": bool(attrs["reverse"])}


def _infer_scan(
    *xs: TensorType, num_carry: int, num_xs: int, length: int, reverse: bool, regions: Sequence[Graph]
) -> Types:
    _check_count(regions, 1)
    carries, scanned, rest = xs[:num_carry], xs[num_carry : num_carry + num_xs], xs[num_carry + num_xs :]
    for i, x in enumerate(scanned):
        if x.shape[:1] != (length,):
            raise GraphError(f"scanned input {i} is {x}, expected {length} slices along its first axis")
    slices = (TensorType(x.shape[1:], x.dtype) for x in scanned)
    _check_inputs("scan body", regions[0], (*carries, *slices, *rest))
    _check_carries("scan body", regions[0].output_types, carries)
    ys = regions[0].output_types[num_carry:]
    return (*carries, *(TensorType((length, *y.shape), y.dtype) for y in ys))


@primitive(Kind.REGION, _infer_scan, normalize=_normalize_scan)
def scan(
    *xs: Array,
    num_carry: int,
    num_xs: int,
    length: int,
    reverse: bool = False,
    regions: Sequence[Graph],
) -> tuple[Array, ...]:
    """body(*carries, *slices of the next num_xs inputs, *rest) -> (*carries, *ys), `length` times in a row.

    Slices are along axis 0, from the last where `reverse`; results are the last carries and the stacked ys.
    """
    (body,) = regions
    carries, scanned, rest = xs[:num_carry], xs[num_carry : num_carry + num_xs], xs[num_carry + num_xs :]
    ys = tuple(np.empty((length, *y.shape), y.dtype) for y in body.output_types[num_carry:])
    for i in range(length)[:: -1 if reverse else 1]:
        results = interpret(body, (*carries, *(x[i] for x in scanned), *rest))
        carries = results[:num_carry]
        for y, result in zip(ys, results[num_carry:], strict=True):
            y[i] = result
    return (*carries, *ys)


def _normalize_while(types: Sequence[TensorType], attrs: dict[str, Any]) -> dict[str, Any]:
    if not 0 <= attrs["num_carry"] <= len(types):
        raise GraphError(f"{attrs['num_carry']} carries need as many of the {len(types)} inputs")
    return attrs


def _infer_while(*xs: TensorType, num_carry: int, regions: Sequence[Graph]) -> Types:
    _check_count(regions, 2)
    condition, body = regions
    _check_inputs("while condition", condition, xs)
    _check_inputs("while body", body, xs)
    if condition.output_types != (TensorType((), BOOL),):
        raise GraphError(f"while condition returns {_listed(condition.output_types)}, expected bool[]")
    _check_carries("while body", body.output_types, xs[:num_carry])
    if len(body.outputs) != num_carry:
        raise GraphError(f"while body returns {len(body.outputs)} results, expected the {num_carry} carries")
    return xs[:num_carry]


@primitive(Kind.REGION, _infer_while, normalize=_normalize_while)
def while_(*xs: Array, num_carry: int, regions: Sequence[Graph]) -> tuple[Array, ...]:
    """While condition(*carries, *rest) holds, carries = body(*carries, *rest); the last carries."""
    condition, body = regions
    carries, rest = xs[:num_carry], xs[num_carry:]
    while interpret(condition, (*carries, *rest))[0]:
        carries = interpret(body, (*carries, *rest))
    return carries


def _listed(types: Sequence[TensorType]) -> str:
    return ", ".join(map(str, types)) or "nothing"


def _infer_cond(pred: TensorType, *xs: TensorType, regions: Sequence[Graph]) -> Types:
    _check_count(regions, 2)
    if pred != TensorType((), BOOL):
        raise GraphError(f"the predicate is {pred}, expected bool[]")
    then, otherwise = regions
    _check_inputs("then graph", then, xs)
    _check_inputs("otherwise graph", otherwise, xs)
    if then.output_types != otherwise.output_types:
        got = f"{_listed(then.output_types)} and {_listed(otherwise.output_types)}"
        raise GraphError(f"then and otherwise return different types: {got}")
    return then.output_types


@primitive(Kind.REGION, _infer_cond)
def cond(pred: Array, *xs: Array, regions: Sequence[Graph]) -> tuple[Array, ...]:
    """then(*xs) where the predicate holds, else otherwise(*xs)."""
    return interpret(regions[0 if pred else 1], xs)
