"""The CPU backend: graphs to native code through LLVM, just in time or ahead of time.

A graph is lowered node by node (`lower`): a fused body becomes loop nests (`build`: what), which get a schedule
(`schedule`: how) and are written as LLVM text (`emit`); contractions go to register-tiled micro-kernels (`contract`).
`jit` turns text to machine code, `call` makes it callable, `aot` and `link` write objects, libraries and programs.
"""

from .backend import CpuBackend

backend = CpuBackend()

__all__ = ["backend"]
