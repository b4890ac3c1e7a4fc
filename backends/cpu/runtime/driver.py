"""Turns a program's steps into one LLVM function that runs them.

In: the steps of a `Program`. Out: `i32 NAME_run(ptr inputs, ptr outputs, ptr constants, ptr arena, i64 threads)`,
where the first three point to arrays of pointers; it returns 0, or the number of an error that a kernel left in the
status word. With `clock`, `i32 NAME_profile(..., ptr laps)` instead, which adds to one
`{i64 calls, i64 nanoseconds}` a leaf step.

    module_text([*program.functions, *emit_driver(program.name, program.steps)])
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ..codegen.llvm import Function, V
from ..program import Branch, Call, Copy, Ref, Repeat, Step

PARALLEL = "aic_parallel"
LAP = "aic_lap"
BLOCK_STEPS = 50  # code generation is quadratic in the length of a block, and a call does not end one
POINTERS = ("inputs", "outputs", "constants", "arena")


def emit_driver(name: str, steps: Sequence[Step], clock: bool = False, darwin: bool = False) -> list[Function]:
    """Return the driver of a program's steps, and what it needs beside the kernels and `aic_parallel`."""
    suffix, extra = ("profile", [("ptr", "laps")]) if clock else ("run", [])
    driver = Function(f"{name}_{suffix}", [*(("ptr", p) for p in POINTERS), ("i64", "threads"), *extra], "i32")
    _Driver(driver, clock).write(steps)
    return [driver, _lap(6 if darwin else 1)] if clock else [driver]


def leaves(steps: Sequence[Step]) -> Iterator[Call | Copy]:
    """Yield the calls and copies of a program in the order they are written: the rows of a profile."""
    for step in steps:
        if isinstance(step, Repeat):
            yield from leaves(step.head)
            yield from leaves(step.body)
        elif isinstance(step, Branch):
            yield from leaves(step.then)
            yield from leaves(step.other)
        else:
            yield step


@dataclass
class _Driver:
    """A driver being written: `loops` are the counters of open loops, `lap` the next row of the profile."""

    f: Function
    clock: bool
    loops: dict[int, V] = field(default_factory=dict)
    lap: int = 0
    started: int = 0

    def write(self, steps: Sequence[Step]) -> None:
        f = self.f
        widest = max((len(s.args) for s in leaves(steps) if isinstance(s, Call)), default=0)
        self.args = f.ins(f"alloca ptr, i64 {max(widest, 1)}, align 8", "ptr")
        self.status = f.ins("alloca i32, align 4", "ptr")
        f.store(V("0", "i32"), self.status)
        if self.clock:
            self.last = f.ins("alloca [2 x i64], align 8", "ptr")
            scratch = f.ins("alloca [2 x i64], align 8", "ptr")
            f.call_void(LAP, [scratch, self.last])
        self.steps(steps)
        f.ret(f.load("i32", self.status))

    def steps(self, steps: Sequence[Step]) -> None:
        for step in steps:
            match step:
                case Call():
                    self.call(step)
                case Copy():
                    self.copy(step)
                case Branch():
                    self.branch(step)
                case Repeat(condition=None):
                    self.counted(step)
                case Repeat():
                    self.conditional(step)

    def call(self, step: Call) -> None:
        f = self.f
        if step.tasks > 0:
            for n, ref in enumerate(step.args):
                f.store(self.address(ref), f.gep("ptr", self.args, n))
            tasks = V(str(step.tasks), "i64")
            if step.tasks == 1:
                f.call_void(step.kernel, [self.args, V("0", "i64"), tasks])
            else:
                f.declare(step.kernel, "void", ["ptr", "i64", "i64"])
                f.call_void(PARALLEL, [V(f"@{step.kernel}", "ptr"), self.args, tasks, V("%threads", "i64")])
        self.finish()

    def copy(self, step: Copy) -> None:
        if step.nbytes:
            size, volatile = V(str(step.nbytes), "i64"), V("false", "i1")
            operands = [self.address(step.target), self.address(step.source), size, volatile]
            self.f.call_void("llvm.memcpy.p0.p0.i64", operands)
        self.finish()

    def finish(self) -> None:
        """Close a leaf step: time it, and start a new block now and then."""
        if self.clock:
            self.f.call_void(LAP, [self.f.gep("i64", V("%laps", "ptr"), 2 * self.lap), self.last])
            self.lap += 1
        self.started += 1
        if self.started % BLOCK_STEPS == 0:
            block = self.f.label("steps")
            self.f.jump(block)
            self.f.start(block)

    def counted(self, step: Repeat) -> None:
        if not step.count:
            self.lap += sum(1 for _ in leaves((step,)))
            return
        with self.f.loop(0, step.count, at_least_once=True) as loop:
            index = self.f.sub(step.count - 1, loop.index) if step.reverse else loop.index
            self.loops[step.loop] = index
            self.steps(step.head)
            self.steps(step.body)

    def conditional(self, step: Repeat) -> None:
        f = self.f
        top, body, done = (f.label(hint) for hint in ("while", "turn", "end"))
        before, counter = f.block, V(f"%{top}.i", "i64")
        f.jump(top)
        f.start(top)
        slot = len(f.lines)
        self.loops[step.loop] = counter
        self.steps(step.head)
        f.branch(self.holds(step.condition), body, done)
        f.start(body)
        self.steps(step.body)
        following = f.add(counter, 1)
        f.lines.insert(slot, f"  {counter.ref} = phi i64 [ 0, %{before} ], [ {following.ref}, %{f.block} ]")
        f.jump(top)
        f.start(done)

    def branch(self, step: Branch) -> None:
        f = self.f
        then, other, done = (f.label(hint) for hint in ("then", "else", "end"))
        f.branch(self.holds(step.condition), then, other)
        for block, steps in ((then, step.then), (other, step.other)):
            f.start(block)
            self.steps(steps)
            f.jump(done)
        f.start(done)

    def holds(self, condition: Ref | None) -> V:
        """Return the i1 of a bool in memory."""
        assert condition is not None
        return self.f.icmp("ne", self.f.load("i8", self.address(condition)), V("0", "i8"))

    def address(self, ref: Ref) -> V:
        """Return the pointer that a reference means inside the open loops."""
        offset: V | int = ref.offset
        for loop, stride in ref.strides:
            offset = self.f.add(self.f.mul(self.loops[loop], stride), offset)
        return self.f.gep("i8", self.base(ref), offset)

    def base(self, ref: Ref) -> V:
        if ref.space == "arena":
            return V("%arena", "ptr")
        if ref.space == "status":
            return self.status
        return self.f.load("ptr", self.f.gep("ptr", V(f"%{ref.space}s", "ptr"), ref.index))


def _lap(monotonic: int) -> Function:
    """Return `void aic_lap(ptr row, ptr last)`: count a call and the time since `last`, which becomes now."""
    f = Function(LAP, [("ptr", "row"), ("ptr", "last")], linkage="internal")
    row, last = f.args
    time = f.ins("alloca [2 x i64], align 8", "ptr")
    f.call("clock_gettime", "i32", [V(str(monotonic), "i32"), time])
    seconds, nanoseconds = f.load("i64", time), f.load("i64", f.gep("i64", time, 1))
    now = f.add(f.mul(seconds, 1_000_000_000), nanoseconds)
    total = f.gep("i64", row, 1)
    f.store(f.add(f.load("i64", row), 1), row)
    f.store(f.add(f.load("i64", total), f.sub(now, f.load("i64", last))), total)
    f.store(now, last)
    f.ret()
    return f
