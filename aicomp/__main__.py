"""Lets `python -m aicomp` do what the `aicomp` command does."""

from __future__ import annotations

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
