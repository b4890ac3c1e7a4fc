"""Puts functions together into the text of one LLVM module.

In: functions written with `llvm.Function`. Out: the module's text, with the private functions that they call and the
declarations of what is defined elsewhere.

    parse_assembly(module_text([kernel, driver]))
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from .llvm import Function

STREAMED = "!0 = !{i32 1}"  # what `!nontemporal` refers to


def module_text(functions: Sequence[Function], globals_: Sequence[str] = ()) -> str:
    """Return one module: globals, definitions, their helpers, and the declarations still needed."""
    everything = {f.name: f for f in with_helpers(functions)}
    texts = [str(f) for f in everything.values()]
    wanted = sorted(set().union(*(f.declarations for f in everything.values())))
    missing = [d for d in wanted if (m := re.search(r"@([\w.$]+)", d)) and m[1] not in everything]
    metadata = [STREAMED] if any("!nontemporal" in text for text in texts) else []
    return "\n\n".join([*globals_, *missing, *texts, *metadata]) + "\n"


def with_helpers(functions: Iterable[Function]) -> Iterator[Function]:
    """Yield the functions and, after each, the private functions that it calls."""
    for f in functions:
        yield f
        yield from with_helpers(f.helpers.values())
