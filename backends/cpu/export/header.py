"""The C side of an exported program: its header, and the main program of an executable.

In: an `Export`. Out: C text. The header declares the entry and says all sizes as macros; the main program is
`runtime/main.c` behind the tables that it reads.

    #define MLP_X_SIZE 8
    int mlp(const float *x, float *y, void *workspace);
"""

from __future__ import annotations

from importlib.resources import files

from aicomp.types import (
    BFLOAT16,
    BOOL,
    FLOAT16,
    FLOAT32,
    FLOAT64,
    DType,
    TensorSpec,
)

from .aot import Export

C_TYPES = {BOOL: "bool", FLOAT16: "uint16_t", BFLOAT16: "uint16_t", FLOAT32: "float", FLOAT64: "double"}


def header_text(export: Export) -> str:
    """Return the header of an exported library or object."""
    name, upper = export.name, export.name.upper()
    macros = [
        f"#define {upper}_INPUTS {len(export.inputs)}",
        f"#define {upper}_OUTPUTS {len(export.outputs)}",
        f"#define {upper}_WORKSPACE_BYTES {export.workspace_bytes}",
    ]
    for parameter, spec in zip(export.parameters, (*export.inputs, *export.outputs), strict=True):
        macros += _macros(f"{upper}_{parameter.upper()}", spec)
    return f"""\
/* {name}, compiled by aicomp for {export.machine.triple} ({export.machine.cpu}). */
#ifndef AICOMP_{upper}_H
#define AICOMP_{upper}_H
#include <stdbool.h>
#include <stdint.h>

{chr(10).join(macros)}

#ifdef __cplusplus
extern "C" {{
#endif

/* Run the model. Arrays are dense, last axis fastest. `workspace` has {upper}_WORKSPACE_BYTES bytes, for one call
   at a time; NULL has them allocated. Returns 0, or a number for {name}_error. */
{_prototype(export)};
const char *{name}_error(int status);

/* The number of threads to use; 0: the variable AICOMP_THREADS, or all processors. */
extern int {name}_threads;

#ifdef __cplusplus
}}
#endif
#endif
"""


def main_text(export: Export) -> str:
    """Return the C text of an executable's main program, which calls the entry."""
    name, count = export.name, len(export.inputs) + len(export.outputs)
    rows = [_row(spec) for spec in (*export.inputs, *export.outputs)]
    arguments = ", ".join([*(f"data[{n}]" for n in range(count)), "workspace"])
    return f"""\
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct {{
  const char *name, *dtype, *code; /* dtype as NumPy names it, and as .npy files write it */
  size_t itemsize, size;
  int rank;
  int64_t shape[32];
}} tensor;

enum {{ INPUTS = {len(export.inputs)}, OUTPUTS = {len(export.outputs)} }};
static const size_t WORKSPACE_BYTES = {export.workspace_bytes};
static const tensor tensors[] = {{
{chr(10).join(rows)}
  {{0}}
}};

{_prototype(export)};
const char *{name}_error(int status);
extern int {name}_threads;
static void set_threads(int n) {{ {name}_threads = n; }}
static const char *message(int status) {{ return {name}_error(status); }}
static int call(void **data, void *workspace) {{ {"" if count else "(void)data; "}return {name}({arguments}); }}

""" + (files(__package__) / "main.c").read_text(encoding="utf-8")


def c_type(dtype: DType) -> str:
    """Return the C type of a dtype; the 16-bit floats are their bits."""
    return C_TYPES.get(dtype) or f"{dtype.name}_t"


def _prototype(export: Export) -> str:
    specs = (*export.inputs, *export.outputs)
    pointers = [
        f"{'const ' if n < len(export.inputs) else ''}{c_type(spec.dtype)} *{parameter}"
        for n, (parameter, spec) in enumerate(zip(export.parameters, specs, strict=True))
    ]
    return f"int {export.name}({', '.join([*pointers, 'void *workspace'])})"


def _macros(prefix: str, spec: TensorSpec) -> list[str]:
    sizes = ", ".join(map(str, spec.shape))
    return [
        f"#define {prefix}_DTYPE {_quoted(spec.dtype.name)}",
        f"#define {prefix}_RANK {len(spec.shape)}",
        f"#define {prefix}_SHAPE {{{sizes}}}",
        f"#define {prefix}_SIZE {spec.type.size}",
    ]


def _row(spec: TensorSpec) -> str:
    code = f"{spec.dtype.kind}{spec.dtype.itemsize}"
    sizes = ", ".join(map(str, spec.shape)) or "0"
    texts = ", ".join(map(_quoted, (spec.name, spec.dtype.name, code)))
    return f"  {{{texts}, {spec.dtype.itemsize}, {spec.type.size}, {len(spec.shape)}, {{{sizes}}}}},"


def _quoted(text: str) -> str:
    """Return a C string literal; what is not plain ASCII is written in octal."""
    plain = (chr(b) if 32 <= b < 127 and b not in b'"\\?' else f"\\{b:03o}" for b in text.encode())
    return '"' + "".join(plain) + '"'
