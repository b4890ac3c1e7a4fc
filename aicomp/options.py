"""What a user may choose about a compilation, as one frozen dataclass.

    options = Options(opt_level=2).replace(threads=1, disable_passes=["fuse"])

Values are checked when they are set; a bad one raises an error that says what was expected.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import InputTypeError, InputValueError

OPT_LEVELS = (0, 1, 2, 3)


@dataclass(frozen=True, slots=True)
class Options:
    """How to compile.

    `opt_level` runs from 0 (one kernel a node, nothing fused) to 3; `disable_passes` names passes to leave
    out; `threads` is the number of workers (None: the processors this process may use); `exact` bars every
    rewrite that can change a rounding; `dump_dir` receives the graph after each pass; `verify` checks each
    pass against the interpreter; `cache` keeps compiled code on disk.
    """

    opt_level: int = 2
    disable_passes: tuple[str, ...] = ()
    threads: int | None = None
    exact: bool = False
    dump_dir: Path | None = None
    verify: bool = False
    cache: bool = True

    def __post_init__(self) -> None:
        if not _is_int(self.opt_level) or self.opt_level not in OPT_LEVELS:
            raise InputValueError(f"opt_level is 0, 1, 2 or 3, got {self.opt_level!r}")
        if self.threads is not None and (not _is_int(self.threads) or self.threads < 1):
            raise InputValueError(f"threads is a positive int or None, got {self.threads!r}")
        for name in ("exact", "verify", "cache"):
            if not isinstance(getattr(self, name), bool):
                raise InputTypeError(f"{name} is True or False, got {getattr(self, name)!r}")
        object.__setattr__(self, "disable_passes", _names(self.disable_passes))
        object.__setattr__(self, "dump_dir", _path(self.dump_dir))

    def replace(self, **overrides: Any) -> Options:
        """Return the options with some fields changed. Raises InputTypeError for an unknown field."""
        known = [field.name for field in dataclasses.fields(self)]
        unknown = sorted(set(overrides) - set(known))
        if unknown:
            raise InputTypeError(f"unknown option {unknown[0]!r}; the options are {', '.join(known)}")
        return dataclasses.replace(self, **overrides)


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _names(value: Sequence[str]) -> tuple[str, ...]:
    if isinstance(value, str) or not all(isinstance(name, str) for name in value):
        raise InputTypeError(f"disable_passes is a sequence of pass names, got {value!r}")
    return tuple(value)


def _path(value: Any) -> Path | None:
    if value is None:
        return None
    if not isinstance(value, (str, os.PathLike)):
        raise InputTypeError(f"dump_dir is a path or None, got {value!r}")
    return Path(value)
