"""NumPy's functions that move, repeat, join and cut arrays."""

from collections.abc import Sequence
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from chainrule.graph import Shape
from chainrule.ops import rows
from chainrule.ops.layout import inverse_permutation
from chainrule.tracing.elementary import traced
from chainrule.tracing.indexing import view_of
from chainrule.tracing.reducing import implements
from chainrule.tracing.refusals import stop
from chainrule.tracing.strides import is_contiguous, keeps_order, only_ones_differ, reshaped
from chainrule.tracing.value import (
    FUNCTIONS,
    Traced,
    astype,
    copied,
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


# --- windows -------------------------------------------------------------------------------------


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
