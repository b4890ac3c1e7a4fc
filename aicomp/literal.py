"""Attribute values as text, both ways: numbers, strings, tuples, dtypes and small arrays.

In: a value, or tokens. Out: text that reads like Python, or the value; floats survive bit for bit.

    literal((2, 0.1, None))                        # "(2, 0.1, None)"
    literal(np.zeros((8, 8), np.float32))          # "f32[8,8](0.0, ...)"
    parse_literal(Tokens("f32[2](1.0, -inf)"), {})
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from .elided import Elided
from .errors import AicompError, GraphError
from .ir import Array
from .lexer import Tokens
from .types import BOOL, DTYPES, SHORT_NAMES, DType, TensorType, dtype, is_float

INLINE_ELEMENTS = 16
SPLAT_ELEMENTS = 1 << 20
MAX_RANK = 32
MAX_NESTING = 32
MAX_DIGITS = 30
WORDS = {"True": True, "False": False, "None": None, "inf": np.inf, "nan": np.nan, "-inf": -np.inf, "-nan": -np.nan}


def literal(value: Any) -> str:
    """Return an attribute's value as text. Raises GraphError for what attributes cannot hold."""
    if isinstance(value, np.ndarray):
        return _array(value)
    if isinstance(value, np.dtype):
        return SHORT_NAMES[value]
    if isinstance(value, tuple):
        items = ", ".join(map(literal, value))
        return f"({items},)" if len(value) == 1 else f"({items})"
    if isinstance(value, str):
        return json.dumps(value)
    if isinstance(value, float):
        return _float(value)
    if value is None or isinstance(value, (bool, int, Elided)):
        return str(value)
    raise GraphError(f"an attribute cannot be {value!r}: the text has no form for {type(value).__name__}")


def digest(array: Array) -> str:
    """Return a name for an array's dtype, shape and bytes."""
    head = str(TensorType(array.shape, dtype(array.dtype))).encode()
    return hashlib.sha256(head + np.ascontiguousarray(array).tobytes()).hexdigest()


def fits_inline(array: Array) -> bool:
    """Return whether the text holds the array itself, not a digest."""
    array = np.asarray(array)
    return array.size <= INLINE_ELEMENTS or _is_splat(array)


def _array(array: Array) -> str:
    head = str(TensorType(array.shape, dtype(array.dtype)))
    if _is_splat(array):
        return f"{head}({_scalar(array.reshape(-1)[0])}, ...)"
    if array.size <= INLINE_ELEMENTS:
        return f"{head}({', '.join(map(_scalar, array.reshape(-1)))})"
    return f"{head}(sha256:{digest(array)})"


def _is_splat(array: Array) -> bool:
    """Return whether one number, bit for bit, fills the array."""
    if not 1 < array.size <= SPLAT_ELEMENTS:
        return False
    bits = array.reshape(-1).view(f"u{array.dtype.itemsize}")
    return bool(bits[0] == bits[-1] and (bits == bits[0]).all())


def _scalar(number: Any) -> str:
    if not is_float(np.asarray(number).dtype):
        return str(number)
    if number != number:
        return _float(float(number))
    return repr(float(str(number)))  # the shortest that names this float among those of its dtype


def _float(value: float) -> str:
    return "-nan" if value != value and np.signbit(value) else repr(value)


def parse_type(tokens: Tokens) -> TensorType:
    """Parse `f32[2,3]`."""
    return _sized(tokens, parse_dtype(tokens))


def parse_dtype(tokens: Tokens) -> DType:
    """Parse `f32`."""
    name = tokens.take("word")
    if name not in DTYPES:
        tokens.fail(f"{name!r} is not a dtype; they are {', '.join(DTYPES)}")
    found: DType = DTYPES[name]
    return found


def _sized(tokens: Tokens, element: DType) -> TensorType:
    sizes: list[int] = []
    tokens.expect("[")
    while not tokens.accept("]"):
        if len(sizes) == MAX_RANK:
            tokens.fail(f"more than {MAX_RANK} axes")
        sizes.append(int(_number(tokens, float_allowed=False)))
        if not tokens.peek("]"):
            tokens.expect(",")
    try:
        return TensorType(tuple(sizes), element)
    except AicompError as error:
        tokens.fail(str(error))


