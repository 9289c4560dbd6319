"""Derive the polynomials of `chainrule.engines.native.vector_math`.

    python bench/fit_vector_math.py

Each function is interpolated at the zeros of a Chebyshev polynomial over its interval, in 60
digits, and printed as coefficients of 1, t, t^2, ... with the largest error seen, relative to the
function that the polynomial becomes a part of. Interpolation at these points is within a small
factor of the best polynomial of its degree (Trefethen, Approximation Theory and Approximation
Practice, 2013, chapters 4 and 15), so no exchange algorithm is needed.
"""

from collections.abc import Callable

import mpmath
import numpy as np
from mpmath import mpf

mpmath.mp.dps = 60
HALF_LN2 = mpmath.log(2) / 2
QUARTER = mpmath.pi / 4
LOW, HIGH = mpmath.sqrt(mpf(1) / 2), mpmath.sqrt(2)
S2 = ((HIGH - 1) / (HIGH + 1)) ** 2  # the largest (f / (2 + f))^2 for 1 + f in [LOW, HIGH]
Function = Callable[[mpf], mpf]


def fit(f: Function, low: mpf, high: mpf, degree: int) -> list[mpf]:
    """The interpolant of f at Chebyshev points, as coefficients of powers."""
    count = degree + 1
    nodes = [
        (low + high) / 2 + (high - low) / 2 * mpmath.cos(mpmath.pi * (2 * i + 1) / (2 * count))
        for i in range(count)
    ]
    powers = mpmath.matrix([[t**i for i in range(count)] for t in nodes])
    return [*mpmath.lu_solve(powers, mpmath.matrix([f(t) for t in nodes]))]


def of_root(f: Function) -> Function:
    """f(sqrt(z)): an even function of its argument as a function of the square."""
    return lambda z: f(mpmath.sqrt(z))


# name, function, interval, degree, dtype, and what an error of the polynomial is multiplied by to
# be a relative error of the whole.
FITS = (
    # (exp(r) - 1 - r) / r^2, which is defined at 0 too.
    (
        "exp",
        lambda r: mpmath.hyp1f1(1, 3, r) / 2,
        -HALF_LN2,
        HALF_LN2,
        (4, 10),
        lambda r: r**2 / mpmath.expm1(r),
    ),
    (
        "log, float32",
        lambda f: (mpmath.log1p(f) - f + f**2 / 2) / f**3,
        LOW - 1,
        HIGH - 1,
        (8, 0),
        lambda f: f**3 / mpmath.log1p(f),
    ),
    (
        "log, float64",
        of_root(lambda s: (2 * mpmath.atanh(s) / s - 2 - 2 * s**2 / 3) / s**4),
        mpf(0),
        S2,
        (0, 7),
        lambda z: z**2 / 2,
    ),
    (
        "sin",
        of_root(lambda r: (mpmath.sin(r) / r - 1) / r**2),
        mpf(0),
        QUARTER**2,
        (2, 6),
        lambda z: z,
    ),
    (
        "cos",
        of_root(lambda r: (mpmath.cos(r) - 1 + r**2 / 2) / r**4),
        mpf(0),
        QUARTER**2,
        (2, 6),
        lambda z: z**2,
    ),
    (
        "arctan",
        of_root(lambda t: (mpmath.atan(t) / t - 1) / t**2),
        mpf(0),
        (HIGH - 1) ** 2,
        (0, 11),
        lambda z: z,
    ),
    ("cbrt", mpmath.cbrt, LOW, HIGH, (0, 9), lambda m: mpf(1)),
    (
        "erf, |x| < 1",
        of_root(lambda x: mpmath.erf(x) / x - 1),
        mpf(0),
        mpf(1),
        (6, 0),
        lambda z: mpf(1),
    ),
    (
        "log erfc",
        lambda x: mpmath.log(mpmath.erfc(x)),
        mpf(1),
        mpf(4),
        (8, 0),
        lambda x: mpmath.erfc(x) / mpmath.erf(x),
    ),
)


def main() -> None:
    for name, function, low, high, degrees, weight in FITS:
        for dtype, degree in zip((np.float32, np.float64), degrees, strict=True):
            if not degree:
                continue
            found = fit(function, low, high, degree)
            points = [low + (high - low) * (2 * i + 1) / 400 for i in range(200)]
            error = max(
                abs((mpmath.polyval(found[::-1], t) - function(t)) * weight(t)) for t in points
            )
            print(f"# {name}, degree {degree}, {dtype.__name__}: {mpmath.nstr(error, 3)}")
            for coefficient in found:
                print(f"    {dtype(mpmath.nstr(coefficient, 25))!s},")


if __name__ == "__main__":
    main()
