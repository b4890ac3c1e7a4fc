"""The loop nest: what a kernel computes, before it is decided how.

A nest runs over `rows`; for each row its reductions fold over `cols`, stage after stage; then its stores write scalars
at row or at (row, col) positions. A scalar is a DAG of loads at symbolic addresses, expressions and reductions.

    for i in rows:                        # softmax of f32[1536,128]
        m = max(load(0, i*128 + j) for j in cols)
        s = sum(exp(load(0, i*128 + j) - m) for j in cols)
        for j in cols: store(1, i*128 + j, exp(load(0, i*128 + j) - m) / s)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from aicomp.expr import Expr
from aicomp.types import DType

from .index import Dynamic, FloorDiv, Linear, Mod, Var

Deps = frozenset[Any]  # the loop variables and reductions that a scalar needs


def index_deps(index: Linear) -> Deps:
    """Return the variables and reductions that an index needs."""
    found: Deps = frozenset()
    for atom, _ in index.terms:
        if isinstance(atom, Var):
            found |= {atom}
        elif isinstance(atom, Dynamic):
            found |= atom.scalar.deps
        else:
            found |= index_deps(atom.of)
    return found


def index_scalars(index: Linear) -> Iterator[Scalar]:
    """Yield the scalars that are read at run time to form an index."""
    for atom, _ in index.terms:
        if isinstance(atom, Dynamic):
            yield atom.scalar
        elif isinstance(atom, (FloorDiv, Mod)):
            yield from index_scalars(atom.of)


@dataclass(frozen=True)
class Bound:
    """The condition 0 <= index < extent, and index % by == 0."""

    index: Linear
    extent: int
    by: int = 1

    @property
    def always(self) -> bool:
        """Return whether the condition is known to hold."""
        low, high = self.index.bounds()
        return low >= 0 and high < self.extent and self.by == 1

    @property
    def never(self) -> bool:
        """Return whether the condition is known to fail."""
        low, high = self.index.bounds()
        return high < 0 or low >= self.extent


@dataclass(frozen=True, eq=False)
class Load:
    """One element of the kernel's `slot`-th buffer at a flat index; `other` where a bound fails (nothing is read)."""

    slot: int
    index: Linear
    dtype: DType
    inside: tuple[Bound, ...] = ()
    other: float | int | bool = 0

    @cached_property
    def deps(self) -> Deps:
        """What the scalar needs."""
        return index_deps(self.index).union(*(index_deps(b.index) for b in self.inside))

    @property
    def operands(self) -> tuple[Scalar, ...]:
        """The scalars read to form the address."""
        indices = [self.index, *(b.index for b in self.inside)]
        return tuple(s for index in indices for s in index_scalars(index))


@dataclass(frozen=True, eq=False)
class Position:
    """An index as a number of some dtype."""

    index: Linear
    dtype: DType

    @cached_property
    def deps(self) -> Deps:
        """What the scalar needs."""
        return index_deps(self.index)

    @property
    def operands(self) -> tuple[Scalar, ...]:
        """The scalars read to form the index."""
        return tuple(index_scalars(self.index))


@dataclass(frozen=True, eq=False)
class Apply:
    """A scalar expression on operands."""

    expr: Expr
    operands: tuple[Scalar, ...]

    @property
    def dtype(self) -> DType:
        """The result's dtype."""
        return self.expr.dtype

    @cached_property
    def deps(self) -> Deps:
        """What the scalar needs."""
        return frozenset().union(*(o.deps for o in self.operands))


@dataclass(frozen=True, eq=False)
class Choose:
    """`then` where all bounds hold, else `other`."""

    inside: tuple[Bound, ...]
    then: Scalar
    other: Scalar

    @property
    def dtype(self) -> DType:
        """The result's dtype."""
        return self.then.dtype

    @property
    def operands(self) -> tuple[Scalar, ...]:
        """The two choices, and what is read to form the bounds."""
        return (self.then, self.other, *(s for b in self.inside for s in index_scalars(b.index)))

    @cached_property
    def deps(self) -> Deps:
        """What the scalar needs."""
        bounds = (index_deps(b.index) for b in self.inside)
        return self.then.deps.union(self.other.deps, *bounds)


@dataclass(frozen=True, eq=False)
class Reduction:
    """The fold of `value` over the columns: `kind` is sum, prod, max, min, any, all, argmax or argmin.

    `position` is the index an argmax or argmin counts. Accumulation is in the dtype of `value`; the order is fixed by
    the schedule, never by the number of threads.
    """

    kind: str
    value: Scalar
    dtype: DType
    position: Linear | None = None

    @property
    def operands(self) -> tuple[Scalar, ...]:
        """None: the fold happens elsewhere, in its stage."""
        return ()

    @cached_property
    def deps(self) -> Deps:
        """Itself: available once its stage has run."""
        return frozenset({self})

    @property
    def depth(self) -> int:
        """The stage it belongs to: one after the reductions its value needs."""
        return 1 + max((d.depth for d in self.value.deps if isinstance(d, Reduction)), default=-1)


