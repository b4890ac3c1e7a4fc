"""erf: an odd polynomial up to 1, then 1 - e^-h(|x|) with a polynomial h = -log(erfc).

In: float or double `Lanes`. Out: the same type. Coefficients: own minimax fits (Remez exchange), weighted so that the
error counts relative to erf.

    erf(x)
"""

from __future__ import annotations

from typing import NamedTuple

from ..lanes import Lanes, fma, polynomial, where
from .exponential import expm1_of_remainder, power_of_two


class _Constants(NamedTuple):
    one: float  # from here on the result is 1
    near: tuple[float, ...]  # (erf(x) - x) / x in x^2, |x| <= 1
    far: tuple[float, ...]  # -log(erfc(t)), 0.95 <= t <= one


SINGLE = _Constants(
    one=4.1,
    near=(
        1.2837917e-01, -3.7612626e-01, 1.1283579e-01, -2.6853347e-02, 5.187162e-03, -7.997852e-04, 7.806891e-05,
    ),
    far=(2.447277e-04, 1.1274749, 6.375172e-01, 1.0364005e-01, -2.2087442e-02, 3.0084644e-03, -1.9241568e-04),
)  # fmt: skip
DOUBLE = _Constants(
    one=6.1,
    near=(
        0.1283791670955126, -0.3761263890318375, 0.11283791670954858, -0.02686617064507296, 0.00522397762478137,
        -0.0008548326978765149, 0.00012055331037551108, -1.4925593518728226e-05, 1.6460972954153765e-06,
        -1.635002619207727e-07, 1.4657883530919653e-08, -1.136567067182716e-09, 5.945255584223488e-11,
    ),
    far=(
        3.545564484888382e-07, 1.1283754887962847, 0.6366374978279697, 0.1027199951630329, -0.019021042314384035,
        -0.000368487567690049, 0.0018723135760801122, -0.000735661404774354, 0.00011306306965093203,
        3.11610234409705e-05, -2.707748119196487e-05, 9.969607571225878e-06, -2.4442944603393784e-06,
        4.287228107766004e-07, -5.37065329665972e-08, 4.594456388208636e-09, -2.413466105714878e-10,
        5.8823876389125585e-12,
    ),
)  # fmt: skip


def erf(x: Lanes) -> Lanes:
    """Return the error function."""
    c = DOUBLE if x.is_double else SINGLE
    t = abs(x)
    near = fma(t, polynomial(t * t, c.near), t)
    bounded = where(t > c.one, c.one, t)
    n, small = expm1_of_remainder(-polynomial(bounded, c.far))
    power = power_of_two(n)
    far = 1.0 - fma(power, small, power)
    return where(t < 1.0, near, far).copysign(x)
