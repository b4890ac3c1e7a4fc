"""`aicomp doctor`: what this machine and installation have, and whether a small model compiles and runs.

aicomp doctor --json
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

import numpy as np

from .. import __version__
from ..compiler import compile
from ..errors import AicompError
from ..plugins import backends
from .show import Row, as_json, table

PACKAGES = ("numpy", "llvmlite", "networkx", "ml_dtypes", "rich", "onnx", "onnxruntime")


def run(args: argparse.Namespace) -> int:
    """Print the report; the exit code is 1 where the small model fails."""
    rows = [*installation(), *machine(), *targets()]
    smoke, ok = smoke_test()
    rows.append(smoke)
    if args.json:
        print(as_json({row["what"]: row["found"] for row in rows}))
    else:
        table(rows, title="aicomp doctor")
    return 0 if ok else 1


def installation() -> list[Row]:
    """Return the versions of aicomp, Python and the packages it uses."""
    own: list[Row] = [
        {"what": "aicomp", "found": __version__},
        {"what": "python", "found": f"{platform.python_version()} ({platform.python_implementation()})"},
    ]
    return own + [{"what": name, "found": installed(name)} for name in PACKAGES]


def installed(package: str) -> str:
    """Return the version of a package, or that it is not there."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def machine() -> list[Row]:
    """Return what the operating system says of the machine."""
    return [
        {"what": "system", "found": f"{platform.system()} {platform.machine()}"},
        {"what": "processors", "found": f"{usable_processors()} usable of {os.cpu_count()}"},
    ]


def usable_processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def targets() -> list[Row]:
    """Return what each backend says of itself: CPU, vector width, threads, linker."""
    found = backends()
    rows: list[Row] = []
    for name in sorted(found):
        describe = getattr(found[name], "describe", None)
        facts: Mapping[str, str] = describe() if describe else {}
        rows += [{"what": f"{name}: {what}", "found": value} for what, value in facts.items()]
    return rows


def smoke_test() -> tuple[Row, bool]:
    """Compile and run a small function; return what happened, and whether it was right."""
    x = np.linspace(-1, 1, 64, dtype=np.float32)
    start = time.perf_counter()
    try:
        got = compile(lambda x: np.tanh(x) + 2, (x,), cache=False)(x)
    except (AicompError, OSError) as error:
        return {"what": "smoke test", "found": f"failed: {error}"}, False
    taken = time.perf_counter() - start
    right = bool(np.allclose(got, np.tanh(x) + 2, rtol=1e-5))
    verdict = "passed" if right else "wrong numbers"
    return {"what": "smoke test", "found": f"{verdict} in {taken * 1e3:.0f} ms"}, right
