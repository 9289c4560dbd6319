"""Forty functions in the idioms of published NumPy code, written before the tracer existed.

The sample measures the tracer, so it must not be fitted to it: no function may be changed to make
it easier (or harder) to trace. Styles are those of course assignments, blog posts, books and small
research repositories. Thirteen functions hold something that a tracer may find hard, a share
that is an estimate of what such code is like and not a count: a buffer from ``np.zeros`` filled by
index, ``np.array`` of computed values, a selection by a boolean mask, a test on a computed value,
``float(loss)``, a constant table indexed by labels, a matrix inverse.
"""

from . import (
    classes,
    convolutions,
    losses,
    mlp,
    physics,
    sequences,
    statistics,
    updates,
)
from .case import Case

CASES: list[Case] = [
    *mlp.CASES,
    *classes.CASES,
    *sequences.CASES,
    *convolutions.CASES,
    *statistics.CASES,
    *physics.CASES,
    *losses.CASES,
    *updates.CASES,
]

__all__ = ["CASES", "Case"]
