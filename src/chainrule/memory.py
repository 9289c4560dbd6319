"""Whose memory an array lies in: results that nobody else holds, arguments that overlap."""

from collections.abc import Collection, Iterable, Sequence
from itertools import permutations
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def owner(array: Array) -> Array:
    """The array that the memory belongs to: the array itself, or what it is a view of."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def unshared(results: Sequence[Array], others: Iterable[Array]) -> list[Array]:
    """The results, copied where they lie in the memory of `others` or of an earlier result.

    A program may hand out an argument, a constant or one value twice; in NumPy, whoever changes a
    copy changes nothing else.
    """
    taken = {id(owner(array)) for array in others}
    found = []
    for array in results:
        if id(owner(array)) in taken or not array.flags.writeable:
            array = array.copy()
        taken.add(id(owner(array)))
        found.append(array)
    return found


def overlap(arrays: Sequence[Array], changed: Collection[int]) -> tuple[int, int] | None:
    """The places of an array that is about to change and of another that may share its memory."""
    groups: dict[int, list[int]] = {}
    for place, array in enumerate(arrays):
        groups.setdefault(id(owner(array)), []).append(place)
    for group in groups.values():
        for first, second in permutations(group, 2):
            if first in changed and np.may_share_memory(arrays[first], arrays[second]):
                return first, second
    return None
