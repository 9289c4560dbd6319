"""NumPy's functions that choose among numbers: by conditions, places, diagonals."""

from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from chainrule.ops import rows
from chainrule.tracing.elementary import traced
from chainrule.tracing.indexing import view_of
from chainrule.tracing.reducing import implements
from chainrule.tracing.refusals import stop
from chainrule.tracing.shaping import moveaxis, ravel, take
from chainrule.tracing.value import (
    FUNCTIONS,
    UFUNCS,
    Traced,
    copied,
    store,
)


@implements(np.where)
def where(condition: Any, x: Any = None, y: Any = None, /) -> Any:
    if x is None or y is None:
        stop("how many places np.where(condition) finds is not known", "np.where(condition, a, b)")
    gate = traced(condition)
    result = rows.where(gate if gate.dtype == bool else gate != 0, traced(x), traced(y))
    return Traced(result.node, is_scalar=False)  # an array in NumPy, also where it has no axes


@implements(np.select)
def select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    result = traced(default)
    for condition, choice in reversed(list(zip(condlist, choicelist, strict=True))):
        result = where(condition, choice, result)
    return result


@implements(np.clip)
def clip(a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Any:
    x = traced(a)
    low = a_min if a_min is not None else min
    high = a_max if a_max is not None else max
    if low is None and high is None:
        return copied(x)
    if low is None:
        return UFUNCS.get(np.minimum, rows.minimum)(x, traced(high))
    if high is None:
        return UFUNCS.get(np.maximum, rows.maximum)(x, traced(low))
    return rows.clip(x, traced(low), traced(high))


@implements(np.take_along_axis)
def take_along_axis(arr: Any, indices: Any, axis: Any = -1) -> Any:
    x, at = traced(arr), traced(indices)
    if axis is None:
        return rows.reshape(x, shape=(x.size,))[at]
    along = normalize_axis_index(axis, x.ndim)
    shape = np.broadcast_shapes(
        tuple(1 if i == along else length for i, length in enumerate(x.shape)),
        tuple(1 if i == along else length for i, length in enumerate(at.shape)),
    )
    places = tuple(at.shape[along] if i == along else length for i, length in enumerate(shape))
    index: list[Any] = []
    for i in range(x.ndim):
        if i == along:
            index.append(rows.broadcast_to(at, shape=places))
        else:
            own = np.arange(places[i]) if x.shape[i] != 1 else np.zeros(places[i], np.intp)
            index.append(own.reshape([-1 if j == i else 1 for j in range(x.ndim)]))
    return x[tuple(index)]


@implements(np.put_along_axis)
def put_along_axis(arr: Any, indices: Any, values: Any, axis: Any) -> None:
    if not isinstance(arr, Traced):
        stop("a traced value would be written into a plain array", "np.zeros_like(t) to start from")
    along = normalize_axis_index(axis, arr.ndim)
    at = traced(indices)
    index: list[Any] = [
        at
        if i == along
        else np.arange(arr.shape[i]).reshape([-1 if j == i else 1 for j in range(arr.ndim)])
        for i in range(arr.ndim)
    ]
    target: Any = arr
    target[tuple(index)] = values


@implements(np.compress)
def compress(condition: Any, a: Any, axis: Any = None) -> Any:
    if isinstance(condition, Traced):
        stop("how many values a traced mask selects is not known", "np.where(mask, t, 0)")
    return take(a, np.nonzero(np.asarray(condition))[0], axis)


@implements(np.diagonal, np.linalg.diagonal)
def diagonal(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    x = moveaxis(traced(a), (axis1, axis2), (-2, -1))
    height, width = x.shape[-2:]
    count = min(height, width - offset) if offset >= 0 else min(height + offset, width)
    along = np.arange(max(count, 0))
    places = (along + max(-offset, 0)) * width + along + max(offset, 0)
    flattened = (*x.shape[:-2], height * width)
    return view_of(
        x,
        lambda base: take(rows.reshape(base, shape=flattened), places, -1),
        None,
        strides=x.memory and (*x.memory[:-2], x.memory[-2] + x.memory[-1]),
        reason="a diagonal, which NumPy gives out for reading only",
    )


@implements(np.diag)
def diag(v: Any, k: int = 0) -> Any:
    x = traced(v)
    if x.ndim == 2:
        return diagonal(x, k)
    n = x.shape[0] + abs(k)
    framed = rows.pad(x, low=(max(k, 0),), high=(max(-k, 0),), interior=(0,))
    spread = rows.broadcast_to(rows.reshape(framed, shape=(1, n)), shape=(n, n))
    chosen = np.eye(n, k=k, dtype=bool)
    return rows.where(traced(chosen), spread, 0.0)


@implements(np.diagflat)
def diagflat(v: Any, k: int = 0) -> Any:
    return diag(ravel(v), k)


@implements(np.fill_diagonal)
def fill_diagonal(a: Any, val: Any, wrap: bool = False) -> None:
    if not isinstance(a, Traced) or np.ndim(val) > 0 or wrap:
        stop(
            "np.fill_diagonal is recorded on traced arrays, with one number",
            "t[range(n), range(n)] = values",
        )
    if a.ndim < 2:
        raise ValueError("array must be at least 2-d")
    if a.ndim > 2 and len(set(a.shape)) > 1:
        raise ValueError("All dimensions of input must be of equal length")
    places = np.arange(min(a.shape))
    a[(places,) * a.ndim] = val


@implements(np.copyto)
def copyto(dst: Any, src: Any, casting: Any = "same_kind", where: Any = True) -> None:
    new = traced(src)
    store(dst, new if where is True else rows.where(traced(where), new, dst), casting)


def _triangle(keep: Any) -> Any:
    def triangle(m: Any, k: int = 0) -> Any:
        x = traced(m)
        return rows.where(traced(keep(np.ones(x.shape[-2:], bool), k)), x, 0)

    return triangle


_tril, _triu = np.tril, np.triu
FUNCTIONS[np.tril] = _triangle(_tril)
FUNCTIONS[np.triu] = _triangle(_triu)


def _refused(function: Any, remedy: str) -> None:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        stop(f"the shape of np.{function.__name__}'s result depends on values", remedy)

    FUNCTIONS[function] = refuse


_VALUE_SHAPED: tuple[Any, ...] = (
    np.nonzero,
    np.argwhere,
    np.flatnonzero,
    np.extract,
    np.unique,
)
for _function in _VALUE_SHAPED:
    _refused(_function, "np.where(mask, t, 0) and sums over it, or the same outside the function")
