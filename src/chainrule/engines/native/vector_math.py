"""Elementary functions on vectors, written with arithmetic, selects and bits alone.

No branch and no table: every lane takes the same path, so that a value does not depend on its
neighbours. (One exception: `sin`, `cos` and `tan` of angles beyond 2^24 in float32 take a detour.)
Polynomials come from `bench/fit_vector_math.py`; every rounding is as written here (`unfused`).

Bounds on the error, in units of the last place (ULP), stand in `ULPS`. They are held by dense
samples (tests/test_native_math.py). bench/all_floats.py measures float32 functions with every
input there is; docs/results/all_floats.md has those that were.

Results below the smallest normal number may come out as 0, and subnormal inputs count as 0. sin,
cos and tan hold their bounds for |x| <= 1e9 in float64 (beyond 2^50 they only stay within [-1, 1],
tan finite), and for every float32.
"""

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec

import numpy as np

from chainrule.engines.native.ir import INT64, Builder, DType, Value, scalar_name

FLOAT32, FLOAT64, INT32 = np.dtype(np.float32), np.dtype(np.float64), np.dtype(np.int32)
P = ParamSpec("P")

# The stated bounds, in ULP: (float32, float64).
ULPS: dict[str, tuple[float, float]] = {
    "exp": (1.1, 1.1),
    "exp2": (1.2, 1.2),
    "expm1": (2.0, 2.0),
    "log": (1.0, 1.0),
    "log2": (2.0, 2.0),
    "log10": (2.2, 2.0),
    "log1p": (2.0, 2.0),
    "power": (0.6, 1.5),
    "cbrt": (0.6, 1.0),
    "hypot": (0.6, 1.5),
    "sin": (2.0, 2.0),
    "cos": (2.0, 2.0),
    "tan": (0.6, 4.0),
    "arcsin": (0.6, 3.0),
    "arccos": (0.6, 3.0),
    "arctan": (0.6, 2.5),
    "arctan2": (0.6, 2.5),
    "sinh": (0.6, 3.0),
    "cosh": (0.6, 2.0),
    "tanh": (2.0, 2.5),
    "arcsinh": (0.6, 2.5),
    "arccosh": (0.6, 2.5),
    "arctanh": (0.6, 3.0),
    "sigmoid": (2.5, 2.5),
    "erf": (1.5, 6.0),
    "erfc": (8.0, 8.0),
}

# (exp(r) - 1 - r) / r^2 for |r| <= log(2)/2.
_EXP_32 = (0.5, 0.16666578, 0.041666556, 0.008363173, 0.0013926176)
_EXP_64 = (
    0.5,
    0.1666666666666667,
    0.04166666666666667,
    0.008333333333326141,
    0.0013888888888883752,
    0.00019841269874800493,
    2.4801587325533363e-05,
    2.7557255425746435e-06,
    2.7557273661348637e-07,
    2.510520637395701e-08,
    2.0914679376583935e-09,
)
# (log(1+f) - f + f^2/2) / f^3 for 1+f from sqrt(1/2) to sqrt(2).
_LOG_32 = (
    0.3333333,
    -0.24999997,
    0.20000716,
    -0.16667803,
    0.14249058,
    -0.12425687,
    0.1168542,
    -0.11479734,
    0.06971612,
)
# (log(1+f) - 2s - 2s^3/3) / s^5 in powers of s^2, where s = f/(2+f); the same f.
_LOG_64 = (
    0.4,
    0.28571428571429364,
    0.22222222221656232,
    0.18181818335314404,
    0.15384594970895457,
    0.13334804238225345,
    0.11706248540922386,
    0.11723051028097753,
)
# (sin(r)/r - 1) / r^2 and (cos(r) - 1 + r^2/2) / r^4 in powers of r^2, for |r| <= pi/4.
_SIN_32 = (-0.16666664, 0.008332748, -0.0001958789)
_SIN_64 = (
    -0.16666666666666666,
    0.008333333333333331,
    -0.00019841269841265065,
    2.7557319219339167e-06,
    -2.5052106232447578e-08,
    1.6058531618986147e-10,
    -7.586697117706918e-13,
)
_COS_32 = (0.041666664, -0.0013888302, 2.4547942e-05)
_COS_64 = (
    0.041666666666666664,
    -0.0013888888888888887,
    2.4801587301584645e-05,
    -2.7557319221402824e-07,
    2.087675579108042e-09,
    -1.1470460887609959e-11,
    4.7458719020432915e-14,
)
# (arctan(t)/t - 1) / t^2 in powers of t^2, for |t| <= tan(pi/8).
_ARCTAN = (
    -0.3333333333333333,
    0.19999999999999804,
    -0.14285714285659828,
    0.11111111105155447,
    -0.09090908753500877,
    0.07692296375032143,
    -0.06666424885738255,
    0.05878928997834775,
    -0.05230454270650244,
    0.04551593220626549,
    -0.034570561981427744,
    0.016285756855221028,
)
# The cube root for m from sqrt(1/2) to sqrt(2), to 7e-10.
_CBRT = (
    0.35112950710114593,
    1.5707562158158075,
    -2.481574363240664,
    3.549494176678049,
    -3.7726176248418635,
    2.8689896992802955,
    -1.5146312846021726,
    0.5271669136590791,
    -0.10880377202323813,
    0.010090532253126514,
)
# erf(x)/x - 1 in powers of x^2, for |x| <= 1; log(erfc(x)) for x from 1 to 4.
_ERF_NEAR = (
    0.12837917,
    -0.37612626,
    0.11283594,
    -0.026854211,
    0.0051890872,
    -0.00080168643,
    7.875875e-05,
)
_ERF_FAR = (
    0.00032013806,
    -1.1302334,
    -0.63182604,
    -0.110080086,
    0.026421135,
    -0.004759596,
    0.00059680565,
    -4.605804e-05,
    1.6371514e-06,
)

