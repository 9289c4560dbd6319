"""Ufuncs that are compositions of rows, and the methods of ufuncs."""

from collections.abc import Callable
from math import pi
from typing import Any

import numpy as np

from chainrule.graph import constant_value
from chainrule.ops import TABLE, rows
from chainrule.tracing.refusals import stop
from chainrule.tracing.value import (
    FUNCTIONS,
    METHODS,
    UFUNCS,
    Traced,
    apply,
    as_node,
    astype,
    call_ufunc,
    store,
    wrap,
)


def traced(value: Any) -> Any:
    """The operand as a traced value; plain arrays become inputs of the graph."""
    return value if isinstance(value, Traced) else wrap(as_node(value))


def ufunc(function: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def register(handler: Callable[..., Any]) -> Callable[..., Any]:
        UFUNCS[function] = handler
        return handler

    return register


def floating(x: Any) -> Any:
    """The value as floating-point numbers."""
    return x if x.dtype.kind == "f" else astype(x, np.float64)


@ufunc(np.power)
def power(a: Any, b: Any) -> Any:
    """NumPy computes the common powers in shorter ways, and so do their derivatives."""
    exponent = constant_value(b.node)
    if exponent is not None and a.dtype.kind == "f":
        if exponent == 2:
            return rows.square(a)
        if exponent == 1:
            return UFUNCS[np.positive](a)
        if exponent == 0.5:
            return rows.sqrt(a)
        if exponent == -1:
            return rows.reciprocal(a)
    return apply(TABLE["power"], [a.node, b.node], {})


@ufunc(np.float_power)
def float_power(a: Any, b: Any) -> Any:
    return power(astype(a, np.float64), astype(b, np.float64))


@ufunc(np.positive)
def positive(x: Any) -> Any:
    np.positive.resolve_dtypes((x.dtype, None))  # raises TypeError for booleans
    return Traced(x.node, is_scalar=x.is_scalar)


UFUNCS[np.conjugate] = positive
UFUNCS[np.fabs] = lambda x: rows.absolute(floating(x))
UFUNCS[np.degrees] = lambda x: x * (180 / pi)
UFUNCS[np.rad2deg] = UFUNCS[np.degrees]
UFUNCS[np.radians] = lambda x: x * (pi / 180)
UFUNCS[np.deg2rad] = UFUNCS[np.radians]
UFUNCS[np.heaviside] = lambda x, at_zero: rows.where(x == 0, at_zero, rows.where(x > 0, 1.0, 0.0))
UFUNCS[np.fmax] = lambda a, b: rows.where(
    rows.isnan(a), b, rows.where(rows.isnan(b), a, _max(a, b))
)
UFUNCS[np.fmin] = lambda a, b: rows.where(
    rows.isnan(a), b, rows.where(rows.isnan(b), a, _min(a, b))
)
UFUNCS[np.signbit] = lambda x: rows.copysign(1.0, x) < 0
UFUNCS[np.divmod] = lambda a, b: (rows.floor_divide(a, b), rows.remainder(a, b))
UFUNCS[np.modf] = lambda x: (x - rows.trunc(x), rows.trunc(x))


def _max(a: Any, b: Any) -> Any:
    return rows.maximum(a, b)


def _min(a: Any, b: Any) -> Any:
    return rows.minimum(a, b)


# --- methods of ufuncs ---------------------------------------------------------------------------

_REDUCE = {
    np.add: np.sum,
    np.multiply: np.prod,
    np.maximum: np.max,
    np.minimum: np.min,
    np.logical_and: np.all,
    np.logical_or: np.any,
}
_ACCUMULATE = {np.add: np.cumsum, np.multiply: np.cumprod}


def _reduce(function: Any, x: Any, axis: Any = 0, dtype: Any = None, **kwargs: Any) -> Any:
    if function not in _REDUCE:
        stop(f"np.{function.__name__}.reduce cannot be recorded", "a loop, or cr.scan")
    out = kwargs.pop("out", None)
    if dtype is not None:
        x = astype(traced(x), dtype)
    result = FUNCTIONS[_REDUCE[function]](x, axis=axis, **kwargs)
    return result if out is None else store(out, result, "same_kind")


def _accumulate(function: Any, x: Any, axis: int = 0, dtype: Any = None) -> Any:
    if function not in _ACCUMULATE:
        stop(f"np.{function.__name__}.accumulate cannot be recorded", "cr.scan")
    return FUNCTIONS[_ACCUMULATE[function]](x, axis=axis, dtype=dtype)


def _outer(function: Any, a: Any, b: Any) -> Any:
    a, b = traced(a), traced(b)
    return call_ufunc(function, rows.reshape(a, shape=(*a.shape, *[1] * b.ndim)), b)


def _at(function: Any, target: Any, index: Any, value: Any = None) -> None:
    """`np.add.at`: every update counts, also where an index repeats."""
    if not isinstance(target, Traced):
        stop(
            "a traced value would be added into a plain array and freeze there",
            "start from np.zeros_like(t), or np.zeros inside the traced function",
        )
    if function not in (np.add, np.subtract):
        stop(f"np.{function.__name__}.at cannot be recorded", "np.add.at, or item assignment")
    zeros: Any = traced(np.zeros(target.shape, target.dtype))
    gathered = zeros[index]  # says which shape the updates have
    update = rows.broadcast_to(astype(traced(value), target.dtype), shape=gathered.shape)
    positions = _row_numbers(target, index)
    count = int(np.prod(target.shape))
    flat = rows.scatter_add(positions, update, rows=count)
    total = rows.reshape(flat, shape=target.shape)
    target.write(target + total if function is np.add else target - total)


def _row_numbers(target: Traced, index: Any) -> Any:
    numbers: Any = traced(np.arange(int(np.prod(target.shape))).reshape(target.shape))
    return numbers[index]


METHODS.update(reduce=_reduce, accumulate=_accumulate, outer=_outer, at=_at)
