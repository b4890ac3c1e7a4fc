"""`aicomp bench`: a model against a baseline of itself, in turn; exit code 3 where their outputs differ.

aicomp bench lenet5.py:model --baseline="-O0 --threads 1" --duration 5 --json result.json
"""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from ..compiler import Executable
from ..cost import cost
from ..errors import InputValueError
from ..measure import Ratio, Timing, interleave, ratio, timing
from ..tree import leaves
from .agree import Agreement, compare
from .feeds import load_inputs
from .models import compile_model, import_model, nested
from .parser import Parser, compile_options
from .show import as_json, note, progress, seconds, size, table

MISMATCH = 3
SIDES = ("model", "baseline")


def run(args: argparse.Namespace) -> int:
    """Compile both sides, check that they agree, time them in turn, and report."""
    graph = import_model(args)
    exes = [compile_model(args, graph), compile_model(baseline(args), graph)]
    arrays = nested(exes[0], load_inputs(exes[0].input_specs, dict(args.inputs), args.fill, args.seed))
    expected, got = (leaves(exe(*arrays)) for exe in reversed(exes))
    findings = compare(exes[0].output_specs, expected, got, args.rtol, args.atol)
    if any(finding.breach for finding in findings):
        return mismatch(args, findings)
    with progress("measuring"):
        samples = interleave([partial(exe, *arrays) for exe in exes], args.iterations, args.duration)
    rows = [side(exe, timing(taken)) for exe, taken in zip(exes, samples, strict=True)]
    kernels = exes[0].profile(*arrays) if args.profile else []
    report(args, rows, ratio(samples[1], samples[0]), findings, kernels)
    return 0


def baseline(args: argparse.Namespace) -> argparse.Namespace:
    """Return the arguments of the other side: this side's, and the flags of --baseline over them.

    Raises InputValueError for flags that do not say how to compile.
    """
    parser = Parser(add_help=False, exit_on_error=False)
    compile_options(parser)
    try:
        other, unknown = parser.parse_known_args(shlex.split(args.baseline), argparse.Namespace(**vars(args)))
    except (argparse.ArgumentError, ValueError) as error:
        raise InputValueError(f"--baseline={args.baseline}: {error}") from error
    if unknown:
        raise InputValueError(f"--baseline={args.baseline}: {unknown[0]} is no compilation option")
    return other


def side(exe: Executable, taken: Timing) -> dict[str, Any]:
    """Return what is reported of one side; times in seconds."""
    return asdict(taken) | asdict(cost(exe.graph))


def report(
    args: argparse.Namespace,
    sides: Sequence[Mapping[str, Any]],
    gain: Ratio,
    findings: Sequence[Agreement],
    kernels: Sequence[Any],
) -> None:
    """Print the tables, and write JSON where asked."""
    result = {"model": args.model, "baseline_flags": args.baseline, "ratio": asdict(gain)}
    result |= dict(zip(SIDES, sides, strict=True)) | {"outputs": [asdict(f) for f in findings]}
    result |= {"profile": [asdict(row) for row in kernels]} if kernels else {}
    if args.json:
        write_json(args.json, result)
    if args.json != "-":
        labels = (f"-O{args.opt_level}", args.baseline)
        rows = zip(labels, sides, strict=True)
        table([bench_row(label, values) for label, values in rows], title=args.model)
        print(f"ratio {gain.value:.2f} (95% interval {gain.low:.2f} to {gain.high:.2f}), outputs agree")
        if kernels:
            table([profile_row(row) for row in kernels], title="Kernels")


def bench_row(label: str, values: Mapping[str, Any]) -> dict[str, object]:
    """Return one side as a row of the table."""
    times = {name: seconds(values[name]) for name in ("median", "p90", "min")}
    moved = {"kernels": values["kernels"], "bytes moved": size(values["bytes_moved"])}
    return {"side": label, **times, **moved, "calls": values["calls"]}


def profile_row(row: Any) -> dict[str, object]:
    """Return a kernel's profile as a row of the table."""
    each = row.seconds / row.calls
    rate = row.nbytes / each / 1e9 if each else 0.0
    moved = {"bytes a call": size(row.nbytes), "GB/s": f"{rate:.1f}"}
    return {"kernel": row.label or row.kernel, "calls": row.calls, "time a call": seconds(each), **moved}


def write_json(path: str, result: Mapping[str, Any]) -> None:
    """Write the result to a file, or to stdout where the path is `-`."""
    if path == "-":
        print(as_json(result))
    else:
        Path(path).write_text(as_json(result) + "\n", encoding="utf-8")


def mismatch(args: argparse.Namespace, findings: list[Agreement]) -> int:
    """Report outputs that differ: without agreement no time means anything."""
    note(f"aicomp: {args.model} and its baseline {args.baseline} disagree; nothing was measured")
    table([finding.row() for finding in findings], title="Mismatch")
    return MISMATCH
