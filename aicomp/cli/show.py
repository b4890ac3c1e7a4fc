"""How the command line talks: tables and text on stdout, progress on stderr.

A terminal gets colours and boxes from rich; a pipe gets aligned plain text, the same rows in the same order.

    table([{"pass": "fuse", "ms": "1.2"}], title="Passes")
    with progress("compiling lenet5"): ...
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.table import Table

from ..pipeline import Row as PassTime

Row = Mapping[str, object]


def note(text: str) -> None:
    """Print a line on stderr."""
    print(text, file=sys.stderr, flush=True)


def as_json(data: Any) -> str:
    """Return data as indented JSON; what JSON does not know is written as text."""
    return json.dumps(data, indent=2, default=str)


def table(rows: Sequence[Row], title: str = "") -> None:
    """Print rows of the same keys on stdout; numbers and the like align right."""
    if sys.stdout.isatty():
        Console().print(_rich(rows, title))
    else:
        print(plain(rows))


def plain(rows: Sequence[Row]) -> str:
    """Return rows as aligned text, a header first."""
    if not rows:
        return ""
    cells = [list(rows[0]), *([str(value) for value in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    right = [_is_numeric([row[name] for row in rows]) for name in rows[0]]
    return "\n".join(_line(line, widths, right) for line in cells)


def _line(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    aligned = (c.rjust(w) if r else c.ljust(w) for c, w, r in zip(cells, widths, right, strict=True))
    return "  ".join(aligned).rstrip()


def _is_numeric(values: Sequence[object]) -> bool:
    return all(str(value)[:1].isdigit() or str(value)[:1] in "-+." for value in values if str(value))


def _rich(rows: Sequence[Row], title: str) -> Table:
    box = Table(title=title or None, title_justify="left", header_style="bold")
    for name in rows[0] if rows else ():
        numeric = _is_numeric([row[name] for row in rows])
        box.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        box.add_row(*map(str, row.values()))
    return box


@contextmanager
def progress(what: str) -> Iterator[None]:
    """Say on stderr what is being done, and how long it took once it is."""
    start = time.perf_counter()
    if sys.stderr.isatty():
        with Console(stderr=True).status(what):
            yield
    else:
        yield
    note(f"{what}: {time.perf_counter() - start:.2f} s")


def pass_row(row: PassTime) -> dict[str, object]:
    """Return what a pass did as a row of a table."""
    nodes = {"nodes before": row.nodes_before, "nodes after": row.nodes_after}
    return {"pass": row.name, "time": seconds(row.seconds), **nodes}


def seconds(value: float) -> str:
    """Return a time in the unit that suits it: `1.25 ms`."""
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if value >= scale:
            return f"{value / scale:.3g} {unit}" if value < 1000 * scale else f"{value / scale:.0f} {unit}"
    return f"{value / 1e-9:.0f} ns"


def size(nbytes: float) -> str:
    """Return a number of bytes in the unit that suits it: `1.25 MB`."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("KB", 1e3)):
        if nbytes >= scale:
            return f"{nbytes / scale:.3g} {unit}"
    return f"{nbytes:.0f} B"
