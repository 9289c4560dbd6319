"""NumPy's reductions, running totals and sorting."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from chainrule.graph import Shape, constant_node
from chainrule.ops import rows
from chainrule.tracing.elementary import floating, traced
from chainrule.tracing.refusals import stop
from chainrule.tracing.value import FUNCTIONS, astype, wrap

_UNSET = np._NoValue


def implements(*functions: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register how these NumPy functions are recorded."""

    def register(handler: Callable[..., Any]) -> Callable[..., Any]:
        for function in functions:
            FUNCTIONS[function] = handler
        return handler

    return register


def axes_of(axis: Any, ndim: int) -> Shape:
    """NumPy's `axis` argument as a sorted tuple."""
    if axis is None:
        return tuple(range(ndim))
    return tuple(sorted(normalize_axis_tuple(axis, ndim)))


def kept_shape(shape: Shape, axes: Shape) -> Shape:
    """The shape with the reduced axes kept as ones."""
    return tuple(1 if axis in axes else length for axis, length in enumerate(shape))


def reduce(op: Any, x: Any, axis: Any, keepdims: Any = False, where: Any = None) -> Any:
    axes = axes_of(axis, x.ndim)
    result = op(x, axes=axes)
    if keepdims and keepdims is not _UNSET:
        result = rows.reshape(result, shape=kept_shape(x.shape, axes))
    return result


def _gated(x: Any, where: Any, filler: float) -> Any:
    if where is _UNSET or where is True:
        return x
    return rows.where(traced(where), x, filler)


def _integral_sum_dtype(x: Any, dtype: Any) -> Any:
    """Whole numbers are summed in 64 bits, as NumPy does."""
    if dtype is not None:
        return astype(x, dtype)
    if x.dtype.kind in "bi":
        return astype(x, np.int64)
    return astype(x, np.uint64) if x.dtype.kind == "u" else x


@implements(np.sum)
def sum_(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    keepdims: Any = False,
    initial: Any = _UNSET,
    where: Any = _UNSET,
) -> Any:
    x = _gated(_integral_sum_dtype(traced(a), dtype), where, 0)
    total = reduce(rows.sum, x, axis, keepdims)
    return total if initial is _UNSET else total + initial


@implements(np.nansum)
def nansum(a: Any, axis: Any = None, dtype: Any = None, keepdims: Any = False) -> Any:
    x = traced(a)
    return sum_(rows.where(rows.isnan(x), 0.0, x), axis, dtype, keepdims)


@implements(np.mean)
def mean(
    a: Any, axis: Any = None, dtype: Any = None, keepdims: Any = False, where: Any = _UNSET
) -> Any:
    x = floating(traced(a)) if dtype is None else astype(traced(a), dtype)
    if where is not _UNSET and where is not True:
        gate = rows.broadcast_to(traced(where), shape=x.shape)
        count = reduce(rows.sum, rows.cast(gate, dtype=x.dtype), axis, keepdims)
        return reduce(rows.sum, rows.where(gate, x, 0.0), axis, keepdims) / count
    count = int(np.prod([x.shape[i] for i in axes_of(axis, x.ndim)]))
    return reduce(rows.sum, x, axis, keepdims) / count


@implements(np.average)
def average(
    a: Any, axis: Any = None, weights: Any = None, returned: bool = False, *, keepdims: Any = False
) -> Any:
    x = floating(traced(a))
    if weights is None:
        result = mean(x, axis, keepdims=keepdims)
        return (result, np.ones(result.shape) * (x.size / result.size)) if returned else result
    w = traced(weights)
    if w.shape != x.shape:
        axes = axes_of(axis, x.ndim)
        lifted = [x.shape[i] if i in axes else 1 for i in range(x.ndim)]
        w = rows.reshape(w, shape=tuple(lifted))
    w = rows.broadcast_to(w, shape=x.shape)
    scale = reduce(rows.sum, floating(w), axis, keepdims)
    result = reduce(rows.sum, x * w, axis, keepdims) / scale
    return (result, scale) if returned else result


@implements(np.var)
def var(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    ddof: float = 0,
    keepdims: Any = False,
    *,
    where: Any = _UNSET,
    mean: Any = _UNSET,
    correction: Any = _UNSET,
) -> Any:
    x = floating(traced(a)) if dtype is None else astype(traced(a), dtype)
    if where is not _UNSET and where is not True:
        stop("np.var with where= cannot be recorded", "np.mean(..., where=mask) twice")
    axes = axes_of(axis, x.ndim)
    count = int(np.prod([x.shape[i] for i in axes]))
    middle = reduce(rows.sum, x, axes, keepdims=True) / count if mean is _UNSET else mean
    freedom = count - (ddof if correction is _UNSET else correction)
    return reduce(rows.sum, rows.square(x - middle), axes, keepdims) / freedom


