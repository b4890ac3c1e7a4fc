"""Writes convolutions: direct ones, or depthwise where vectors run across channels.

In: a `Conv`, pointers to the activations (channels-last) and to the packed weights, a range of tasks, and an
`Epilogue` that gets vectors of results. Out: LLVM text.

    emit_conv(f, machine, spec, x, w, begin, end, Epilogue(store))       # of conv_tasks(spec, machine) tasks
"""

from __future__ import annotations

from ..codegen.llvm import Function, V
from ..machine import Machine
from .arithmetic import Arithmetic
from .conv import Conv, collapse, conv_nest, conv_tile, is_depthwise
from .depthwise import Depthwise
from .direct import Convolution
from .nest import emit_nest
from .results import Epilogue


def emit_conv(f: Function, machine: Machine, spec: Conv, x: V, w: V, begin: V, end: V, epilogue: Epilogue) -> None:
    """Write the convolution's tasks [begin, end); `w` points to weights laid out as `conv_panels` says."""
    flat, folds = collapse(spec)
    tile, nest = conv_tile(flat, machine), conv_nest(flat, machine)
    kind = Depthwise if is_depthwise(flat, machine) else Convolution
    body = kind(f, Arithmetic(spec.dtype, machine), flat, folds, tile, nest, x, w, epilogue)
    emit_nest(f, nest, begin, end, body.tile_at)
