"""`aicomp opt`: chosen passes over a graph, the result as text.

aicomp opt lenet5.aic --passes "fold_constants{max_bytes=4096},fuse" --verify-each -o smaller.aic
"""

from __future__ import annotations

import argparse
import sys

from ..compiler import passes
from ..graph_pass import parse_passes
from ..observe import verify_stage
from ..pipeline import Pipeline
from ..store import save
from ..text import print_graph
from .models import import_model
from .show import note, pass_row, plain


def run(args: argparse.Namespace) -> int:
    """Run the passes, write the graph, and tell on stderr what each did."""
    pipeline = Pipeline(parse_passes(args.passes, passes()))
    graph = import_model(args)
    result = pipeline.run(graph, observers=[verify_stage] if args.verify_each else [])
    if args.output == "-":
        sys.stdout.write(print_graph(result.graph))
    else:
        save(result.graph, args.output)
    note(plain([pass_row(row) for row in result.rows]))
    return 0
