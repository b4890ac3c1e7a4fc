"""Arithmetic on LLVM operands with Python's operators, so that an algorithm reads as its formula.

In: a `Function` being written, the `Machine`, an operand `V` of any lane count. Out: more instructions in it.
Every result is rounded once and in the order written; only `fma` fuses, and only where the machine has it.

    x = Lanes(f, machine, v)
    y = where(x < 0.0, -x, polynomial(x, (1.0, 1.0, 0.5)))     # y.v is the operand
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..machine import Machine
from .llvm import Function, V, constant, element_bytes, mangle, vector

Number = bool | int | float


@dataclass(frozen=True, slots=True, eq=False)
class Lanes:
    """An operand (integer, i1 or float; scalar or vector) and where its instructions go."""

    f: Function
    machine: Machine
    v: V

    # -- types -------------------------------------------------------------------------------------
    @property
    def is_float(self) -> bool:
        """Return whether the lanes are float or double."""
        return self.v.element in ("float", "double")

    @property
    def is_double(self) -> bool:
        """Return whether the lanes are double."""
        return self.v.element == "double"

    @property
    def bits(self) -> int:
        """Return the width of a lane in bits."""
        return 1 if self.v.element == "i1" else 8 * element_bytes(self.v.type)

    def new(self, v: V) -> Lanes:
        """Return another operand of the same function."""
        return Lanes(self.f, self.machine, v)

    def const(self, value: Number) -> Lanes:
        """Return a constant of this operand's type."""
        return self.new(constant(self.v.type, value))

    def lift(self, other: Operand) -> V:
        """Return the other operand of an operator; a number takes this operand's type."""
        return other.v if isinstance(other, Lanes) else constant(self.v.type, other)

    def with_element(self, element: str) -> str:
        """Return the LLVM type of as many lanes of `element`."""
        return vector(element, self.v.lanes)

    # -- conversions -------------------------------------------------------------------------------
    def convert(self, op: str, element: str) -> Lanes:
        """Return `op self to element`, lane by lane (zext, sitofp, fpext, ...)."""
        return self.new(self.f.convert(op, self.v, self.with_element(element)))

    def convert_by(self, intrinsic: str, element: str) -> Lanes:
        """Return `intrinsic(self)`, an overloaded conversion (`llvm.fptosi.sat`) to lanes of `element`."""
        type_ = self.with_element(element)
        return self.new(self.f.call(f"{intrinsic}.{mangle(type_)}.{mangle(self.v.type)}", type_, [self.v]))

    def as_int(self) -> Lanes:
        """Return the bits of floats as integers of the same width."""
        return self.convert("bitcast", f"i{self.bits}")

    def as_float(self) -> Lanes:
        """Return 32- or 64-bit integers as the floats that have those bits."""
        return self.convert("bitcast", "float" if self.bits == 32 else "double")

    # -- arithmetic --------------------------------------------------------------------------------
    def op(self, name: str, other: Operand) -> Lanes:
        """Return `name self, other` of any LLVM instruction on two operands of one type."""
        return self.new(self.f.binary(name, self.v, self.lift(other)))

    def _arithmetic(self, name: str, other: Operand) -> Lanes:
        return self.op(f"f{name}" if self.is_float else name, other)

    def __add__(self, other: Operand) -> Lanes:
        return self._arithmetic("add", other)

    def __radd__(self, other: Number) -> Lanes:
        return self.const(other) + self

    def __sub__(self, other: Operand) -> Lanes:
        return self._arithmetic("sub", other)

    def __rsub__(self, other: Number) -> Lanes:
        return self.const(other) - self

    def __mul__(self, other: Operand) -> Lanes:
        return self._arithmetic("mul", other)

    def __rmul__(self, other: Number) -> Lanes:
        return self.const(other) * self

    def __truediv__(self, other: Operand) -> Lanes:
        return self.op("fdiv", other)

    def __rtruediv__(self, other: Number) -> Lanes:
        return self.const(other) / self

    def __neg__(self) -> Lanes:
        if self.is_float:
            return self.new(self.f.ins(f"fneg {self.v}", self.v.type))
        return self.const(0) - self

    def __and__(self, other: Operand) -> Lanes:
        return self.op("and", other)

    def __or__(self, other: Operand) -> Lanes:
        return self.op("or", other)

    def __xor__(self, other: Operand) -> Lanes:
        return self.op("xor", other)

    def __invert__(self) -> Lanes:
        return self ^ (1 if self.bits == 1 else -1)

    def __lshift__(self, other: Operand) -> Lanes:
        return self.op("shl", other)

    def __rshift__(self, other: Operand) -> Lanes:
        """Shift right, keeping the sign (`op("lshr", n)` fills with zeros)."""
        return self.op("ashr", other)

    def __abs__(self) -> Lanes:
        if self.is_float:
            return self.intrinsic("fabs")
        return where(self < 0, -self, self)

    def intrinsic(self, name: str, *others: Operand) -> Lanes:
        """Return `llvm.name(self, others...)`, an intrinsic that returns its arguments' type."""
        args = [self.v, *map(self.lift, others)]
        return self.new(self.f.call(f"llvm.{name}.{mangle(self.v.type)}", self.v.type, args))

    def copysign(self, sign: Operand) -> Lanes:
        """Return the magnitude of self with the sign bit of `sign`."""
        return self.intrinsic("copysign", sign)

    # -- comparisons: ordered on floats, signed on integers ------------------------------------------
    def compare(self, predicate: str, other: Operand) -> Lanes:
        """Return the i1 lanes of an `icmp` or `fcmp` predicate."""
        compare = self.f.fcmp if self.is_float else self.f.icmp
        return self.new(compare(predicate, self.v, self.lift(other)))

    def _order(self, name: str, other: Operand) -> Lanes:
        return self.compare(("o" if self.is_float else "s") + name, other)

    def __lt__(self, other: Operand) -> Lanes:
        return self._order("lt", other)

    def __le__(self, other: Operand) -> Lanes:
        return self._order("le", other)

    def __gt__(self, other: Operand) -> Lanes:
        return self._order("gt", other)

    def __ge__(self, other: Operand) -> Lanes:
        return self._order("ge", other)

    def equals(self, other: Operand) -> Lanes:
        """Return self == other; false where either is NaN."""
        return self.compare("oeq" if self.is_float else "eq", other)

    def differs(self, other: Operand) -> Lanes:
        """Return self != other; true where either is NaN."""
        return self.compare("une" if self.is_float else "ne", other)

    def is_nan(self) -> Lanes:
        """Return whether a float is NaN."""
        return self.compare("uno", self)

    def clamp(self, low: Number, high: Number) -> Lanes:
        """Return self limited to [low, high]; NaN stays NaN."""
        below = where(self > high, high, self)
        return where(below < low, low, below)

    def any(self) -> V:
        """Return the i1 scalar that says whether any i1 lane is set."""
        if self.v.lanes == 1:
            return self.v
        packed = self.f.convert("bitcast", self.v, f"i{self.v.lanes}")
        return self.f.icmp("ne", packed, V("0", packed.type))