@implements(np.std)
def std(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    ddof: float = 0,
    keepdims: Any = False,
    **kwargs: Any,
) -> Any:
    return root(var(a, axis, dtype, ddof, keepdims, **kwargs), 2)


def root(total: Any, order: float) -> Any:
    """The last step of a norm. Where the total is 0 its derivative is too, as that of |x|."""
    zero = total == 0
    positive = rows.where(zero, 1.0, total)
    found = rows.sqrt(positive) if order == 2 else positive ** (1.0 / order)
    return rows.where(zero, 0.0, found)


@implements(np.max, np.amax)
def max_(
    a: Any, axis: Any = None, keepdims: Any = False, initial: Any = _UNSET, where: Any = _UNSET
) -> Any:
    result = reduce(rows.max, _gated(traced(a), where, -np.inf), axis, keepdims)
    return result if initial is _UNSET else rows.maximum(result, initial)


@implements(np.min, np.amin)
def min_(
    a: Any, axis: Any = None, keepdims: Any = False, initial: Any = _UNSET, where: Any = _UNSET
) -> Any:
    result = reduce(rows.min, _gated(traced(a), where, np.inf), axis, keepdims)
    return result if initial is _UNSET else rows.minimum(result, initial)


@implements(np.ptp)
def ptp(a: Any, axis: Any = None, keepdims: Any = False) -> Any:
    return max_(a, axis, keepdims) - min_(a, axis, keepdims)


def _truth(x: Any) -> Any:
    return x if x.dtype == bool else x != 0


@implements(np.any)
def any_(a: Any, axis: Any = None, keepdims: Any = False, *, where: Any = _UNSET) -> Any:
    return reduce(rows.max, _gated(_truth(traced(a)), where, False), axis, keepdims)


@implements(np.all)
def all_(a: Any, axis: Any = None, keepdims: Any = False, *, where: Any = _UNSET) -> Any:
    return reduce(rows.min, _gated(_truth(traced(a)), where, True), axis, keepdims)


@implements(np.count_nonzero)
def count_nonzero(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    return sum_(astype(_truth(traced(a)), np.int64), axis, keepdims=keepdims)


def _arg(op: Any, a: Any, axis: Any, keepdims: Any) -> Any:
    x = traced(a)
    if axis is None:
        flat = op(rows.reshape(x, shape=(x.size,)), axes=(0,))
        keep = keepdims and keepdims is not _UNSET
        return rows.reshape(flat, shape=(1,) * x.ndim) if keep else flat
    return reduce(op, x, axis, keepdims)


@implements(np.argmax)
def argmax(a: Any, axis: Any = None, keepdims: Any = False) -> Any:
    return _arg(rows.argmax, a, axis, keepdims)


@implements(np.argmin)
def argmin(a: Any, axis: Any = None, keepdims: Any = False) -> Any:
    return _arg(rows.argmin, a, axis, keepdims)


@implements(np.prod)
def prod(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    keepdims: Any = False,
    initial: Any = _UNSET,
    where: Any = _UNSET,
) -> Any:
    """Halves multiplied with each other: the gradient is right where factors are 0."""
    x = _gated(_integral_sum_dtype(traced(a), dtype), where, 1)
    axes = axes_of(axis, x.ndim)
    others = tuple(i for i in range(x.ndim) if i not in axes)
    rest = tuple(x.shape[i] for i in others)
    count = _size(tuple(x.shape[i] for i in axes)) if x.size else 1
    if x.size:
        factors = rows.reshape(rows.transpose(x, axes=(*axes, *others)), shape=(count, *rest))
    else:
        factors = wrap(constant_node(np.ones((1, *rest), x.dtype)))
    while count > 1:
        half = count // 2
        paired = factors[:half] * factors[half : 2 * half]
        factors = FUNCTIONS[np.concatenate]([paired, factors[2 * half :]]) if count % 2 else paired
        count = factors.shape[0]
    result = rows.reshape(factors, shape=rest)
    if keepdims and keepdims is not _UNSET:
        result = rows.reshape(result, shape=kept_shape(x.shape, axes))
    return result if initial is _UNSET else result * initial


def _size(shape: Shape) -> int:
    return int(np.prod(shape))


# --- running totals ------------------------------------------------------------------------------


def _along(a: Any, axis: Any) -> tuple[Any, int]:
    """The value and the axis to run along; without one, the flattened value."""
    x = traced(a)
    if axis is None:
        return rows.reshape(x, shape=(x.size,)), 0
    return x, normalize_axis_index(axis, x.ndim)


@implements(np.cumsum)
def cumsum(a: Any, axis: Any = None, dtype: Any = None) -> Any:
    x, along = _along(a, axis)
    return rows.cumsum(_integral_sum_dtype(x, dtype), axis=along)


@implements(np.cumprod)
def cumprod(a: Any, axis: Any = None, dtype: Any = None) -> Any:
    """Products over reaches of 1, 2, 4, … (Hillis and Steele 1986); right where factors are 0."""
    x, along = _along(a, axis)
    x = _integral_sum_dtype(x, dtype)
    length, reach = x.shape[along], 1
    while reach < length:
        head = _cut(x, along, 0, reach)
        tail = _cut(x, along, reach, length) * _cut(x, along, 0, length - reach)
        x = rows.concatenate(head, tail, axis=along)
        reach *= 2
    return x


def _cut(x: Any, axis: int, begin: int, end: int) -> Any:
    start = tuple(begin if i == axis else 0 for i in range(x.ndim))
    stop_ = tuple(end if i == axis else length for i, length in enumerate(x.shape))
    return rows.slice(x, start=start, stop=stop_, step=(1,) * x.ndim)


@implements(np.diff)
def diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = _UNSET, append: Any = _UNSET) -> Any:
    x = traced(a)
    along = normalize_axis_index(axis, x.ndim)
    if n == 0:
        return x  # as in NumPy, without what would be put before and behind
    for value, first in ((prepend, True), (append, False)):
        if value is not _UNSET:
            edge = traced(value)
            if edge.ndim == 0:
                shape = tuple(1 if i == along else length for i, length in enumerate(x.shape))
                edge = rows.broadcast_to(edge, shape=shape)
            x = rows.concatenate(*((edge, x) if first else (x, edge)), axis=along)
    for _ in range(min(n, x.shape[along])):  # then nothing is left
        length = x.shape[along]
        x = _cut(x, along, 1, length) - _cut(x, along, 0, length - 1)
    return x


