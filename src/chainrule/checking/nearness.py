"""When two arrays count as the same numbers, and when one is a multiple of the other."""

import numpy as np

from chainrule.checking.steps import Array

RELATIVE = 1e-10  # what rounding leaves between two ways to compute a value
ABSOLUTE = 1e-13
CLOSE = 1e-9  # of an edited value: it has gone through a factor that was found by its numbers


def mark(value: Array) -> int:
    """What tells arrays of different numbers or shapes apart, and takes no memory."""
    return hash((value.shape, value.tobytes()))


def apart(a: float, b: float, relative: float = CLOSE) -> bool:
    """Whether two numbers differ by more than rounding; NaN is apart from everything."""
    return not abs(a - b) <= ABSOLUTE + relative * abs(b)


def near(a: Array, b: Array, relative: float = RELATIVE) -> bool:
    """Whether arrays of one shape are equal to rounding."""
    if a.dtype.kind != "f":
        a = a.astype(float)
    if a.size and apart(a.flat[0], b.flat[0], relative):
        return False  # most differ at once
    return bool((np.abs(a - b) <= ABSOLUTE + relative * np.abs(b)).all())


def close(a: Array, b: Array) -> bool:
    """Equal to rounding, transposed or not; nothing is close to an array without numbers."""
    if a.shape != b.shape:
        return a.ndim == 2 and a.shape == b.shape[::-1] and close(a, b.T)
    return a.size > 0 and near(a, b, CLOSE)


def nearest_factor(a: Array, b: Array) -> float:
    """The number whose product with `b` is nearest to `a`; 0 where `b` is."""
    square = float(np.sum(b * b))
    return float(np.sum(a * b)) / square if square else 0.0
