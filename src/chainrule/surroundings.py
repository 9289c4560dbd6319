"""What a function reads from outside: globals, closures, attributes of its `self`.

A compiled call must not go on with yesterday's learning rate. Numbers become part of the key
under which a program is kept, arrays by identity, so that a rebinding is seen; the contents of
arrays are read by the program itself at each call.
"""

from collections.abc import Callable, Iterator
from types import CodeType, FunctionType, MethodType
from typing import Any

import numpy as np

DEPTH = 4  # functions called by functions, and containers in containers


class Surroundings:
    """The names that one function, and the functions it calls, read from outside."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def key(self) -> tuple[Any, ...]:
        """Something that is equal as long as everything outside is."""
        return tuple(_outside(self._function, DEPTH, set()))


def _outside(function: Any, depth: int, seen: set[int]) -> Iterator[Any]:
    if depth == 0 or id(function) in seen:
        return
    seen.add(id(function))
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    if isinstance(function, MethodType):
        yield from _value(
            "self",
            vars(function.__self__) if hasattr(function.__self__, "__dict__") else None,
            depth,
            seen,
        )
        function = function.__func__
    if not isinstance(function, FunctionType):
        return
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield from _value(name, cell.cell_contents, depth, seen)
        except ValueError:  # a cell that is still empty
            continue
    for name in _global_names(function.__code__):
        if name in function.__globals__:
            yield from _value(name, function.__globals__[name], depth, seen)


def _global_names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _global_names(constant)


def _value(name: str, value: Any, depth: int, seen: set[int]) -> Iterator[Any]:
    """Numbers by value, arrays by identity, containers and functions by what is in them."""
    if isinstance(value, bool | int | float | str | np.generic) or value is None:
        yield name, type(value), value
    elif isinstance(value, np.ndarray):
        yield name, id(value)
    elif isinstance(value, dict) and depth > 0:
        for key, entry in value.items():
            yield from _value(f"{name}.{key}", entry, depth - 1, seen)
    elif isinstance(value, list | tuple) and depth > 0:
        yield name, len(value)
        for place, entry in enumerate(value):
            yield from _value(f"{name}.{place}", entry, depth - 1, seen)
    elif isinstance(value, FunctionType | MethodType) and value.__module__ != __name__:
        yield from _outside(value, depth - 1, seen)
