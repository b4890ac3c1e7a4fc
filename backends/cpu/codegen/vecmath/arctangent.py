"""atan and atan2: the smaller over the larger, one odd polynomial on [0, 1], then the octant.

In: float or double `Lanes`. Out: the same type; signed zeros and infinities as C's libm. Coefficients: own minimax fits
(Remez exchange) of (atan(z) - z) / z^3 in z^2.

    atan2(y, x)
"""

from __future__ import annotations

from ..lanes import Lanes, fma, polynomial, where

PI = {False: (3.1415927410125732, -8.742277657347586e-08), True: (3.141592653589793, 1.2246467991473532e-16)}
SINGLE = (
    -3.3333153e-01, 1.9993767e-01, -1.4210998e-01, 1.066573e-01, -7.551528e-02, 4.3202594e-02, -1.6361525e-02,
    2.9189175e-03,
)  # fmt: skip
DOUBLE = (
    -0.3333333333333186, 0.19999999999755053, -0.14285714271336553, 0.11111110678793998, -0.09090901236078175,
    0.07692212937305053, -0.06665860409467657, 0.05877308000304485, -0.05239233841087926, 0.046739519276358533,
    -0.0409264309868118, 0.03406788930557724, -0.025826893035997136, 0.016978125390393756, -0.009184621110527362,
    0.0038560056671592233, -0.0011640821198236142, 0.00022302451160897304, -2.0258749053725257e-05,
)  # fmt: skip


def atan(x: Lanes) -> Lanes:
    """Return the angle in [-pi/2, pi/2] whose tangent is x."""
    t = abs(x)
    steep = t > 1.0
    r = _polynomial(where(steep, 1.0 / t, t))
    return where(steep, _from_pi(r, 0.5), r).copysign(x)


def atan2(y: Lanes, x: Lanes) -> Lanes:
    """Return the angle in [-pi, pi] of the point (x, y)."""
    height, width = abs(y), abs(x)
    steep = height > width
    small, large = where(steep, width, height), where(steep, height, width)
    ratio = where(small.equals(large), 1.0, small / large)  # of two infinities too
    r = _polynomial(where((small + large).equals(0.0), 0.0, ratio))
    r = where(steep, _from_pi(r, 0.5), r)
    return where(x.as_int() < 0, _from_pi(r, 1.0), r).copysign(y)


def _polynomial(z: Lanes) -> Lanes:
    square = z * z
    return fma(square * z, polynomial(square, DOUBLE if z.is_double else SINGLE), z)


def _from_pi(r: Lanes, factor: float) -> Lanes:
    """Return factor * pi - r."""
    high, low = PI[r.is_double]
    return (factor * high - r) + factor * low
