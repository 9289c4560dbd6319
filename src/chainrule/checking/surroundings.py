"""What a user's function finds around it while it is recorded, and its state put back afterwards.

`float`, `math` and NumPy's makers of arrays would drop what is recorded: inside `recordable` they
let it through. Nothing outside the modules of the function is touched.
"""

import copy
import inspect
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np

from chainrule.checking.arguments import leaves
from chainrule.checking.recorder import Recorder, Seen
from chainrule.ops import rows
from chainrule.tracing.value import Traced, copied

MAKERS = frozenset(
    (
        *("zeros", "ones", "empty", "full", "eye", "identity", "arange", "linspace", "diag"),
        *("zeros_like", "ones_like", "empty_like", "full_like", "tile", "repeat", "copy"),
        *("ascontiguousarray", "asanyarray", "atleast_1d", "atleast_2d"),
    )
)
Function = Callable[..., Any]


def _live(value: Any) -> bool:
    return isinstance(value, Traced | Seen)


class _Math:
    """The module `math` where a recorded value may come: NumPy's functions of the same names."""

    def __getattr__(self, name: str) -> Any:
        return _math_function(getattr(math, name), name)


def _math_function(plain: Any, name: str) -> Any:
    if not callable(plain) or not callable(getattr(np, name, None)):
        return plain

    def function(*arguments: Any) -> Any:
        found = any(_live(argument) for argument in arguments)
        return getattr(np, name)(*arguments) if found else plain(*arguments)

    return function


def _number(value: Any) -> Any:
    """A recorded value as one number that is still recorded."""
    if isinstance(value, Traced):
        return rows.reshape(value, shape=()) if value.node.ndim else value
    return value.reshape(()) if value.ndim else value


class _FloatType(type):
    def __instancecheck__(cls, value: Any) -> bool:
        return isinstance(value, float) or (isinstance(value, Seen) and value.ndim == 0)


class _Number(metaclass=_FloatType):
    """`float`, which leaves a recorded number as it is; as a dtype it is float64."""

    dtype = np.dtype(np.float64)

    def __new__(cls, value: Any = 0.0) -> Any:
        return _number(value) if _live(value) else float(value)


class _ScalarType(type):
    """NumPy's scalar types, `np.float64(x)`: of a recorded array the array itself."""

    plain: type

    def __instancecheck__(cls, value: Any) -> bool:
        return isinstance(value, cls.plain)

    def __subclasscheck__(cls, other: type) -> bool:
        return issubclass(other, cls.plain)

    def __call__(cls, *arguments: Any) -> Any:
        if arguments and _live(arguments[0]):
            return arguments[0].astype(cls.plain)
        return cls.plain(*arguments)


def _scalar_type(plain: type) -> type:
    return _ScalarType(plain.__name__, (), {"plain": plain, "dtype": np.dtype(plain)})


_SCALARS = {
    name: _scalar_type(value)
    for name, value in vars(np).items()
    if isinstance(value, type)
    if value in (np.float64, np.float32, np.float16, np.int64, np.int32, np.int16, np.int8)
}


class _NumPy:
    """The module NumPy, whose makers of arrays are seen by the recorder, if there is one."""

    def __init__(self, recorder: Recorder | None) -> None:
        self._recorder = recorder

    def __getattr__(self, name: str) -> Any:
        return self.replaced(name, getattr(np, name))

    def replaced(self, name: str, value: Any) -> Any:
        if name in ("array", "asarray"):
            return self._array if name == "array" else self._as_array
        if self._recorder is None:
            return value
        if name in _SCALARS:
            return _SCALARS[name]
        if name == "vectorize":
            return lambda function, **settings: self.vectorised(value(function, **settings))
        return self._maker(value) if name in MAKERS else value

    def vectorised(self, plain: Any) -> Any:
        def function(*arguments: Any) -> Any:
            if self._recorder is None or not any(_live(a) for a in arguments):
                return plain(*arguments)
            return self._recorder.function(plain, arguments, {}, op="vectorize")

        return function

    def _maker(self, function: Function) -> Function:
        def made(*arguments: Any, **settings: Any) -> Any:
            result = function(*arguments, **settings)
            watched = isinstance(result, np.ndarray) and not isinstance(result, Seen)
            if self._recorder is None or not watched or result.dtype.kind not in "fiub":
                return result
            return self._recorder.made(result)

        return made

    def _array(self, value: Any, *arguments: Any, **settings: Any) -> Any:
        if isinstance(value, Traced):
            return copied(value)
        if isinstance(value, Seen):
            return value.copy()
        if isinstance(value, list | tuple) and any(map(_live, leaves(value))):
            return np.stack([self._array(part) for part in value])
        return self._maker(np.array)(value, *arguments, **settings)

    def _as_array(self, value: Any, *arguments: Any, **settings: Any) -> Any:
        return value if _live(value) else self._array(value, *arguments, **settings)


