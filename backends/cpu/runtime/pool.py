"""The thread pool, in LLVM IR: one per process (or per exported object), made at the first parallel call.

In: a `Machine`. Out: the text of a module (from the files `runtime/pool*.ll`) that defines

    void aic_parallel(ptr kernel, ptr args, i64 tasks, i64 threads)

which runs `kernel(args, begin, end)` over ranges that cover `[0, tasks)` and returns when all are done. The
caller works too, upwards from the first chunk, and the workers downwards from the last, so that repeated
calls find their data in the same caches; whoever is late gets less. Workers wait `SPINS` pauses for the
next call, then sleep.

Who finds the pool busy (a second Python thread, a nested call) runs its tasks itself. The state is a page
that `fork` wipes: a child starts with an idle pool without workers. Workers take no signals and sleep in
the kernel, so that a process ends without them noticing.

The word `claim` holds what is left of a job: limit (16 bits) | high (24) | low (24). Chunks [low, high) are
unclaimed, and only workers numbered below `limit` may claim. Claiming one is a compare-and-swap of the
whole word, after which the job cannot end, and its fields cannot change, until that chunk is counted off
`pending`.
"""

from __future__ import annotations

from importlib.resources import files
from string import Template

from ..machine import Machine

SPINS = 20_000  # 0.5 ms on Zen 4, 0.9 ms on Skylake
CHUNKS_PER_THREAD = 4
STACK_BYTES = 2 << 20

FUTEX_CALLS = {"x86_64": 202, "aarch64": 98, "riscv64": 98}
PAUSES = {
    "x86_64": ("void @llvm.x86.sse2.pause", ""),
    "aarch64": ("void @llvm.aarch64.hint", "i32 1"),
    "arm64": ("void @llvm.aarch64.hint", "i32 1"),
}
SERIAL = """
define void @aic_parallel(ptr %kernel, ptr %args, i64 %tasks, i64 %threads) nounwind {
  call void %kernel(ptr %args, i64 0, i64 %tasks)
  ret void
}
"""


def pool_text(machine: Machine, futex: bool = True) -> str:
    """Return the pool as LLVM assembly; without `futex`, idle workers sleep on a condition variable."""
    if "windows" in machine.triple:
        return SERIAL
    arch = machine.triple.split("-")[0]
    linux = "linux" in machine.triple
    call = FUTEX_CALLS.get(arch) if linux and futex else None
    page, sleep = "linux" if linux else "portable", "futex" if call else "condition"
    parts = ["pool", f"pool_page_{page}", f"pool_sleep_{sleep}"]
    name, argument = PAUSES.get(arch, ("", ""))
    return Template("\n".join(map(_part, parts))).substitute(
        futex=call,
        pause=f"call {name}({argument})" if name else "",
        declare_pause=f"declare {name}({argument[:3]})" if name else "",
        spins=SPINS,
        per_thread=CHUNKS_PER_THREAD,
        stack=STACK_BYTES,
        setmask=3 if "darwin" in machine.triple else 2,
    )


def _part(name: str) -> str:
    return (files(__package__) / f"{name}.ll").read_text(encoding="utf-8")
