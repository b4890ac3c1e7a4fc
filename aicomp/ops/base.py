"""How operators are declared: a decorator a kind, which reads inputs and attributes off a Python signature.

Positional parameters are tensor inputs (a default of None marks an optional one), keyword-only parameters are
attributes with their defaults, the docstring is the documentation.

    @elementwise                                       # one scalar formula: reference and machine code both
    def silu(x: Expr) -> Expr: ...

    @composite                                         # defined by what it decomposes into
    def softmax(x: Symbol, *, axis: int = -1) -> Symbol: ...

    @primitive(Kind.MOVEMENT, infer_reshape)           # the decorated function is the NumPy reference
    def reshape(x: Array, *, shape: Shape) -> Array: ...
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from ..errors import GraphError
from ..expr import Expr, arg, cast, evaluate
from ..ir import Attrs, Kind, Op, Required
from ..types import FLOAT32, HALVES, DType, Shape, TensorType

Array = np.ndarray[Any, Any]
Sizes = Any  # an attribute: before `normalize`, one int for all axes or one each; after it, a tuple of ints
Normalize = Callable[[Sequence[TensorType], dict[str, Any]], dict[str, Any]]


def signature(function: Callable[..., Any]) -> tuple[tuple[str, ...], Mapping[str, Any]]:
    """Return the tensor parameters and the attributes with defaults that a declaring function states."""
    params: list[str] = []
    attrs: dict[str, Any] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        empty = parameter.default is inspect.Parameter.empty
        if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            params.append(f"*{name}")
        elif parameter.kind is inspect.Parameter.KEYWORD_ONLY:
            if name != "regions":
                attrs[name] = Required.REQUIRED if empty else parameter.default
        else:
            params.append(name if empty else f"{name}?")
    return tuple(params), MappingProxyType(attrs)


def declare(function: Callable[..., Any], kind: Kind, name: str = "", **fields: Any) -> Op:
    """Return the op that a function declares."""
    params, attrs = signature(function)
    doc = inspect.getdoc(function) or ""
    return Op(name=name or function.__name__.strip("_"), kind=kind, params=params, attrs=attrs, doc=doc, **fields)


def primitive(
    kind: Kind,
    infer: Callable[..., TensorType | tuple[TensorType, ...]],
    name: str = "",
    normalize: Normalize | None = None,
    decompose: Callable[..., Any] | None = None,
    traits: Sequence[str] = (),
) -> Callable[[Callable[..., Any]], Op]:
    """Declare an op by its NumPy reference (decorated), its type inference and attribute normalisation.

    `decompose` simplifies the forms that backends do not see; it returns NotImplemented for those they do.
    """

    def decorate(reference: Callable[..., Any]) -> Op:
        return declare(
            reference,
            kind,
            name,
            infer=infer,
            reference=reference,
            normalize=normalize,
            decompose=decompose,
            traits=frozenset(traits),
        )

    return decorate


def elementwise(
    formula: Callable[..., Expr],
    name: str = "",
    storage: bool = False,
    normalize: Normalize | None = None,
    traits: Sequence[str] = (),
) -> Op:
    """Declare an op by a scalar formula over broadcast inputs.

    16-bit floats are computed in float32 and rounded once, at the end; with `storage` the formula takes them
    as they are (casts, selects).
    """

    def scalar(dtypes: Sequence[DType], attrs: Attrs) -> Expr:
        return (formula_on if storage else upcast_formula)(formula, dtypes, attrs)

    def infer(*types: TensorType, **attrs: Any) -> TensorType:
        shape = broadcast_shapes([type_.shape for type_ in types])
        return TensorType(shape, scalar([type_.dtype for type_ in types], attrs).dtype)

    def reference(*arrays: Array, **attrs: Any) -> Array:
        shape = np.broadcast_shapes(*(a.shape for a in arrays))
        return np.broadcast_to(evaluate(scalar([a.dtype for a in arrays], attrs), arrays), shape)

    return declare(
        formula,
        Kind.ELEMENTWISE,
        name,
        infer=infer,
        reference=reference,
        expr=scalar,
        normalize=normalize,
        traits=frozenset(traits),
    )


def formula_on(formula: Callable[..., Expr], dtypes: Sequence[DType], attrs: Attrs) -> Expr:
    """Return a formula applied to arguments of these dtypes."""
    return formula(*(arg(i, dtype) for i, dtype in enumerate(dtypes)), **attrs)


def upcast_formula(formula: Callable[..., Expr], dtypes: Sequence[DType], attrs: Attrs) -> Expr:
    """Return a formula applied to arguments of these dtypes, 16-bit floats passing through float32."""
    half = next((dtype for dtype in dtypes if dtype in HALVES), None)
    if half is None:
        return formula_on(formula, dtypes, attrs)
    if any(dtype in HALVES and dtype != half for dtype in dtypes):
        raise GraphError("float16 and bfloat16 do not mix; cast one of them first")
    args = [arg(i, dtype) for i, dtype in enumerate(dtypes)]
    wide = formula(*(cast(a, FLOAT32) if a.dtype == half else a for a in args), **attrs)
    return cast(wide, half) if wide.dtype == FLOAT32 else wide


def broadcast_shapes(shapes: Sequence[Shape]) -> Shape:
    """Return the NumPy broadcast of shapes. Raises GraphError naming them where they do not fit."""
    try:
        return tuple(int(n) for n in np.broadcast_shapes(*shapes))
    except ValueError:
        raise GraphError(f"shapes {', '.join(map(str, shapes))} do not broadcast") from None


def same_dtype(types: Sequence[TensorType]) -> DType:
    """Return the dtype that tensors share. Raises GraphError where there are none, or they differ."""
    if not types:
        raise GraphError("needs at least one tensor")
    if any(type_.dtype != types[0].dtype for type_ in types):
        raise GraphError(f"needs operands of one dtype, got {', '.join(map(str, types))}; cast first")
    return types[0].dtype


def as_tuple(value: int | Sequence[int]) -> tuple[int, ...]:
    """Return sizes or axes as a tuple of Python ints; an int stands for a tuple of one."""
    return (int(value),) if isinstance(value, (int, np.integer)) else tuple(int(n) for n in value)


def widen(value: int | Sequence[int], rank: int, what: str) -> tuple[int, ...]:
    """Return one int an axis; a single int stands for all. Raises GraphError where there are not `rank`."""
    sizes = as_tuple(value) if not isinstance(value, (int, np.integer)) else (int(value),) * rank
    if len(sizes) != rank:
        raise GraphError(f"{what} {sizes} needs {rank} entries, one an axis")
    return sizes


def normal_axis(axis: int, rank: int) -> int:
    """Return an axis counted from 0. Raises GraphError where there is no such axis."""
    if not -rank <= axis < rank:
        raise GraphError(f"axis {axis} is out of range for rank {rank}")
    return axis % rank


def normal_axes(axes: int | Sequence[int] | None, rank: int) -> tuple[int, ...]:
    """Return axes counted from 0, sorted; None means all. Raises GraphError on a repeated or missing axis."""
    if axes is None:
        return tuple(range(rank))
    found = sorted(normal_axis(axis, rank) for axis in as_tuple(axes))
    if len(set(found)) != len(found):
        raise GraphError(f"axes {axes} repeat")
    return tuple(found)


def axis_normalizer(*names: str) -> Normalize:
    """Return a normaliser that counts the attributes of those names from 0, by the first input's rank."""

    def normalize(types: Sequence[TensorType], attrs: dict[str, Any]) -> dict[str, Any]:
        if not types:
            raise GraphError("needs at least one tensor")
        return {**attrs, **{name: normal_axis(attrs[name], types[0].rank) for name in names}}

    return normalize
