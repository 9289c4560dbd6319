"""Where every row registers, and how rules name rows of other files without importing them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from chainrule.graph import Op

TABLE: dict[str, Op] = {}
OpT = TypeVar("OpT", bound=Op)


def register(op: OpT) -> OpT:
    """Add a row to the table; its name must be new."""
    if op.name in TABLE:
        raise ValueError(f"two rows are called {op.name!r}")
    TABLE[op.name] = op
    return op


class _Rows:
    """The rows by name, as a namespace: `rows.exp(x)`. On traced values each makes one node."""

    def __getattr__(self, name: str) -> Op:
        try:
            return TABLE[name]
        except KeyError:
            raise AttributeError(f"there is no op {name!r}") from None


class _Numerics:
    """NumPy's functions, and the rows that NumPy lacks: what formulas see as `m` in NumPy."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        found = getattr(np, name, None)
        return found if found is not None else TABLE[name].evaluate


rows = _Rows()
numerics = _Numerics()

# Domains to draw test inputs from.
ANY, POSITIVE, UNIT = (-3.0, 3.0), (0.2, 3.0), (-0.9, 0.9)


@dataclass(frozen=True)
class Check:
    """What the tests need to know of a row.

    reference  dotted name of an independent implementation (mpmath, SciPy, operator)
    domain     the interval that each input is drawn from
    hard       further points of the first input where the value, not the derivative, is tested
    """

    reference: str
    domain: tuple[tuple[float, float], ...] = (ANY,)
    hard: tuple[float, ...] = ()
