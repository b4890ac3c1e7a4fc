"""The command line: `aicomp VERB MODEL ...`.

In: arguments. Out: data on stdout, progress and errors on stderr, and the exit code: 0 ok, 1 compile or input
error, 2 usage, 3 mismatch. Each verb is a module with `run(args) -> int`, loaded when it is asked for.

    main(["bench", "benchmarks/models/lenet5.py:model", "--iterations", "20"])
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence

from ..errors import AicompError
from .parser import build_parser

INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    args = build_parser().parse_args(argv)
    try:
        code: int = importlib.import_module(f".{args.verb}", __name__).run(args)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return _fail("interrupted", INTERRUPTED)
    except BrokenPipeError:  # the reader of our output left, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (AicompError, OSError) as error:
        return _fail("\n".join([str(error), *getattr(error, "__notes__", [])]), 1)


def _fail(message: str, code: int) -> int:
    print(f"aicomp: {message}", file=sys.stderr)
    return code
