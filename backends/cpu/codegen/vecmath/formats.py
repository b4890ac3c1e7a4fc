"""The two float formats that the functions compute in.

In: `Lanes`. Out: its `Format`, whose `rounder` is 1.5 * 2^mantissa: adding it rounds to a whole number, which the
low bits then hold.

    format_of(x).bias     # 127 or 1023
"""

from __future__ import annotations

from typing import NamedTuple

from ..lanes import Lanes


class Format(NamedTuple):
    """A binary float format."""

    mantissa: int  # stored bits of the significand
    bias: int
    rounder: float
    smallest_normal: float


SINGLE = Format(23, 127, 1.5 * 2.0**23, 2.0**-126)
DOUBLE = Format(52, 1023, 1.5 * 2.0**52, 2.0**-1022)


def format_of(x: Lanes) -> Format:
    """Return the format of float or double lanes."""
    return DOUBLE if x.is_double else SINGLE


def nearest_whole(x: Lanes) -> Lanes:
    """Return x rounded to a whole number, halves to even, for |x| < 2^(mantissa - 1)."""
    rounder = format_of(x).rounder
    return (x + rounder) - rounder