@dataclass(frozen=True, eq=False)
class Given:
    """A value handed in from outside the nest: the accumulator of a micro-kernel."""

    dtype: DType
    deps: Deps
    operands: tuple[Scalar, ...] = ()


Scalar = Load | Position | Apply | Choose | Reduction | Given


@dataclass(frozen=True, eq=False)
class Store:
    """Write a scalar to the kernel's `slot`-th buffer at a flat index."""

    slot: int
    index: Linear
    value: Scalar


@dataclass(frozen=True, eq=False)
class Nest:
    """A loop nest over rows and columns; stores that need no column run once a row."""

    rows: tuple[Var, ...]
    cols: tuple[Var, ...]
    stores: tuple[Store, ...]
    slots: int  # buffers, outputs included
    status: int | None = None  # slot of the status word, if an index is read at run time

    def stages(self) -> list[list[Reduction]]:
        """Return the reductions in the order they run, those of one stage together."""
        found = sorted(self.reductions(), key=lambda r: r.depth)
        depths = sorted({r.depth for r in found})
        return [[r for r in found if r.depth == d] for d in depths]

    def reductions(self) -> list[Reduction]:
        """Return every reduction that the stores need, each once."""
        seen: dict[Reduction, None] = {}
        todo = [d for store in self.stores for d in store.value.deps if isinstance(d, Reduction)]
        while todo:
            reduction = todo.pop()
            if reduction not in seen:
                seen[reduction] = None
                todo.extend(d for d in reduction.value.deps if isinstance(d, Reduction))
        return list(seen)

    def roots(self) -> list[Scalar]:
        """Return the scalars that are stored or folded."""
        return [*(r.value for r in self.reductions()), *(store.value for store in self.stores)]

    def loads(self) -> list[Load]:
        """Return every load, each once."""
        return [s for s in ordered(self.roots()) if isinstance(s, Load)]

    def substitute(self, new: Mapping[Var, Linear], rows: Iterable[Var], cols: Iterable[Var]) -> Nest:
        """Return the nest with loop variables replaced."""
        change = Substitution(new)
        stores = tuple(
            Store(s.slot, s.index.substitute(new, change.scalar), change.scalar(s.value)) for s in self.stores
        )
        return replace(self, rows=tuple(rows), cols=tuple(cols), stores=stores)


class Substitution:
    """Rewrites the scalars of a nest, each once."""

    def __init__(self, new: Mapping[Var, Linear]) -> None:
        self.new = new
        self.done: dict[int, Scalar] = {}

    def scalar(self, root: Scalar) -> Scalar:
        """Return the scalar with variables replaced."""
        for s in ordered([root], through_reductions=True):
            if id(s) not in self.done:
                self.done[id(s)] = self._rebuild(s)
        return self.done[id(root)]

    def _index(self, index: Linear) -> Linear:
        return index.substitute(self.new, lambda s: self.done[id(s)])

    def _bounds(self, bounds: tuple[Bound, ...]) -> tuple[Bound, ...]:
        return tuple(replace(b, index=self._index(b.index)) for b in bounds)

    def _rebuild(self, s: Scalar) -> Scalar:
        if isinstance(s, Load):
            return replace(s, index=self._index(s.index), inside=self._bounds(s.inside))
        if isinstance(s, Position):
            return replace(s, index=self._index(s.index))
        if isinstance(s, Apply):
            return replace(s, operands=tuple(self.done[id(o)] for o in s.operands))
        if isinstance(s, Choose):
            return Choose(self._bounds(s.inside), self.done[id(s.then)], self.done[id(s.other)])
        if isinstance(s, Reduction):
            position = s.position and self._index(s.position)
            return replace(s, value=self.done[id(s.value)], position=position)
        return s


def ordered(roots: Iterable[Scalar], through_reductions: bool = False) -> list[Scalar]:
    """Return every scalar the roots are made of, each once, operands first."""

    def children(s: Scalar) -> tuple[Scalar, ...]:
        inner = (s.value,) if through_reductions and isinstance(s, Reduction) else ()
        return (*s.operands, *inner)

    order: list[Scalar] = []
    seen: set[int] = set()
    stack: list[tuple[Scalar, bool]] = [(root, False) for root in reversed(list(roots))]
    while stack:
        s, ready = stack.pop()
        if ready:
            order.append(s)
        elif id(s) not in seen:
            seen.add(id(s))
            stack.append((s, True))
            stack.extend((child, False) for child in reversed(children(s)))
    return order


def choose(inside: Iterable[Bound], then: Callable[[], Scalar], other: Scalar) -> Scalar:
    """Return the choice by bounds, those decided already left out."""
    open_bounds = tuple(b for b in inside if not b.always)
    if any(b.never for b in open_bounds):
        return other
    chosen = then()
    number = other.expr.value if isinstance(other, Apply) and other.expr.op == "const" else None
    if isinstance(chosen, Load) and chosen.inside == open_bounds and number is not None:
        return replace(chosen, other=number)
    return Choose(open_bounds, chosen, other) if open_bounds else chosen
