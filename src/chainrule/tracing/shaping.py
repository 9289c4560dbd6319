"""NumPy's functions that move, repeat, join and cut arrays, and those that choose among them."""

from collections.abc import Sequence
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from chainrule.graph import Shape
from chainrule.ops import rows
from chainrule.ops.layout import inverse_permutation
from chainrule.tracing.elementary import floating, traced
from chainrule.tracing.indexing import view_of
from chainrule.tracing.reducing import implements
from chainrule.tracing.refusals import stop
from chainrule.tracing.strides import is_contiguous, keeps_order, only_ones_differ, reshaped
from chainrule.tracing.value import (
    FUNCTIONS,
    UFUNCS,
    Traced,
    apply,
    as_node,
    astype,
    copied,
    store,
)

# --- shapes --------------------------------------------------------------------------------------


def resolved_shape(shape: Any, size: int) -> Shape:
    """A shape argument with its -1 worked out."""
    wanted = [shape] if isinstance(shape, int | np.integer) else list(shape)
    lengths = [length.__index__() for length in wanted]
    if lengths.count(-1) == 1:
        known = prod(length for length in lengths if length != -1)
        if known == 0 or size % known:
            raise ValueError(f"cannot reshape array of size {size} into shape {tuple(lengths)}")
        lengths[lengths.index(-1)] = size // known
    if prod(lengths) != size or min(lengths, default=0) < 0:
        raise ValueError(f"cannot reshape array of size {size} into shape {tuple(lengths)}")
    return tuple(lengths)


@implements(np.reshape)
def reshape(a: Any, /, shape: Any, order: str = "C", *, copy: Any = None) -> Any:
    x = traced(a)
    if order != "C":
        if order == "F":
            return transpose(reshape(transpose(x), tuple(resolved_shape(shape, x.size))[::-1]))
        stop(f"order={order!r} depends on the memory layout", "order='C'")
    target = resolved_shape(shape, x.size)
    strides = None if x.memory is None else reshaped(x.shape, x.memory, target)
    if x.memory is not None and strides is None:
        return copied(rows.reshape(x, shape=target))
    return view_of(
        x,
        lambda base: rows.reshape(base, shape=target),
        lambda base, new: rows.reshape(new, shape=base.shape),
        strides=strides,
        sure=strides is not None or only_ones_differ(x.shape, target),
        reason="a reshaped array, which is a view or a copy depending on the memory layout",
    )


@implements(np.ravel)
def ravel(a: Any, order: str = "C") -> Any:
    x = traced(a)
    if order in ("A", "K") and keeps_order(x.shape, x.memory):
        order = "C"
    if x.memory is not None and not is_contiguous(x.shape, x.memory):
        return copied(reshape(x, -1, order))  # a reshape may step over numbers, ravel may not
    return reshape(x, -1, order)


@implements(np.squeeze)
def squeeze(a: Any, axis: Any = None) -> Any:
    x = traced(a)
    if axis is None:
        axes = tuple(i for i, length in enumerate(x.shape) if length == 1)
    else:
        axes = normalize_axis_tuple(axis, x.ndim)
    if any(x.shape[i] != 1 for i in axes):
        raise ValueError("cannot select an axis to squeeze out which has size not equal to one")
    return (
        x
        if x.is_scalar
        else reshape(x, tuple(length for i, length in enumerate(x.shape) if i not in axes))
    )


@implements(np.expand_dims)
def expand_dims(a: Any, axis: Any) -> Any:
    x = traced(a)
    count = 1 if isinstance(axis, int | np.integer) else len(axis)
    axes = normalize_axis_tuple(axis, x.ndim + count)
    lengths = iter(x.shape)
    return reshape(x, tuple(1 if i in axes else next(lengths) for i in range(x.ndim + count)))


def _atleast(rank: int) -> Any:
    def at_least(*arrays: Any) -> Any:
        found = []
        for a in arrays:
            x = traced(a)
            if x.ndim < rank:
                padded = {1: (1,), 2: (1, *x.shape), 3: (1, *x.shape, 1)}[rank]
                shape = (1,) * rank if x.ndim == 0 else padded[-rank:]
                if rank == 3 and x.ndim == 2:
                    shape = (*x.shape, 1)
                x = reshape(x, shape)
            found.append(x)
        return found[0] if len(found) == 1 else tuple(found)

    return at_least


