"""What the code generator knows of a processor: vector width, registers, features, caches.

In: nothing (`Machine.host()`), or a preset's name. Out: a frozen `Machine`, and from it a fresh LLVM target
machine.

    Machine.host().lanes(32)         # float32 values in one vector register
    Machine.preset("avx2").triple    # what cross-compiled objects are made for
"""

from __future__ import annotations

import platform
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm

AVX512 = frozenset(("avx512f", "avx512vl", "avx512bw", "avx512dq"))


@dataclass(frozen=True)
class Machine:
    """A processor as a target: sizes in bits for vectors, bytes for caches."""

    triple: str
    cpu: str
    features: str
    vector_bits: int
    vector_registers: int
    fma: bool
    masked: bool  # cheap masked loads and stores (AVX-512)
    f16c: bool  # float16 <-> float32 conversion in hardware
    l1: int = 32 << 10
    l2: int = 1 << 20
    l3: int = 16 << 20

    def lanes(self, bits: int) -> int:
        """Return how many values of `bits` bits one vector register holds."""
        return max(1, self.vector_bits // bits)

    @property
    def is_x86(self) -> bool:
        """Return whether the target is x86-64."""
        return self.triple.startswith("x86_64")

    @property
    def has(self) -> frozenset[str]:
        """Return the names of the processor's features, as far as they are known."""
        return frozenset(f[1:] for f in self.features.split(",") if f.startswith("+"))

    @property
    def needs(self) -> frozenset[str]:
        """Return the features that code compiled for this machine may use."""
        wide = {"avx2"} if self.is_x86 and self.vector_bits >= 256 else set()
        fused = {"fma"} if self.is_x86 and self.fma else set()
        masked = set(AVX512) if self.masked else set()
        return self.has | wide | fused | masked

    @staticmethod
    @cache
    def host() -> Machine:
        """Return the processor this process runs on."""
        on = {name for name, value in llvm.get_host_cpu_features().items() if value}
        features = llvm.get_host_cpu_features().flatten()
        triple = llvm.get_process_triple()
        common = {"triple": triple, "cpu": llvm.get_host_cpu_name(), "features": features, **_host_caches()}
        if not triple.startswith("x86_64"):
            return Machine(vector_bits=128, vector_registers=32, fma=True, masked=False, f16c=True, **common)
        if on >= AVX512:
            return Machine(vector_bits=512, vector_registers=32, fma=True, masked=True, f16c=True, **common)
        wide = "avx2" in on and "fma" in on
        return Machine(
            vector_bits=256 if wide else 128,
            vector_registers=16,
            fma=wide,
            masked=False,
            f16c="f16c" in on and wide,
            **common,
        )

    @staticmethod
    def preset(name: str) -> Machine:
        """Return a named target: `x86-64`, `avx2`, `avx512`, `neon`, or `host`.

        Raises KeyError for any other name.
        """
        return Machine.host() if name == "host" else PRESETS[name]

    def target_machine(self, opt: int = 2) -> Any:
        """Return a new LLVM target machine (an engine takes ownership of the one it is given)."""
        llvm.initialize_all_targets()
        llvm.initialize_all_asmprinters()
        return llvm.Target.from_triple(self.triple).create_target_machine(
            cpu=self.cpu, features=self.features, opt=opt, reloc="pic", codemodel="small"
        )


def _linux(arch: str) -> str:
    return f"{arch}-unknown-linux-gnu"


PRESETS = {
    "x86-64": Machine(_linux("x86_64"), "x86-64", "", 128, 16, False, False, False),
    "avx2": Machine(_linux("x86_64"), "haswell", "", 256, 16, True, False, True),
    "avx512": Machine(_linux("x86_64"), "skylake-avx512", "-prefer-256-bit", 512, 32, True, True, True),
    "neon": Machine(_linux("aarch64"), "cortex-a76", "", 128, 32, True, False, True),
}


def _host_caches() -> dict[str, Any]:
    sizes: dict[str, Any] = {}
    if platform.system() != "Linux":
        return sizes
    for index in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*"):
        try:
            level, kind, size = ((index / item).read_text().strip() for item in ("level", "type", "size"))
        except OSError:
            continue
        if kind != "Instruction" and size.endswith("K"):
            sizes[f"l{level}"] = int(size[:-1]) << 10
    return {name: size for name, size in sizes.items() if name in ("l1", "l2", "l3")}
