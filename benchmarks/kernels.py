"""GFLOP/s of the contraction kernels beside the FMA peak and the copy bandwidth, all measured in turn in one run.

    python benchmarks/kernels.py                    # microseconds, GFLOP/s, share of the peak, gain of 2 threads
    python benchmarks/kernels.py --json out.json --only 3x3

The peak is a loop of register-only multiply-adds written with the same emitter. Best of many short rounds; in
a round every kernel runs once, so that all meet the same clock and the same neighbours.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from math import prod
from pathlib import Path

import numpy as np

from aicomp.backends.cpu.codegen.llvm import Function, V, vector
from aicomp.backends.cpu.codegen.module import module_text
from aicomp.backends.cpu.contract import (
    Conv,
    Epilogue,
    Gemm,
    Matrix,
    conv_panels,
    conv_tasks,
    emit_conv,
    emit_gemm,
    gemm_panels,
    gemm_tasks,
    packed,
)
from aicomp.backends.cpu.machine import Machine
from aicomp.backends.cpu.runtime.jit import Library, compile_object
from aicomp.types import FLOAT32

HOST = Machine.host()
COPY_FLOATS = 8 << 20


@dataclass
class Kernel:
    """A compiled kernel, its operands, and the best times so far: of one call, by number of threads."""

    name: str
    flops: float
    tasks: int
    write: Callable[[Function, list[V]], None]
    sizes: tuple[int, ...]
    seconds: dict[int, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Compile it and make its operands."""
        f = Function("kernel", [("ptr", "args"), ("i64", "begin"), ("i64", "end")])
        self.write(f, [f.load("ptr", f.gep("ptr", f.args[0], i)) for i in range(len(self.sizes))])
        f.ret()
        start = time.perf_counter()
        code = compile_object(module_text([f]), HOST)
        self.compile_ms = 1e3 * (time.perf_counter() - start)
        self.library = Library([code], ["kernel"])
        self.call = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)(
            self.library.address("kernel")
        )
        self.arrays = [operand(size) for size in self.sizes]
        self.pointers = (ctypes.c_void_p * len(self.sizes))(*[a.ctypes.data for a in self.arrays])

    def measure(self, threads: int) -> None:
        """Run it on so many threads, for some milliseconds, and keep the time of a turn if it is the best."""
        turns = max(2, min(200, int(3e-3 / self.seconds.get(1, 1))))
        cuts = [self.tasks * i // threads for i in range(threads + 1)]
        barrier = threading.Barrier(threads)
        ends = [0.0] * threads

        def work(n: int) -> None:
            barrier.wait()
            start = time.perf_counter()
            for _ in range(turns):
                self.call(self.pointers, cuts[n], cuts[n + 1])
            ends[n] = time.perf_counter() - start

        others = [threading.Thread(target=work, args=(n,)) for n in range(1, threads)]
        for thread in others:
            thread.start()
        work(0)
        for thread in others:
            thread.join()
        self.seconds[threads] = min(self.seconds.get(threads, 1e9), max(ends) / turns)

    def gflops(self, threads: int = 1) -> float:
        """Return the best rate."""
        return self.flops / self.seconds[threads] / 1e9


def operand(size: int) -> np.ndarray:
    """Return random floats at a cache line's start."""
    memory = np.empty(size + 16, np.float32)
    first = -memory.ctypes.data // 4 % 16
    memory[:] = np.random.default_rng(0).random(memory.size, np.float32)
    return memory[first : first + size]


def fma_peak() -> Kernel:
    """Return a loop of independent multiply-adds on 12 registers."""
    tasks, turns, registers = 2, 5000, 12
    type_ = vector("float", HOST.lanes(32))

    def write(f: Function, pointers: list[V]) -> None:
        starts = [f.load(type_, f.gep("float", pointers[0], i)) for i in range(registers)]  # equal ones would merge
        with f.loop(0, turns, carry=starts, at_least_once=True) as loop:
            values = loop.carry
            for _ in range(4):
                values = tuple(f.fma(value, starts[0], starts[1]) for value in values)
            loop.next = values
        for i, value in enumerate(loop.results):
            f.store(value, f.gep("float", pointers[0], i * value.lanes))

    size = registers * HOST.lanes(32)
    return Kernel("FMA peak", 2.0 * tasks * turns * 4 * size, tasks, repeated(write), (size,))


def repeated(write: Callable[[Function, list[V]], None]) -> Callable[[Function, list[V]], None]:
    """Return a kernel whose every task does the same."""

    def tasks(f: Function, pointers: list[V]) -> None:
        with f.loop(*f.args[1:]):
            write(f, pointers)

    return tasks


def copy() -> Kernel:
    """Return a copy of more than the caches hold; its "flops" are bytes read and written."""
    lanes, tasks = HOST.lanes(32), 16
    part = COPY_FLOATS // tasks

    def write(f: Function, pointers: list[V]) -> None:
        with f.loop(f.mul(f.args[1], part), f.mul(f.args[2], part), lanes) as loop:
            source, target = (f.gep("float", p, loop.index) for p in pointers)
            f.store(f.load(vector("float", lanes), source), target)

    return Kernel("copy", 8 * COPY_FLOATS, tasks, write, (COPY_FLOATS, COPY_FLOATS))


def dense(shape: tuple[int, ...], pointer: V) -> Epilogue:
    """Return an epilogue that stores results densely."""
    strides = tuple(prod(shape[axis + 1 :]) for axis in range(len(shape)))

    def store(f: Function, value: V, at, mask: V | None) -> None:
        target = at.address(f, "float", pointer, strides)
        f.masked_store(value, target, mask) if mask else f.store(value, target)

    return Epilogue(store)


def gemm(m: int, n: int, k: int) -> Kernel:
    """Return a product with constant, packed B."""
    spec = packed(Gemm(m, n, k, FLOAT32, Matrix(FLOAT32, k, 1), Matrix(FLOAT32, n, 1)))

    def write(f: Function, p: list[V]) -> None:
        emit_gemm(f, HOST, spec, p[0], p[1], *f.args[1:], dense((m, n), p[2]))

    sizes = (m * k, gemm_panels(spec, HOST).elements, m * n)
    return Kernel(f"gemm {m}x{n}x{k}", 2.0 * m * n * k, gemm_tasks(spec, HOST), write, sizes)


def conv(size: int, channels: int, filters: int, taps: int, stride: int = 1, groups: int = 1) -> Kernel:
    """Return a square convolution with padding that keeps the size."""
    pad = ((taps // 2, taps // 2),) * 2
    pair = (size, size), (taps, taps), (stride, stride)
    spec = Conv(1, pair[0], channels, filters, pair[1], pair[2], pad, (1, 1), groups, FLOAT32, FLOAT32, FLOAT32)
    shape = (1, *spec.out, filters)

    def write(f: Function, p: list[V]) -> None:
        emit_conv(f, HOST, spec, p[0], p[1], *f.args[1:], dense(shape, p[2]))

    kind = "depthwise" if groups == channels else "conv"
    name = f"{kind} {size}x{size}x{channels} {taps}x{taps}/{stride} -> {filters}"
    flops = 2.0 * prod(shape) * taps * taps * spec.depth
    sizes = (size * size * channels, conv_panels(spec, HOST).elements, prod(shape))
    return Kernel(name, flops, conv_tasks(spec, HOST), write, sizes)


CASES: list[tuple[Callable[..., Kernel], tuple[int, ...]]] = [
    *((gemm, s) for s in [(384, 768, 768), (1024, 1024, 1024), (128, 768, 3072), (128, 3072, 768), (64, 784, 1024)]),
    *((gemm, s) for s in [(1, 768, 768), (1, 1000, 2048), (3, 4096, 4096)]),
    *((conv, s) for s in [(224, 3, 64, 7, 2), (56, 64, 64, 3), (28, 128, 128, 3), (14, 256, 256, 3), (7, 512, 512, 3)]),
    *(
        (conv, s)
        for s in [(56, 64, 128, 3, 2), (56, 64, 128, 1, 2), (56, 256, 64, 1), (14, 256, 1024, 1), (7, 2048, 512, 1)]
    ),
    *(
        (conv, (size, c, c, 3, stride, c))
        for size, c, stride in [(112, 32, 1), (112, 96, 2), (56, 144, 1), (14, 576, 1)]
    ),
]


def main() -> None:
    """Measure, print, and write JSON if asked to."""
    parser = argparse.ArgumentParser(description="Contraction kernels beside the FMA peak.")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows to FILE")
    parser.add_argument("--rounds", type=int, default=12, help="rounds; the best counts (default 12)")
    parser.add_argument("--only", default="", help="kernels whose name contains this")
    args = parser.parse_args()
    peak, memory = fma_peak(), copy()
    kernels = [kernel for kernel in (make(*sizes) for make, sizes in CASES) if args.only in kernel.name]
    for _ in range(args.rounds):
        for kernel in (peak, memory, *kernels):
            for threads in (1, 2):
                kernel.measure(threads)
    rows = [row(kernel, peak) for kernel in kernels]
    print(
        f"FMA peak {peak.gflops():.0f} GFLOP/s on 1 thread, {peak.gflops(2):.0f} on 2; copy {memory.gflops():.0f} GB/s"
    )
    print(f"{'kernel':44}{'us':>9}{'GFLOP/s':>9}{'of peak':>9}{'2 threads':>11}{'tasks':>7}{'compile ms':>12}")
    for r in rows:
        print(
            f"{r['kernel']:44}{r['us']:9.1f}{r['gflops']:9.1f}{r['of_peak']:9.3f}{r['two_threads']:10.2f}x"
            f"{r['tasks']:7}{r['compile_ms']:12.1f}"
        )
    if args.json:
        result = {"peak_gflops": peak.gflops(), "copy_gb_s": memory.gflops(), "rows": rows}
        args.json.write_text(json.dumps(result, indent=1))


def row(kernel: Kernel, peak: Kernel) -> dict:
    """Return one row of the table."""
    return {
        "kernel": kernel.name,
        "us": 1e6 * kernel.seconds[1],
        "gflops": kernel.gflops(),
        "of_peak": kernel.gflops() / peak.gflops(),
        "two_threads": kernel.seconds[1] / kernel.seconds[2],
        "tasks": kernel.tasks,
        "compile_ms": kernel.compile_ms,
    }


if __name__ == "__main__":
    main()
