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

from chainrule.engines.native.vector_math.angles import Angles
from chainrule.engines.native.vector_math.error_function import ErrorFunction
from chainrule.engines.native.vector_math.formats import FLOAT32 as FLOAT32
from chainrule.engines.native.vector_math.formats import FLOAT64 as FLOAT64
from chainrule.engines.native.vector_math.formats import known_number as known_number
from chainrule.engines.native.vector_math.powers import Powers

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


class VectorMath(Powers, ErrorFunction, Angles):
    """The elementary functions, by NumPy's names, on a builder's values."""
