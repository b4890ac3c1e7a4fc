"""`aicomp list`: what operators, passes and targets there are.

aicomp list ops --json
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping

from ..compiler import passes
from ..ir import Required
from ..ops import OPS
from ..plugins import backends
from .show import Row, as_json, table


def run(args: argparse.Namespace) -> int:
    """Print one row for each operator, pass or target."""
    rows = LISTS[args.what]()
    if args.json:
        print(as_json(rows))
    else:
        table(rows, title=args.what)
    return 0


def op_rows() -> list[Row]:
    """Return a row for each operator."""
    return [
        {
            "op": op.name,
            "kind": op.kind.value,
            "inputs": ", ".join(op.params),
            "attributes": attributes(op.attrs),
        }
        for op in sorted(OPS.values(), key=lambda op: (op.kind.value, op.name))
    ]


def attributes(attrs: Mapping[str, object]) -> str:
    """Return attributes with their defaults, those that have none without."""
    return ", ".join(n if value is Required.REQUIRED else f"{n}={value}" for n, value in attrs.items())


def pass_rows() -> list[Row]:
    """Return a row for each pass."""
    return [
        {"pass": str(step), "contract": step.contract.value, "does": first_sentence(step.doc)}
        for _, step in sorted(passes().items())
    ]


def target_rows() -> list[Row]:
    """Return a row for each installed backend."""
    found = backends()
    return [
        {
            "target": name,
            "options": ", ".join(sorted(found[name].option_names)),
            "from": found.entries[name].value,
        }
        for name in sorted(found)
    ]


def first_sentence(doc: str) -> str:
    """Return the first sentence of a docstring."""
    return " ".join(doc.split()).partition(". ")[0].rstrip(".")


LISTS: Mapping[str, Callable[[], list[Row]]] = {"ops": op_rows, "passes": pass_rows, "targets": target_rows}