# --- order ---------------------------------------------------------------------------------------


@implements(np.argsort)
def argsort(
    a: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None
) -> Any:
    x, along = _along(a, axis)
    return rows.argsort(x, axis=along)


@implements(np.sort)
def sort(a: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> Any:
    x, along = _along(a, axis)
    return FUNCTIONS[np.take_along_axis](x, rows.argsort(x, axis=along), along)


@implements(np.median)
def median(
    a: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False, keepdims: bool = False
) -> Any:
    return quantile(a, 0.5, axis, keepdims=keepdims)


@implements(np.percentile)
def percentile(a: Any, q: Any, axis: Any = None, **kwargs: Any) -> Any:
    return quantile(a, np.asarray(q) / 100, axis, **kwargs)


@implements(np.quantile)
def quantile(
    a: Any,
    q: Any,
    axis: Any = None,
    *,
    method: str = "linear",
    keepdims: bool = False,
    **kwargs: Any,
) -> Any:
    if method != "linear" or np.ndim(q) > 0:
        stop("np.quantile is recorded for one quantile, interpolated linearly", "one call for each")
    x = floating(traced(a))
    axes = axes_of(axis, x.ndim)
    others = tuple(i for i in range(x.ndim) if i not in axes)
    rest = tuple(x.shape[i] for i in others)
    count = _size(tuple(x.shape[i] for i in axes))
    flat = rows.reshape(rows.transpose(x, axes=(*others, *axes)), shape=(*rest, count))
    ordered = sort(flat, -1)
    place = float(q) * (ordered.shape[-1] - 1)
    low = int(np.floor(place))
    high = min(low + 1, ordered.shape[-1] - 1)
    result = ordered[..., low] + (ordered[..., high] - ordered[..., low]) * (place - low)
    return rows.reshape(result, shape=kept_shape(x.shape, axes)) if keepdims else result


@implements(np.trapezoid)
def trapezoid(y: Any, x: Any = None, dx: float = 1.0, axis: int = -1) -> Any:
    values = traced(y)
    along = normalize_axis_index(axis, values.ndim)
    length = values.shape[along]
    steps: Any = dx
    if x is not None:
        steps = diff(x, axis=-1 if np.ndim(x) == 1 else axis)
        if steps.ndim == 1:
            shape = tuple(length - 1 if i == along else 1 for i in range(values.ndim))
            steps = rows.reshape(steps, shape=shape)
    heights = _cut(values, along, 1, length) + _cut(values, along, 0, length - 1)
    return sum_(steps * heights / 2.0, axis)
