"""Names that C accepts, from names that users chose.

In: names of tensors or models. Out: distinct C identifiers, unchanged where they already are.

    c_identifiers(["x", "x", "class", "conv.0"], taken=["workspace"])   # x, x_1, class_, conv_0
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

RESERVED = frozenset(
    re.findall(
        r"\w+",
        """
        alignas alignof and and_eq asm auto bitand bitor bool break case catch char class compl const const_cast
        constexpr continue decltype default delete do double dynamic_cast else enum explicit export extern false
        float for friend goto if inline int long main mutable namespace new noexcept not not_eq nullptr operator
        or or_eq private protected public register reinterpret_cast restrict return short signed sizeof static
        static_assert static_cast struct switch template this thread_local throw true try typedef typeid typename
        typeof union unsigned using virtual void volatile wchar_t while xor xor_eq
        """,
    )
)


def c_identifier(name: str) -> str:
    """Return the name as an identifier of C and C++, none of their keywords, not `main`."""
    word = re.sub(r"[^A-Za-z0-9_]", "_", name) or "_"
    word = f"_{word}" if word[0].isdigit() else word
    return f"{word}_" if word in RESERVED else word


def c_identifiers(names: Sequence[str], taken: Iterable[str] = ()) -> tuple[str, ...]:
    """Return one identifier a name, all different and none of them in `taken`."""
    used = set(taken)
    found: list[str] = []
    for name in names:
        word = first = c_identifier(name)
        turn = 0
        while word in used:
            turn += 1
            word = f"{first}_{turn}"
        used.add(word)
        found.append(word)
    return tuple(found)
