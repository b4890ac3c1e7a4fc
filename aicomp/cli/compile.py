"""`aicomp compile`: a model to a file.

aicomp compile lenet5.py:model --emit exe -o lenet5
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..store import save
from .models import compile_model
from .show import note

TEXT = ("llvm", "asm", "isa")


def run(args: argparse.Namespace) -> int:
    """Write the artefact that the arguments ask for."""
    exe = compile_model(args)
    if args.emit in TEXT:
        write_text(args.output, exe.as_text(args.emit))
    elif args.emit == "ir" and args.output == "-":
        sys.stdout.write(exe.as_text("ir"))
    elif args.emit == "ir":
        save(exe.graph, args.output)
    elif args.emit:
        exe.export(args.output, emit=args.emit)
    else:
        exe.save(args.output)
    if args.output != "-":
        note(f"wrote {args.output}: {Path(args.output).stat().st_size:,} bytes")
    return 0


def write_text(path: str, text: str) -> None:
    """Write text to a file, or to stdout where the path is `-`."""
    if path == "-":
        sys.stdout.write(text)
    else:
        Path(path).write_text(text, encoding="utf-8")
