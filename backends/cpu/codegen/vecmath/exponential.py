"""exp, exp2, expm1 and tanh: argument reduction to |r| <= ln(2)/2, a polynomial, and a scaling by 2^n.

In: float or double `Lanes`. Out: the same type; subnormal results, infinities and NaN as C's libm. The coefficients
are minimax fits (Remez exchange); those of float are rounded one after the other, each time refitting the rest.

    exp(x)
"""

from __future__ import annotations

from typing import NamedTuple

from ..lanes import Lanes, fma, polynomial, where
from ..llvm import V, mangle
from .formats import format_of, nearest_whole

LOG2_E = 1.4426950408889634


class _Constants(NamedTuple):
    ln2: tuple[float, float]  # high part, short enough that n * high is exact; low part
    exp: tuple[float, float]  # from here down 0, from here up infinity
    exp2: tuple[float, float]
    expm1: float  # from here down -1
    tanh: float  # from here on 1
    exp_polynomial: tuple[float, ...]  # (e^r - 1 - r) / r^2, |r| <= ln(2) / 2
    exp2_polynomial: tuple[float, ...]  # (2^r - 1) / r, |r| <= 1/2
    tanh_polynomial: tuple[float, ...]  # (tanh(r) - r) / r^3 in r^2, |r| <= 0.55


SINGLE = _Constants(
    ln2=(0.693359375, -2.12194440e-4),
    exp=(-104.0, 89.0),
    exp2=(-151.0, 129.0),
    expm1=-25.0,
    tanh=9.5,
    exp_polynomial=(4.9999994e-01, 1.6666517e-01, 4.1668102e-02, 8.369197e-03, 1.3839031e-03),
    exp2_polynomial=(6.931472e-01, 2.4022594e-01, 5.5503663e-02, 9.625448e-03, 1.338794e-03, 1.3331186e-04),
    tanh_polynomial=(-3.3333316e-01, 1.3332544e-01, -5.3847548e-02, 2.1050714e-02, -6.242849e-03),
)
DOUBLE = _Constants(
    ln2=(6.93147180369123816490e-01, 1.90821492927058770002e-10),
    exp=(-746.0, 710.0),
    exp2=(-1076.0, 1025.0),
    expm1=-60.0,
    tanh=20.0,
    exp_polynomial=(
        0.5000000000000011, 0.16666666666666408, 0.04166666666652996, 0.0083333333334967, 0.0013888888943715226,
        0.00019841269502341284, 2.4801492983491803e-05, 2.7557589591656087e-06, 2.7630297452026436e-07,
        2.499921733025691e-08,
    ),
    exp2_polynomial=(
        0.6931471805599453, 0.2402265069591013, 0.055504108664820084, 0.00961812910759412, 0.001333355814677462,
        0.000154035304571119, 1.5252733493125119e-05, 1.3215435282395376e-06, 1.0178199573625748e-07,
        7.073783234730465e-09, 4.434770934987566e-10,
    ),
    tanh_polynomial=(
        -0.33333333333332316, 0.133333333331687, -0.05396825387607775, 0.02186948597478537, -0.008863194503987449,
        0.003591719697133656, -0.0014532167557918555, 0.0005791370132860453, -0.00021030239412025094,
        5.10214730878975e-05,
    ),
)  # fmt: skip


def exp(x: Lanes) -> Lanes:
    """Return e^x."""
    n, small = expm1_of_remainder(x.clamp(*_constants(x).exp))
    return scale(small + 1.0, n)


def exp2(x: Lanes) -> Lanes:
    """Return 2^x, exact at the integers."""
    c = _constants(x)
    x = x.clamp(*c.exp2)
    n = nearest_whole(x)
    r = x - n
    return scale(fma(r, polynomial(r, c.exp2_polynomial), 1.0), n)


def expm1(x: Lanes) -> Lanes:
    """Return e^x - 1, accurate near 0."""
    c = _constants(x)
    n, small = expm1_of_remainder(x.clamp(c.expm1, c.exp[1]))
    half = power_of_two(n - 1.0)  # half of 2^n, which may overflow where the result does not
    result = fma(half, small, half - 0.5)
    return (result + result).copysign(x)


def tanh(x: Lanes) -> Lanes:
    """Return the hyperbolic tangent: a polynomial near 0, else 1 - 2 / (e^(2|x|) + 1)."""
    c = _constants(x)
    t = abs(x)
    bounded = where(t > c.tanh, c.tanh, t)
    n, small = expm1_of_remainder(bounded + bounded)
    power = power_of_two(n)
    far = 1.0 - 2.0 / (fma(power, small, power) + 1.0)
    z = x * x
    near = fma(z * t, polynomial(z, c.tanh_polynomial), t)
    return where(t < 0.55, near, far).copysign(x)


def scale(x: Lanes, n: Lanes) -> Lanes:
    """Return x * 2^n rounded once, for x near 1 and whole n within twice the exponent range."""
    if x.machine.masked:
        return _scalef(x, n)
    half = nearest_whole(n * 0.5)
    return x * power_of_two(half) * power_of_two(n - half)


def _constants(x: Lanes) -> _Constants:
    return DOUBLE if x.is_double else SINGLE


def expm1_of_remainder(x: Lanes) -> tuple[Lanes, Lanes]:
    """Return n and e^r - 1 where x = n ln(2) + r and |r| <= ln(2) / 2."""
    c, rounder = _constants(x), format_of(x).rounder
    n = fma(x, LOG2_E, rounder) - rounder
    high, low = c.ln2
    r = fma(n, -low, fma(n, -high, x))
    return n, fma(r * r, polynomial(r, c.exp_polynomial), r)


def power_of_two(n: Lanes) -> Lanes:
    """Return 2^n of whole n: adding the bias and `rounder` leaves the exponent field in the low bits."""
    form = format_of(n)
    return ((n + (form.rounder + form.bias)).as_int() << form.mantissa).as_float()


def _scalef(x: Lanes, n: Lanes) -> Lanes:
    """Return x * 2^n by AVX-512's own instruction (through `llvm.ldexp` where x is not one register)."""
    v, width = x.v, x.bits * x.v.lanes
    if v.lanes == 1 or width not in (128, 256, 512):
        integer = n.convert("fptosi", "i32")
        name = f"llvm.ldexp.{mangle(v.type)}.{mangle(integer.v.type)}"
        return x.new(x.f.call(name, v.type, [v, integer.v]))
    mask = V("-1", f"i{max(8, v.lanes)}")
    rounding = [V("4", "i32")] if width == 512 else []
    name = f"llvm.x86.avx512.mask.scalef.p{'d' if x.is_double else 's'}.{width}"
    return x.new(x.f.call(name, v.type, [v, n.v, v, mask, *rounding]))
