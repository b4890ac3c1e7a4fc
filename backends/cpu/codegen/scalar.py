"""Turns a scalar expression (`aicomp.expr`) into instructions, for one element or a register of them.

In: an `Expr` and an operand for each of its arguments. Out: the operand that holds the result. Bit for bit what
`aicomp.expr.evaluate` computes, except the transcendental functions, whose bounds are in `docs/numerics.md`.

    y = emit(f, machine, silu, [load(f, FLOAT32, pointer, 16)])
    store(f, FLOAT32, y, pointer)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType

import numpy as np

from aicomp.expr import Expr
from aicomp.types import BOOL, HALVES, DType, is_float, is_signed

from ..machine import Machine
from . import integers, remainder, vecmath
from .casts import bitcast, cast, memory_type, register_type
from .halves import widen
from .lanes import Lanes, where
from .llvm import Function, V, constant, vector


def emit(f: Function, machine: Machine, expr: Expr, args: Sequence[V], lanes: int | None = None) -> V:
    """Write the expression's instructions and return its result, in the register type of its dtype.

    `args` are operands in their register types (bool: `i1`, float16 and bfloat16: their bits in `i16`), all of as many
    lanes; `lanes` says how many where there is none. A shared subexpression is written once.
    """
    count = lanes or (args[0].lanes if args else 1)
    done: dict[int, Lanes] = {}
    for e in _operands_first(expr):
        if e.op == "arg":
            v = args[e.value]
        elif e.op == "const":
            v = _literal(e, count)
        else:
            v = RULES[e.op](e, *(done[id(a)] for a in e.args)).v
        done[id(e)] = Lanes(f, machine, v)
    return done[id(expr)].v


def load(f: Function, dtype: DType, pointer: V, lanes: int = 1, mask: V | None = None) -> V:
    """Load elements that lie side by side into the register type; lanes outside `mask` are 0."""
    type_ = vector(memory_type(dtype), lanes)
    if mask is None:
        v = f.load(type_, pointer)
    else:
        v = f.masked_load(type_, pointer, mask, V("zeroinitializer", type_))
    return f.icmp("ne", v, constant(type_, 0)) if dtype == BOOL else v


def store(f: Function, dtype: DType, value: V, pointer: V, mask: V | None = None, stream: bool = False) -> None:
    """Store elements side by side; lanes outside `mask` touch no memory. A `stream` of lines passes the caches by."""
    memory = f.convert("zext", value, vector("i8", value.lanes)) if dtype == BOOL else value
    if mask is None and stream:
        f.stream(memory, pointer)
    elif mask is None:
        f.store(memory, pointer)
    else:
        f.masked_store(memory, pointer, mask)


def gather(f: Function, dtype: DType, pointers: V, mask: V) -> V:
    """Load elements from a vector of addresses into the register type; lanes outside `mask` are 0."""
    v = f.masked_gather(vector(memory_type(dtype), pointers.lanes), pointers, mask)
    return f.icmp("ne", v, constant(v.type, 0)) if dtype == BOOL else v


@lru_cache(maxsize=1024)
def _operands_first(root: Expr) -> tuple[Expr, ...]:
    """Return every node of the DAG once, after its operands (no recursion: chains may be long)."""
    return tuple(_walk(root))


def _walk(root: Expr) -> Iterator[Expr]:
    seen: set[int] = set()
    stack = [(root, False)]
    while stack:
        e, ready = stack.pop()
        if ready:
            yield e
        elif id(e) not in seen:
            seen.add(id(e))
            stack.append((e, True))
            stack.extend((a, False) for a in reversed(e.args))


def _literal(e: Expr, lanes: int) -> V:
    type_ = vector(register_type(e.dtype), lanes)
    if e.dtype in HALVES:
        return constant(type_, int(np.asarray(e.value).astype(e.dtype).view(np.uint16)))
    return constant(type_, e.value)


# -- one rule an operation: (the node, its operands) -> its result ------------------------------------
Rule = Callable[..., Lanes]


def _operand(e: Expr) -> DType:
    return e.args[0].dtype


def _instruction(float_op: str, integer_op: str) -> Rule:
    return lambda e, a, b: a.op(float_op if is_float(e.dtype) else integer_op, b)


def _function(function: Callable[..., Lanes]) -> Rule:
    return lambda e, *operands: function(*operands)


def _comparison(float_predicate: str, predicate: str, unsigned_predicate: str) -> Rule:
    def rule(e: Expr, a: Lanes, b: Lanes) -> Lanes:
        dtype = _operand(e)
        if dtype in HALVES:
            a, b = widen(a, dtype), widen(b, dtype)
        if is_float(dtype):
            return a.compare(float_predicate, b)
        return a.compare(predicate if is_signed(dtype) else unsigned_predicate, b)

    return rule


def _extremum(float_predicate: str, predicate: str) -> Rule:
    """Return the rule of min or max: NaN wins, and of equal operands (zeros of either sign) the second."""

    def rule(e: Expr, a: Lanes, b: Lanes) -> Lanes:
        if is_float(e.dtype):
            chosen = where(a.compare(float_predicate, b), a, b)
            return where(a.is_nan(), a, chosen)
        sign = "s" if is_signed(e.dtype) else "u"
        return where(a.compare(sign + predicate, b), a, b)

    return rule


def _power(e: Expr, a: Lanes, b: Lanes) -> Lanes:
    exponent = e.args[1]
    if exponent.op == "const" and exponent.value == 2:
        return a * a
    return vecmath.FUNCTIONS["pow"](a, b) if is_float(e.dtype) else integers.power(a, b, is_signed(e.dtype))


def _division(of_floats: Callable[[Lanes, Lanes], Lanes], of_integers: Rule) -> Rule:
    def rule(e: Expr, a: Lanes, b: Lanes) -> Lanes:
        return of_floats(a, b) if is_float(e.dtype) else of_integers(a, b, is_signed(e.dtype))

    return rule


RULES: Mapping[str, Rule] = MappingProxyType({
    **{name: _function(function) for name, function in vecmath.FUNCTIONS.items()},
    "add": _instruction("fadd", "add"),
    "sub": _instruction("fsub", "sub"),
    "mul": _instruction("fmul", "mul"),
    "div": _instruction("fdiv", "fdiv"),
    "neg": _function(lambda a: -a),
    "abs": lambda e, a: abs(a) if is_signed(e.dtype) else a,
    "floordiv": _division(remainder.floor_divide, lambda a, b, s: integers.divide_floor(a, b, s)[0]),
    "mod": _division(remainder.modulo, lambda a, b, s: integers.divide_floor(a, b, s)[1]),
    "fmod": _division(remainder.fmod, lambda a, b, s: integers.divide(a, b, s)[1]),
    "pow": _power,
    "min": _extremum("olt", "lt"),
    "max": _extremum("ogt", "gt"),
    "copysign": _function(Lanes.copysign),
    "and": _instruction("and", "and"),
    "or": _instruction("or", "or"),
    "xor": _instruction("xor", "xor"),
    "not": _function(lambda a: ~a),
    "shl": _function(integers.shift_left),
    "shr": lambda e, a, b: integers.shift_right(a, b, is_signed(e.dtype)),
    "eq": _comparison("oeq", "eq", "eq"),
    "ne": _comparison("une", "ne", "ne"),
    "lt": _comparison("olt", "slt", "ult"),
    "le": _comparison("ole", "sle", "ule"),
    "select": _function(where),
    "cast": lambda e, a: cast(a, _operand(e), e.dtype),
    "bitcast": lambda e, a: bitcast(a, _operand(e), e.dtype),
})  # fmt: skip
