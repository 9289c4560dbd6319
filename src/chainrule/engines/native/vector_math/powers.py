"""Powers and roots."""

from typing import Any

import numpy as np

from chainrule.engines.native.values import INT64, Value
from chainrule.engines.native.vector_math.formats import (
    DOUBLE,
    in_double,
    known_number,
    unfused,
)
from chainrule.engines.native.vector_math.logarithms import Logarithms

# The cube root for m from sqrt(1/2) to sqrt(2), to 7e-10.
CBRT = (
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


class Powers(Logarithms):
    @unfused
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

    @in_double
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

    @in_double
    def cbrt(self, x: Value) -> Value:
        """A polynomial for the cube root of m, then one step of Newton's method."""
        size = self.absolute(x)
        k, _, m = self._split(size)
        third = self.fma(k, 1 / 3, DOUBLE.shifter)
        left = k - (third - DOUBLE.shifter) * 3  # -1, 0 or 1
        y = self.polynomial(CBRT, m) * self._by_sign(left, 2 ** (-1 / 3), 1.0, 2 ** (1 / 3))
        m = m * self._by_sign(left, 0.5, 1.0, 2.0)
        square = y * y
        y = y - self.fma(square, y, -m) / (3 * square)
        y = self._scaled(y, self._exponent(third))
        select = self.builder.select
        y = select(size < DOUBLE.tiny, 0.0, select(size < np.inf, y, size))
        return self.copysign(y, x)

    @in_double
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