Operand = Lanes | Number


def where(condition: Lanes, a: Operand, b: Operand) -> Lanes:
    """Return a where the condition holds, else b; one of them may be a number."""
    like = a if isinstance(a, Lanes) else b
    assert isinstance(like, Lanes)
    return like.new(like.f.select(condition.v, like.lift(a), like.lift(b)))


def fma(a: Lanes, b: Operand, c: Operand) -> Lanes:
    """Return a * b + c: rounded once where the machine has FMA, else after each operation."""
    return a.intrinsic("fma", b, c) if a.machine.fma else a * b + c


def polynomial(x: Lanes, coefficients: Sequence[float]) -> Lanes:
    """Return c0 + c1 x + c2 x^2 + ... by Horner's rule (two coefficients or more)."""
    *rest, last = coefficients
    total = fma(x, last, rest.pop())
    for c in reversed(rest):
        total = fma(total, x, c)
    return total


def out_of_line(name: str, body: Callable[..., Lanes], *args: Lanes, rare: bool = False) -> Lanes:
    """Call `body(*args)` as a private function of the module, written once for each type of arguments.

    For long or rare code, as the call clobbers the vector registers; a rare one is laid out as unlikely.
    """
    first = args[0]
    types = [a.v.type for a in args]
    full = ".".join(["aicomp", name, *map(mangle, types)])
    if full not in first.f.helpers:
        params = [(t, f"a{n}") for n, t in enumerate(types)]
        g = Function(
            full, params, attributes="nounwind noinline cold" if rare else "nounwind noinline", linkage="internal"
        )
        first.f.helpers[full] = g
        result = body(*(Lanes(g, first.machine, V(f"%a{n}", t)) for n, t in enumerate(types)))
        g.returns = result.v.type
        g.ret(result.v)
    g = first.f.helpers[full]
    return first.new(first.f.call(full, g.returns, [a.v for a in args]))


def unless(rare: Lanes, usual: Lanes, fallback: Callable[[], Lanes]) -> Lanes:
    """Return `usual`, or `fallback()` for all lanes where any lane of the i1 `rare` is set (a branch)."""
    f = usual.f
    before, then, done = f.block, f.label("rare"), f.label("join")
    f.branch(rare.any(), then, done)
    f.start(then)
    other = fallback()
    after = f.block
    f.jump(done)
    f.start(done)
    phi = f"phi {usual.v.type} [ {usual.v.ref}, %{before} ], [ {other.v.ref}, %{after} ]"
    return usual.new(f.ins(phi, usual.v.type))


def each_lane(body: Callable[..., Lanes], *args: Lanes) -> Lanes:
    """Return the vector of `body(scalars...)`, lane after lane in a loop; `body` keeps the type of its arguments."""
    first = args[0]
    if first.v.lanes == 1:
        return body(*args)
    f = first.f
    with f.loop(0, first.v.lanes, carry=[first.v], at_least_once=True) as loop:
        scalars = (a.new(f.ins(f"extractelement {a.v}, {loop.index}", a.v.element)) for a in args)
        result = body(*scalars).v
        loop.next = (f.ins(f"insertelement {loop.carry[0]}, {result}, {loop.index}", first.v.type),)
    return first.new(loop.results[0])
