"""`aicomp run`: a model or an artefact, once.

aicomp run lenet5.py:model -i x=@digits.npy -o output=@scores.npy
"""

from __future__ import annotations

import argparse
from pathlib import Path

from ..compiler import Executable, is_artefact, load
from ..tree import leaves
from .feeds import check_names, load_inputs, save_outputs, summary
from .models import compile_model, nested
from .show import as_json, note, progress, table


def run(args: argparse.Namespace) -> int:
    """Run once; write the outputs that have a file, and print a summary of all."""
    exe = open_model(args)
    files = dict(args.outputs)
    check_names(files, exe.output_specs, "output")
    arrays = load_inputs(exe.input_specs, dict(args.inputs), args.fill, args.seed)
    results = leaves(exe(*nested(exe, arrays)))
    save_outputs(exe.output_specs, results, files)
    for name, path in files.items():
        note(f"wrote {name} to {path}")
    rows = summary(exe.output_specs, results)
    if args.json:
        print(as_json(rows))
    elif not files:
        table(rows, title=exe.graph.name)
    return 0


def open_model(args: argparse.Namespace) -> Executable:
    """Return the executable: loaded where the model is an artefact, else compiled."""
    path = Path(args.model)
    if not (path.is_file() and is_artefact(path)):
        return compile_model(args)
    with progress(f"loading {path}"):
        return load(path)
