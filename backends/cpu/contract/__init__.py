"""Contractions: matrix products and convolutions, from sizes to LLVM text.

In: a frozen description (`Gemm`, ...), the machine, pointers, and an `Epilogue` that is given the results.
Out: the body of a kernel that runs a range of parallel tasks, how many of them there are, and how operands
are packed.
"""

from .gemm import Gemm, Matrix, collapse, gemm_tasks, needs_packing, packed
from .pack import emit_pack, pack_array, pack_tasks, packed_elements
from .point import Point, Store
from .product import emit_gemm
from .results import Epilogue

__all__ = [
    "Epilogue",
    "Gemm",
    "Matrix",
    "Point",
    "Store",
    "collapse",
    "emit_gemm",
    "emit_pack",
    "gemm_tasks",
    "needs_packing",
    "pack_array",
    "pack_tasks",
    "packed",
    "packed_elements",
]
