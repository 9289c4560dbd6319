"""NumPy's functions that make new arrays in the likeness of others: copies, constants, grids."""

from typing import Any

import numpy as np

from chainrule.ops import rows
from chainrule.tracing.elementary import floating, traced
from chainrule.tracing.reducing import implements
from chainrule.tracing.shaping import broadcast_arrays, moveaxis, reshape
from chainrule.tracing.value import (
    FUNCTIONS,
    Traced,
    astype,
    copied,
)


@implements(np.copy)
def copy(a: Any, order: str = "K", subok: bool = False) -> Any:
    return copied(traced(a))


@implements(np.astype)
def astype_(x: Any, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Any:
    value = astype(traced(x), dtype)
    return copied(value) if value.shape else value


def _like(value: float) -> Any:
    def like(
        a: Any,
        dtype: Any = None,
        order: str = "K",
        subok: bool = True,
        shape: Any = None,
        *,
        device: Any = None,
    ) -> Any:
        x = traced(a)
        return filled(x.shape if shape is None else shape, value, dtype or x.dtype)

    return like


def filled(shape: Any, value: Any, dtype: Any) -> Any:
    """A new array of one number, which can be written to."""
    lengths = (shape,) if isinstance(shape, int | np.integer) else tuple(shape)
    target = tuple(int(length) for length in lengths)
    number = astype(traced(value), dtype) if dtype is not None else traced(value)
    return Traced(rows.broadcast_to(number, shape=target).node, is_scalar=False)


FUNCTIONS[np.zeros_like] = _like(0)
FUNCTIONS[np.ones_like] = _like(1)
FUNCTIONS[np.empty_like] = _like(0)


@implements(np.full_like)
def full_like(a: Any, fill_value: Any, dtype: Any = None, **kwargs: Any) -> Any:
    x = traced(a)
    return filled(kwargs.get("shape") or x.shape, fill_value, dtype or x.dtype)


@implements(np.linspace)
def linspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    begin, end = (floating(x) for x in broadcast_arrays(start, stop))
    step = (end - begin) / max(num - 1 if endpoint else num, 1)
    places = rows.reshape(traced(np.arange(num, dtype=float)), shape=(num, *[1] * begin.ndim))
    found = moveaxis(astype(begin + places * step, dtype or begin.dtype), 0, axis)
    return (found, step) if retstep else found


@implements(np.meshgrid)
def meshgrid(*xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> Any:
    count = len(xi)
    order = [1, 0, *range(2, count)] if indexing == "xy" and count > 1 else list(range(count))
    lifted = []
    for place, x in enumerate(xi):
        shape = [1] * count
        shape[order[place]] = -1
        lifted.append(reshape(x, tuple(shape)))
    if sparse:
        return tuple(lifted)
    return tuple(copied(x) if copy else x for x in broadcast_arrays(*lifted))
