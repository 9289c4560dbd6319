"""Every op, one row each, by kind. `TABLE` maps names to rows; `rows.NAME` is one of them."""

from chainrule.ops import (
    counter,
    elementwise,
    indexing,
    layout,
    loop,
    products,
    reductions,
    special,
    transcendental,
)
from chainrule.ops.registry import TABLE, rows

__all__ = [
    "TABLE",
    "counter",
    "elementwise",
    "indexing",
    "layout",
    "loop",
    "products",
    "reductions",
    "rows",
    "special",
    "transcendental",
]
