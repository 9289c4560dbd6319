"""Arrays that look into the same memory: what one of them changes, the others see."""

from dataclasses import dataclass

import numpy as np

from chainrule.checking.steps import Array


@dataclass
class Memory:
    """What owns the numbers of some arrays: the step that made them as they are now."""

    whole: Array
    step: int
    version: int = 0


def same_place(a: Array, b: Array) -> bool:
    here, there = a.__array_interface__, b.__array_interface__
    return a.shape == b.shape and here["data"] == there["data"] and a.strides == b.strides


def _addresses(array: Array) -> Array:
    found = np.full(array.shape, array.__array_interface__["data"][0], dtype=np.int64)
    for axis, (length, stride) in enumerate(zip(array.shape, array.strides, strict=True)):
        shape = [1] * array.ndim
        shape[axis] = length
        found += (np.arange(length) * stride).reshape(shape)
    return found


def places(view: Array, whole: Array) -> Array:
    """For each number of a view its place in the memory, counted in the order of rows."""
    addresses = _addresses(whole).reshape(-1)
    order = np.argsort(addresses)
    return np.asarray(order[np.searchsorted(addresses[order], _addresses(view))])
