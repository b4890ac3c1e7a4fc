"""Integer division, powers and shifts, defined for every operand as NumPy defines them.

In: two integer `Lanes` of one type and whether it is signed. Out: one. Dividing by zero gives 0, the smallest integer
over -1 is itself, and shifts by the width or more give 0 or the sign.

    quotient, remainder = divide(a, b, signed=True)     # towards zero;  divide_floor rounds down
"""

from __future__ import annotations

from .lanes import Lanes, out_of_line, where
from .llvm import V, mangle


def divide(a: Lanes, b: Lanes, signed: bool) -> tuple[Lanes, Lanes]:
    """Return the quotient rounded towards zero and the remainder; 0 and 0 where b is 0."""
    zero = b.equals(0)
    unsafe = zero | b.equals(-1) if signed else zero
    quotient = _quotient(a, where(unsafe, 1, b), signed)
    if signed:
        quotient = where(b.equals(-1), -a, quotient)
    remainder = a - quotient * b
    return where(zero, 0, quotient), where(zero, 0, remainder)


def divide_floor(a: Lanes, b: Lanes, signed: bool) -> tuple[Lanes, Lanes]:
    """Return the quotient rounded down and the remainder with the sign of b; 0 and 0 where b is 0."""
    quotient, remainder = divide(a, b, signed)
    if not signed:
        return quotient, remainder
    adjust = remainder.differs(0) & ((remainder ^ b) < 0)
    return where(adjust, quotient - 1, quotient), where(adjust, remainder + b, remainder)


def _quotient(a: Lanes, b: Lanes, signed: bool) -> Lanes:
    """Divide in floats wide enough to be exact where vectors have no integer division; b is neither 0 nor -1."""
    if a.v.lanes == 1 or a.bits == 64 or is_literal(b):
        return a.op("sdiv" if signed else "udiv", b)
    wide = "float" if a.bits <= 16 else "double"
    to_float, to_int = ("sitofp", "fptosi") if signed else ("uitofp", "fptoui")
    return (a.convert(to_float, wide) / b.convert(to_float, wide)).convert(to_int, a.v.element)


def is_literal(x: Lanes) -> bool:
    """Return whether the operand is a constant."""
    return x.v.ref[0] not in "%@"


def power(base: Lanes, exponent: Lanes, signed: bool) -> Lanes:
    """Return base ** exponent with wrap-around; a negative exponent truncates the real result towards zero."""
    if not signed:
        return out_of_line("upower", _repeated_squares, base, exponent)
    raised = out_of_line("power", _repeated_squares, base, where(exponent < 0, 0, exponent))
    of_minus_one = where((exponent & 1).differs(0), base, 1)
    reciprocal = where(base.equals(1) | base.equals(-1), of_minus_one, 0)
    return where(exponent < 0, reciprocal, raised)


def _repeated_squares(base: Lanes, exponent: Lanes) -> Lanes:
    """Square and multiply, as many turns as the largest exponent (unsigned) has bits."""
    f = base.f
    with f.loop(0, _bit_length(exponent).v, carry=[base.const(1).v, base.v, exponent.v]) as loop:
        product, square, left = map(base.new, loop.carry)
        odd = (left & 1).differs(0)
        loop.next = (where(odd, product * square, product).v, (square * square).v, left.op("lshr", 1).v)
    return base.new(loop.results[0])


def _bit_length(x: Lanes) -> Lanes:
    """Return how many bits the largest lane needs, as an i64 scalar."""
    every = x.v
    if every.lanes > 1:
        every = x.f.call(f"llvm.vector.reduce.or.{mangle(every.type)}", every.element, [every])
    wide = every if x.bits == 64 else x.f.convert("zext", every, "i64")
    return 64 - x.new(x.f.call("llvm.ctlz.i64", "i64", [wide, V("false", "i1")]))


def shift_left(a: Lanes, by: Lanes) -> Lanes:
    """Return a << by; 0 where `by`, read as unsigned, is the width or more."""
    inside = by.compare("ult", a.bits)
    return where(inside, a << where(inside, by, 0), 0)


def shift_right(a: Lanes, by: Lanes, signed: bool) -> Lanes:
    """Return a >> by; the sign (or 0) where `by`, read as unsigned, is the width or more."""
    inside = by.compare("ult", a.bits)
    if signed:
        return a >> where(inside, by, a.bits - 1)
    return where(inside, a.op("lshr", where(inside, by, 0)), 0)