FUNCTIONS[np.atleast_1d] = _atleast(1)
FUNCTIONS[np.atleast_2d] = _atleast(2)
FUNCTIONS[np.atleast_3d] = _atleast(3)
FUNCTIONS[np.shape] = lambda a: traced(a).shape
FUNCTIONS[np.ndim] = lambda a: traced(a).ndim


@implements(np.size)
def size(a: Any, axis: Any = None) -> Any:
    x = traced(a)
    return x.size if axis is None else x.shape[axis]


# --- axes ----------------------------------------------------------------------------------------


@implements(np.transpose, np.permute_dims)
def transpose(a: Any, axes: Any = None) -> Any:
    x = traced(a)
    order = tuple(range(x.ndim))[::-1] if axes is None else normalize_axis_tuple(axes, x.ndim)
    if len(order) != x.ndim:
        raise ValueError("axes don't match array")
    if x.is_scalar:
        return x
    if order == tuple(range(x.ndim)):
        return view_of(x, lambda base: base, lambda base, new: new, strides=x.memory)
    back = inverse_permutation(order)
    return view_of(
        x,
        lambda base: rows.transpose(base, axes=order),
        lambda base, new: rows.transpose(new, axes=back),
        strides=x.memory and tuple(x.memory[axis] for axis in order),
    )


@implements(np.swapaxes)
def swapaxes(a: Any, axis1: int, axis2: int) -> Any:
    x = traced(a)
    order = list(range(x.ndim))
    i, j = (normalize_axis_index(axis, x.ndim) for axis in (axis1, axis2))
    order[i], order[j] = order[j], order[i]
    return transpose(x, order)


@implements(np.moveaxis)
def moveaxis(a: Any, source: Any, destination: Any) -> Any:
    x = traced(a)
    come = normalize_axis_tuple(source, x.ndim)
    go = normalize_axis_tuple(destination, x.ndim)
    order = [axis for axis in range(x.ndim) if axis not in come]
    for place, axis in sorted(zip(go, come, strict=True)):
        order.insert(place, axis)
    return transpose(x, order)


@implements(np.rollaxis)
def rollaxis(a: Any, axis: int, start: int = 0) -> Any:
    x = traced(a)
    come = normalize_axis_index(axis, x.ndim)
    go = start + x.ndim if start < 0 else start
    return moveaxis(x, come, go - 1 if come < go else go)


@implements(np.matrix_transpose, np.linalg.matrix_transpose)
def matrix_transpose(a: Any, /) -> Any:
    return swapaxes(a, -1, -2)


def _flipped(a: Any, axes: Shape) -> Any:
    x = traced(a)
    return view_of(
        x,
        lambda base: rows.flip(base, axes=axes),
        lambda base, new: rows.flip(new, axes=axes),
        strides=x.memory
        and tuple(-step if axis in axes else step for axis, step in enumerate(x.memory)),
    )


@implements(np.flip)
def flip(m: Any, axis: Any = None) -> Any:
    x = traced(m)
    axes = tuple(range(x.ndim)) if axis is None else normalize_axis_tuple(axis, x.ndim)
    return _flipped(x, tuple(sorted(axes)))


FUNCTIONS[np.flipud] = lambda m: _flipped(m, (0,))
FUNCTIONS[np.fliplr] = lambda m: _flipped(m, (1,))


@implements(np.rot90)
def rot90(m: Any, k: int = 1, axes: Any = (0, 1)) -> Any:
    x = traced(m)
    first, second = normalize_axis_tuple(axes, x.ndim)
    turns = k % 4
    if turns == 0:
        return x[:]
    if turns == 2:
        return _flipped(x, tuple(sorted((first, second))))
    if turns == 1:
        return swapaxes(_flipped(x, (second,)), first, second)
    return _flipped(swapaxes(x, first, second), (second,))


