"""pow: 2^(y log2|x|), the logarithm kept to more bits than the result, then the sign and C's special cases.

In: two `Lanes` of float or double. Out: the same type. Float is computed in double; double in pairs of doubles, in a
private function of the module.

    power(x, y)
"""

from __future__ import annotations

from ..lanes import Lanes, fma, out_of_line, polynomial, where
from .double_double import Pair, add, constant, divide, fast_two_sum, multiply, two_product
from .exponential import DOUBLE, power_of_two, scale
from .formats import nearest_whole
from .logarithm import normalized
from .rounding import trunc

# log2((1 + s) / (1 - s)) = s (K + K/3 z + z^2 Q(z)) with z = s^2 and K = 2 / ln(2); own minimax fits
K = (2.8853900817779268, 4.0710547481862066e-17)
THIRD_OF_K = (0.9617966939259756, 5.0577616648125907e-17)
SHORT_LOG = (
    2.8853900817779268, 0.9617966945548723, 0.5770777947934094, 0.4122238848995575, 0.3193431705227048,
    0.290295758663285,
)  # fmt: skip
LONG_LOG = (
    0.5770780163555854, 0.41219858311109764, 0.32059889798423535, 0.2623081880487885, 0.22195317954446375,
    0.19235453718778828, 0.16987928900680146, 0.14899139530885208, 0.1675322549442803,
)  # fmt: skip
SHORT_EXP = (  # (2^r - 1) / r on [-1/2, 1/2]
    0.6931471807056915, 0.24022651066555636, 0.055504103631106104, 0.009618038118959081, 0.0013333936423200485,
    0.0001546676348234284, 1.5196008476967802e-05,
)  # fmt: skip


def power(x: Lanes, y: Lanes) -> Lanes:
    """Return x ** y as C's pow."""
    if x.is_double:
        return out_of_line("pow", lambda a, b: _special(a, b, _double(abs(a), b)), x, y)
    return _special(x, y, _single(abs(x), y))


def _single(x: Lanes, y: Lanes) -> Lanes:
    """Return x ** y for 0 < x < inf, by way of double: rounded almost always to the nearest float."""
    e, f = normalized(x.convert("fpext", "double"))
    s = f / (f + 2.0)
    logarithm = fma(s, polynomial(s * s, SHORT_LOG), e)
    exponent = (y.clamp(-(2.0**60), 2.0**60).convert("fpext", "double") * logarithm).clamp(-200.0, 200.0)
    n = nearest_whole(exponent)
    r = exponent - n
    grown = power_of_two(n)
    return fma(grown * r, polynomial(r, SHORT_EXP), grown).convert("fptrunc", "float")


def _double(x: Lanes, y: Lanes) -> Lanes:
    """Return x ** y for 0 < x < inf."""
    e, f = normalized(x)
    logarithm = add((e, e.const(0.0)), _log2(f))
    y = y.clamp(-(2.0**64), 2.0**64)
    high, low = two_product(y, logarithm[0])
    low = fma(y, logarithm[1], low)
    low = where(abs(high) < 1100.0, low, 0.0)
    high = high.clamp(*DOUBLE.exp2)
    n = nearest_whole(high)
    r = (high - n) + low
    return scale(fma(r, polynomial(r, DOUBLE.exp2_polynomial), 1.0), n)


def _log2(f: Lanes) -> Pair:
    """Return log2(1 + f) as a pair."""
    s = divide(f, fast_two_sum(2.0, f))
    z = multiply(s, s)
    tail = multiply(z, constant(f, THIRD_OF_K))
    tail = fast_two_sum(tail[0], fma(z[0] * z[0], polynomial(z[0], LONG_LOG), tail[1]))
    return multiply(s, add(constant(f, K), tail))


def _special(x: Lanes, y: Lanes, magnitude: Lanes) -> Lanes:
    """Return the power with C's values for zero, infinite, negative and NaN operands."""
    size = abs(x)
    zero = size.equals(0.0)
    limit = where(zero ^ (y < 0.0), 0.0, x.const(float("inf")))
    result = where(zero | size.equals(float("inf")), limit, magnitude)
    result = where(x.compare("uno", y), float("nan"), result)
    whole = trunc(y).equals(y)
    half = y * 0.5
    odd = whole & trunc(half).differs(half)
    result = where(odd, result.copysign(x), result)
    result = where((x < 0.0) & (x > float("-inf")) & ~whole, float("nan"), result)
    return where(x.equals(1.0) | y.equals(0.0), 1.0, result)
