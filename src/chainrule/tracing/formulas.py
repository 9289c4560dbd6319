"""NumPy's functions that are formulas of elementwise ones, and its questions about numbers."""

from typing import Any

import numpy as np

from chainrule.ops import rows
from chainrule.tracing.elementary import traced
from chainrule.tracing.filling import filled
from chainrule.tracing.reducing import implements
from chainrule.tracing.value import (
    FUNCTIONS,
    Traced,
)


@implements(np.isclose)
def isclose(a: Any, b: Any, rtol: Any = 1e-5, atol: Any = 1e-8, equal_nan: bool = False) -> Any:
    x, y = traced(a), traced(b)
    return rows.absolute(x - y) <= atol + rtol * rows.absolute(y)


@implements(np.allclose)
def allclose(a: Any, b: Any, rtol: Any = 1e-5, atol: Any = 1e-8, equal_nan: bool = False) -> Any:
    return FUNCTIONS[np.all](isclose(a, b, rtol, atol))


@implements(np.array_equal)
def array_equal(a1: Any, a2: Any, equal_nan: bool = False) -> Any:
    x, y = traced(a1), traced(a2)
    return FUNCTIONS[np.all](x == y) if x.shape == y.shape else traced(False)


@implements(np.round, np.around)
def round_(a: Any, decimals: int = 0) -> Any:
    x = traced(a)
    if x.dtype.kind in "iu":
        return +x
    return rows.rint(x) if decimals == 0 else rows.rint(x * 10.0**decimals) / 10.0**decimals


@implements(np.nan_to_num)
def nan_to_num(
    x: Any, copy: bool = True, nan: float = 0.0, posinf: Any = None, neginf: Any = None
) -> Any:
    value = traced(x)
    limits = np.finfo(value.dtype)
    high = limits.max if posinf is None else posinf
    low = limits.min if neginf is None else neginf
    infinite = rows.where(value > 0, float(high), float(low))
    finite = rows.where(rows.isinf(value), infinite, value)
    return rows.where(rows.isnan(value), nan, finite)


@implements(np.sinc)
def sinc(x: Any) -> Any:
    """sin(πx)/(πx), by its series near 0, so that both derivatives are right there."""
    angle = traced(x) * np.pi
    near = rows.absolute(angle) < 1e-2
    safe = rows.where(near, 1.0, angle)
    s = rows.square(rows.where(near, angle, 0.0))
    series = 1 - s / 6 * (1 - s / 20 * (1 - s / 42 * (1 - s / 72)))
    return rows.where(near, series, rows.sin(safe) / safe)


@implements(np.polyval)
def polyval(p: Any, x: Any) -> Any:
    """Horner's rule; the coefficients come with the highest power first."""
    at = traced(x)
    total = at * 0
    for coefficient in traced(p):
        total = total * at + coefficient
    return total


@implements(np.interp)
def interp(
    x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None
) -> Any:
    """Piecewise linear interpolation; xp is sorted. Beyond the ends, the end values (or given)."""
    at, grid, values = traced(x), traced(xp), traced(fp)
    below = rows.cast(rows.reshape(at, shape=(*at.shape, 1)) >= grid, dtype=np.dtype(np.int64))
    count = rows.sum(below, axes=(at.ndim,))
    low = np.clip(count - 1, 0, grid.shape[0] - 2)
    x0, x1 = grid[low], grid[low + 1]
    y0, y1 = values[low], values[low + 1]
    inside = y0 + (y1 - y0) * (at - x0) / (x1 - x0)
    first = values[0] if left is None else left
    last = values[-1] if right is None else right
    return rows.where(at < grid[0], first, rows.where(at > grid[-1], last, inside))


FUNCTIONS[np.real] = lambda val: traced(val)
FUNCTIONS[np.imag] = lambda val: filled(traced(val).shape, 0, traced(val).dtype)
FUNCTIONS[np.real_if_close] = lambda a, tol=100: traced(a)
FUNCTIONS[np.iscomplexobj] = lambda x: False
FUNCTIONS[np.isrealobj] = lambda x: True
FUNCTIONS[np.result_type] = lambda *a: np.result_type(
    *[x.dtype if isinstance(x, Traced) else x for x in a]
)
FUNCTIONS[np.can_cast] = lambda a, to, casting="safe": np.can_cast(traced(a).dtype, to, casting)
