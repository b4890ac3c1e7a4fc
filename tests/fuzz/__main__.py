"""Compiles random graphs for as long as asked, and writes the smallest form of each that fails.

python -m tests.fuzz --count 100000 --seed 0 --jobs 2
python -m tests.fuzz --seed 4711 --count 1 --keep        # one graph, as text

Exit code 1 where one failed. A failure is written as build/fuzz/SEED.aic, with its arrays beside it as SEED.npz.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from random import Random

import numpy as np

from aicomp.text import print_graph

from .builder import Sample
from .check import failure
from .graphs import random_sample
from .minimise import minimise

PRESETS = ("host", "host", "host", "avx2", "x86-64")
BATCH = 100


def main() -> int:
    """Run the seeds asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=1000, help="how many graphs")
    parser.add_argument("--seed", type=int, default=0, help="the first seed; graph i has seed + i")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after that long")
    parser.add_argument("--folder", type=Path, default=Path("build/fuzz"), help="where failures go")
    parser.add_argument("--within", action="store_true", help="stay in this process")
    parser.add_argument("--keep", action="store_true", help="print graphs as they are, too")
    options = parser.parse_args()
    seeds = range(options.seed, options.seed + options.count)
    if options.within:
        reports = [report for seed in seeds if (report := check_seed(options.folder, options.keep, seed))]
        print(*reports, sep="\n", end="")
        return 1 if reports else 0
    failed = done = 0
    start = time.monotonic()
    for batch, reports in run(seeds, options.jobs, partial(check_batch, options.folder, options.keep)):
        done, failed = done + len(batch), failed + len(reports)
        print(*reports, sep="\n", end="\n" if reports else "", flush=True)
        seconds = time.monotonic() - start
        print(f"\r{done} graphs, {failed} failed, {seconds:.0f} s", end="", file=sys.stderr, flush=True)
        if seconds > options.seconds:
            break
    print(file=sys.stderr)
    return 1 if failed else 0


def run(seeds: range, jobs: int, work: partial[list[str]]) -> Iterator[tuple[range, list[str]]]:
    """Yield batches of seeds with the reports of those that failed."""
    batches = [seeds[i : i + BATCH] for i in range(0, len(seeds), BATCH)]
    with ThreadPoolExecutor(jobs) as pool:  # of threads that each wait for a process, which may crash
        yield from zip(batches, pool.map(work, batches), strict=True)


def check_batch(folder: Path, keep: bool, seeds: range) -> list[str]:
    """Return a report for each seed that fails, or that ends the process it is tried in."""
    command = [sys.executable, "-m", __package__, "--folder", str(folder), "--within", *(["--keep"] if keep else [])]
    done = subprocess.run(
        [*command, "--seed", str(seeds[0]), "--count", str(len(seeds))], capture_output=True, text=True
    )
    if done.returncode in (0, 1) or len(seeds) == 1:
        crash = f"# seed {seeds[0]} ended its process: {done.returncode}\n{done.stderr}"
        return [report for report in [done.stdout if done.returncode in (0, 1) else crash] if report]
    return [report for i in range(len(seeds)) for report in check_batch(folder, keep, seeds[i : i + 1])]


def check_seed(folder: Path, keep: bool, seed: int) -> str:
    """Return a report of a seed's failure, with the smallest graph that fails; empty where it does not."""
    sample = random_sample(Random(seed))
    if keep:
        print(print_graph(sample.graph))
    cpu = PRESETS[seed % len(PRESETS)]
    found = failure(sample, cpu=cpu)
    if found is None:
        return ""
    small = minimise(sample, lambda s: _same_stage(s, found.stage, cpu))
    again = failure(small, (found.stage,), cpu=cpu) or found
    folder.mkdir(parents=True, exist_ok=True)
    write(small, folder / f"{seed}.aic")
    return f"# seed {seed}, cpu {cpu}, {again}\n{print_graph(small.graph)}"


def _same_stage(sample: Sample, stage: str, cpu: str) -> bool:
    found = failure(sample, (stage,), cpu=cpu)
    return found is not None and found.stage == stage


def write(sample: Sample, path: Path) -> None:
    """Write a graph as text, and its arrays beside it."""
    path.write_text(print_graph(sample.graph), encoding="utf-8")
    arrays = {f"{i}": a if a.dtype.kind != "V" else a.astype(np.float32) for i, a in enumerate(sample.arrays)}
    np.savez(path.with_suffix(".npz"), **arrays)


if __name__ == "__main__":
    sys.exit(main())
