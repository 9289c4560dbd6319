"""The namespace that the formulas of the op rows see in the native engine: NumPy's, on values."""

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.engines.native.estimates import is_estimated, quotient
from chainrule.engines.native.values import BOOL, Value
from chainrule.engines.native.vector_math import FLOAT32, FLOAT64, VectorMath, known_number
from chainrule.ops import TABLE

# The largest quotient for which a - quotient * b is exact in float64.
_EXACT = 2.0**52


class Numerics(VectorMath):
    """NumPy's functions, with NumPy's results also where C leaves them open.

    A name that is not defined here or in `VectorMath` is a row's, and its formula is evaluated in
    turn: `m.sigmoid(x)` inside the formula of another row works as in NumPy. Python numbers take
    the dtype of the values beside them.
    """

    def __getattr__(self, name: str) -> Callable[..., Value]:
        row: Any = TABLE.get(name)
        if name.startswith("_") or row is None:
            raise AttributeError(f"the native engine has no function {name!r}")
        return lambda *xs, **params: row.value(self, *xs, **params)

    # --- arithmetic ---

    def add(self, a: Any, b: Any) -> Value:
        return self.builder.binary("add", a, b)

    def subtract(self, a: Any, b: Any) -> Value:
        return self.builder.binary("sub", a, b)

    def multiply(self, a: Any, b: Any) -> Value:
        return self.builder.binary("mul", a, b)

    def divide(self, a: Any, b: Any) -> Value:
        a, b = self.builder.both(a, b)
        if is_estimated(a):
            return quotient(self.builder, a, b)
        return self.builder.binary("div", a, b)

    def negative(self, x: Value) -> Value:
        return self.builder.negative(x)

    def square(self, x: Value) -> Value:
        return x * x

    def reciprocal(self, x: Value) -> Value:
        """1 / x; of integers the whole part, so 0 but for 1 and -1."""
        if x.dtype.kind == "f":
            return 1 / x
        unit = x == 1
        if x.dtype.kind == "i":
            unit = unit | (x == -1)
        return self.builder.select(unit, x, 0)

    def power(self, x: Any, y: Any) -> Value:
        """Integers by repeated squaring, modulo 2^bits as NumPy's; floats as in `VectorMath`."""
        like = x if isinstance(x, Value) else y
        if like.dtype.kind == "f":
            return super().power(x, y)
        x, y = self.together(x, y)

        def double(_: Any, result: Value, base: Value, left: Value) -> list[Value]:
            result = self.builder.select((left & 1) != 0, result * base, result)
            return [result, base * base, left >> 1]

        one = self.builder.constant(1, x.dtype, x.lanes)
        result, *_ = self.builder.loop(0, 8 * x.dtype.itemsize, 1, double, [one, x, y])
        return result

    # --- division with a remainder ---
    #
    # NumPy gives 0 for the division of an integer by 0; the processor's instruction would trap,
    # as it does for the smallest integer divided by -1.

    def floor_divide(self, a: Any, b: Any) -> Value:
        """Rounded down. Floats as Python's: the quotient that belongs to `remainder`."""
        a, b = self.together(a, b)
        if a.dtype.kind != "f":
            quotient, _ = self._divided(a, b, down=True)
            return quotient
        with self.builder.unfused():
            left = self._float_remainder(a, b)
            quotient = (a - left) / b
            quotient = self.builder.select(_apart(left, b), quotient - 1, quotient)
            floor = self.floor(quotient)
            floor = self.builder.select(quotient - floor > 0.5, floor + 1, floor)
            floor = self.builder.select(quotient == 0, self.copysign(0.0, a / b), floor)
            return self.builder.select(b == 0, a / b, floor)

    def remainder(self, a: Any, b: Any) -> Value:
        """The sign is the divisor's."""
        a, b = self.together(a, b)
        if a.dtype.kind != "f":
            _, left = self._divided(a, b, down=True)
            return left
        left = self._sign_of(self._float_remainder(a, b), b)
        return self.builder.select(left == 0, self.copysign(0.0, b), left)

    def fmod(self, a: Any, b: Any) -> Value:
        """The sign is that of the first."""
        a, b = self.together(a, b)
        if a.dtype.kind != "f":
            _, left = self._divided(a, b, down=False)
            return left
        return self._float_remainder(a, b)

    def _divided(self, a: Value, b: Value, down: bool) -> tuple[Value, Value]:
        """Quotient and remainder of integers, rounded down or towards 0."""
        select = self.builder.select
        zero = b == 0
        signed = a.dtype.kind == "i"
        unsafe = zero | (b == -1) if signed else zero
        divisor = select(unsafe, 1, b)
        quotient = a / divisor
        left = a - quotient * divisor
        if signed:
            quotient = select(b == -1, 0 - a, quotient)
        if signed and down:
            off = _apart(left, b)
            left = select(off, left + b, left)
            quotient = select(off, quotient - 1, quotient)
        return select(zero, 0, quotient), select(zero, 0, left)

    def _sign_of(self, left: Value, b: Value) -> Value:
        """A remainder with the sign of the divisor."""
        return self.builder.select(_apart(left, b), left + b, left)

    def _float_remainder(self, a: Value, b: Value) -> Value:
        """C's fmod, exactly: a - trunc(a / b) b in one rounding, in float64.

        The quotient may have been rounded up to a whole number: then the difference has the other
        sign and b is added. Quotients beyond 2^52 are left to C's own slow loop.
        """
        if a.dtype == FLOAT32:
            wide = self._float_remainder(a.astype(FLOAT64), b.astype(FLOAT64))
            return wide.astype(FLOAT32)
        select = self.builder.select
        with self.builder.unfused():
            x, y = self.absolute(a), self.absolute(b)
            quotient = x / y
            left = self.fma(-self.trunc(quotient), y, x)
            left = select(left < 0, left + y, left)
            left = select((y == np.inf) & (x < np.inf), x, left)
            far = (quotient >= _EXACT) & (x < np.inf) & (y > 0)
            some = self.any(far).astype(np.int64)

            def slow(_: Any, found: Value) -> list[Value]:
                # Other lanes divide 1 by 1, which is quick.
                rest = self.builder.binary("rem", select(far, x, 1.0), select(far, y, 1.0))
                return [select(far, rest, found)]

            (left,) = self.builder.loop(0, some, 1, slow, [left])
            left = select(y == 0, np.nan, left)
        return self.copysign(left, a)

    # --- rounding and signs ---

    def absolute(self, x: Value) -> Value:
        if x.dtype.kind == "f":
            return super().absolute(x)
        if x.dtype.kind == "i":
            return self.builder.select(x < 0, 0 - x, x)
        return x

    def sign(self, x: Value) -> Value:
        """NaN for NaN."""
        if x.dtype.kind == "u":
            return self.builder.select(x > 0, 1, x)
        y = self.builder.select(x > 0, 1, self.builder.select(x < 0, -1, x))
        return self.builder.select(x == 0, 0, y)  # for -0

    def floor(self, x: Value) -> Value:
        return self._rounded("floor", x)

    def ceil(self, x: Value) -> Value:
        return self._rounded("ceil", x)

    def trunc(self, x: Value) -> Value:
        return self._rounded("trunc", x)

    def rint(self, x: Value) -> Value:
        """Halves go to the even number."""
        return self._rounded("rint", x)

    def _rounded(self, name: str, x: Value) -> Value:
        return self.builder.intrinsic(name, x) if x.dtype.kind == "f" else x

    def maximum(self, a: Any, b: Any) -> Value:
        """NaN where either is."""
        return self._extreme("gt", a, b)

    def minimum(self, a: Any, b: Any) -> Value:
        """NaN where either is."""
        return self._extreme("lt", a, b)

    def _extreme(self, test: str, a: Any, b: Any) -> Value:
        select = self.builder.select
        # Against a number that is known not to be NaN, one test suffices: the other stays where
        # it fails. This is a single instruction of the processor.
        if _is_number(a):
            a, b = b, a
        result = select(self.builder.compare(test, b, a), b, a)
        if result.dtype.kind != "f" or _is_number(b):
            return result
        return select(b != b, b, result)

    # --- choosing and comparing ---

    def where(self, condition: Value, a: Any, b: Any) -> Value:
        return self.builder.select(condition, a, b)

    def equal(self, a: Any, b: Any) -> Value:
        return self._compared("eq", a, b)

    def not_equal(self, a: Any, b: Any) -> Value:
        return self._compared("ne", a, b)

    def less(self, a: Any, b: Any) -> Value:
        return self._compared("lt", a, b)

    def less_equal(self, a: Any, b: Any) -> Value:
        return self._compared("le", a, b)

    def greater(self, a: Any, b: Any) -> Value:
        return self._compared("gt", a, b)

    def greater_equal(self, a: Any, b: Any) -> Value:
        return self._compared("ge", a, b)

    def _compared(self, test: str, a: Any, b: Any) -> Value:
        """Also int64 with uint64, exactly: a negative number is below every unsigned one."""
        a, b = self.together(a, b)
        if a.dtype.kind + b.dtype.kind not in ("iu", "ui"):
            return self.builder.compare(test, a, b)
        signed = a if a.dtype.kind == "i" else b
        plain = self.builder.compare(test, a.astype(np.uint64), b.astype(np.uint64))
        below = test in ("ne", "lt", "le") if signed is a else test in ("ne", "gt", "ge")
        return self.builder.select(signed < 0, below, plain)

    def isnan(self, x: Value) -> Value:
        return x != x

    def isinf(self, x: Value) -> Value:
        if x.dtype.kind != "f":
            return x != x
        return self.absolute(x) == np.inf

    def isfinite(self, x: Value) -> Value:
        if x.dtype.kind != "f":
            return x == x
        return self.absolute(x) < np.inf

    def logical_not(self, x: Value) -> Value:
        return x == 0

    def logical_and(self, a: Any, b: Any) -> Value:
        a, b = self.together(a, b)
        return self.builder.binary("and", a.astype(BOOL), b.astype(BOOL))

    def logical_or(self, a: Any, b: Any) -> Value:
        a, b = self.together(a, b)
        return self.builder.binary("or", a.astype(BOOL), b.astype(BOOL))

    def logical_xor(self, a: Any, b: Any) -> Value:
        a, b = self.together(a, b)
        return self.builder.binary("xor", a.astype(BOOL), b.astype(BOOL))

    # --- bits ---

    def bitwise_and(self, a: Any, b: Any) -> Value:
        return self.builder.binary("and", a, b)

    def bitwise_or(self, a: Any, b: Any) -> Value:
        return self.builder.binary("or", a, b)

    def bitwise_xor(self, a: Any, b: Any) -> Value:
        return self.builder.binary("xor", a, b)

    def invert(self, x: Value) -> Value:
        return x == 0 if x.dtype == BOOL else 0 - x - 1

    def left_shift(self, a: Any, b: Any) -> Value:
        return self._shifted("shl", a, b, None)

    def right_shift(self, a: Any, b: Any) -> Value:
        a, b = self.together(a, b)
        return self._shifted("shr", a, b, a)

    def _shifted(self, op: str, a: Any, b: Any, sign: Value | None) -> Value:
        """By the width or more: 0, or a negative number's sign. So too for a negative count."""
        a, b = self.together(a, b)
        width = 8 * a.dtype.itemsize
        inside = b < width
        if b.dtype.kind == "i":
            inside = inside & (b >= 0)
        beyond: Any = 0
        if sign is not None and a.dtype.kind == "i":
            beyond = a >> (width - 1)
        moved = self.builder.binary(op, a, self.builder.select(inside, b, 0))
        return self.builder.select(inside, moved, beyond)

    # --- the error function ---

    def erf(self, x: Value) -> Value:
        """float32 has a shorter way than the row's formula (see `erf_single`)."""
        if x.dtype == FLOAT32:
            return self.erf_single(x)
        row: Any = TABLE["erf"]
        found: Value = row.value(self, x)
        return found


def _apart(left: Value, b: Value) -> Value:
    """Whether a remainder is not 0 and has another sign than the divisor."""
    return (left != 0) & ((left < 0) != (b < 0))


def _is_number(x: Any) -> bool:
    """Whether it is known while the code is written, and not NaN."""
    number = known_number(x)
    return number is not None and number == number