# Constants in pieces whose sum has twice the digits, or thrice.
_PI_HALF = (1.5707963267948966, 6.123233995736766e-17, -1.4973849048591698e-33)
_PI_QUARTER = (0.7853981633974483, 3.061616997868383e-17)
_PI = (3.141592653589793, 1.2246467991473532e-16)
_LOG2_E, _LOG10_E = 1.4426950408889634, 0.4342944819032518
_SQRT_HALF, _TAN_EIGHTH = 0.7071067811865476, 0.41421356237309503
# 1 / (2 pi) in binary, 32 digits a word.
_TURNS = (0x28BE60DB, 0x9391054A, 0x7F09D5F4, 0x7D4D3770, 0x36D8A566, 0x4F10E410, 0x7F9458EA)


@dataclass(frozen=True)
class Format:
    """What the functions need to know of a dtype."""

    dtype: DType
    whole: DType  # the integer of the same size
    digits: int  # of the fraction
    bias: int  # of the exponent
    ln2: tuple[float, float]
    log10_2: tuple[float, float]
    exp: Sequence[float]
    sin: Sequence[float]
    cos: Sequence[float]

    @property
    def tiny(self) -> float:
        """The smallest normal number."""
        return 2.0 ** (1 - self.bias)

    @property
    def shifter(self) -> float:
        """Added to a number, it leaves the nearest integer in the low bits of the sum.

        1.5 * 2^digits: one unit is the last place, for either sign of the number.
        """
        return 1.5 * 2.0**self.digits

    @property
    def shifter_bits(self) -> int:
        return int(np.array(self.shifter, self.dtype).view(self.whole))

    @property
    def log_tiny(self) -> float:
        return float(np.log(self.dtype.type(self.tiny)))

    @property
    def log_huge(self) -> float:
        """The largest number whose exponential is finite, to within rounding towards 0."""
        return float(np.nextafter(self.dtype.type((self.bias + 1) * float(np.log(2.0))), 0))


_SINGLE = Format(
    FLOAT32,
    INT32,
    23,
    127,
    (0.6931471824645996, -1.9046542121259336e-09),
    (0.3010300099849701, -1.432098883924482e-08),
    _EXP_32,
    _SIN_32,
    _COS_32,
)
_DOUBLE = Format(
    FLOAT64,
    INT64,
    52,
    1023,
    (0.6931471805599453, 2.3190468138462996e-17),
    (0.3010299956639812, -2.8037281277851704e-18),
    _EXP_64,
    _SIN_64,
    _COS_64,
)
_FORMATS = {FLOAT32: _SINGLE, FLOAT64: _DOUBLE}


def known_number(x: Any) -> float | None:
    """The number that an operand is, if it is known while the code is written."""
    if not isinstance(x, Value):
        return float(x)
    bits = x.name.removeprefix(f"splat ({scalar_name(x.dtype)} ").removesuffix(")")
    if x.dtype.kind != "f" or not bits.startswith("0x"):
        return None
    (number,) = struct.unpack(">d", bytes.fromhex(bits[2:]))
    return float(number)


