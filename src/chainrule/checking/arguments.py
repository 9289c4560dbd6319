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

    return again


def bare(value: Any) -> Any:
    return value.view(np.ndarray) if isinstance(value, np.ndarray) else value
