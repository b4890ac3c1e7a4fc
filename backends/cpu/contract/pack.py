"""Puts B into panels: [n / width][k][width], where a step of the register tile reads `width` values in a row.

In: a packed `Gemm` (see `packed`) and B, as a NumPy array at compile time or in memory at run time. Out: an
array, or LLVM text of a kernel. The columns past n in the last panel, which is as narrow as whole vectors
allow, are zero.

    spec = packed(Gemm(...))
    constant = pack_array(spec, machine, weights)                    # [*batch, k, n] -> [packed_elements]
    emit_pack(f, machine, spec, source, b, panels, begin, end)       # pack_tasks(spec, machine) tasks
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..casts import memory_type
from ..llvm import Function, V, vector
from ..machine import Machine
from .arithmetic import Arithmetic
from .gemm import Gemm, Matrix, collapse, gemm_tile, packed_size
from .microkernel import Tile
from .nest import Nest, Panels, Site, Strip, at_least, at_most, digits, emit_nest
from .point import dot
from .schedule import split_columns
from .tails import load_bits
from .transpose import transpose

MOST_BLOCK = 16  # a square block of 16 x 16 fills 16 registers
DEPTH = 256  # steps k that one task packs
Array = np.ndarray[Any, Any]


def packed_elements(spec: Gemm, machine: Machine) -> int:
    """Return the elements of all packed matrices, of dtype `spec.b.dtype`."""
    return spec.matrices * packed_size(spec, panel_tile(spec, machine))


def panel_tile(spec: Gemm, machine: Machine) -> Tile:
    """Return the register tile, whose vectors and lanes are those of the panels."""
    return gemm_tile(collapse(spec)[0], machine)


def pack_array(spec: Gemm, machine: Machine, b: Array) -> Array:
    """Return the panels of a constant B: [matrices, k, n], or [k, n] of which there is one, as [packed_elements]."""
    tile = panel_tile(spec, machine)
    matrices = np.asarray(b).reshape(spec.matrices, spec.k, spec.n).astype(spec.b.dtype, copy=False)
    return np.concatenate([panels_of(matrix, tile.vectors, tile.lanes) for matrix in matrices] or [matrices.ravel()])


def panels_of(matrix: Array, vectors: int, lanes: int) -> Array:
    """Return the panels of one matrix [k, n], one after the other."""
    k, n = matrix.shape
    parts = []
    for panels in split_columns(n, vectors, lanes):
        width = panels.vectors * lanes
        part = np.zeros((k, panels.count * width), matrix.dtype)
        first = panels.first * vectors * lanes
        part[:, : n - first] = matrix[:, first : first + part.shape[1]]
        parts.append(part.reshape(k, panels.count, width).transpose(1, 0, 2).ravel())
    return np.concatenate(parts) if parts else np.zeros(0, matrix.dtype)


def pack_nest(spec: Gemm, machine: Machine) -> Nest:
    """Return the loops of the packing kernel: lines are groups of `DEPTH` steps."""
    tile = panel_tile(spec, machine)
    panels = split_columns(spec.n, tile.vectors, tile.lanes)
    return Nest(spec.matrices, -(-spec.k // DEPTH), (Strip(0, 1, 1),), panels, 1, 1, 1, True)


def pack_tasks(spec: Gemm, machine: Machine) -> int:
    """Return the number of parallel tasks of the packing kernel."""
    return pack_nest(spec, machine).tasks


def emit_pack(f: Function, machine: Machine, spec: Gemm, source: Matrix, b: V, panels: V, begin: V, end: V) -> None:
    """Write the tasks [begin, end) that pack B, laid out as `source` says, for the packed product `spec`."""
    tile, math = panel_tile(spec, machine), Arithmetic(spec.dtype, machine)
    body = Packing(f, spec, source, tile, math, b, panels).part_at
    emit_nest(f, pack_nest(spec, machine), begin, end, body)


@dataclass(frozen=True)
class Packing:
    """The body of the loops: `DEPTH` steps of one panel."""

    f: Function
    spec: Gemm
    source: Matrix
    tile: Tile
    math: Arithmetic
    b: V
    panels: V

    def part_at(self, site: Site) -> None:
        """Write one part: transposing blocks where B is contiguous along k, else step by step."""
        f, k = self.f, self.spec.k
        first = f.mul(site.line, DEPTH)
        last = at_most(f, f.add(first, DEPTH), k)
        source, target = self._pointers(site)
        block = min(self.tile.lanes, MOST_BLOCK)
        if self.source.row == 1 and self.source.column != 1 and block > 1:
            whole = k // block * block
            with f.loop(first, at_most(f, last, whole), block) as step:
                self._block(site.panels, block, *self._at(source, target, site.panels, step.index))
            first = at_least(f, first, whole)
        with f.loop(first, last) as step:
            self._step(site.panels, *self._at(source, target, site.panels, step.index))

    def _pointers(self, site: Site) -> tuple[V, V]:
        f, width = self.f, self.tile.width
        axes = [(size, step) for size, step in zip(self.spec.batch, self.source.batch, strict=True) if step]
        batch = digits(f, site.image, tuple(size for size, _ in axes)) if axes else []
        steps = [*(step for _, step in axes), width * self.source.column]
        source = f.gep(memory_type(self.source.dtype), self.b, dot(f, (*batch, site.panel), steps))
        panel = (packed_size(self.spec, self.tile), self.spec.k * width)
        return source, f.gep(self._type, self.panels, dot(f, (site.image, site.panel), panel))

    @property
    def _type(self) -> str:
        return memory_type(self.spec.b.dtype)

    def _at(self, source: V, target: V, panels: Panels, step: V) -> tuple[V, V]:
        f, width = self.f, panels.vectors * self.tile.lanes
        row = f.gep(memory_type(self.source.dtype), source, f.mul(step, self.source.row))
        return row, f.gep(self._type, target, f.mul(step, width))

    def _step(self, panels: Panels, source: V, target: V) -> None:
        """Pack one step k: vectors of the panel, from columns that lie anywhere."""
        lanes = self.tile.lanes
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
        f, width, element = self.f, panels.vectors * self.tile.lanes, memory_type(self.source.dtype)
        zero = V("zeroinitializer", vector(element, block))
        for first in range(0, width, block):
            columns = range(first, min(first + block, panels.columns))
            lines = [f.load(zero.type, f.gep(element, source, c * self.source.column)) for c in columns]
            for step, value in enumerate(transpose(f, [*lines, *[zero] * (block - len(lines))])):
                self._store(value, target, step * width + first)

    def _store(self, value: V, target: V, at: int) -> None:
        if self.source.dtype != self.spec.b.dtype:
            value = self.math.widen(self.f, self.source.dtype, value)
        self.f.store(value, self.f.gep(self._type, target, at))