@implements(np.broadcast_to)
def broadcast_to(array: Any, shape: Any, subok: bool = False) -> Any:
    target = (shape,) if isinstance(shape, int) else tuple(int(length) for length in shape)
    return view_of(
        traced(array),
        lambda base: rows.broadcast_to(base, shape=target),
        None,
        strides=(0,) * len(target),
        reason="a broadcast view, of which several numbers share one place",
    )


@implements(np.broadcast_arrays)
def broadcast_arrays(*args: Any, subok: bool = False) -> Any:
    values = [traced(a) for a in args]
    shape = np.broadcast_shapes(*[x.shape for x in values])
    return tuple(broadcast_to(x, shape) for x in values)


# --- joining -------------------------------------------------------------------------------------


@implements(np.concatenate)
def concatenate(arrays: Any, /, axis: Any = 0, *, dtype: Any = None, casting: Any = None) -> Any:
    values = [traced(a) for a in arrays]
    if axis is None:
        values, axis = [ravel(x) for x in values], 0
    if any(x.ndim == 0 for x in values):
        raise ValueError("zero-dimensional arrays cannot be concatenated")
    if dtype is not None:
        values = [astype(x, dtype) for x in values]
    return rows.concatenate(*values, axis=normalize_axis_index(axis, values[0].ndim))


@implements(np.stack)
def stack(arrays: Any, axis: int = 0, *, dtype: Any = None, casting: Any = None) -> Any:
    values = [traced(a) for a in arrays]
    if len({x.shape for x in values}) > 1:
        raise ValueError("all input arrays must have the same shape")
    along = normalize_axis_index(axis, values[0].ndim + 1)
    shape = (*values[0].shape[:along], 1, *values[0].shape[along:])
    return concatenate([rows.reshape(x, shape=shape) for x in values], along, dtype=dtype)


@implements(np.vstack)
def vstack(tup: Any, *, dtype: Any = None, casting: Any = None) -> Any:
    return concatenate([FUNCTIONS[np.atleast_2d](a) for a in tup], 0, dtype=dtype)


@implements(np.hstack)
def hstack(tup: Any, *, dtype: Any = None, casting: Any = None) -> Any:
    values = [FUNCTIONS[np.atleast_1d](a) for a in tup]
    return concatenate(values, 0 if values[0].ndim == 1 else 1, dtype=dtype)


@implements(np.dstack)
def dstack(tup: Any) -> Any:
    return concatenate([FUNCTIONS[np.atleast_3d](a) for a in tup], 2)


@implements(np.column_stack)
def column_stack(tup: Any) -> Any:
    values = [traced(a) for a in tup]
    return concatenate([x if x.ndim > 1 else reshape(x, (-1, 1)) for x in values], 1)


@implements(np.block)
def block(arrays: Any) -> Any:
    def depth(item: Any) -> int:
        return 1 + depth(item[0]) if isinstance(item, list) else 0

    def join(item: Any, axis: int) -> Any:
        if not isinstance(item, list):
            x = traced(item)
            return reshape(x, (1,) * (levels - x.ndim) + x.shape) if x.ndim < levels else x
        return concatenate([join(part, axis + 1) for part in item], axis)

    levels = depth(arrays)
    return join(arrays, -levels)


@implements(np.append)
def append(arr: Any, values: Any, axis: Any = None) -> Any:
    return concatenate([ravel(arr), ravel(values)] if axis is None else [arr, values], axis or 0)


@implements(np.insert)
def insert(arr: Any, obj: Any, values: Any, axis: Any = None) -> Any:
    x = traced(arr)
    if axis is None:
        x, axis = ravel(x), 0
    if not isinstance(obj, int | np.integer):
        stop("np.insert is recorded for one static place", "np.concatenate([x[:i], new, x[i:]])")
    along = normalize_axis_index(axis, x.ndim)
    shape = tuple(1 if i == along else length for i, length in enumerate(x.shape))
    new = traced(values)
    if new.ndim == x.ndim - 1 and new.ndim:
        new = expand_dims(new, along)
    if new.ndim != x.ndim or new.shape[along] != 1:
        new = broadcast_to(new, shape) if new.ndim != x.ndim else new
    else:
        new = broadcast_to(new, shape)
    at = int(obj) + x.shape[along] if obj < 0 else int(obj)
    head, tail = split_at(x, [at], along)
    return concatenate([head, astype(new, x.dtype), tail], along)


