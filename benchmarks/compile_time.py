"""How long a first compilation takes, for every model of the zoo, each in a fresh process without a code cache.

    python benchmarks/compile_time.py lenet5 resnet18

`import` is NumPy and aicomp; `trace` makes the model's weights and its graph; `compile` is the first in its process, so
that loading the CPU backend and LLVM is part of it; `again` is the second. `CPU` is what one core does for `compile`:
what the wall clock would say on an idle machine. (Python keeps the bytecode of modules from the first process on.)
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

from cases import Case, zoo

from aicomp.cli.show import table

COLUMNS = ("import s", "trace s", "compile s", "CPU s", "again s")
SCRIPT = """
import sys, time
start = time.perf_counter()
import aicomp as ac
from aicomp.compiler import import_graph
imported = time.perf_counter()
graph = import_graph(sys.argv[1])
traced, cpu = time.perf_counter(), time.thread_time()
ac.compile(graph, cache=False)
compiled, cpu = time.perf_counter(), time.thread_time() - cpu
ac.compile(graph, cache=False)
print(imported - start, traced - imported, compiled - traced, cpu, time.perf_counter() - compiled)
"""


def measure(case: Case, runs: int) -> list[float]:
    """Return the seconds of each of `COLUMNS`, the least of so many processes."""
    command = [sys.executable, "-c", SCRIPT, case.model]
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    lines = (subprocess.run(command, check=True, capture_output=True, text=True, env=env).stdout for _ in range(runs))
    return [min(column) for column in zip(*([float(text) for text in line.split()] for line in lines), strict=True)]


def main() -> None:
    """Time the models named, or all."""
    parser = argparse.ArgumentParser(description="Cold compile times.")
    parser.add_argument("models", nargs="*", help="names of models (default: all)")
    parser.add_argument("--runs", type=int, default=3, help="processes a model; the best is shown (default 3)")
    args = parser.parse_args()
    cases = zoo()
    rows = []
    for name in args.models or cases:
        times = zip(COLUMNS, measure(cases[name], args.runs), strict=True)
        rows.append({"model": name} | {what: f"{value:.2f}" for what, value in times})
    table(rows, title="Cold compile")


if __name__ == "__main__":
    main()
