"""Exponentials and what is made of them: tanh, sigmoid, sinh, cosh.

exp(x) = 2^k exp(r) with |r| <= log(2)/2, the product of k with log(2) taken off in two pieces (Cody
and Waite, Software Manual for the Elementary Functions, 1980, chapter 6). The first difference is
exact: it is a multiple of the last place of log(2), and below 1.
"""

import numpy as np

from chainrule.engines.native.values import Value
from chainrule.engines.native.vector_math.formats import (
    DOUBLE,
    FORMATS,
    Format,
    Tools,
    in_double,
    unfused,
)

LOG2_E = 1.4426950408889634
# Beyond, the hyperbolic functions overflow; a quarter of exp(x) is still finite here.
HYPERBOLIC_END = 710.6


class Exponentials(Tools):
    def _reduced(self, x: Value, low: Value | None = None) -> tuple[Value, Value]:
        """(k in the place of the exponent's bits, exp(r) - 1) for exp(x + low)."""
        f = FORMATS[x.dtype]
        shifted = self.fma(x, LOG2_E, f.shifter)
        k = shifted - f.shifter
        r = self.fma(k, -f.ln2[1], self.fma(k, -f.ln2[0], x))
        if low is not None:
            r = r + low
        return self._exponent(shifted), self._expm1_small(r)

    def _exponent(self, shifted: Value) -> Value:
        f = FORMATS[shifted.dtype]
        return self.builder.bitcast(shifted, f.whole) << f.digits

    def _expm1_small(self, r: Value) -> Value:
        return self.fma(r * r, self.polynomial(FORMATS[r.dtype].exp, r), r)

    def _power_of_two(self, exponent: Value, f: Format, less: int = 0) -> Value:
        """2^(k - less) as a float, from k in the place of the exponent's bits."""
        return self.builder.bitcast(exponent + ((f.bias - less) << f.digits), f.dtype)

    @unfused
    def exp(self, x: Value, low: Value | None = None) -> Value:
        """e^(x + low); `low` is a correction, far smaller than x."""
        f = FORMATS[x.dtype]
        exponent, p = self._reduced(x, low)
        return self._limited(x, self._scaled(p + 1, exponent), f.log_tiny, f.log_huge)

    @unfused
    def exp2(self, x: Value) -> Value:
        """2^x = 2^k e^(r log 2) with the exact r = x - k."""
        f = FORMATS[x.dtype]
        shifted = x + f.shifter
        r = x - (shifted - f.shifter)
        y = self._scaled(self._expm1_small(r * f.ln2[0]) + 1, self._exponent(shifted))
        huge = float(np.nextafter(f.dtype.type(f.bias + 1), 0))
        return self._limited(x, y, 1.0 - f.bias, huge)

    def _limited(self, x: Value, y: Value, low: float, high: float) -> Value:
        """0 below `low`, infinity above `high`, NaN for NaN."""
        select = self.builder.select
        return select(x < low, 0.0, select(x <= high, y, x + np.inf))

    @unfused
    def expm1(self, x: Value) -> Value:
        """2^k (exp(r) - 1) + (2^k - 1), a quarter of it at first, so that 2^k never overflows."""
        f = FORMATS[x.dtype]
        select = self.builder.select
        exponent, p = self._reduced(select(x < -40.0, -40.0, x))
        quarter = self._power_of_two(exponent, f, 2)
        y = self.fma(quarter, p, quarter - 0.25) * 4
        y = select(x <= f.log_huge, y, x + np.inf)
        return select(self.absolute(x) < 1e-20, x, y)  # -0, and what a quarter would lose

    @unfused
    def tanh(self, x: Value) -> Value:
        """n / (n + 2) with n = exp(2|x|) - 1: never above 1, and an error in n fades as n grows."""
        f = FORMATS[x.dtype]
        size = self._at_most(self.absolute(x), 20.0)
        exponent, p = self._reduced(size + size)
        scale = self._power_of_two(exponent, f)
        n = self.fma(scale, p, scale - 1)
        y = n / (n + 2)
        # Below 1 the roundings of n + 2 and of the quotient weigh most: y = n/2 - (n/2) y, too.
        half = n * 0.5
        y = self.builder.select(n < 1, self.fma(-half, y, half), y)
        return self.copysign(y, x)

    @unfused
    def sigmoid(self, x: Value) -> Value:
        """1 / (1 + exp(-x)).

        Replaces the row's formula, which guards against overflow with one more select and an
        exponential that guards itself; here the limits are those of the result.
        """
        f = FORMATS[x.dtype]
        exponent, p = self._reduced(-self._at_most(x, 60.0))  # beyond, 1 + exp(-x) is 1
        scale = self._power_of_two(exponent, f)
        y = 1 / self.fma(scale, p, scale + 1)
        return self.builder.select(x < f.log_tiny, 0.0, y)

    @in_double
    def sinh(self, x: Value) -> Value:
        """(n + n / (n + 1)) / 2 with n = exp(|x|) - 1; a quarter of n, so as not to overflow."""
        size = self.absolute(x)
        exponent, p = self._reduced(size)
        quarter = self._power_of_two(exponent, DOUBLE, 2)
        y = self.fma(quarter, p, quarter - 0.25)
        y = (y + y / (4 * y + 1)) * 2
        y = self.builder.select(size <= HYPERBOLIC_END, y, size + np.inf)
        return self.builder.select(size < 1e-20, x, self.copysign(y, x))

    @in_double
    def cosh(self, x: Value) -> Value:
        """(w + 1/w) / 2 with w = exp(|x|); a quarter of w, so as not to overflow."""
        size = self.absolute(x)
        exponent, p = self._reduced(size)
        quarter = self._power_of_two(exponent, DOUBLE, 2)
        w = self.fma(quarter, p, quarter)
        return self.builder.select(size <= HYPERBOLIC_END, w * 2 + 0.125 / w, size + np.inf)
