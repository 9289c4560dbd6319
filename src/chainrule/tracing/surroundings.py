"""What a function reads from outside: globals, closures, attributes of objects.

A compiled call must not go on with yesterday's learning rate. Numbers become part of the key
under which a program is kept, arrays and everything else by identity, so that a rebinding is seen;
the contents of arrays are read by the program itself at each call.

The walk follows the names that the code mentions: into the user's own functions, methods, modules
and objects, and into containers, but not into libraries.
"""

import dis
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from types import CodeType, FunctionType, MemberDescriptorType, MethodType, ModuleType
from typing import Any, NamedTuple
from weakref import ref

import numpy as np

from chainrule.tracing.dice import DICE
from chainrule.tracing.places import is_user_file

NUMBERS = (bool, int, float, complex, str, bytes, np.generic, type(None))
CONTAINERS = (dict, list, tuple, set, frozenset)
REFLECTION = {"__dict__", "asdict", "getattr", "vars"}  # who uses these may read any attribute
Names = tuple[str, ...]
NO_NAMES: Names = ()


class Outside(NamedTuple):
    """What was found. `key` is equal as long as everything outside is bound as it was.

    kept  what `key` has by its address; as long as it is alive, nothing else has that address
    """

    key: tuple[Any, ...]
    arrays: tuple[np.ndarray[Any, Any], ...]
    dice: tuple[Any, ...]  # random generators
    kept: tuple[Any, ...]


NOTHING = Outside((), (), (), ())


def read_surroundings(function: Callable[..., Any]) -> Outside:
    """Whatever the function, and the functions that it calls, can read from outside."""
    walk = _Walk()
    walk.into(function, NO_NAMES)
    return Outside(tuple(walk.key), tuple(walk.arrays), tuple(walk.dice), tuple(walk.kept))


class _Walk:
    """One walk, which collects the parts of the key, and arrays and dice by the way."""

    def __init__(self) -> None:
        self.key: list[Any] = []
        self.arrays: list[np.ndarray[Any, Any]] = []
        self.dice: list[Any] = []
        self.kept: list[Any] = []
        self._seen: dict[Any, int] = {}

    def into(self, value: Any, names: Names) -> None:
        """`names`: the attributes that the code which mentions the value mentions."""
        if isinstance(value, NUMBERS):
            self.key += (type(value), value)
            return
        place = (id(value), names)
        if place in self._seen:
            self.key.append(~self._seen[place])  # negative, as no address is
            return
        self._seen[place] = len(self._seen)
        if isinstance(value, np.ndarray):
            self.arrays.append(value)
            self.key += (value.shape, value.dtype)  # which may be set in place
            self._itself(value)
        elif isinstance(value, DICE):
            self.dice.append(value)
            self._itself(value)
        elif isinstance(value, CONTAINERS):
            self._container(value, names)
        elif isinstance(value, FunctionType):
            self._function(value)
        elif isinstance(value, MethodType):
            self._method(value.__func__, value.__self__)
        elif isinstance(value, partial):
            for part in (value.func, value.args, value.keywords):
                self.into(part, names)
        else:
            self._itself(value)
            self._attributes(value, names)

    def _itself(self, value: Any) -> None:
        self.key.append(id(value))
        self.kept.append(value)

    def _container(self, value: Any, names: Names) -> None:
        self.key += (type(value), len(value))
        if isinstance(value, set | frozenset):
            self.key.append(frozenset(value))
        elif isinstance(value, dict):
            self.key.append(tuple(value))
            value = value.values()
        for part in value:
            self.into(part, names)

    def _function(self, function: FunctionType) -> None:
        code = function.__code__
        found, names = names_in(code)
        self._itself(code)
        for cell in function.__closure__ or ():
            try:
                content = cell.cell_contents
            except ValueError:  # the name is not bound yet
                continue
            self.into(content, names)
        if is_user_file(code.co_filename):
            space = function.__globals__
            for name in found:
                if name in space:
                    self.into(space[name], names)
        for defaults in (function.__defaults__, function.__kwdefaults__):
            if defaults:
                self.into(defaults, names)

    def _method(self, function: Any, owner: Any) -> None:
        self.into(function, NO_NAMES)
        if isinstance(function, FunctionType):
            self.into(owner, names_in(function.__code__).attributes)

    def _attributes(self, value: Any, names: Names) -> None:
        """What the code mentions of a module, a class, or an object."""
        if isinstance(value, ModuleType):
            if is_users(value.__name__):
                self._named(vars(value), names)
        elif isinstance(value, type):
            if is_open(value):
                self._named({name: of_class(value, name) for name in names}, names)
        else:
            own = getattr(value, "__dict__", {})
            self._named(own, names if REFLECTION.isdisjoint(names) else tuple(own))
            if is_open(type(value)):
                self._of_its_class(value, [name for name in names if name not in own])

    def _named(self, space: Mapping[str, Any], names: Names) -> None:
        for name in names:
            if space.get(name) is not None:
                self.key.append(name)
                self.into(space[name], names)

    def _of_its_class(self, value: Any, names: Sequence[str]) -> None:
        for name in (*names, "__call__"):
            found = of_class(type(value), name)
            if isinstance(found, FunctionType):
                self._method(found, value)
            elif isinstance(found, MemberDescriptorType):  # one of __slots__
                self.into(getattr(value, name, None), tuple(names))
            elif found is not None:
                self.into(found, tuple(names))


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


class CodeNames(NamedTuple):
    """The names that code, and functions inside it, read: of globals, and of attributes."""

    globals: Names
    attributes: Names


def names_in(code: CodeType) -> CodeNames:
    # By its address, while it lives: a hash of code is that of all that it consists of.
    place = id(code)
    found = _names.get(place)
    if found is None:
        spaces = _read(code, "LOAD_GLOBAL", "LOAD_NAME")
        attributes = _read(code, "LOAD_ATTR", "LOAD_METHOD", "LOAD_SUPER_ATTR")
        reflecting = (name for name in spaces if name in REFLECTION)
        forget = ref(code, lambda _: _names.pop(place, None))
        found = _names[place] = (forget, CodeNames(spaces, (*attributes, *reflecting)))
    return found[1]


_names: dict[int, tuple[ref[CodeType], CodeNames]] = {}


def _read(code: CodeType, *operations: str) -> Names:
    names = {step.argval for step in dis.get_instructions(code) if step.opname in operations}
    for part in code.co_consts:
        if isinstance(part, CodeType):
            names.update(_read(part, *operations))
    return tuple(sorted(names))