def _spaces(function: Function) -> list[dict[str, Any]]:
    """The global names of a function, and of the modules of the user's that it imports."""
    plain = inspect.unwrap(getattr(function, "func", function))
    space = getattr(getattr(plain, "__func__", plain), "__globals__", None)
    return [] if space is None else [space]


@contextmanager
def recordable(function: Function, recorder: Recorder | None = None) -> Iterator[None]:
    """Inside, `float`, `math` and NumPy of the function's module let recorded values through."""
    numpy = _NumPy(recorder)
    undo: list[tuple[dict[str, Any], str, Any]] = []
    absent = object()
    for space in _spaces(function):
        changed: dict[str, Any] = {"float": _Number}
        for name, value in space.items():
            if value is math:
                changed[name] = _Math()
            elif value is np:
                changed[name] = numpy
            elif isinstance(value, np.vectorize) and recorder is not None:
                changed[name] = numpy.vectorised(value)
            elif callable(value) and getattr(value, "__module__", "") in ("numpy", "math"):
                own = getattr(value, "__name__", "")
                if getattr(np, own, None) is value:
                    changed[name] = numpy.replaced(own, value)
                elif getattr(math, own, None) is value:
                    changed[name] = _math_function(value, own)
        for name, value in changed.items():
            undo.append((space, name, space.get(name, absent)))
            space[name] = value
    try:
        yield
    finally:
        for space, name, value in undo:
            if value is absent:
                del space[name]
            else:
                space[name] = value


@contextmanager
def preserved(function: Function) -> Iterator[None]:
    """What the function changes around it, moments or counters, is put back afterwards."""
    kept: list[tuple[Any, Any]] = []
    values = [value for space in _spaces(function) for value in space.values()]
    owner = getattr(function, "__self__", None)
    values += [cell.cell_contents for cell in getattr(function, "__closure__", None) or ()]
    numbers = [
        (space, name, value)
        for space in _spaces(function)
        for name, value in space.items()
        if isinstance(value, int | float | np.number) and not name.startswith("__")
    ]
    for value in [*values, owner]:
        if _changeable(value):
            try:
                kept.append((value, copy.deepcopy(_contents(value))))
            except Exception:  # what cannot be copied stays as the function leaves it
                continue
    try:
        yield
    finally:
        for value, contents in kept:
            _restore(value, contents)
        for space, name, number in numbers:
            space[name] = number


def _changeable(value: Any) -> bool:
    if isinstance(value, dict | list | np.ndarray | set):
        return True
    plain = isinstance(value, type | ModuleType) or callable(value)
    return not plain and isinstance(getattr(value, "__dict__", None), dict)


def _contents(value: Any) -> Any:
    return value if isinstance(value, dict | list | np.ndarray | set) else value.__dict__


def _restore(value: Any, contents: Any) -> None:
    target = _contents(value)
    if isinstance(target, np.ndarray):
        if target.flags.writeable:
            target[...] = contents
    elif isinstance(target, list):
        target[:] = contents
    elif isinstance(target, set):
        target.clear()
        target |= contents
    elif isinstance(target, dict):
        target.clear()
        target.update(contents)
