"""Fused against unfused, for every model of the zoo and a few kernels: docs/fusion.md and docs/fusion.svg.

Each case is compiled at -O2 and at -O0 (one kernel a node), both are checked to agree, then run in turn. Name cases
to run only those, without writing the documents:

    python benchmarks/fusion.py --threads 1 lenet5
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import matplotlib.pyplot as plt
from cases import Case, kernels, zoo

from aicomp.cli.agree import compare
from aicomp.cli.feeds import load_inputs
from aicomp.cli.show import note, seconds, size, table
from aicomp.cost import Cost, cost
from aicomp.measure import Ratio, interleave, ratio, timing
from aicomp.tree import leaves

DOCS = Path(__file__).parents[1] / "docs"
HEAD = """# Fused against unfused

Every model of `benchmarks/models/` and three kernels, compiled at `-O2` and at `-O0` (one kernel a node, nothing
fused) and run in turn on the same inputs, {threads}. Outputs are checked to agree before anything is timed.
Absolute times are of the machine at hand; the ratio, with its 95% interval, is what carries over. Made by
`make bench`.

![Speed-up by fusion](fusion.svg)

"""


@dataclass(frozen=True)
class Result:
    """What was measured of a case: median seconds, and costs."""

    name: str
    fused: float
    unfused: float
    gain: Ratio
    cost_fused: Cost
    cost_unfused: Cost

    def row(self) -> dict[str, object]:
        """Return the result as a row of the table."""
        interval = f"{self.gain.value:.2f} ({self.gain.low:.2f} to {self.gain.high:.2f})"
        return {
            "case": self.name,
            "fused": seconds(self.fused),
            "unfused": seconds(self.unfused),
            "times as fast": interval,
            "kernels": f"{self.cost_fused.kernels} / {self.cost_unfused.kernels}",
            "bytes moved": f"{size(self.cost_fused.bytes_moved)} / {size(self.cost_unfused.bytes_moved)}",
        }


def measure(name: str, case: Case, threads: int | None, duration: float) -> Result:
    """Return the figures of a case. Raises SystemExit where fused and unfused disagree."""
    note(f"{name} ...")
    fused, unfused = (case.compile(opt_level=level, threads=threads) for level in (2, 0))
    arrays = load_inputs(fused.input_specs, {}, "random", seed=0)
    for finding in compare(fused.output_specs, leaves(unfused(*arrays)), leaves(fused(*arrays))):
        if finding.breach:
            sys.exit(f"{name}: output {finding.output} differs: {finding.breach}")
    a, b = interleave([partial(fused, *arrays), partial(unfused, *arrays)], duration=duration)
    gain = ratio(b, a)
    return Result(name, timing(a).median, timing(b).median, gain, cost(fused.graph), cost(unfused.graph))


def markdown(results: list[Result]) -> str:
    """Return the results as a Markdown table."""
    rows = [result.row() for result in results]
    lines = [list(rows[0]), ["---"] * len(rows[0]), *([str(v) for v in row.values()] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def draw(results: list[Result], path: Path) -> None:
    """Write a bar for each case: how many times as fast fused is, with its interval."""
    gains = [result.gain for result in results]
    errors = [[g.value - g.low for g in gains], [g.high - g.value for g in gains]]
    figure, axes = plt.subplots(figsize=(8, 0.36 * len(results) + 1), layout="constrained")
    style = {"color": "#4c8a68", "xerr": errors, "ecolor": "#1d2638", "capsize": 2}
    bars = axes.barh([result.name for result in results], [g.value - 1 for g in gains], left=1, **style)
    axes.bar_label(bars, [f" {g.value:.2f}" for g in gains], padding=3, fontsize=9)
    axes.axvline(1, color="#1d2638", linewidth=0.8)
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_xlim(min(0.9, *(g.low for g in gains)), 1.3 * max(g.high for g in gains))
    axes.set_xlabel("times as fast as unfused")
    axes.invert_yaxis()
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Measure the cases named, or all of them and write the documents."""
    parser = argparse.ArgumentParser(description="Fused against unfused.")
    parser.add_argument("cases", nargs="*", help="names of cases (default: all)")
    parser.add_argument("--threads", type=int, help="compute threads (default: all)")
    parser.add_argument("--duration", type=float, default=4.0, help="seconds a case (default 4)")
    args = parser.parse_args()
    cases = {**zoo(), **kernels()}
    results = [measure(name, cases[name], args.threads, args.duration) for name in args.cases or cases]
    table([result.row() for result in results], title="Fused against unfused")
    if not args.cases:
        threads = f"on {args.threads} thread{'s'[: args.threads > 1]}" if args.threads else "on all threads"
        (DOCS / "fusion.md").write_text(HEAD.format(threads=threads) + markdown(results))
        draw(results, DOCS / "fusion.svg")


if __name__ == "__main__":
    main()
