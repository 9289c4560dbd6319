"""Where an array's numbers would lie in NumPy's memory: it decides whether a reshape is a view.

`Strides` say how many numbers apart two neighbours along each axis lie. None means that NumPy
chooses an order which is not followed here (after fancy indexing, for instance).
"""

from collections.abc import Sequence
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np

from chainrule.graph import Shape

Strides = tuple[int, ...] | None
ROW_MAJOR: tuple[int, ...] = ()  # stands for the row-major strides of whatever shape


def row_major(shape: Shape) -> tuple[int, ...]:
    return tuple(prod(shape[axis + 1 :]) for axis in range(len(shape)))


def strides_of(array: np.ndarray[Any, Any]) -> Strides:
    if any(stride % array.itemsize for stride in array.strides):
        return None
    return tuple(stride // array.itemsize for stride in array.strides)


def sliced(strides: Strides, shape: Shape, items: Sequence[Any]) -> Strides:
    """Of a basic index: integers, slices and None, one of the first two for each axis."""
    if strides is None:
        return None
    found, axis = [], 0
    for item in items:
        if item is None:
            found.append(0)
            continue
        if isinstance(item, slice):
            found.append(strides[axis] * item.indices(shape[axis])[2])
        axis += 1
    return tuple(found)


def keeps_order(shape: Shape, strides: Strides) -> bool:
    """Whether elementwise results of such an array are row-major: no axis runs faster than a later.

    NumPy lays them out in the order of their operands; flipped and repeated axes do not count.
    """
    if strides is None:
        return False
    counting = zip(shape, strides, strict=True)
    steps = [abs(step) for length, step in counting if length != 1 and step]
    return all(before >= after for before, after in pairwise(steps))


def reshaped(shape: Shape, strides: tuple[int, ...], target: Shape) -> Strides:
    """The strides of a reshaped view, or None where NumPy has to copy.

    Both shapes are cut into the smallest groups of axes that hold equally many numbers. A view
    needs every group of the old axes to lie in memory like one long axis.
    """
    if prod(shape) == 0:
        return row_major(target)
    old = [(length, step) for length, step in zip(shape, strides, strict=True) if length != 1]
    places = [place for place, length in enumerate(target) if length != 1]
    steps = [0] * len(target)
    while places:
        group, inner = [old.pop()], [places.pop()]
        while prod(length for length, _ in group) != prod(target[place] for place in inner):
            if prod(length for length, _ in group) < prod(target[place] for place in inner):
                group.append(old.pop())
            else:
                inner.append(places.pop())
        if any(outer[1] != part[0] * part[1] for part, outer in pairwise(group)):
            return None
        step = group[0][1]
        for place in inner:
            steps[place] = step
            step *= target[place]
    return tuple(steps)


def is_contiguous(shape: Shape, strides: tuple[int, ...]) -> bool:
    """Whether the numbers lie row-major and without gaps."""
    wanted = row_major(shape)
    return all(n == 1 or a == b for n, a, b in zip(shape, strides, wanted, strict=True))


def only_ones_differ(shape: Shape, target: Shape) -> bool:
    """Whether a reshape adds or drops axes of length 1 alone: always a view."""
    return [n for n in shape if n != 1] == [n for n in target if n != 1]
