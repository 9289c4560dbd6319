"""Logarithms and the inverses of hyperbolic functions.

log(x) = k log(2) + log(1 + f) with 1 + f from sqrt(1/2) to sqrt(2). In float64 as in fdlibm (Sun
Microsystems, 1993, e_log.c): s = f / (2 + f), log(1 + f) = 2 artanh(s) = f - s (f - R(s^2)), where
f is exact. In float32 one longer polynomial saves the division.
"""

import numpy as np

from chainrule.engines.native.values import Value
from chainrule.engines.native.vector_math.exponentials import LOG2_E, Exponentials
from chainrule.engines.native.vector_math.formats import (
    DOUBLE,
    FLOAT32,
    FORMATS,
    SINGLE,
    in_double,
    unfused,
)

# (log(1+f) - f + f^2/2) / f^3 for 1+f from sqrt(1/2) to sqrt(2).
LOG_32 = (
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
LOG_64 = (
    0.4,
    0.28571428571429364,
    0.22222222221656232,
    0.18181818335314404,
    0.15384594970895457,
    0.13334804238225345,
    0.11706248540922386,
    0.11723051028097753,
)

LOG10_E, SQRT_HALF = 0.4342944819032518, 0.7071067811865476
TWO_THIRDS = (0.6666666666666666, 3.700743415417188e-17)


class Logarithms(Exponentials):
    def _split(self, x: Value) -> tuple[Value, Value, Value]:
        """(k as a float, the same as an integer, m): x = 2^k m, m from sqrt(1/2) to sqrt(2)."""
        f = FORMATS[x.dtype]
        bits = self.builder.bitcast(x, f.whole)
        half = int(np.array(SQRT_HALF, f.dtype).view(f.whole))
        k = (bits - half) >> f.digits
        m = self.builder.bitcast(bits - (k << f.digits), f.dtype)
        return self.builder.bitcast(k + f.shifter_bits, f.dtype) - f.shifter, k, m

    def _log_near(self, f: Value, k: Value | float) -> Value:
        """k log(2) + log(1 + f)."""
        if f.dtype == FLOAT32:
            z = f * f
            y = f * z * self.polynomial(LOG_32, f)
            y = self.fma(k, SINGLE.ln2[1], y)
            y = f + self.fma(z, -0.5, y)
            return self.fma(k, SINGLE.ln2[0], y)
        s = f / (f + 2)
        z = s * s
        rest = z * self.fma(z, self.polynomial(LOG_64, z), 2 / 3)
        half = f * f * 0.5
        small = self.fma(s, half + rest, k * DOUBLE.ln2[1])
        return self.fma(k, DOUBLE.ln2[0], f - (half - small))

    def _log_limited(self, x: Value, y: Value) -> Value:
        """NaN below 0, -infinity at 0, infinity and NaN as they are."""
        tiny = FORMATS[x.dtype].tiny
        select = self.builder.select
        below = select(x > -tiny, -np.inf, self._number(np.nan, x))
        y = select(x < tiny, below, y)
        return select(x < np.inf, y, x)

    @unfused
    def log(self, x: Value) -> Value:
        """The natural logarithm."""
        k, _, m = self._split(x)
        return self._log_limited(x, self._log_near(m - 1, k))

    @unfused
    def log2(self, x: Value) -> Value:
        """k + log2(1 + f)."""
        k, _, m = self._split(x)
        return self._log_limited(x, self.fma(self._log_near(m - 1, 0.0), LOG2_E, k))

    @unfused
    def log10(self, x: Value) -> Value:
        """k log10(2) + log10(1 + f), log10(2) in two pieces."""
        high, low = FORMATS[x.dtype].log10_2
        k, _, m = self._split(x)
        y = self.fma(self._log_near(m - 1, 0.0), LOG10_E, k * low)
        return self._log_limited(x, self.fma(k, high, y))

    @unfused
    def log1p(self, x: Value) -> Value:
        """log(u + c), u = 1 + x rounded and c what rounding lost, which goes into f.

        c by Knuth's sum of two numbers (The Art of Computer Programming 2, section 4.2.2).
        """
        f = FORMATS[x.dtype]
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
        t = cube * TWO_THIRDS[0]
        t_low = self.fma(cube, TWO_THIRDS[0], -t) + (
            cube * TWO_THIRDS[1] + cube_low * TWO_THIRDS[0]
        )
        rest = z * cube * self.polynomial(LOG_64, z)
        # k log(2) + 2 s + t + ...: each sum's first number is the larger.
        first = k * DOUBLE.ln2[0]
        first_low = self.fma(k, DOUBLE.ln2[0], -first) + k * DOUBLE.ln2[1]
        second = s + s
        total = first + second
        lost = (first - (total - (total - first))) + (second - (total - first))
        high = total + t
        lost = lost + ((total - (high - (high - total))) + (t - (high - total)))
        low = lost + first_low + 2 * s_low + t_low + rest
        both = high + low
        return both, low - (both - high)

    @in_double
    def arcsinh(self, x: Value) -> Value:
        """log(1 + (|x| + x^2 / (1 + sqrt(1 + x^2)))); the square would overflow beyond 1e8."""
        size = self.absolute(x)
        square = size * size
        near = size + square / (1 + self.sqrt(square + 1))
        return self.copysign(self._log1p_doubled(size, near), x)

    @in_double
    def arccosh(self, x: Value) -> Value:
        """log(1 + (t + sqrt(t (t + 2)))) with t = x - 1."""
        t = x - 1
        near = t + self.sqrt(self.fma(t, t, t + t))
        return self.builder.select(x < 1, np.nan, self._log1p_doubled(x, near))

    def _log1p_doubled(self, size: Value, near: Value) -> Value:
        """log1p(near), or log(2 size) for a size beyond 1e100, where both are the same."""
        far = size > 1e100
        y = self.log1p(self.builder.select(far, size, near))
        return y + self.builder.select(far, self._number(DOUBLE.ln2[0], y), 0.0)

    @in_double
    def arctanh(self, x: Value) -> Value:
        """log(1 + 2|x| / (1 - |x|)) / 2."""
        size = self.absolute(x)
        return self.copysign(self.log1p((size + size) / (1 - size)) * 0.5, x)
