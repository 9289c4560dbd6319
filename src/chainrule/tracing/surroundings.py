"""What a function reads from outside: globals, closures, attributes of objects.

A compiled call must not go on with yesterday's learning rate. Numbers become part of the key
under which a program is kept, arrays and everything else by identity, so that a rebinding is seen;
the contents of arrays are read by the program itself at each call.

The walk follows the names that the code mentions: into the user's own functions, methods, modules
and objects, and into containers, but not into libraries.
"""

import dis
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from types import CodeType, FunctionType, MemberDescriptorType, MethodType, ModuleType
from typing import Any

import numpy as np

from chainrule.tracing.dice import DICE
from chainrule.tracing.places import is_user_file

NUMBERS = (bool, int, float, complex, str, bytes, np.generic, type(None))
CONTAINERS = (dict, list, tuple, set, frozenset)
REFLECTION = {"__dict__", "asdict", "getattr", "vars"}  # who uses these may read any attribute
Names = tuple[str, ...]
NO_NAMES: Names = ()


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
    key = tuple(walk.into(function, NO_NAMES))
    return Outside(key, tuple(walk.arrays), tuple(walk.dice))


class _Walk:
    """One walk: yields the parts of the key, and collects arrays and dice by the way."""

    def __init__(self) -> None:
        self.arrays: list[np.ndarray[Any, Any]] = []
        self.dice: list[Any] = []
        self._seen: dict[Any, int] = {}

    def into(self, value: Any, names: Names) -> Iterator[Any]:
        """`names`: the attributes that the code which mentions the value mentions."""
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
            for part in (value.func, value.args, value.keywords):
                yield from self.into(part, names)
        else:
            yield Identity(value)
            yield from self._attributes(value, names)

    def _container(self, value: Any, names: Names) -> Iterator[Any]:
        yield type(value), len(value)
        if isinstance(value, set | frozenset):
            yield frozenset(value)
        elif isinstance(value, dict):
            yield tuple(value)
            value = value.values()
        for part in value:
            yield from self.into(part, names)

    def _function(self, function: FunctionType) -> Iterator[Any]:
        names = attributes_in(function.__code__)
        yield Identity(function.__code__)
        for cell in function.__closure__ or ():
            try:
                found = cell.cell_contents
            except ValueError:  # the name is not bound yet
                continue
            yield from self.into(found, names)
        if is_user_file(function.__code__.co_filename):
            space = function.__globals__
            for name in globals_in(function.__code__):
                if name in space:
                    yield from self.into(space[name], names)
        for defaults in (function.__defaults__, function.__kwdefaults__):
            if defaults:
                yield from self.into(defaults, names)

    def _method(self, function: Any, owner: Any) -> Iterator[Any]:
        yield from self.into(function, NO_NAMES)
        if isinstance(function, FunctionType):
            yield from self.into(owner, attributes_in(function.__code__))

    def _attributes(self, value: Any, names: Names) -> Iterator[Any]:
        """What the code mentions of a module, a class, or an object."""
        if isinstance(value, ModuleType):
            if is_users(value.__name__):
                yield from self._named(vars(value), names)
        elif isinstance(value, type):
            if is_open(value):
                yield from self._named({name: of_class(value, name) for name in names}, names)
        else:
            own = getattr(value, "__dict__", {})
            yield from self._named(own, names if REFLECTION.isdisjoint(names) else tuple(own))
            if is_open(type(value)):
                yield from self._of_its_class(value, [name for name in names if name not in own])

    def _named(self, space: Mapping[str, Any], names: Names) -> Iterator[Any]:
        for name in names:
            if space.get(name) is not None:
                yield name
                yield from self.into(space[name], names)

    def _of_its_class(self, value: Any, names: Sequence[str]) -> Iterator[Any]:
        for name in (*names, "__call__"):
            found = of_class(type(value), name)
            if isinstance(found, FunctionType):
                yield from self._method(found, value)
            elif isinstance(found, MemberDescriptorType):  # one of __slots__
                yield from self.into(getattr(value, name, None), tuple(names))
            elif found is not None:
                yield from self.into(found, tuple(names))


def of_class(kind: type, name: str) -> Any:
    """What the class or its bases define under a name; of methods and properties the function."""
    for base in kind.__mro__:
        if name in vars(base):
            found = vars(base)[name]
            if isinstance(found, property):
                return found.fget
            return found.__func__ if isinstance(found, staticmethod | classmethod) else found
    return None


def is_open(kind: type) -> bool:
    """Whether the class is one of the user's, or a public one of ours."""
    if kind.__module__.partition(".")[0] == "chainrule":
        return not kind.__name__.startswith("_")
    return is_users(kind.__module__)


@cache
def is_users(module: str) -> bool:
    file = getattr(sys.modules.get(module), "__file__", None)
    return module not in sys.builtin_module_names if file is None else is_user_file(file)


@cache
def globals_in(code: CodeType) -> Names:
    """The global names that the code, and functions inside it, read."""
    return _read(code, "LOAD_GLOBAL", "LOAD_NAME")


@cache
def attributes_in(code: CodeType) -> Names:
    """The attributes that the code, and functions inside it, read."""
    reflecting = [name for name in globals_in(code) if name in REFLECTION]
    return (*_read(code, "LOAD_ATTR", "LOAD_METHOD", "LOAD_SUPER_ATTR"), *reflecting)


def _read(code: CodeType, *operations: str) -> Names:
    names = {step.argval for step in dis.get_instructions(code) if step.opname in operations}
    for part in code.co_consts:
        if isinstance(part, CodeType):
            names.update(_read(part, *operations))
    return tuple(sorted(names))
