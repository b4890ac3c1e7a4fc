"""Symbolic integer indices: sums of coefficient times atom, simplified by the known extents of the loop variables.

In: loop variables (`Var`) combined with +, *, // and % by constants. Out: canonical `Linear` forms, in which a reshape
becomes affine wherever the sizes allow.

    i, j = Var("i", 4), Var("j", 16)
    flat = i.linear * 16 + j.linear
    flat // 16, flat % 16                 # i, j again
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, eq=False)
class Var:
    """A loop variable running over range(extent); equal only to itself."""

    name: str
    extent: int

    @property
    def linear(self) -> Linear:
        """Return the variable as an index; a loop of one turn is the constant 0."""
        return Linear(((self, 1),), 0) if self.extent != 1 else Linear((), 0)

    def __repr__(self) -> str:
        return self.name


@dataclass(frozen=True)
class FloorDiv:
    """`of // by`, `by` > 0."""

    of: Linear
    by: int


@dataclass(frozen=True)
class Mod:
    """`of % by`, `by` > 0."""

    of: Linear
    by: int


@dataclass(frozen=True)
class Dynamic:
    """An index read from memory at run time: `scalar` is an integer scalar, checked to lie in range(extent)."""

    scalar: Any
    extent: int


Atom = Var | FloorDiv | Mod | Dynamic


@dataclass(frozen=True)
class Linear:
    """constant + the sum of coefficient * atom; each atom once, no zero coefficient, in order of first appearance."""

    terms: tuple[tuple[Atom, int], ...]
    constant: int

    def __add__(self, other: Linear | int) -> Linear:
        if isinstance(other, int):
            return Linear(self.terms, self.constant + other)
        return total([*self.terms, *other.terms], self.constant + other.constant)

    def __sub__(self, other: Linear | int) -> Linear:
        return self + (other * -1 if isinstance(other, Linear) else -other)

    def __mul__(self, factor: int) -> Linear:
        if factor == 0:
            return ZERO
        return Linear(tuple((a, c * factor) for a, c in self.terms), self.constant * factor)

    def __floordiv__(self, by: int) -> Linear:
        quotient, rest = self._divide(by)
        low, high = rest.bounds()
        if low // by == high // by:
            return quotient + low // by
        coarse, _, unit = rest._carve(by)
        return quotient + Linear(((FloorDiv(coarse, by // unit), 1),), 0)

    def __mod__(self, by: int) -> Linear:
        _, rest = self._divide(by)
        low, high = rest.bounds()
        if low // by == high // by:
            return rest - (low // by) * by
        coarse, fine, unit = rest._carve(by)
        return Linear(((Mod(coarse, by // unit), unit),), 0) + fine

    def _carve(self, by: int) -> tuple[Linear, Linear, int]:
        """Return (c, f, u) with self = c * u + f, 0 <= f < u and u a divisor of `by`, u as large as can be."""
        for unit in sorted({abs(c) for _, c in self.terms if by % abs(c) == 0}, reverse=True):
            coarse, fine = self._divide(unit)
            low, high = fine.bounds()
            if unit > 1 and low >= 0 and high < unit:
                return coarse, fine, unit
        return self, ZERO, 1

    def _divide(self, by: int) -> tuple[Linear, Linear]:
        """Return (q, r) with self = q * by + r, the multiples of `by` moved to q."""
        even = tuple((a, c // by) for a, c in self.terms if c % by == 0)
        odd = tuple((a, c) for a, c in self.terms if c % by)
        return Linear(even, self.constant // by), Linear(odd, self.constant % by)

    def bounds(self) -> tuple[int, int]:
        """Return the smallest and the largest value (both attained or wider)."""
        low = high = self.constant
        for a, c in self.terms:
            first, last = atom_bounds(a)
            low += min(c * first, c * last)
            high += max(c * first, c * last)
        return low, high

    def coefficient(self, var: Var) -> int:
        """Return the coefficient of a variable outside of any // and %."""
        return next((c for a, c in self.terms if a is var), 0)

    def without(self, var: Var) -> Linear:
        """Return the sum without the term of one variable."""
        return Linear(tuple((a, c) for a, c in self.terms if a is not var), self.constant)

    def is_affine_in(self, var: Var) -> bool:
        """Return whether the variable appears as a plain term only."""
        return not any(depends(a, var) for a, _ in self.terms if a is not var)

    def depends(self, var: Var) -> bool:
        """Return whether the value can change with the variable."""
        return any(a is var or depends(a, var) for a, _ in self.terms)

    def substitute(self, new: Mapping[Var, Linear], scalar: Callable[[Any], Any] = lambda s: s) -> Linear:
        """Return the index with variables replaced, simplified again; `scalar` rewrites the run-time atoms."""
        result = Linear((), self.constant)
        for a, c in self.terms:
            result = result + _substitute(a, new, scalar) * c
        return result


ZERO = Linear((), 0)


def constant(value: int) -> Linear:
    """Return a constant index."""
    return Linear((), value)


def total(terms: Iterable[tuple[Atom, int]], offset: int) -> Linear:
    """Return the canonical sum; a // and a % of the same index that belong together are joined again."""
    sums: dict[Atom, int] = {}
    for a, c in terms:
        sums[a] = sums.get(a, 0) + c
    sums = {a: c for a, c in sums.items() if c}
    for a in list(sums):
        if isinstance(a, Mod) and (factor := sums.get(a)):
            quotient = FloorDiv(a.of, a.by)
            if sums.get(quotient) == factor * a.by:  # (x // n) * n + x % n = x
                del sums[a], sums[quotient]
                return total([*sums.items(), *(a.of * factor).terms], offset + a.of.constant * factor)
    return Linear(tuple(sums.items()), offset)


def atom_bounds(a: Atom) -> tuple[int, int]:
    """Return the smallest and the largest value of an atom."""
    if isinstance(a, FloorDiv):
        low, high = a.of.bounds()
        return low // a.by, high // a.by
    if isinstance(a, Mod):
        return 0, a.by - 1
    return 0, max(a.extent - 1, 0)


def depends(a: Atom, var: Var) -> bool:
    """Return whether an atom that is not `var` itself can change with it."""
    if isinstance(a, (FloorDiv, Mod)):
        return a.of.depends(var)
    return isinstance(a, Dynamic) and var in a.scalar.deps


def _substitute(a: Atom, new: Mapping[Var, Linear], scalar: Callable[[Any], Any]) -> Linear:
    if isinstance(a, Var):
        return new.get(a, a.linear)
    if isinstance(a, FloorDiv):
        return a.of.substitute(new, scalar) // a.by
    if isinstance(a, Mod):
        return a.of.substitute(new, scalar) % a.by
    return Linear(((Dynamic(scalar(a.scalar), a.extent), 1),), 0)


def row_major(shape: Sequence[int]) -> tuple[int, ...]:
    """Return the strides, in elements, of a dense row-major tensor."""
    strides: list[int] = []
    step = 1
    for n in reversed(shape):
        strides.append(step)
        step *= n
    return tuple(reversed(strides))


def flatten(index: Sequence[Linear], shape: Sequence[int]) -> Linear:
    """Return the flat position of an index in a dense row-major tensor."""
    result = ZERO
    for i, stride in zip(index, row_major(shape), strict=True):
        result = result + i * stride
    return result


def unflatten(flat: Linear, shape: Sequence[int]) -> tuple[Linear, ...]:
    """Return the index of a flat position in a dense row-major tensor."""
    index = []
    for n, stride in zip(shape, row_major(shape), strict=True):
        index.append(ZERO if n == 1 else (flat // max(stride, 1)) % max(n, 1))
    return tuple(index)
