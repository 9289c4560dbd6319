"""The arguments of a call with slots in the place of its arrays, so that it can be made again."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.checking.steps import Array


def leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, list | tuple):
        for part in value:
            yield from leaves(part)
    elif isinstance(value, dict):
        yield from leaves(tuple(value.values()))
    else:
        yield value


@dataclass(frozen=True)
class Slot:
    """The place of a recorded array among the arguments of a call."""

    index: int


def filled(value: Any, arrays: Sequence[Array]) -> Any:
    if isinstance(value, Slot):
        return arrays[value.index]
    if isinstance(value, list | tuple):
        parts = [filled(part, arrays) for part in value]
        return parts if isinstance(value, list) else tuple(parts)
    if isinstance(value, dict):
        return {key: filled(part, arrays) for key, part in value.items()}
    return value


def call_again(func: Callable[..., Any], template: Any, count: int) -> Callable[..., Any]:
    args, kwargs = template
    if not kwargs and tuple(args) == tuple(map(Slot, range(count))):
        return func

    def again(*values: Array) -> Any:
        positional, settings = filled(template, values)
        return func(*positional, **settings)

    if _has_slot(kwargs):
        return again
    if len(args) == 1 and args[0] == [Slot(number) for number in range(count)]:
        return lambda *values: func(list(values), **kwargs)  # what is put together
    if any(isinstance(part, list | tuple | dict) and _has_slot(part) for part in args):
        return again
    # The search runs these calls ten thousands of times: only the slots are exchanged.
    places = [(place, part.index) for place, part in enumerate(args) if isinstance(part, Slot)]

    def directly(*values: Array) -> Any:
        positional = list(args)
        for place, index in places:
            positional[place] = values[index]
        return func(*positional, **kwargs)

    return directly


def _has_slot(value: Any) -> bool:
    return any(isinstance(part, Slot) for part in leaves(value))


def bare(value: Any) -> Any:
    return value.view(np.ndarray) if isinstance(value, np.ndarray) else value
