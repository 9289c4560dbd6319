"""What every function on vectors needs: formats of numbers, rounding, small tools."""

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec

import numpy as np

from chainrule.engines.native.ir import Builder
from chainrule.engines.native.values import INT64, DType, Value, scalar_name

FLOAT32, FLOAT64, INT32 = np.dtype(np.float32), np.dtype(np.float64), np.dtype(np.int32)
P = ParamSpec("P")

# (exp(r) - 1 - r) / r^2 for |r| <= log(2)/2.
EXP_32 = (0.5, 0.16666578, 0.041666556, 0.008363173, 0.0013926176)
EXP_64 = (
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
# (sin(r)/r - 1) / r^2 and (cos(r) - 1 + r^2/2) / r^4 in powers of r^2, for |r| <= pi/4.
SIN_32 = (-0.16666664, 0.008332748, -0.0001958789)
SIN_64 = (
    -0.16666666666666666,
    0.008333333333333331,
    -0.00019841269841265065,
    2.7557319219339167e-06,
    -2.5052106232447578e-08,
    1.6058531618986147e-10,
    -7.586697117706918e-13,
)
COS_32 = (0.041666664, -0.0013888302, 2.4547942e-05)
COS_64 = (
    0.041666666666666664,
    -0.0013888888888888887,
    2.4801587301584645e-05,
    -2.7557319221402824e-07,
    2.087675579108042e-09,
    -1.1470460887609959e-11,
    4.7458719020432915e-14,
)


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


SINGLE = Format(
    FLOAT32,
    INT32,
    23,
    127,
    (0.6931471824645996, -1.9046542121259336e-09),
    (0.3010300099849701, -1.432098883924482e-08),
    EXP_32,
    SIN_32,
    COS_32,
)
DOUBLE = Format(
    FLOAT64,
    INT64,
    52,
    1023,
    (0.6931471805599453, 2.3190468138462996e-17),
    (0.3010299956639812, -2.8037281277851704e-18),
    EXP_64,
    SIN_64,
    COS_64,
)
FORMATS = {FLOAT32: SINGLE, FLOAT64: DOUBLE}


def known_number(x: Any) -> float | None:
    """The number that an operand is, if it is known while the code is written."""
    if not isinstance(x, Value):
        return float(x)
    bits = x.name.removeprefix(f"splat ({scalar_name(x.dtype)} ").removesuffix(")")
    if x.dtype.kind != "f" or not bits.startswith("0x"):
        return None
    (number,) = struct.unpack(">d", bytes.fromhex(bits[2:]))
    return float(number)


def unfused(function: Callable[P, Value]) -> Callable[P, Value]:
    """Every operation of a method is rounded as written, wherever the method is used."""

    @wraps(function)
    def inner(*args: P.args, **kwargs: P.kwargs) -> Value:
        math: Any = args[0]
        with math.builder.unfused():
            return function(*args, **kwargs)

    return inner


def in_double(function: Callable[P, Value]) -> Callable[P, Value]:
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


class Tools:
    """Arithmetic on a builder's values."""

    def __init__(self, builder: Builder) -> None:
        self.builder = builder

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
        *rest, first, last = coefficients
        total = self.fma(last, x, first)
        for coefficient in reversed(rest):
            total = self.fma(total, x, coefficient)
        return total

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
        f = FORMATS[x.dtype]
        return self.builder.bitcast(self.builder.bitcast(x, f.whole) + scale, f.dtype)

    def _by_sign(self, x: Value, below: float, at: float, above: float) -> Value:
        """One of three numbers, by whether x is below, at or above 0."""
        choice = self.builder.select(x > 0, above, self._number(at, x))
        return self.builder.select(x < 0, below, choice)