def _unfused(function: Callable[P, Value]) -> Callable[P, Value]:
    """Every operation of a method is rounded as written, wherever the method is used."""

    @wraps(function)
    def inner(*args: P.args, **kwargs: P.kwargs) -> Value:
        math: Any = args[0]
        with math.builder.unfused():
            return function(*args, **kwargs)

    return inner


def _in_double(function: Callable[P, Value]) -> Callable[P, Value]:
    """float32 is computed in float64 and rounded once: for functions that are seldom hot."""

    @wraps(function)
    def inner(*args: P.args, **kwargs: P.kwargs) -> Value:
        math: Any = args[0]
        xs: Any = math.together(*args[1:])
        with math.builder.unfused():
            if xs[0].dtype == FLOAT64:
                return function(math, *xs, **kwargs)
            wide = [x.astype(FLOAT64) for x in xs]
            return function(math, *wide, **kwargs).astype(FLOAT32)

    return inner


class VectorMath:
    """The elementary functions, by NumPy's names, on a builder's values."""

    def __init__(self, builder: Builder) -> None:
        self.builder = builder

    # --- small tools ---

    def together(self, *xs: Any) -> list[Value]:
        """Operands of one type: Python numbers take the dtype of the values."""
        like = next(x for x in xs if isinstance(x, Value))
        lanes = max(x.lanes for x in xs if isinstance(x, Value))
        return [
            self.builder.splat(x, lanes)
            if isinstance(x, Value)
            else self.builder.constant(x, like.dtype, lanes)
            for x in xs
        ]

    def _number(self, number: float, like: Value) -> Value:
        return self.builder.constant(number, like.dtype, like.lanes)

    def fma(self, a: Any, b: Any, c: Any) -> Value:
        """a * b + c, rounded once."""
        return self.builder.intrinsic("fma", *self.together(a, b, c))

    def polynomial(self, coefficients: Sequence[float], x: Value) -> Value:
        """By Horner's rule, the constant coefficient first."""
        *rest, last = coefficients
        total: Any = last
        for coefficient in reversed(rest):
            total = self.fma(total, x, coefficient)
        return total  # type: ignore[no-any-return]  # a Value from the first fma on

    def any(self, condition: Value) -> Value:
        """Whether a condition holds in any lane."""
        return self.builder.any(condition)

    def sqrt(self, x: Value) -> Value:
        return self.builder.intrinsic("sqrt", x)

    def absolute(self, x: Value) -> Value:
        return self.builder.intrinsic("fabs", x)

    def copysign(self, x: Any, sign: Any) -> Value:
        return self.builder.intrinsic("copysign", *self.together(x, sign))

    def _at_most(self, x: Value, limit: float) -> Value:
        """The smaller of both; NaN stays."""
        return self.builder.select(x > limit, limit, x)

    def _scaled(self, x: Value, scale: Value) -> Value:
        """x * 2^n by adding n to the exponent; `scale` holds n shifted to its place."""
        f = _FORMATS[x.dtype]
        return self.builder.bitcast(self.builder.bitcast(x, f.whole) + scale, f.dtype)

    # --- exponentials ---
    #
    # exp(x) = 2^k exp(r) with |r| <= log(2)/2, the product of k with log(2) taken off in two
    # pieces (Cody and Waite, Software Manual for the Elementary Functions, 1980, chapter 6). The
    # first difference is exact: it is a multiple of the last place of log(2), and below 1.

    def _reduced(self, x: Value, low: Value | None = None) -> tuple[Value, Value]:
        """(k in the place of the exponent's bits, exp(r) - 1) for exp(x + low)."""
        f = _FORMATS[x.dtype]
        shifted = self.fma(x, _LOG2_E, f.shifter)
        k = shifted - f.shifter
        r = self.fma(k, -f.ln2[1], self.fma(k, -f.ln2[0], x))
        if low is not None:
            r = r + low
        return self._exponent(shifted), self._expm1_small(r)

    def _exponent(self, shifted: Value) -> Value:
        f = _FORMATS[shifted.dtype]
        return self.builder.bitcast(shifted, f.whole) << f.digits

    def _expm1_small(self, r: Value) -> Value:
        return self.fma(r * r, self.polynomial(_FORMATS[r.dtype].exp, r), r)

    def _power_of_two(self, exponent: Value, f: Format, less: int = 0) -> Value:
        """2^(k - less) as a float, from k in the place of the exponent's bits."""
        return self.builder.bitcast(exponent + ((f.bias - less) << f.digits), f.dtype)

    @_unfused
    def exp(self, x: Value, low: Value | None = None) -> Value:
        """e^(x + low); `low` is a correction, far smaller than x."""
        f = _FORMATS[x.dtype]
        exponent, p = self._reduced(x, low)
        return self._limited(x, self._scaled(p + 1, exponent), f.log_tiny, f.log_huge)

    @_unfused
    def exp2(self, x: Value) -> Value:
        """2^x = 2^k e^(r log 2) with the exact r = x - k."""
        f = _FORMATS[x.dtype]
        shifted = x + f.shifter
        r = x - (shifted - f.shifter)
        y = self._scaled(self._expm1_small(r * f.ln2[0]) + 1, self._exponent(shifted))
        huge = float(np.nextafter(f.dtype.type(f.bias + 1), 0))
        return self._limited(x, y, 1.0 - f.bias, huge)

    def _limited(self, x: Value, y: Value, low: float, high: float) -> Value:
        """0 below `low`, infinity above `high`, NaN for NaN."""
        select = self.builder.select
        return select(x < low, 0.0, select(x <= high, y, x + np.inf))

    @_unfused
    def expm1(self, x: Value) -> Value:
        """2^k (exp(r) - 1) + (2^k - 1), a quarter of it at first, so that 2^k never overflows."""
        f = _FORMATS[x.dtype]
        select = self.builder.select
        exponent, p = self._reduced(select(x < -40.0, -40.0, x))
        quarter = self._power_of_two(exponent, f, 2)
        y = self.fma(quarter, p, quarter - 0.25) * 4
        y = select(x <= f.log_huge, y, x + np.inf)
        return select(self.absolute(x) < 1e-20, x, y)  # -0, and what a quarter would lose

    @_unfused
    def tanh(self, x: Value) -> Value:
        """n / (n + 2) with n = exp(2|x|) - 1: never above 1, and an error in n fades as n grows."""
        f = _FORMATS[x.dtype]
        size = self._at_most(self.absolute(x), 20.0)
        exponent, p = self._reduced(size + size)
        scale = self._power_of_two(exponent, f)
        n = self.fma(scale, p, scale - 1)
        y = n / (n + 2)
        # Below 1 the roundings of n + 2 and of the quotient weigh most: y = n/2 - (n/2) y, too.
        half = n * 0.5
        y = self.builder.select(n < 1, self.fma(-half, y, half), y)
        return self.copysign(y, x)

    @_unfused
    def sigmoid(self, x: Value) -> Value:
        """1 / (1 + exp(-x)).

        Replaces the row's formula, which guards against overflow with one more select and an
        exponential that guards itself; here the limits are those of the result.
        """
        f = _FORMATS[x.dtype]
        exponent, p = self._reduced(-self._at_most(x, 60.0))  # beyond, 1 + exp(-x) is 1
        scale = self._power_of_two(exponent, f)
        y = 1 / self.fma(scale, p, scale + 1)
        return self.builder.select(x < f.log_tiny, 0.0, y)

    @_in_double
    def sinh(self, x: Value) -> Value:
        """(n + n / (n + 1)) / 2 with n = exp(|x|) - 1; a quarter of n, so as not to overflow."""
        size = self.absolute(x)
        exponent, p = self._reduced(size)
        quarter = self._power_of_two(exponent, _DOUBLE, 2)
        y = self.fma(quarter, p, quarter - 0.25)
        y = (y + y / (4 * y + 1)) * 2
        y = self.builder.select(size <= _HYPERBOLIC_END, y, size + np.inf)
        return self.builder.select(size < 1e-20, x, self.copysign(y, x))

    @_in_double
    def cosh(self, x: Value) -> Value:
        """(w + 1/w) / 2 with w = exp(|x|); a quarter of w, so as not to overflow."""
        size = self.absolute(x)
        exponent, p = self._reduced(size)
        quarter = self._power_of_two(exponent, _DOUBLE, 2)
        w = self.fma(quarter, p, quarter)
        return self.builder.select(size <= _HYPERBOLIC_END, w * 2 + 0.125 / w, size + np.inf)

    # --- logarithms ---
    #
    # log(x) = k log(2) + log(1 + f) with 1 + f from sqrt(1/2) to sqrt(2). In float64 as in fdlibm
    # (Sun Microsystems, 1993, e_log.c): s = f / (2 + f), log(1 + f) = 2 artanh(s)
    # = f - s (f - R(s^2)), where f is exact. In float32 one longer polynomial saves the division.

    def _split(self, x: Value) -> tuple[Value, Value, Value]:
        """(k as a float, the same as an integer, m): x = 2^k m, m from sqrt(1/2) to sqrt(2)."""
        f = _FORMATS[x.dtype]
        bits = self.builder.bitcast(x, f.whole)
        half = int(np.array(_SQRT_HALF, f.dtype).view(f.whole))
        k = (bits - half) >> f.digits
        m = self.builder.bitcast(bits - (k << f.digits), f.dtype)
        return self.builder.bitcast(k + f.shifter_bits, f.dtype) - f.shifter, k, m

    def _log_near(self, f: Value, k: Value | float) -> Value:
        """k log(2) + log(1 + f)."""
        if f.dtype == FLOAT32:
            z = f * f
            y = f * z * self.polynomial(_LOG_32, f)
            y = self.fma(k, _SINGLE.ln2[1], y)
            y = f + self.fma(z, -0.5, y)
            return self.fma(k, _SINGLE.ln2[0], y)
        s = f / (f + 2)
        z = s * s
        rest = z * self.fma(z, self.polynomial(_LOG_64, z), 2 / 3)
        half = f * f * 0.5
        small = self.fma(s, half + rest, k * _DOUBLE.ln2[1])
        return self.fma(k, _DOUBLE.ln2[0], f - (half - small))

    def _log_limited(self, x: Value, y: Value) -> Value:
        """NaN below 0, -infinity at 0, infinity and NaN as they are."""
        tiny = _FORMATS[x.dtype].tiny
        select = self.builder.select
        below = select(x > -tiny, -np.inf, self._number(np.nan, x))
        y = select(x < tiny, below, y)
        return select(x < np.inf, y, x)

    @_unfused
    def log(self, x: Value) -> Value:
        """The natural logarithm."""
        k, _, m = self._split(x)
        return self._log_limited(x, self._log_near(m - 1, k))

    @_unfused
    def log2(self, x: Value) -> Value:
        """k + log2(1 + f)."""
        k, _, m = self._split(x)
        return self._log_limited(x, self.fma(self._log_near(m - 1, 0.0), _LOG2_E, k))

    @_unfused
    def log10(self, x: Value) -> Value:
        """k log10(2) + log10(1 + f), log10(2) in two pieces."""
        high, low = _FORMATS[x.dtype].log10_2
        k, _, m = self._split(x)
        y = self.fma(self._log_near(m - 1, 0.0), _LOG10_E, k * low)
        return self._log_limited(x, self.fma(k, high, y))

    @_unfused
    def log1p(self, x: Value) -> Value:
        """log(u + c), u = 1 + x rounded and c what rounding lost, which goes into f.

        c by Knuth's sum of two numbers (The Art of Computer Programming 2, section 4.2.2).
        """
        f = _FORMATS[x.dtype]
        u = x + 1
        part = u - 1
        c = (1 - (u - part)) + (x - part)
        k, whole, m = self._split(u)
        c = c * self._power_of_two(0 - (whole << f.digits), f, -1) * 0.5
        y = self._log_limited(u, self._log_near((m - 1) + c, k))
        return self.copysign(y, x)  # for -0

    def _log_pair(self, x: Value) -> tuple[Value, Value]:
        """log(x) as a sum of two float64, to some 2^-64: for `power`. x > 0, finite."""
        k, _, m = self._split(x)
        f = m - 1
        # s = f / (2 + f) in two pieces; 2 + f = u + below.
        u = m + 1
        below = m - (u - 1)
        inverse = 1 / u
        s = f * inverse
        s_low = self.fma(-s, below, self.fma(-s, u, f)) * inverse
        # z = s^2 and t = s^3 * 2/3 in two pieces; the terms from s^5 on need only one.
        z = s * s
        z_low = self.fma(s, s, -z) + 2 * s * s_low
        cube = z * s
        cube_low = self.fma(z, s, -cube) + (z * s_low + z_low * s)
        t = cube * _TWO_THIRDS[0]
        t_low = self.fma(cube, _TWO_THIRDS[0], -t) + (
            cube * _TWO_THIRDS[1] + cube_low * _TWO_THIRDS[0]
        )
        rest = z * cube * self.polynomial(_LOG_64, z)
        # k log(2) + 2 s + t + ...: each sum's first number is the larger.
        first = k * _DOUBLE.ln2[0]
        first_low = self.fma(k, _DOUBLE.ln2[0], -first) + k * _DOUBLE.ln2[1]
        second = s + s
        total = first + second
        lost = (first - (total - (total - first))) + (second - (total - first))
        high = total + t
        lost = lost + ((total - (high - (high - total))) + (t - (high - total)))
        low = lost + first_low + 2 * s_low + t_low + rest
        both = high + low
        return both, low - (both - high)

    @_in_double
    def arcsinh(self, x: Value) -> Value:
        """log(1 + (|x| + x^2 / (1 + sqrt(1 + x^2)))); the square would overflow beyond 1e8."""
        size = self.absolute(x)
        square = size * size
        near = size + square / (1 + self.sqrt(square + 1))
        return self.copysign(self._log1p_doubled(size, near), x)

    @_in_double
    def arccosh(self, x: Value) -> Value:
        """log(1 + (t + sqrt(t (t + 2)))) with t = x - 1."""
        t = x - 1
        near = t + self.sqrt(self.fma(t, t, t + t))
        return self.builder.select(x < 1, np.nan, self._log1p_doubled(x, near))

    def _log1p_doubled(self, size: Value, near: Value) -> Value:
        """log1p(near), or log(2 size) for a size beyond 1e100, where both are the same."""
        far = size > 1e100
        y = self.log1p(self.builder.select(far, size, near))
        return y + self.builder.select(far, self._number(_DOUBLE.ln2[0], y), 0.0)

    @_in_double
    def arctanh(self, x: Value) -> Value:
        """log(1 + 2|x| / (1 - |x|)) / 2."""
        size = self.absolute(x)
        return self.copysign(self.log1p((size + size) / (1 - size)) * 0.5, x)

    # --- powers and roots ---

    @_unfused
    def power(self, x: Any, y: Any) -> Value:
        """exp(y log|x|), log|x| in two float64; C's rules for the special values.

        Few whole exponents that are known when the code is written become products.
        """
        if isinstance(x, Value):
            product = self._product(x, known_number(y))
            if product is not None:
                return product
        x, y = self.together(x, y)
        return self._power(x, y)

    def _product(self, x: Value, y: float | None) -> Value | None:
        """x to the power y, where a multiplication or two, or one division, will do."""
        if y == 1:
            return x
        if y == 2:
            return x * x
        if y == 3:
            return x * x * x
        if y == 4:
            return (x * x) * (x * x)
        if y == -1:
            return 1 / x
        return None

    @_in_double
    def _power(self, x: Value, y: Value) -> Value:
        b, select = self.builder, self.builder.select
        size = self.absolute(x)
        high, low = self._log_pair(size)
        high = self._log_limited(size, high)
        product = y * high
        low = self.fma(y, high, -product) + y * low
        # Where the product is infinite or NaN, or log|x| was -infinity, `low` means nothing.
        low = select(self.absolute(low) < 1, low, 0.0)
        magnitude = self.exp(product, low)
        floor = b.intrinsic("floor", y)
        half = y * 0.5
        odd = (b.intrinsic("floor", half) != half) & (floor == y)
        negative = b.bitcast(x, INT64) < 0
        result = select(negative & odd, -magnitude, magnitude)
        refused = (x < 0) & (x > -np.inf) & (floor != y)
        result = select(refused, np.nan, result)
        result = select((x == -1) & (self.absolute(y) == np.inf), 1.0, result)
        return select((x == 1) | (y == 0), 1.0, result)

    @_in_double
    def cbrt(self, x: Value) -> Value:
        """A polynomial for the cube root of m, then one step of Newton's method."""
        size = self.absolute(x)
        k, _, m = self._split(size)
        third = self.fma(k, 1 / 3, _DOUBLE.shifter)
        left = k - (third - _DOUBLE.shifter) * 3  # -1, 0 or 1
        y = self.polynomial(_CBRT, m) * self._by_sign(left, 2 ** (-1 / 3), 1.0, 2 ** (1 / 3))
        m = m * self._by_sign(left, 0.5, 1.0, 2.0)
        square = y * y
        y = y - self.fma(square, y, -m) / (3 * square)
        y = self._scaled(y, self._exponent(third))
        select = self.builder.select
        y = select(size < _DOUBLE.tiny, 0.0, select(size < np.inf, y, size))
        return self.copysign(y, x)

    def _by_sign(self, x: Value, below: float, at: float, above: float) -> Value:
        """One of three numbers, by whether x is below, at or above 0."""
        choice = self.builder.select(x > 0, above, self._number(at, x))
        return self.builder.select(x < 0, below, choice)

    @_in_double
    def hypot(self, a: Value, b: Value) -> Value:
        """sqrt(a^2 + b^2), scaled by a power of two where a square would overflow or vanish."""
        a, b = self.absolute(a), self.absolute(b)
        select = self.builder.select
        larger = select(a > b, a, b)
        side = select(larger > 1e150, 1.0, select(larger < 1e-140, -1.0, self._number(0.0, a)))
        scale = self._by_sign(side, 2.0**600, 1.0, 2.0**-600)
        back = self._by_sign(side, 2.0**-600, 1.0, 2.0**600)
        a_scaled, b_scaled = a * scale, b * scale
        y = self.sqrt(self.fma(a_scaled, a_scaled, b_scaled * b_scaled)) * back
        return select((a == np.inf) | (b == np.inf), np.inf, y)

    # --- angles ---
    #
    # x = q pi/2 + r with |r| <= pi/4: the first difference is exact, as for exp, whatever q is.

    def _reduced_angle(self, x: Value) -> tuple[Value, Value]:
        """(q, r) in float64; q in the low bits of an integer."""
        shifted = self.fma(x, 2 / np.pi, _DOUBLE.shifter)
        k = shifted - _DOUBLE.shifter
        r = x
        for piece in _PI_HALF:
            r = self.fma(k, -piece, r)
        # Beyond 2^50 q is no longer whole, and r no longer small: keep it sane.
        r = self.builder.select(r > 1, 1.0, self.builder.select(r < -1, -1.0, r))
        return self.builder.bitcast(shifted, INT64), r

    def _angle(self, x: Value) -> Value:
        """The angle in float64, which beyond 2^24 is replaced by one of the same direction."""
        wide = x.astype(FLOAT64)
        if x.dtype == FLOAT64:
            return wide
        size = self.absolute(x)
        far = (size > 2.0**24) & (size < np.inf)
        some = self.any(far).astype(INT64)

        def detour(_: Value, angle: Value) -> list[Value]:
            return [self.builder.select(far, self._direction(x, far), angle)]

        (angle,) = self.builder.loop(0, some, 1, detour, [wide])
        return angle

    def _direction(self, x: Value, far: Value) -> Value:
        """The angle from -pi to pi of a float32 beyond 2^24, in whole numbers.

        x = M 2^e in turns is M times the digits of 1/(2 pi) from place e on, modulo 1; 96 of them
        are taken (Payne and Hanek, Radian reduction for trigonometric functions, 1983). No
        float32 is so near to a multiple of pi/2 that this would lose its digits.
        """
        b = self.builder
        bits = b.bitcast(b.select(far, self.absolute(x), 2.0**25), INT32).astype(np.uint64)
        e = (bits >> 23) - 150
        mantissa = (bits & 0x7FFFFF) | 0x800000
        word, shift = e >> 5, e & 31
        digits = []
        for first in range(3):
            pair = b.constant(_TURNS[first] << 32 | _TURNS[first + 1], np.uint64, x.lanes)
            for later in range(1, 4):
                at = first + later
                pair = b.select(word == later, _TURNS[at] << 32 | _TURNS[at + 1], pair)
            digits.append((pair << shift) >> 32)
        high, middle, low = (mantissa * part for part in digits)
        turns = ((high << 32) + middle + (low >> 32)).astype(INT64)
        angle = turns.astype(FLOAT64) * (2 * np.pi / 2.0**64)
        return b.select(x < 0, -angle, angle)

    def _sine_and_cosine(self, r: Value) -> tuple[Value, Value]:
        """Of |r| <= pi/4."""
        f = _FORMATS[r.dtype]
        z = r * r
        sine = self.fma(r * z, self.polynomial(f.sin, z), r)
        cosine = self.fma(z * z, self.polynomial(f.cos, z), self.fma(z, -0.5, 1.0))
        return sine, cosine

    def _turned(self, x: Value, quarters: int) -> Value:
        """sin(x + quarters pi/2)."""
        b, f = self.builder, _FORMATS[x.dtype]
        q, r = self._reduced_angle(self._angle(x))
        q, r = q.astype(f.whole) + quarters, r.astype(f.dtype)
        sine, cosine = self._sine_and_cosine(r)
        y = b.bitcast(b.select((q & 1) != 0, cosine, sine), f.whole)
        sign = (q & 2) << (8 * f.dtype.itemsize - 2)
        return b.bitcast(y ^ sign, f.dtype)

    @_unfused
    def sin(self, x: Value) -> Value:
        """The sine; the angle is reduced in float64."""
        return self.builder.select(x == 0, x, self._turned(x, 0))

    @_unfused
    def cos(self, x: Value) -> Value:
        """The cosine, as the sine a quarter turn on."""
        return self._turned(x, 1)

    @_unfused
    def tan(self, x: Value) -> Value:
        """sin(r) / cos(r), or -cos(r) / sin(r) in odd quarters; in float64."""
        select = self.builder.select
        q, r = self._reduced_angle(self._angle(x))
        sine, cosine = self._sine_and_cosine(r)
        odd = (q & 1) != 0
        y = select(odd, cosine, sine) / select(odd, -sine, cosine)
        return select(x == 0, x, y.astype(x.dtype))

    def _first_quadrant(self, a: Value, b: Value) -> Value:
        """The angle of the point (b, a), neither negative, in float64.

        The smaller over the larger is at most 1; above tan(pi/8) the angle is taken from pi/4,
        arctan(t) = pi/4 + arctan((t - 1) / (t + 1)) (Cephes, Moshier 1989, atan.c).
        """
        select = self.builder.select
        swapped = a > b
        low, high = select(swapped, b, a), select(swapped, a, b)
        # low + high must not overflow, nor high - low vanish.
        side = select(high > 1e300, 1.0, select(high < 1e-200, -1.0, self._number(0.0, high)))
        scale = self._by_sign(side, 2.0**200, 1.0, 2.0**-10)
        low, high = low * scale, high * scale
        middle = (low >= high * _TAN_EIGHTH) & (high > 0)
        t = select(middle, low - high, low) / select(middle, low + high, high)
        t = select(low == high, 0.0, t)  # also where both are 0, or infinite
        z = t * t
        none = self._number(0.0, t)
        rest = self.fma(t * z, self.polynomial(_ARCTAN, z), select(middle, _PI_QUARTER[1], none))
        y = select(middle, _PI_QUARTER[0], none) + (t + rest)
        return select(swapped, (_PI_HALF[0] - y) + _PI_HALF[1], y)

    def _across_axis(self, b: Value, angle: Value) -> Value:
        """pi - angle where b has a minus sign."""
        other = (_PI[0] - angle) + _PI[1]
        return self.builder.select(self.builder.bitcast(b, INT64) < 0, other, angle)

    @_in_double
    def arctan(self, x: Value) -> Value:
        """The angle of (1, |x|), with the sign of x."""
        angle = self._first_quadrant(self.absolute(x), self._number(1.0, x))
        return self.copysign(angle, x)

    @_in_double
    def arctan2(self, a: Value, b: Value) -> Value:
        """The angle of (b, a)."""
        angle = self._first_quadrant(self.absolute(a), self.absolute(b))
        y = self.copysign(self._across_axis(b, angle), a)
        return self.builder.select((a != a) | (b != b), np.nan, y)

    @_in_double
    def arcsin(self, x: Value) -> Value:
        """The angle of (sqrt(1 - x^2), |x|): 1 - x^2 is rounded once."""
        other = self.sqrt(self.fma(-x, x, 1.0))
        return self.copysign(self._first_quadrant(self.absolute(x), other), x)

    @_in_double
    def arccos(self, x: Value) -> Value:
        """The angle of (x, sqrt(1 - x^2))."""
        other = self.sqrt(self.fma(-x, x, 1.0))
        return self._across_axis(x, self._first_quadrant(other, self.absolute(x)))

    # --- the error function ---

    @_unfused
    def erf_single(self, x: Value) -> Value:
        """erf in float32: x + x P(x^2) up to 1, then 1 - exp(Q(|x|)), the log of erfc being smooth.

        Two short polynomials and one exponential, where the row's formula, made for float64, has
        four long ones and two.
        """
        size = self._at_most(self.absolute(x), 4.0)  # from 3.92 on the result is 1
        near = self.fma(x, self.polynomial(_ERF_NEAR, x * x), x)
        exponent, p = self._reduced(self.polynomial(_ERF_FAR, size))
        scale = self._power_of_two(exponent, _SINGLE)
        far = 1 - self.fma(scale, p, scale)
        return self.builder.select(size < 1, near, self.copysign(far, x))


# Beyond, the hyperbolic functions overflow; a quarter of exp(x) is still finite here.
_HYPERBOLIC_END = 710.6
_TWO_THIRDS = (0.6666666666666666, 3.700743415417188e-17)
