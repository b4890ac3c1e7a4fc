"""Contractions: matrix products and convolutions, from sizes to LLVM text.

In: a frozen description (`Gemm`, ...), the machine, pointers, and an `Epilogue` that is given the results.
Out: the body of a kernel that runs a range of parallel tasks, how many of them there are, and how operands
are packed.
"""

from .conv import Conv, conv_panels, conv_tasks, filter_source, pack_filters
from .convolve import emit_conv
from .gemm import Gemm, gemm_panels, gemm_tasks, needs_packing, pack_source, packed
from .pack import emit_pack, pack_tasks
from .panels import Matrix, Panelling, pack_array
from .point import Point, Store
from .product import emit_gemm
from .results import Epilogue

__all__ = [
    "Conv",
    "Epilogue",
    "Gemm",
    "Matrix",
    "Panelling",
    "Point",
    "Store",
    "conv_panels",
    "conv_tasks",
    "emit_conv",
    "emit_gemm",
    "emit_pack",
    "filter_source",
    "gemm_panels",
    "gemm_tasks",
    "needs_packing",
    "pack_array",
    "pack_filters",
    "pack_source",
    "pack_tasks",
    "packed",
]