def parse_literal(tokens: Tokens, constants: Mapping[str, Array] | None, depth: int = 0) -> Any:
    """Parse an attribute's value; `constants` holds the arrays that stand in the text as digests (None: left so)."""
    kind, text = tokens.next.kind, tokens.next.text
    if kind == "string":
        return tokens.string()
    if text in WORDS and kind in ("word", "number"):
        tokens.take("word", "number")
        return WORDS[text]
    if kind == "number":
        return _number(tokens)
    if tokens.accept("("):
        return _tuple(tokens, constants, depth)
    element = parse_dtype(tokens)
    return _parse_array(tokens, _sized(tokens, element), constants) if tokens.peek("[") else element


def _tuple(tokens: Tokens, constants: Mapping[str, Array] | None, depth: int) -> tuple[Any, ...]:
    if depth == MAX_NESTING:
        tokens.fail(f"tuples nest deeper than {MAX_NESTING}")
    items = []
    while not tokens.accept(")"):
        items.append(parse_literal(tokens, constants, depth + 1))
        if not tokens.peek(")"):
            tokens.expect(",")
    return tuple(items)


def _number(tokens: Tokens, float_allowed: bool = True) -> int | float:
    text = tokens.take("number")
    try:
        if text.lstrip("-").isdigit() and len(text) <= MAX_DIGITS:
            return int(text)
        if float_allowed:
            return float(text)
    except ValueError:
        pass
    tokens.fail(f"{text} is not {'a number' if float_allowed else 'a size'}")


def _parse_array(tokens: Tokens, type_: TensorType, constants: Mapping[str, Array] | None) -> Array | Elided:
    tokens.expect("(")
    if tokens.next.kind == "digest":
        array = _elided(tokens, type_, constants)
    else:
        array = _listed(tokens, type_)
    tokens.expect(")")
    if isinstance(array, Elided):
        return array
    array = array.view()  # the caller's own array stays as it is
    array.flags.writeable = False
    return array


def _elided(tokens: Tokens, type_: TensorType, constants: Mapping[str, Array] | None) -> Array | Elided:
    name = tokens.take("digest").removeprefix("sha256:")
    if constants is None:
        return Elided(type_.shape, type_.dtype, name)
    if name not in constants:
        tokens.fail(f"the array of constant {type_} sha256:{name[:12]}... is not here: it stands in the .weights file")
    array = constants[name]
    if array.shape != type_.shape or array.dtype != type_.dtype:
        tokens.fail(f"constant sha256:{name[:12]}... is {array.dtype}{list(array.shape)}, not {type_}")
    return array


def _listed(tokens: Tokens, type_: TensorType) -> Array:
    numbers: list[Any] = []
    while not tokens.peek(")", "..."):
        numbers.append(parse_literal(tokens, {}, MAX_NESTING))
        if not tokens.peek(")"):
            tokens.expect(",")
    splat = tokens.accept("...")
    wanted = 1 if splat else type_.size
    if len(numbers) != wanted or (splat and type_.size > SPLAT_ELEMENTS):
        tokens.fail(f"{len(numbers)} numbers for {type_}" + (" and the same for the rest" if splat else ""))
    flat = _numbers(tokens, numbers, type_.dtype)
    return np.full(type_.shape, flat[0], type_.dtype) if splat else flat.reshape(type_.shape)


def _numbers(tokens: Tokens, numbers: list[Any], element: DType) -> Array:
    kinds: tuple[type, ...] = (bool,) if element == BOOL else (float, int) if is_float(element) else (int,)
    wrong = [n for n in numbers if type(n) not in kinds]
    if wrong:
        tokens.fail(f"{wrong[0]!r} is not a {element}")
    try:
        with np.errstate(over="ignore"):
            return np.array(numbers, np.float64 if is_float(element) else element).astype(element)
    except OverflowError:
        tokens.fail(f"a number does not fit {element}")
