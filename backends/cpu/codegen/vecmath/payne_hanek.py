"""Angles too large for subtraction of multiples of pi: x / 2 pi modulo 1 in 128-bit integers (Payne and Hanek 1983).

In: `Lanes` of float or double and a number of quarter turns to add. Out: the angle in [-pi/2, pi/2] that has the same
sine, right for magnitudes from 2^-12 up; NaN for infinities and NaN. A loop over the lanes, in a private function.

    reduce_huge(x, quarters=1)     # sin of it is cos(x)
"""

from __future__ import annotations

from itertools import pairwise

from ..lanes import Lanes, each_lane, out_of_line, where
from ..llvm import V
from .double_double import constant, fast_two_sum, multiply

TWO_PI = (6.283185307179586, 2.4492935982947064e-16)
LEADING_ZEROS = 64  # in front of the bits of 2 / pi, for exponents that start before them
TWO_OVER_PI = (
    0x0000000000000000, 0xA2F9836E4E441529, 0xFC2757D1F534DDC0, 0xDB6295993C439041, 0xFE5163ABDEBBC561,
    0xB7246E3A424DD2E0, 0x06492EEA09D1921C, 0xFE1DEB1CB129A73E, 0xE88235F52EBB4484, 0xE99C7026B45F7E41,
    0x3991D639835339F4, 0x9C845F8BBDF9283B, 0x1FF897FFDE05980F, 0xEF2F118B5A0A6D1F, 0x6D367ECF27CB09B7,
    0x4F463F669E5FEA2D, 0x7527BAC7EBE5F17B, 0x3D0739F78A5292EA, 0x6BFB5FB11F8D5D08, 0x56033046FC7B6BAB,
)  # fmt: skip


def reduce_huge(x: Lanes, quarters: int) -> Lanes:
    """Return r in [-pi/2, pi/2] with sin(r) = sin(x + quarters * pi/2)."""
    return out_of_line(f"angle{quarters}", lambda lanes: each_lane(lambda a: _angle(a, quarters), lanes), x, rare=True)


def _angle(x: Lanes, quarters: int) -> Lanes:
    if not x.is_double:
        return _angle(x.convert("fpext", "double"), quarters).convert("fptrunc", "float")
    bits = abs(x).as_int()
    field = bits.op("lshr", 52)
    significand = (bits & ((1 << 52) - 1)) | (1 << 52)
    offset = field - (1075 + 2)
    turn = _product(significand, _window(where(offset < -LEADING_ZEROS, -LEADING_ZEROS, offset)))
    turn = where(x < 0.0, -turn, turn) + (quarters << 126)
    folded = (1 << 127) - turn  # sin(pi - a) = sin(a)
    turn = where((turn ^ (turn << 1)) < 0, folded, turn)
    return where(abs(x) < float("inf"), _radians(turn), float("nan"))


def _window(offset: Lanes) -> list[Lanes]:
    """Return 192 bits of 2/pi from bit `offset` (0: the first after the point): what comes before makes whole turns."""
    start = offset + LEADING_ZEROS
    index, shift = start.op("lshr", 6), start & 63
    table = V("<" + ", ".join(f"i64 {word}" for word in TWO_OVER_PI) + ">", f"<{len(TWO_OVER_PI)} x i64>")
    words = [start.new(start.f.ins(f"extractelement {table}, {(index + n).v}", "i64")) for n in range(4)]
    return [high.intrinsic("fshl", low, shift) for high, low in pairwise(words)]


def _product(significand: Lanes, window: list[Lanes]) -> Lanes:
    """Return the 128 bits after the point of significand * 0.window."""
    m = significand.convert("zext", "i128")
    high, middle, low = (m * word.convert("zext", "i128") for word in window)
    return (high << 64) + middle + low.op("lshr", 64)


def _radians(turn: Lanes) -> Lanes:
    """Return 2 pi times a signed fraction of 2^128, to the precision of a double however small it is."""
    negative = turn < 0
    magnitude = where(negative, -turn, turn)
    upper = magnitude.op("lshr", 64).convert("trunc", "i64")
    lower = magnitude.convert("trunc", "i64").convert("uitofp", "double")
    high = upper.convert("sitofp", "double")
    rest = (upper - high.convert("fptosi", "i64")).convert("sitofp", "double")
    part = fast_two_sum(high * 2.0**-64, rest * 2.0**-64 + lower * 2.0**-128)
    r, _ = multiply(part, constant(high, TWO_PI))
    return where(negative, -r, r)
