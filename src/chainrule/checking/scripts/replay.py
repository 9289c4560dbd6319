"""A part of a tape as a function again, which NumPy runs and the tracer records.

Each operation is called from code that carries the script's file and line, so that whatever reads
the trace finds the user's own places in it.
"""

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from types import CodeType
from typing import Any

import numpy as np

from chainrule.checking.scripts.numeric import FUNCTIONS, OPERATORS
from chainrule.checking.scripts.tape import Entry, Ref, Shared, Tape, refs_of
from chainrule.checking.scripts.updates import Change
from chainrule.tracing import Traced, wrap
from chainrule.tracing.value import as_node

ALIASES: dict[str, Callable[..., Any]] = {
    "float": lambda x: _number(x),
    "np.float64": lambda x: _number(x),
    "np.float32": lambda x: _number(x),
    "np.array": lambda x, *a, **k: _array(x),
    "np.asarray": lambda x, *a, **k: _array(x),
    "np.asanyarray": lambda x, *a, **k: _array(x),
    "np.ascontiguousarray": lambda x, *a, **k: _array(x),
    "np.copy": lambda x, *a, **k: _array(x),
    "math.fsum": lambda x: sum(x),
    "abs": lambda x: np.abs(x),
    "pow": lambda x, y: x**y,
    "scipy.expit": lambda x: 1 / (1 + np.exp(-x)),
    "np.real": lambda x: x,
    "np.multi_dot": lambda x: np.linalg.multi_dot(x),
}


@cache
def _code(file: str, line: int, function: str, place: int) -> CodeType:
    """Code that calls `_call` at this line, as an instruction that no other place has."""
    tree = ast.parse("_no or " * place + "_call()", mode="eval")
    code = compile(ast.increment_lineno(tree, line - 1), file, "eval")
    return code.replace(co_name=function, co_qualname=function)


def is_live(value: Any) -> bool:
    """Whether somebody records what becomes of a value: a tracer, or an array that is watched."""
    if isinstance(value, tuple | list):
        return any(map(is_live, value))
    return isinstance(value, Traced) or (
        isinstance(value, np.ndarray) and type(value) is not np.ndarray
    )


def _joined(target: Any, value: Any) -> Any:
    """A plain array that a live value is to be written to, made as live as that."""
    if is_live(target) or not is_live(value):
        return target
    recorder = getattr(value, "recorder", None)
    if recorder is not None:
        return recorder.made(np.array(target))
    return wrap(as_node(np.asarray(target)))


def _number(value: Any) -> Any:
    if is_live(value):
        return value.reshape(()) if value.ndim else value
    return float(value)


def _array(value: Any) -> Any:
    if isinstance(value, list | tuple) and is_live(value):
        return np.stack([_array(part) for part in value])
    return value.copy() if is_live(value) else np.array(value)


def _set_item(target: Any, index: Any, value: Any) -> Any:
    new = _joined(target, value).copy()
    if new.dtype.kind in "iub" and not is_live(new):
        new = new.astype(float) if np.asarray(value).dtype.kind == "f" else new
    new[index] = value
    return new


def _at(sign: int, target: Any, index: Any, value: Any) -> Any:
    new = _joined(target, value).copy()
    np.add.at(new, index, sign * value if sign < 0 else value)
    return new


def compute(entry: Entry, arguments: Sequence[Any], settings: Mapping[str, Any]) -> Any:
    """What the operation of an entry gives for these arguments."""
    op = entry.op
    if op == "item":
        return arguments[0][arguments[1]]
    if op == "set_item":
        return _set_item(*arguments)
    if op in ("np.add.at", "np.subtract.at"):
        return _at(1 if op == "np.add.at" else -1, *arguments)
    if op.startswith("attribute "):
        return getattr(arguments[0], op.partition(" ")[2])
    if op.startswith("method "):
        return _method(op.partition(" ")[2], arguments, settings)
    if op in ALIASES:
        return ALIASES[op](*arguments, **settings)
    if op in OPERATORS:
        return OPERATORS[op](*arguments)
    if op.startswith("math."):
        name = {"pow": "power", "atan": "arctan"}.get(op[5:], op[5:])
        return getattr(np, name)(*arguments)
    return FUNCTIONS[op](*arguments, **settings)


