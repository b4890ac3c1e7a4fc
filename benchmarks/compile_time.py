"""How long a first compilation takes, for every model of the zoo, each in a fresh process without a code cache.

python benchmarks/compile_time.py lenet5 resnet18
"""

from __future__ import annotations

import argparse
import subprocess
import sys

from cases import Case, zoo

from aicomp.cli.show import table

SCRIPT = """
import sys, time
start = time.perf_counter()
from aicomp.compiler import compile, import_graph
imported = time.perf_counter()
graph = import_graph(sys.argv[1])
traced = time.perf_counter()
compile(graph, cache=False)
print(imported - start, traced - imported, time.perf_counter() - traced)
"""


def measure(case: Case, runs: int) -> list[float]:
    """Return seconds to import aicomp, to build and trace the model, and to compile: the run of the least total."""
    command = [sys.executable, "-c", SCRIPT, case.model]
    lines = (subprocess.run(command, check=True, capture_output=True, text=True).stdout for _ in range(runs))
    return min(([float(text) for text in line.split()] for line in lines), key=sum)


def main() -> None:
    """Time the models named, or all."""
    parser = argparse.ArgumentParser(description="Cold compile times.")
    parser.add_argument("models", nargs="*", help="names of models (default: all)")
    parser.add_argument("--runs", type=int, default=3, help="processes a model; the best is shown (default 3)")
    args = parser.parse_args()
    cases = zoo()
    rows = []
    for name in args.models or cases:
        imported, traced, compiled = measure(cases[name], args.runs)
        times = {"import s": imported, "trace s": traced, "compile s": compiled}
        rows.append({"model": name} | {what: f"{value:.2f}" for what, value in times.items()})
    table(rows, title="Cold compile")


if __name__ == "__main__":
    main()
