"""What a function reads from outside: globals, closures, attributes of objects.

A compiled call must not go on with yesterday's learning rate. Numbers become part of the key
under which a program is kept, arrays and everything else by identity, so that a rebinding is seen;
the contents of arrays are read by the program itself at each call.

The walk follows the names that the code mentions: into the user's own functions, methods, modules
and objects, and into containers, but not into libraries.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from types import CodeType, FunctionType, MemberDescriptorType, MethodType, ModuleType
from typing import Any

import numpy as np

from chainrule.tracing.dice import DICE
from chainrule.tracing.places import is_library, is_user_file

NUMBERS = (bool, int, float, complex, str, bytes, np.generic, type(None))
CONTAINERS = (dict, list, tuple, set, frozenset)
REFLECTION = frozenset(("__dict__", "asdict", "getattr", "vars"))  # may read any attribute


class Identity:
    """A hashable stand-in for an object, equal to itself alone; keeps the object alive."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __hash__(self) -> int:
        return id(self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Identity) and self.value is other.value


@dataclass(frozen=True)
class Outside:
    """What was found. `key` is equal as long as everything outside is bound as it was."""

    key: tuple[Any, ...]
    arrays: tuple[np.ndarray[Any, Any], ...]
    dice: tuple[Any, ...]  # random generators


NOTHING = Outside((), (), ())


def read_surroundings(function: Callable[..., Any]) -> Outside:
    """Whatever the function, and the functions that it calls, can read from outside."""
    walk = _Walk()
    key = tuple(walk.into(function, frozenset()))
    return Outside(key, tuple(walk.arrays), tuple(walk.dice))


class _Walk:
    """One walk: yields the parts of the key, and collects arrays and dice by the way."""

    def __init__(self) -> None:
        self.arrays: list[np.ndarray[Any, Any]] = []
        self.dice: list[Any] = []
        self._seen: dict[Any, int] = {}

    def into(self, value: Any, names: frozenset[str]) -> Iterator[Any]:
        """`names`: what the code that mentions the value mentions besides, such as attributes."""
        if isinstance(value, NUMBERS):
            yield type(value), value
            return
        place = (id(value), names)
        if place in self._seen:
            yield self._seen[place]
            return
        self._seen[place] = len(self._seen)
        if isinstance(value, np.ndarray):
            self.arrays.append(value)
            yield Identity(value)
        elif isinstance(value, DICE):
            self.dice.append(value)
            yield Identity(value)
        elif isinstance(value, CONTAINERS):
            yield from self._container(value, names)
        elif isinstance(value, FunctionType):
            yield from self._function(value)
        elif isinstance(value, MethodType):
            yield from self._method(value.__func__, value.__self__)
        elif isinstance(value, partial):
            yield from self.into([value.func, value.args, value.keywords], names)
        elif isinstance(value, ModuleType):
            yield from self._module(value, names)
        else:
            yield from self._object(value, names)

    def _container(self, value: Any, names: frozenset[str]) -> Iterator[Any]:
        yield type(value), len(value)
        if isinstance(value, set | frozenset):
            yield frozenset(value)
        elif isinstance(value, dict):
            yield tuple(value)
            value = value.values()
        for part in value:
            yield from self.into(part, names)

    def _function(self, function: FunctionType) -> Iterator[Any]:
        names = names_in(function.__code__)
        yield Identity(function.__code__)
        for cell in function.__closure__ or ():
            try:
                found = cell.cell_contents
            except ValueError:  # the name is not bound yet
                continue
            yield from self.into(found, names)
        if is_user_file(function.__code__.co_filename):
            for name in sorted(names & function.__globals__.keys()):
                yield from self.into(function.__globals__[name], names)
        for defaults in (function.__defaults__, function.__kwdefaults__):
            if defaults:
                yield from self.into(defaults, names)

    def _method(self, function: Any, owner: Any) -> Iterator[Any]:
        yield from self.into(function, frozenset())
        if isinstance(function, FunctionType):
            yield from self.into(owner, names_in(function.__code__))

    def _module(self, module: ModuleType, names: frozenset[str]) -> Iterator[Any]:
        yield Identity(module)
        if is_user_file(getattr(module, "__file__", None) or "<built in>"):
            for name in sorted(names & vars(module).keys()):
                yield from self.into(vars(module)[name], names)

    def _object(self, value: Any, names: frozenset[str]) -> Iterator[Any]:
        """Those attributes and methods that some code mentions."""
        yield Identity(value)
        if isinstance(value, type):
            return
        own = vars(value) if hasattr(value, "__dict__") else {}
        for name in sorted(own if names & REFLECTION else names & own.keys()):
            yield from self.into(own[name], names)
        for name in sorted({*names, "__call__"} - own.keys()):
            found = getattr(type(value), name, None)
            method = found.fget if isinstance(found, property) else found
            if isinstance(method, FunctionType) and not is_library(method.__code__.co_filename):
                yield from self._method(method, value)
            elif isinstance(found, MemberDescriptorType):  # one of __slots__
                yield from self.into(getattr(value, name, None), names)


@cache
def names_in(code: CodeType) -> frozenset[str]:
    """All names that the code mentions: globals, attributes, and those of functions inside it."""
    inner = [names_in(part) for part in code.co_consts if isinstance(part, CodeType)]
    return frozenset(code.co_names).union(*inner)
