"""Functions of single numbers a second time, from their definitions.

Rows of the op table name these as `references.NAME` where neither mpmath, SciPy, `math` nor
`operator` has the function. Each takes single numbers, mpmath's high-precision ones among them.
"""

from typing import Any

import mpmath

Number = Any


def reciprocal(x: Number) -> Number:
    return mpmath.mpf(1) / x


def square(x: Number) -> Number:
    return x**2


def relu(x: Number) -> Number:
    return x if x > 0 else 0


def softplus(x: Number) -> Number:
    return mpmath.log1p(mpmath.exp(x))


def clip(x: Number, low: Number, high: Number) -> Number:
    return sorted((x, low, high))[1]


def exp2(x: Number) -> Number:
    return mpmath.power(2, x)


def log2(x: Number) -> Number:
    return mpmath.log(x, 2)


def logaddexp(a: Number, b: Number) -> Number:
    return mpmath.log(mpmath.exp(a) + mpmath.exp(b))


def logaddexp2(a: Number, b: Number) -> Number:
    return log2(exp2(a) + exp2(b))


def where(condition: Number, a: Number, b: Number) -> Number:
    return a if condition else b


def isnan(x: Number) -> bool:
    return bool(x != x)


def isinf(x: Number) -> bool:
    return x in (mpmath.inf, -mpmath.inf)


def isfinite(x: Number) -> bool:
    return not isnan(x) and not isinf(x)


def logical_not(x: Number) -> bool:
    return not x


def logical_and(a: Number, b: Number) -> bool:
    return bool(a) and bool(b)


def logical_or(a: Number, b: Number) -> bool:
    return bool(a) or bool(b)


def logical_xor(a: Number, b: Number) -> bool:
    return bool(a) is not bool(b)


def cast(x: Number) -> Number:
    """A cast to a dtype that holds the number; what others round to is NumPy's `astype`."""
    return x


# --- random numbers ------------------------------------------------------------------------------


def threefry2x32(key: tuple[int, int], counter: tuple[int, int]) -> tuple[int, int]:
    """Threefry-2x32 with 20 rounds, in Python's whole numbers (Salmon et al. 2011, section 3.2)."""
    modulus = 2**32
    words = [*key, key[0] ^ key[1] ^ 0x1BD11BDA]
    x, y = ((c + k) % modulus for c, k in zip(counter, key, strict=True))
    for r in range(20):
        x = (x + y) % modulus
        turn = (13, 15, 26, 6, 17, 29, 16, 24)[r % 8]
        y = ((y << turn) % modulus | y >> (32 - turn)) ^ x
        if r % 4 == 3:  # a key schedule word is added after every fourth round
            injection = r // 4 + 1
            x = (x + words[injection % 3]) % modulus
            y = (y + words[(injection + 1) % 3] + injection) % modulus
    return x, y