def _method(name: str, arguments: Sequence[Any], settings: Mapping[str, Any]) -> Any:
    owner, *rest = arguments
    if name == "item":
        return owner.reshape(()) if not rest else owner[tuple(rest)]
    if name == "astype":
        kind = np.dtype(rest[0] if rest else settings["dtype"]).kind
        return owner * 1.0 if kind == "f" else owner.astype(*rest, **settings)
    if not isinstance(owner, Traced | np.ndarray):
        owner = np.asarray(owner)
    return getattr(owner, name)(*rest, **settings)


def _decoded(part: Any, values: Mapping[int, Any]) -> Any:
    if isinstance(part, Ref):
        return values[part.index]
    if isinstance(part, tuple):
        return tuple(_decoded(inner, values) for inner in part)
    if isinstance(part, list):
        return [_decoded(inner, values) for inner in part]
    return part


class Player(Shared):
    """Runs parts of one tape."""

    def __init__(self, tape: Tape, file: str) -> None:
        self.tape, self.file = tape, file
        self._plain: dict[int, Any] = {}

    def play(self, order: Sequence[int], values: dict[int, Any]) -> dict[int, Any]:
        """Compute these entries, in order; `values` holds what they start from, and grows."""
        for index in order:
            if index in values:
                continue
            entry = self.tape.entries[index]
            arguments = [_decoded(part, values) for part in entry.arguments]
            settings = {key: _decoded(part, values) for key, part in entry.settings.items()}
            if entry.place < 0 or not is_live([*arguments, *settings.values()]):
                values[index] = compute(entry, arguments, settings)
            else:
                action = partial(compute, entry, arguments, settings)
                values[index] = self._at_place(action, entry.place, entry.calls)
        return values

    def in_rows(self, value: Any, change: Change) -> Any:
        """The change of some rows of an array as a change of the whole array."""
        whole = np.zeros(self.tape.entries[change.old].shape)
        rows = self.decoded(change.rows)
        action = partial(_at, 1, whole, rows, value)
        if self.tape.entries[change.new].op == "set_item":
            action = partial(_set_item, whole, rows, value)
        return self._at_place(action, self.tape.entries[change.new].place, ())

    def as_wide(self, value: Any, change: Change) -> Any:
        """The change of a parameter of one number in the parameter's shape: it is broadcast."""
        shape = self.tape.entries[change.old].shape
        if np.shape(value) == shape or np.size(value) != 1 or int(np.prod(shape)) != 1:
            return value
        place = self.tape.entries[change.new].place
        return self._at_place(partial(np.reshape, value, shape), place, ())

    def negative(self, value: Any, change: Change | None) -> Any:
        """The other sign, at the line of the update."""
        action = partial(operator.neg, value)
        if change is None:
            return action()
        entry = self.tape.entries[change.new]
        return self._at_place(action, entry.place, entry.calls)

    def _at_place(self, action: Callable[[], Any], place: int, calls: Sequence[int]) -> Any:
        """What an action returns, called as from the user's own lines."""
        for number in (place, *reversed(calls)):
            where = self.tape.places[number]
            code = _code(self.file, where.line, where.function, number)
            action = partial(eval, code, {"_call": action, "_no": None})
        return action()

    def decoded(self, part: Any) -> Any:
        """An argument of an entry with the values that it had when the script ran."""
        return _decoded(part, {ref: self.value(ref) for ref in refs_of(part)})

    def value(self, index: int) -> Any:
        """What an entry was when the script ran, in float64."""
        missing, stack = [], [index]
        seen: set[int] = set()
        while stack:
            here = stack.pop()
            if here in seen or here in self._plain:
                continue
            seen.add(here)
            entry = self.tape.entries[here]
            if entry.op == "leaf" or entry.op.startswith("opaque"):
                self._plain[here] = doubled(entry.value)
                continue
            missing.append(here)
            stack += entry.refs()
        with np.errstate(all="ignore"):
            self.play(sorted(missing), self._plain)
        return self._plain[index]


def doubled(value: Any) -> Any:
    """Floats of any precision as float64; everything else as it is."""
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        return value.astype(np.float64)
    if isinstance(value, float | np.floating):
        return float(value)
    return value
