"""Array functions a second time, as plain loops over single numbers.

They are slow and obvious, and share nothing with the op table.
"""

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import numpy as np
from references import threefry2x32

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]


def by_index(shape: Sequence[int], dtype: Any, rule: Callable[..., Any]) -> Array:
    """The array whose number at every index is `rule(*index)`."""
    made = np.empty(shape, dtype)
    for index in np.ndindex(*shape):
        made[index] = rule(*index)
    return made


def reshape(x: Array, shape: Shape) -> Array:
    numbers = iter([x[index] for index in np.ndindex(*x.shape)])
    return by_index(shape, x.dtype, lambda *index: next(numbers))


def concatenate(*arrays: Array, axis: int) -> Array:
    slices = [np.take(x, i, axis) for x in arrays for i in range(x.shape[axis])]
    return np.stack(slices, axis)


def pad(x: Array, low: Shape, high: Shape, interior: Shape) -> Array:
    frames = list(zip(x.shape, low, high, interior, strict=True))
    shape = [before + after + n + gap * max(n - 1, 0) for n, before, after, gap in frames]
    made = np.zeros(shape, x.dtype)
    for index in np.ndindex(*x.shape):
        place = [
            before + i * (gap + 1) for i, (_, before, _, gap) in zip(index, frames, strict=True)
        ]
        made[tuple(place)] = x[index]
    return made


def window_starts(length: int, size: int, stride: int, dilation: int) -> list[int]:
    return [s for s in range(0, length, stride) if s + dilation * (size - 1) < length]


def windows(x: Array, axes: Shape, sizes: Shape, strides: Shape, dilations: Shape) -> Array:
    shape = list(x.shape)
    for axis, *setting in zip(axes, sizes, strides, dilations, strict=True):
        shape[axis] = len(window_starts(x.shape[axis], *setting))
    return by_index(
        (*shape, *sizes),
        x.dtype,
        lambda *index: x[_origin(index, x.ndim, axes, strides, dilations)],
    )


def overlap_add(
    w: Array, axes: Shape, sizes: Shape, strides: Shape, dilations: Shape, lengths: Shape
) -> Array:
    shape = list(w.shape[: w.ndim - len(sizes)])
    for axis, length in zip(axes, lengths, strict=True):
        shape[axis] = length
    total = np.zeros(shape, w.dtype)
    for index in np.ndindex(*w.shape):
        total[_origin(index, len(shape), axes, strides, dilations)] += w[index]
    return total


def _origin(index: Shape, rank: int, axes: Shape, strides: Shape, dilations: Shape) -> Shape:
    """Where the number at this index of the windows stands in the array."""
    place = list(index[:rank])
    for axis, stride, dilation, inside in zip(axes, strides, dilations, index[rank:], strict=True):
        place[axis] = place[axis] * stride + inside * dilation
    return tuple(place)


def fold(x: Array, axes: Shape, step: Callable[[Any, Any], Any]) -> Array:
    """Numbers along the axes taken together two by two, from the first on."""
    kept = [axis for axis in range(x.ndim) if axis not in axes]
    found: dict[Shape, Any] = {}
    for index in np.ndindex(*x.shape):
        place = tuple(index[axis] for axis in kept)
        found[place] = step(found[place], x[index]) if place in found else x[index]
    return by_index([x.shape[axis] for axis in kept], x.dtype, lambda *place: found[place])


def along(x: Array, axis: int, rule: Callable[[list[Any]], Any], dtype: Any = None) -> Array:
    """`rule` of the list of numbers along an axis; a list that it returns takes the axis' place."""
    lines = np.moveaxis(x, axis, -1)
    made = np.array([rule(lines[at].tolist()) for at in np.ndindex(*lines.shape[:-1])], dtype)
    made = made.reshape(*lines.shape[:-1], *made.shape[1:])
    return np.moveaxis(made, -1, axis) if made.ndim == x.ndim else made


def cumsum(x: Array, axis: int) -> Array:
    return along(x, axis, lambda line: [sum(line[: i + 1]) for i in range(len(line))], x.dtype)


def contract(a: Array, b: Array, spec: str) -> Array:
    operands, out = spec.split("->")
    left, right = operands.split(",")
    lengths = dict(zip(left + right, a.shape + b.shape, strict=True))
    total = np.zeros([lengths[letter] for letter in out], a.dtype)
    for numbers in product(*map(range, lengths.values())):
        at = dict(zip(lengths, numbers, strict=True))
        first, second, place = (tuple(at[c] for c in part) for part in (left, right, out))
        total[place] += a[first] * b[second]
    return total


def gather(table: Array, index: Array) -> Array:
    chosen = [table[int(index[place])] for place in np.ndindex(*index.shape)]
    return np.array(chosen, table.dtype).reshape(index.shape + table.shape[1:])


def scatter(base: Array, index: Array, updates: Array) -> Array:
    made = base.copy()
    for place in np.ndindex(*index.shape):
        made[int(index[place])] = updates[place]
    return made


def scatter_add(index: Array, updates: Array, rows: int) -> Array:
    made = np.zeros((rows, *updates.shape[index.ndim :]), updates.dtype)
    for place in np.ndindex(*index.shape):
        made[int(index[place])] += updates[place]
    return made


def random_bits(key: Array, shape: Shape) -> Array:
    pair = (int(key[0]), int(key[1]))
    words = [threefry2x32(pair, (0, i // 2))[i % 2] for i in range(int(np.prod(shape)))]
    return np.array(words, np.uint32).reshape(shape)


def threefry(key: Array, counters: Array) -> Array:
    pair = (int(key[0]), int(key[1]))
    return np.array([threefry2x32(pair, (int(a), int(b))) for a, b in counters], np.uint32)
