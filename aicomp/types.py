"""Dtypes, shapes and tensor types: NumPy's own dtypes, with short names for print (`f32[2,3]`).

In: anything NumPy takes for a dtype or a shape. Out: native-endian `np.dtype`, tuples of int, `TensorType`,
`TensorSpec`.

    TensorType((2, 3), dtype("float32"))      # f32[2,3]
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from math import prod
from operator import index
from typing import Any

import ml_dtypes
import numpy as np

from .errors import AicompError, InputTypeError, InputValueError

DType = np.dtype[Any]
Shape = tuple[int, ...]

BOOL = np.dtype(np.bool_)
INT8, INT16, INT32, INT64 = (np.dtype(f"int{n}") for n in (8, 16, 32, 64))
UINT8, UINT16, UINT32, UINT64 = (np.dtype(f"uint{n}") for n in (8, 16, 32, 64))
FLOAT16, FLOAT32, FLOAT64 = (np.dtype(f"float{n}") for n in (16, 32, 64))
BFLOAT16 = np.dtype(ml_dtypes.bfloat16)

SHORT_NAMES: dict[DType, str] = {
    BOOL: "bool",
    INT8: "i8", INT16: "i16", INT32: "i32", INT64: "i64",
    UINT8: "u8", UINT16: "u16", UINT32: "u32", UINT64: "u64",
    FLOAT16: "f16", BFLOAT16: "bf16", FLOAT32: "f32", FLOAT64: "f64",
}  # fmt: skip
DTYPES: dict[str, DType] = {short: dtype for dtype, short in SHORT_NAMES.items()}
HALVES = (FLOAT16, BFLOAT16)
FLOATS = (*HALVES, FLOAT32, FLOAT64)
INTEGERS = tuple(d for d in SHORT_NAMES if d.kind in "iu")


def dtype(value: Any) -> DType:
    """Return the native-endian dtype that `value` names (`"f32"`, `"float32"`, `np.float32`, ...).

    Raises AicompError where the compiler has no such type.
    """
    if isinstance(value, str) and value in DTYPES:
        return DTYPES[value]
    try:
        found: DType = np.dtype(ml_dtypes.bfloat16 if value == "bfloat16" else value).newbyteorder("=")
    except TypeError as error:
        raise AicompError(f"{value!r} is not a dtype") from error
    if found not in SHORT_NAMES:
        names = ", ".join(d.name for d in SHORT_NAMES)
        raise AicompError(f"dtype {found} is not supported; cast to one of {names}")
    return found


def is_float(dtype_: DType) -> bool:
    """Return whether the dtype is a float, bfloat16 included."""
    return dtype_ in FLOATS


def is_integer(dtype_: DType) -> bool:
    """Return whether the dtype is a signed or unsigned integer (bool is not)."""
    return dtype_.kind in "iu"


def is_signed(dtype_: DType) -> bool:
    """Return whether the dtype holds negative numbers."""
    return dtype_.kind == "i" or is_float(dtype_)


def compute_dtype(dtype_: DType) -> DType:
    """Return the dtype arithmetic is done in: float32 for the 16-bit floats, else the dtype itself."""
    return FLOAT32 if dtype_ in HALVES else dtype_


@dataclass(frozen=True, slots=True)
class TensorType:
    """The static type of a tensor: a shape of non-negative sizes and a dtype."""

    shape: Shape
    dtype: DType

    def __post_init__(self) -> None:
        if any(n < 0 for n in self.shape):
            raise AicompError(f"shape {self.shape} has a negative size")
        if prod(self.shape) * self.dtype.itemsize >= 1 << 47:
            raise AicompError(f"shape {self.shape} of {self.dtype} does not fit in memory")

    @property
    def rank(self) -> int:
        """Return the number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Return the number of elements."""
        return prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Return the number of bytes of a dense array."""
        return self.size * self.dtype.itemsize

    def __str__(self) -> str:
        return f"{SHORT_NAMES[self.dtype]}[{','.join(map(str, self.shape))}]"

    @staticmethod
    def parse(text: str) -> TensorType:
        """Return the type that `str` wrote: `f32[2,3]`. Raises AicompError on anything else."""
        match = re.fullmatch(r"(\w+)\[([\d,]*)\]", text)
        if not match or match[1] not in DTYPES:
            raise AicompError(f"{text!r} is not a tensor type such as f32[2,3]")
        sizes = tuple(int(n) for n in match[2].split(",") if n)
        return TensorType(sizes, DTYPES[match[1]])


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """A named tensor type as users see it: `TensorSpec((2, 3), "float32")`.

    Raises InputTypeError or InputValueError where the sizes are not known, non-negative ints.
    """

    shape: Shape
    dtype: DType
    name: str = ""

    def __init__(self, shape: int | tuple[int, ...], dtype: Any = "float32", name: str = "") -> None:
        object.__setattr__(self, "shape", _sizes(shape))
        object.__setattr__(self, "dtype", globals()["dtype"](dtype))
        object.__setattr__(self, "name", name)

    @property
    def type(self) -> TensorType:
        """Return the tensor type without the name."""
        return TensorType(self.shape, self.dtype)


def _sizes(shape: Any) -> Shape:
    try:
        sizes = tuple(index(n) for n in (shape if isinstance(shape, Iterable) else (shape,)))
    except TypeError:
        raise InputTypeError(f"shape {shape!r} is no tuple of ints; shapes are static, so every size is one") from None
    if min(sizes, default=0) < 0:
        raise InputValueError(f"shape {sizes} has a negative size; shapes are static, so every size is known")
    return sizes
