"""Sine, cosine, tangent, and their inverses.

x = q pi/2 + r with |r| <= pi/4: the first difference is exact, as for exp, whatever q is.
"""

import numpy as np

from chainrule.engines.native.values import INT64, Value
from chainrule.engines.native.vector_math.formats import (
    DOUBLE,
    FLOAT64,
    FORMATS,
    INT32,
    Tools,
    in_double,
    unfused,
)

# (arctan(t)/t - 1) / t^2 in powers of t^2, for |t| <= tan(pi/8).
ARCTAN = (
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

# Constants in pieces whose sum has twice the digits, or thrice.
PI_HALF = (1.5707963267948966, 6.123233995736766e-17, -1.4973849048591698e-33)
PI_QUARTER = (0.7853981633974483, 3.061616997868383e-17)
PI = (3.141592653589793, 1.2246467991473532e-16)
TAN_EIGHTH = 0.41421356237309503

# 1 / (2 pi) in binary, 32 digits a word.
TURNS = (0x28BE60DB, 0x9391054A, 0x7F09D5F4, 0x7D4D3770, 0x36D8A566, 0x4F10E410, 0x7F9458EA)


class Angles(Tools):
    def _reduced_angle(self, x: Value) -> tuple[Value, Value]:
        """(q, r) in float64; q in the low bits of an integer."""
        shifted = self.fma(x, 2 / np.pi, DOUBLE.shifter)
        k = shifted - DOUBLE.shifter
        r = x
        for piece in PI_HALF:
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
            pair = b.constant(TURNS[first] << 32 | TURNS[first + 1], np.uint64, x.lanes)
            for later in range(1, 4):
                at = first + later
                pair = b.select(word == later, TURNS[at] << 32 | TURNS[at + 1], pair)
            digits.append((pair << shift) >> 32)
        high, middle, low = (mantissa * part for part in digits)
        turns = ((high << 32) + middle + (low >> 32)).astype(INT64)
        angle = turns.astype(FLOAT64) * (2 * np.pi / 2.0**64)
        return b.select(x < 0, -angle, angle)

    def _sine_and_cosine(self, r: Value) -> tuple[Value, Value]:
        """Of |r| <= pi/4."""
        f = FORMATS[r.dtype]
        z = r * r
        sine = self.fma(r * z, self.polynomial(f.sin, z), r)
        cosine = self.fma(z * z, self.polynomial(f.cos, z), self.fma(z, -0.5, 1.0))
        return sine, cosine

    def _turned(self, x: Value, quarters: int) -> Value:
        """sin(x + quarters pi/2)."""
        b, f = self.builder, FORMATS[x.dtype]
        q, r = self._reduced_angle(self._angle(x))
        q, r = q.astype(f.whole) + quarters, r.astype(f.dtype)
        sine, cosine = self._sine_and_cosine(r)
        y = b.bitcast(b.select((q & 1) != 0, cosine, sine), f.whole)
        sign = (q & 2) << (8 * f.dtype.itemsize - 2)
        return b.bitcast(y ^ sign, f.dtype)

    @unfused
    def sin(self, x: Value) -> Value:
        """The sine; the angle is reduced in float64."""
        return self.builder.select(x == 0, x, self._turned(x, 0))

    @unfused
    def cos(self, x: Value) -> Value:
        """The cosine, as the sine a quarter turn on."""
        return self._turned(x, 1)

    @unfused
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
        middle = (low >= high * TAN_EIGHTH) & (high > 0)
        t = select(middle, low - high, low) / select(middle, low + high, high)
        t = select(low == high, 0.0, t)  # also where both are 0, or infinite
        z = t * t
        none = self._number(0.0, t)
        rest = self.fma(t * z, self.polynomial(ARCTAN, z), select(middle, PI_QUARTER[1], none))
        y = select(middle, PI_QUARTER[0], none) + (t + rest)
        return select(swapped, (PI_HALF[0] - y) + PI_HALF[1], y)

    def _across_axis(self, b: Value, angle: Value) -> Value:
        """pi - angle where b has a minus sign."""
        other = (PI[0] - angle) + PI[1]
        return self.builder.select(self.builder.bitcast(b, INT64) < 0, other, angle)

    @in_double
    def arctan(self, x: Value) -> Value:
        """The angle of (1, |x|), with the sign of x."""
        angle = self._first_quadrant(self.absolute(x), self._number(1.0, x))
        return self.copysign(angle, x)

    @in_double
    def arctan2(self, a: Value, b: Value) -> Value:
        """The angle of (b, a)."""
        angle = self._first_quadrant(self.absolute(a), self.absolute(b))
        y = self.copysign(self._across_axis(b, angle), a)
        return self.builder.select((a != a) | (b != b), np.nan, y)

    @in_double
    def arcsin(self, x: Value) -> Value:
        """The angle of (sqrt(1 - x^2), |x|): 1 - x^2 is rounded once."""
        other = self.sqrt(self.fma(-x, x, 1.0))
        return self.copysign(self._first_quadrant(self.absolute(x), other), x)

    @in_double
    def arccos(self, x: Value) -> Value:
        """The angle of (x, sqrt(1 - x^2))."""
        other = self.sqrt(self.fma(-x, x, 1.0))
        return self._across_axis(x, self._first_quadrant(other, self.absolute(x)))