@implements(np.delete)
def delete(arr: Any, obj: Any, axis: Any = None) -> Any:
    x = traced(arr)
    if axis is None:
        x, axis = ravel(x), 0
    if isinstance(obj, Traced):
        stop("np.delete is recorded for static places", "boolean weights, or np.where")
    kept = np.delete(np.arange(x.shape[axis]), obj)
    return take(x, kept, axis)


# --- cutting -------------------------------------------------------------------------------------


def split_at(x: Any, places: Sequence[int], axis: int) -> list[Any]:
    """Views of the parts between the places."""
    ends = [0, *places, x.shape[axis]]
    index: list[Any] = [slice(None)] * x.ndim
    parts = []
    for begin, end in pairwise(ends):
        index[axis] = slice(begin, max(begin, end))
        parts.append(x[tuple(index)])
    return parts


@implements(np.array_split)
def array_split(ary: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    x = traced(ary)
    along = normalize_axis_index(axis, x.ndim)
    if isinstance(indices_or_sections, int | np.integer):
        share, extra = divmod(x.shape[along], int(indices_or_sections))
        sizes = [share + 1] * extra + [share] * (int(indices_or_sections) - extra)
        places = np.cumsum(sizes[:-1]).tolist()
    else:
        places = [int(place) for place in indices_or_sections]
    return split_at(x, places, along)


@implements(np.split)
def split(ary: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    x = traced(ary)
    sections = indices_or_sections
    if isinstance(sections, int | np.integer) and x.shape[axis] % sections:
        raise ValueError("array split does not result in an equal division")
    return array_split(x, sections, axis)


FUNCTIONS[np.vsplit] = lambda ary, parts: split(ary, parts, 0)
FUNCTIONS[np.hsplit] = lambda ary, parts: split(ary, parts, 0 if traced(ary).ndim == 1 else 1)
FUNCTIONS[np.dsplit] = lambda ary, parts: split(ary, parts, 2)


@implements(np.unstack)
def unstack(x: Any, /, *, axis: int = 0) -> Any:
    return tuple(moveaxis(x, axis, 0))


# --- repeating -----------------------------------------------------------------------------------


@implements(np.tile)
def tile(A: Any, reps: Any) -> Any:
    x = traced(A)
    counts = (reps,) if isinstance(reps, int | np.integer) else tuple(reps)
    rank = max(x.ndim, len(counts))
    shape = (1,) * (rank - x.ndim) + x.shape
    counts = (1,) * (rank - len(counts)) + counts
    spread = [length for pair in zip([1] * rank, shape, strict=True) for length in pair]
    repeated = [length for pair in zip(counts, shape, strict=True) for length in pair]
    wide = rows.broadcast_to(rows.reshape(x, shape=tuple(spread)), shape=tuple(repeated))
    final = tuple(count * length for count, length in zip(counts, shape, strict=True))
    return rows.reshape(wide, shape=final)


@implements(np.repeat)
def repeat(a: Any, repeats: Any, axis: Any = None) -> Any:
    x = traced(a)
    if axis is None or not x.ndim:
        x, axis = rows.reshape(x, shape=(x.size,)), axis or 0
    along = normalize_axis_index(axis, x.ndim)
    return take(x, np.repeat(np.arange(x.shape[along]), np.asarray(repeats)), along)


@implements(np.roll)
def roll(a: Any, shift: Any, axis: Any = None) -> Any:
    x = traced(a)
    if axis is None:
        flat = rows.reshape(x, shape=(x.size,))
        return rows.reshape(roll(flat, shift, 0), shape=x.shape)
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    shifts = (shift,) * len(axes) if isinstance(shift, int | np.integer) else tuple(shift)
    for along, step in zip(axes, shifts, strict=True):
        length = x.shape[along]
        if length:
            head, tail = split_at(x, [length - int(step) % length], along % x.ndim)
            x = concatenate([tail, head], along)
    return x


@implements(np.resize)
def resize(a: Any, new_shape: Any) -> Any:
    x = traced(a)
    shape = (new_shape,) if isinstance(new_shape, int) else tuple(new_shape)
    flat = rows.reshape(x, shape=(x.size,))
    return reshape(take(flat, np.arange(prod(shape)) % x.size, 0), shape)


# --- frames --------------------------------------------------------------------------------------


@implements(np.pad)
def pad(array: Any, pad_width: Any, mode: str = "constant", **kwargs: Any) -> Any:
    """Constants through a frame of zeros; the other modes are an index into the array."""
    x = traced(array)
    widths = _pairs(pad_width, x.ndim)
    if mode == "constant":
        low, high = (tuple(int(pair[side]) for pair in widths) for side in (0, 1))
        framed = rows.pad(x, low=low, high=high, interior=(0,) * x.ndim)
        values = kwargs.get("constant_values", 0)
        if isinstance(values, int | float) and values == 0:
            return framed
        frame = np.pad(np.zeros(x.shape), widths, constant_values=values)
        return framed + astype(traced(frame), x.dtype)
    if mode not in ("edge", "reflect", "symmetric", "wrap"):
        stop(f"np.pad with mode={mode!r} cannot be recorded", "constant, edge, reflect or wrap")
    for axis, width in enumerate(widths):
        if any(width):
            chosen: Any = mode  # np.pad's own signature lists modes one by one
            x = take(x, np.pad(np.arange(x.shape[axis]), width, chosen, **kwargs), axis)
    return x


def _pairs(widths: Any, rank: int) -> list[tuple[int, int]]:
    if isinstance(widths, dict):
        table = {normalize_axis_index(axis, rank): width for axis, width in widths.items()}
        found = [table.get(axis, 0) for axis in range(rank)]
        return [(w, w) if isinstance(w, int) else tuple(w) for w in found]
    return [(int(a), int(b)) for a, b in np.broadcast_to(np.asarray(widths), (rank, 2))]


# --- choosing ------------------------------------------------------------------------------------


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


@implements(np.take)
def take(a: Any, indices: Any, axis: Any = None, mode: str = "raise") -> Any:
    x = traced(a)
    if axis is None:
        x, axis = rows.reshape(x, shape=(x.size,)), 0
    at = indices if isinstance(indices, Traced) else np.asarray(indices)
    along = normalize_axis_index(axis, x.ndim)
    length = x.shape[along]
    if mode == "wrap":
        at = at % length
    elif mode == "clip":
        at = np.clip(at, 0, length - 1)
    index = (*[slice(None)] * along, at if at.ndim or isinstance(at, Traced) else int(at))
    return copied(x[index]) if not isinstance(at, Traced) and at.ndim == 0 else x[index]


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


# --- copies, constants, questions ----------------------------------------------------------------


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


FUNCTIONS[np.real] = lambda val: traced(val)
FUNCTIONS[np.imag] = lambda val: filled(traced(val).shape, 0, traced(val).dtype)
FUNCTIONS[np.real_if_close] = lambda a, tol=100: traced(a)
FUNCTIONS[np.iscomplexobj] = lambda x: False
FUNCTIONS[np.isrealobj] = lambda x: True
FUNCTIONS[np.result_type] = lambda *a: np.result_type(
    *[x.dtype if isinstance(x, Traced) else x for x in a]
)
FUNCTIONS[np.can_cast] = lambda a, to, casting="safe": np.can_cast(traced(a).dtype, to, casting)


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


@implements(np.lib.stride_tricks.sliding_window_view)
def sliding_window_view(
    x: Any, window_shape: Any, axis: Any = None, *, subok: bool = False, writeable: bool = False
) -> Any:
    value = traced(x)
    sizes = (window_shape,) if isinstance(window_shape, int) else tuple(window_shape)
    axes = tuple(range(value.ndim)) if axis is None else normalize_axis_tuple(axis, value.ndim)
    ones = (1,) * len(axes)
    if len(set(axes)) != len(axes) or len(sizes) != len(axes):
        raise ValueError("window_shape and axis must match, each axis once")
    return view_of(
        value,
        lambda base: rows.windows(base, axes=axes, sizes=sizes, strides=ones, dilations=ones),
        None,
        reason="sliding windows, of which several share a number",
    )


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


__all__ = ["apply", "as_node", "filled", "resolved_shape", "split_at", "transpose"]
