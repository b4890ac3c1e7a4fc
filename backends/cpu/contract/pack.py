"""Packs matrices that are known only at run time: LLVM text of a kernel that fills the panels of a `Panelling`.

In: the layout, a `Matrix` that says how B lies in memory (its batch strides along the layout's matrices), two
pointers, a range of tasks. Out: a copy where B is contiguous along n, transposed blocks where it is along k,
else element by element.

    emit_pack(f, machine, layout, source, b, panels, begin, end)       # of pack_tasks(layout) tasks
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from ..codegen.casts import memory_type
from ..codegen.llvm import Function, V, vector
from ..machine import Machine
from .arithmetic import Arithmetic
from .nest import Nest, Panels, Site, Strip, at_least, at_most, digits, emit_nest
from .panels import Matrix, Panelling
from .point import dot
from .schedule import split_columns
from .tails import load_bits
from .transpose import transpose

MOST_BLOCK = 16  # a square block of 16 x 16 fills 16 registers
DEPTH = 256  # steps k that one task packs


def pack_nest(layout: Panelling) -> Nest:
    """Return the loops of the packing kernel: lines are groups of `DEPTH` steps."""
    panels = split_columns(layout.n, layout.vectors, layout.lanes)
    return Nest(prod(layout.matrices), -(-layout.k // DEPTH), (Strip(0, 1, 1),), panels, 1, 1, 1, True)


def pack_tasks(layout: Panelling) -> int:
    """Return the number of parallel tasks of the packing kernel."""
    return pack_nest(layout).tasks


def emit_pack(
    f: Function, machine: Machine, layout: Panelling, source: Matrix, b: V, panels: V, begin: V, end: V
) -> None:
    """Write the tasks [begin, end) that pack B, which lies as `source` says; halves become float32 if the layout is."""
    body = Packing(f, Arithmetic(layout.dtype, machine), layout, source, b, panels).part_at
    emit_nest(f, pack_nest(layout), begin, end, body)


@dataclass(frozen=True)
class Packing:
    """The body of the loops: `DEPTH` steps of one panel."""

    f: Function
    math: Arithmetic
    layout: Panelling
    source: Matrix
    b: V
    panels: V

    def part_at(self, site: Site) -> None:
        """Write one part: transposing blocks where B is contiguous along k, else step by step."""
        f, k = self.f, self.layout.k
        first = f.mul(site.line, DEPTH)
        last = at_most(f, f.add(first, DEPTH), k)
        source, target = self._pointers(site)
        block = min(self.layout.lanes, MOST_BLOCK)
        if self.source.row == 1 and self.source.column != 1 and block > 1:
            whole = k // block * block
            with f.loop(first, at_most(f, last, whole), block) as step:
                self._block(site.panels, block, *self._at(source, target, site.panels, step.index))
            first = at_least(f, first, whole)
        with f.loop(first, last) as step:
            self._step(site.panels, *self._at(source, target, site.panels, step.index))

    def _pointers(self, site: Site) -> tuple[V, V]:
        f, width = self.f, self.layout.width
        batch = digits(f, site.image, self.layout.matrices) if self.layout.matrices else []
        steps = (*self.source.batch, width * self.source.column)
        source = f.gep(memory_type(self.source.dtype), self.b, dot(f, (*batch, site.panel), steps))
        panel = (self.layout.matrix_elements, self.layout.k * width)
        return source, f.gep(self._type, self.panels, dot(f, (site.image, site.panel), panel))

    @property
    def _type(self) -> str:
        return memory_type(self.layout.dtype)

    def _at(self, source: V, target: V, panels: Panels, step: V) -> tuple[V, V]:
        f, width = self.f, panels.vectors * self.layout.lanes
        row = f.gep(memory_type(self.source.dtype), source, f.mul(step, self.source.row))
        return row, f.gep(self._type, target, f.mul(step, width))

    def _step(self, panels: Panels, source: V, target: V) -> None:
        """Pack one step k: vectors of the panel, from columns that lie anywhere."""
        lanes = self.layout.lanes
        for v in range(panels.vectors):
            column = self.f.gep(memory_type(self.source.dtype), source, v * lanes * self.source.column)
            value = self._gather(column, lanes, min(lanes, panels.columns - v * lanes))
            self._store(value, target, v * lanes)

    def _gather(self, pointer: V, lanes: int, valid: int) -> V:
        f, element = self.f, memory_type(self.source.dtype)
        if self.source.column == 1:
            return load_bits(f, self.math.machine, self.source.dtype, pointer, lanes, valid)
        values = [f.load(element, f.gep(element, pointer, i * self.source.column)) for i in range(valid)]
        value = V("zeroinitializer", vector(element, lanes))
        for lane, one in enumerate(values):
            value = one if lanes == 1 else f.insert(value, one, lane)
        return value

    def _block(self, panels: Panels, block: int, source: V, target: V) -> None:
        """Pack `block` steps: square blocks are loaded along k and stored along n."""
        f, width, element = self.f, panels.vectors * self.layout.lanes, memory_type(self.source.dtype)
        zero = V("zeroinitializer", vector(element, block))
        for first in range(0, width, block):
            columns = range(first, min(first + block, panels.columns))
            lines = [f.load(zero.type, f.gep(element, source, c * self.source.column)) for c in columns]
            for step, value in enumerate(transpose(f, [*lines, *[zero] * (block - len(lines))])):
                self._store(value, target, step * width + first)

    def _store(self, value: V, target: V, at: int) -> None:
        if self.source.dtype != self.layout.dtype:
            value = self.math.widen(self.f, self.source.dtype, value)
        self.f.store(value, self.f.gep(self._type, target, at))
