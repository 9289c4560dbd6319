"""The recorder that an instrumented script calls for each of its operations.

Values are known by identity: the float that `w * x` makes is an object of its own, and wherever it
goes, into lists, attributes, through functions, it stays that object. Arrays can change in place;
then the same object stands for a new entry, and so does every array that shares its memory. All
objects that are known are kept alive until the tape is full, so that no identity is used twice.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from chainrule.checking.scripts.instrument import Place
from chainrule.checking.scripts.numeric import IN_PLACE, METHODS, OPERATORS, known_functions
from chainrule.checking.scripts.tape import Entry, Ref, Tape

MOST_ENTRIES = 30_000
MOST_BYTES = 300_000_000
ITERATORS = (zip, enumerate, reversed, iter, list, tuple, map, sorted)
# Of their arguments these read only the shape.
BY_SHAPE = {"zeros_like", "ones_like", "empty_like", "full_like", "shape", "ndim", "size"}
VIEWS = {"T", "mT", "real", "transpose", "reshape", "ravel", "squeeze", "swapaxes", "item",
         "expand_dims", "broadcast_to", "diagonal", "moveaxis", "flip", "asarray"}  # fmt: skip
_ARRAYS = (np.ndarray, np.floating)


@dataclass
class Handle:
    """A live object of the script and the entry that it stands for now.

    parent   whose memory it shares, where it is a view; seen: the parent's version then
    """

    value: Any
    index: int
    parent: "Handle | None" = None
    seen: int = 0
    version: int = 0


def tracked(value: Any) -> bool:
    kind = type(value)
    if kind is float:
        return True
    if kind is np.ndarray:
        return bool(value.dtype.kind in "fiub")
    return isinstance(value, np.floating)


class Recorder:
    """One run. Every public method is called by the instrumented script."""

    def __init__(self, places: list[Place]) -> None:
        self.tape = Tape(places=places)
        self.recording = True
        self._known: dict[int, Handle] = {}
        self._functions = known_functions()
        self._bytes = 0
        self._calls: tuple[int, ...] = ()  # the places of the calls that are going on
        self.last: tuple[int, str, tuple[Any, ...]] | None = None  # what was being computed
        self.when_full: Callable[[], None] | None = None

    # --- entries ---

    def _append(self, entry: Entry, value: Any) -> int:
        entry.calls = self._calls
        self.tape.entries.append(entry)
        size = getattr(value, "nbytes", 32)
        self._bytes += size
        if len(self.tape.entries) >= MOST_ENTRIES or self._bytes > MOST_BYTES:
            if self.recording and self.when_full is not None:
                self.tape.full = True
                self.when_full()
            self.recording = False
        return len(self.tape.entries) - 1

    def _entry(
        self, op: str, arguments: tuple[Any, ...], settings: Any, place: int, value: Any
    ) -> Entry:
        if isinstance(value, float):  # NumPy's float64 too
            return Entry(op, arguments, settings or {}, place, (), "f", float(value))
        array = np.asarray(value)
        number = float(array) if array.ndim == 0 and array.dtype.kind == "f" else None
        return Entry(op, arguments, settings or {}, place, array.shape, array.dtype.kind, number)

    def _record(
        self,
        place: int,
        op: str,
        arguments: tuple[Any, ...],
        settings: Any,
        value: Any,
        inputs: tuple[Any, ...] | None = None,
    ) -> Any:
        """A new value and how it came about; returns the value."""
        if not tracked(value):
            if isinstance(value, list | tuple) and all(tracked(part) for part in value):
                self._record_parts(place, op, arguments, settings, value)
            return value
        if any(value is argument for argument in arguments):
            return value  # max(a, b), np.asarray(a): one of the operands itself
        if inputs is None:
            inputs = tuple(self._argument(part) for part in arguments)
        named = {key: self._argument(part) for key, part in (settings or {}).items()}
        index = self._append(self._entry(op, inputs, named, place, value), value)
        handle = Handle(value, index)
        first = arguments[0] if arguments else None
        if type(value) is np.ndarray and type(first) is np.ndarray and value.base is not None:
            short = op.rpartition(" ")[2].rpartition(".")[2]
            if short in VIEWS and np.may_share_memory(value, first):
                parent = self._known.get(id(first))
                if parent is not None:
                    handle.parent, handle.seen = parent, parent.version
        self._known[id(value)] = handle
        return value

    def _record_parts(
        self, place: int, op: str, arguments: tuple[Any, ...], settings: Any, value: Any
    ) -> None:
        inputs = tuple(self._argument(part) for part in arguments)
        named = {key: self._argument(part) for key, part in (settings or {}).items()}
        whole = self._append(Entry(op, inputs, named, place, (len(value),), "t"), None)
        for number, part in enumerate(value):
            entry = self._entry("item", (Ref(whole), number), {}, place, part)
            self._known[id(part)] = Handle(part, self._append(entry, part))

    def _argument(self, value: Any) -> Any:
        """An argument as it stands on the tape: known values as references."""
        if tracked(value):
            return Ref(self.index_of(value))
        if isinstance(value, tuple | list):
            parts = [self._argument(part) for part in value]
            return tuple(parts) if isinstance(value, tuple) else parts
        if isinstance(value, dict):
            return {key: self._argument(part) for key, part in value.items()}
        return value

    def index_of(self, value: Any) -> int:
        handle = self._known.get(id(value))
        if handle is None:
            kept = value.copy() if isinstance(value, np.ndarray) else float(value)
            entry = self._entry("leaf", (), {}, -1, value)
            entry.value = kept
            handle = self._known[id(value)] = Handle(value, self._append(entry, value))
        self._refresh(handle)
        return handle.index

    # --- arrays that change in place ---

    def _refresh(self, handle: Handle) -> None:
        """Read a view anew where what it looks into has changed."""
        parent = handle.parent
        if parent is None:
            return
        self._refresh(parent)
        if parent.version != handle.seen:
            old = self.tape.entries[handle.index]
            if old.op == "set_item" or old.in_place:
                handle.parent = None  # written itself since; how it was read is no longer here
                return
            again = Entry(
                old.op, (Ref(parent.index), *old.arguments[1:]), old.settings, old.place,
                old.shape, old.kind,
            )  # fmt: skip
            handle.index = self._append(again, None)
            handle.seen = parent.version
            handle.version += 1

    def _changed(self, value: Any, index: int, place: int) -> None:
        """An array now holds the value of this entry, and whatever it is a view of does too."""
        handle = self._known[id(value)]
        read = self.tape.entries[handle.index]
        handle.version += 1
        parent = handle.parent
        handle.index = index
        self.tape.entries[index].in_place = True
        if parent is None:
            return
        back = self._written_back(read, parent, index, place)
        self._changed(parent.value, back, place)
        # The view is what the parent holds there, and is read again from it when that changes.
        again = Entry(read.op, (Ref(back), *read.arguments[1:]), read.settings, place,
                      read.shape, read.kind)  # fmt: skip
        handle.index = self._append(again, None)
        handle.seen = parent.version

    def _written_back(self, read: Entry, parent: Handle, index: int, place: int) -> int:
        whole = self.tape.entries[parent.index]
        short = read.op.rpartition(" ")[2].rpartition(".")[2]
        if short == "item":
            arguments: tuple[Any, ...] = (Ref(parent.index), read.arguments[1], Ref(index))
            entry = Entry("set_item", arguments, {}, place, whole.shape, whole.kind)
        elif short in ("T", "mT") or (short == "transpose" and len(read.arguments) == 1):
            entry = Entry("attribute T", (Ref(index),), {}, place, whole.shape, whole.kind)
        elif short in ("reshape", "ravel", "squeeze", "expand_dims"):
            arguments = (Ref(index), parent.value.shape)
            entry = Entry("np.reshape", arguments, {}, place, whole.shape, whole.kind)
        else:
            arguments = (Ref(parent.index), Ref(index))
            entry = Entry(f"opaque write to a {short}", arguments, {}, place, whole.shape, "f")
            entry.value = parent.value.copy()
        return self._append(entry, parent.value)

    # --- operations ---

    def binary(self, place: int, op: str, left: Any, right: Any) -> Any:
        if not self.recording or not (tracked(left) or tracked(right)):
            result = OPERATORS[op](left, right)
            if op == "multiply" and type(result) is list:  # `[0.0] * 3` is three values from here
                return [part * 1.0 if type(part) is float else part for part in result]
            return result
        self.last = (place, op, (left, right))
        written = self.tape.places[place].text
        kept = tuple(
            part if letter in written else self._argument(part)
            for letter, part in (("l", left), ("r", right))
        )
        return self._record(place, op, (left, right), None, OPERATORS[op](left, right), kept)

    def unary(self, place: int, op: str, operand: Any) -> Any:
        if not self.recording or not tracked(operand):
            return OPERATORS[op](operand)
        return self._record(place, op, (operand,), None, OPERATORS[op](operand))

    def fresh(self, number: float) -> float:
        """A number written in the source as an object of its own."""
        return number * 1.0 if self.recording else number

    def slice(self, start: Any, stop: Any, step: Any) -> slice:
        return slice(start, stop, step)

    def item(self, place: int, owner: Any, index: Any) -> Any:
        if not self.recording or type(owner) is not np.ndarray or not tracked(owner):
            return owner[index]
        self.last = (place, "item", (owner, index))
        return self._record(place, "item", (owner, index), None, owner[index])

    def attribute(self, place: int, owner: Any, name: str) -> Any:
        value = getattr(owner, name)
        if not self.recording or type(owner) is not np.ndarray:
            return value
        return self._record(place, f"attribute {name}", (owner,), None, value)

    def slots(self, place: int, owner: Any) -> Any:
        """What an item is assigned to."""
        if not self.recording or type(owner) is not np.ndarray or not tracked(owner):
            return owner
        return _Slots(self, place, owner)

    def set_item(self, place: int, owner: Any, index: Any, value: Any) -> None:
        self.last = (place, "set_item", (owner, index, value))
        before = self.index_of(owner)
        arguments = (Ref(before), self._argument(index), self._argument(value))
        owner[index] = value
        entry = Entry("set_item", arguments, {}, place, owner.shape, owner.dtype.kind)
        self._changed(owner, self._append(entry, owner), place)

    def in_place(self, place: int, op: str, target: Any, value: Any) -> Any:
        if not self.recording or not (tracked(target) or tracked(value)):
            return IN_PLACE[op](target, value)
        if type(target) is not np.ndarray:
            return self._record(place, op, (target, value), None, IN_PLACE[op](target, value))
        self.last = (place, f"in place {op}", (target, value))
        arguments = (Ref(self.index_of(target)), self._argument(value))
        result = IN_PLACE[op](target, value)
        entry = Entry(op, arguments, {}, place, target.shape, target.dtype.kind)
        index = self._append(entry, target)
        if result is target:
            self._changed(target, index, place)
        else:
            self._known[id(result)] = Handle(result, index)
        return result

    def attribute_in_place(self, place: int, op: str, owner: Any, name: str, value: Any) -> None:
        setattr(owner, name, self.in_place(place, op, getattr(owner, name), value))

    def item_in_place(self, place: int, op: str, owner: Any, index: Any, value: Any) -> None:
        current = self.item(place, owner, index)
        new = self.in_place(place, op, current, value)
        if type(owner) is not np.ndarray or not self.recording or not tracked(owner):
            owner[index] = new
        elif not (new is current and np.may_share_memory(current, owner)):
            self.set_item(place, owner, index, new)

    # --- names, loops, calls ---

    def named(self, place: int, names: Any, value: Any) -> Any:
        if not self.recording:
            return value
        if isinstance(names, str):
            self._name(names, value)
        elif isinstance(value, tuple | list) and len(value) == len(names):
            for name, part in zip(names, value, strict=True):
                self._name(name, part)
        elif type(value) is np.ndarray:
            value = list(self.each(place, value))
            return self.named(place, names, value) if len(value) == len(names) else value
        elif isinstance(value, Iterator):
            return self.named(place, names, list(value))
        return value

    def _name(self, name: str, value: Any) -> None:
        if name and tracked(value):
            index = self.index_of(value)
            if not self.tape.entries[index].name:
                self.tape.entries[index].name = name

    def each(self, place: int, iterable: Any) -> Any:
        """What a loop runs over: the rows of an array are items of it."""
        if not self.recording or type(iterable) is not np.ndarray or iterable.ndim == 0:
            return iterable
        return (self.item(place, iterable, number) for number in range(len(iterable)))

    def method(self, place: int, owner: Any, name: str, /, *args: Any, **settings: Any) -> Any:
        if not self.recording or not isinstance(owner, _ARRAYS) or not tracked(owner):
            return self.call(place, getattr(owner, name), *args, **settings)
        bound = getattr(owner, name)
        if name == "tolist":
            return [self._listed(place, part) for part in self.each(place, owner)]
        if name == "fill":
            return self.set_item(place, owner, Ellipsis, args[0])
        if name not in METHODS:
            return self._foreign(place, bound, (owner, *args), args, settings)
        self.last = (place, name, (owner, *args))
        value = bound(*args, **settings)
        return self._record(place, f"method {name}", (owner, *args), settings, value)

    def _listed(self, place: int, value: Any) -> Any:
        if type(value) is np.ndarray:
            return [self._listed(place, part) for part in self.each(place, value)]
        return self._record(place, "float", (value,), None, value.item())

    def call(self, place: int, function: Any, /, *args: Any, **settings: Any) -> Any:
        kind = type(function)
        if not self.recording:
            return function(*args, **settings)
        if kind is FunctionType or kind is MethodType:
            before, self._calls = self._calls, (*self._calls, place)
            try:
                return function(*args, **settings)
            finally:
                self._calls = before
        if function is sum:
            return self._sum(place, *args, **settings)
        if function in ITERATORS:
            return function(*(self.each(place, part) for part in args), **settings)
        if function in (max, min):
            return self._extreme(place, function, args, settings)
        if kind is np.vectorize:
            return self._vectorized(place, function, args, settings)
        try:
            name = self._functions.get(function)
        except TypeError:  # not hashable
            name = None
        if name is None and kind is np.ufunc and function.__name__ == "expit":
            name = "scipy.expit"
        if name is not None:
            return self._numeric(place, name, function, args, settings)
        owner = getattr(function, "__self__", None)
        if isinstance(owner, np.ufunc) and function.__name__ == "at":
            return self._at(place, owner, *args)
        if kind is BuiltinFunctionType and isinstance(owner, list | dict | set | str):
            return function(*args, **settings)
        return self._foreign(place, function, args, args, settings)

    def _numeric(
        self, place: int, name: str, function: Callable[..., Any], args: Any, settings: Any
    ) -> Any:
        args = tuple(list(part) if isinstance(part, Iterator) else part for part in args)
        out = settings.get("out")
        if out is not None:
            settings = {key: part for key, part in settings.items() if key != "out"}
            target = out[0] if isinstance(out, tuple) else out
            self.set_item(place, target, Ellipsis, self.call(place, function, *args, **settings))
            return out
        if not any(_holds_tracked(part) for part in (*args, *settings.values())):
            return function(*args, **settings)
        self.last = (place, name, args)
        return self._record(place, name, args, settings, function(*args, **settings))

    def _sum(self, place: int, iterable: Any, start: Any = 0) -> Any:
        total = start
        for part in self.each(place, iterable):
            new = OPERATORS["add"](total, part)
            if tracked(total) or tracked(part):
                self._record(place, "add", (total, part), None, new)
            total = new
        return total

    def _extreme(self, place: int, function: Any, args: Any, settings: Any) -> Any:
        args = tuple(
            list(part) if isinstance(part := self.each(place, one), Iterator) else part
            for one in args
        )
        return function(*args, **settings)

    def _vectorized(self, place: int, function: Any, args: Any, settings: Any) -> Any:
        if len(args) != 1 or settings or type(args[0]) is not np.ndarray:
            return self._foreign(place, function, args, args, settings)
        flat = self.method(place, args[0], "ravel")
        found = [function.pyfunc(part) for part in self.each(place, flat)]
        joined = self.call(place, np.array, found)
        return self.method(place, joined, "reshape", args[0].shape)

    def _at(self, place: int, ufunc: Any, target: Any, index: Any, value: Any = None) -> Any:
        if ufunc not in (np.add, np.subtract) or not tracked(target):
            return self._foreign(place, ufunc.at, (target,), (target, index, value), {})
        name = f"np.{ufunc.__name__}.at"
        arguments = (Ref(self.index_of(target)), self._argument(index), self._argument(value))
        ufunc.at(target, index, value)
        entry = Entry(name, arguments, {}, place, target.shape, target.dtype.kind)
        self._changed(target, self._append(entry, target), place)
        return None

    def _foreign(
        self, place: int, function: Any, inputs: tuple[Any, ...], args: Any, settings: Any
    ) -> Any:
        """A function that is not read: what it returns comes from what it was given, somehow."""
        arrays = [part for part in inputs if type(part) is np.ndarray and tracked(part)]
        before = [(array, array.copy()) for array in arrays if array.size <= 1_000_000]
        result = function(*args, **settings)
        for array, copy in before:
            if id(array) in self._known and not np.array_equal(array, copy, equal_nan=True):
                del self._known[id(array)]  # shuffled, sorted: a new leaf from here on
        given = [p for p in (*inputs, *settings.values()) if _holds_tracked(p)]
        name = getattr(function, "__name__", type(function).__name__)
        if name in BY_SHAPE:
            return result
        if given and tracked(result) and id(result) not in self._known:
            entry = self._entry(f"opaque {name}", (), {}, place, result)
            entry.arguments = tuple(self._argument(part) for part in given)
            entry.value = result.copy() if isinstance(result, np.ndarray) else result
            self._known[id(result)] = Handle(result, self._append(entry, result))
        return result

    # --- the end ---

    def failed(self, error: str, line: int) -> dict[str, Any]:
        """The operation that was going on when the script stopped, and its operands' shapes."""
        if self.last is None or self.tape.places[self.last[0]].line != line:
            return {"error": error}
        place, op, operands = self.last
        shapes = [list(np.shape(part)) for part in operands if tracked(part)]
        text = self.tape.places[place].text
        return {"error": error, "operation": op, "shapes": shapes, "target": text}

    def note_names(self, spaces: Iterable[dict[str, Any]]) -> None:
        """Find how the script reaches the values that it still holds: `net.layers[0].W`."""
        for space in spaces:
            for name, value in list(space.items()):
                if not name.startswith("__"):
                    self._walk(name, value, 0, set())

    def _walk(self, path: str, value: Any, depth: int, above: set[int]) -> None:
        handle = self._known.get(id(value))
        if handle is not None and handle.value is value:
            self.tape.names.setdefault(handle.index, path)
            return
        if depth > 6 or id(value) in above or isinstance(value, ModuleType | type | FunctionType):
            return
        above = above | {id(value)}
        if isinstance(value, dict):
            for key, part in list(value.items()):
                self._walk(f"{path}[{key!r}]", part, depth + 1, above)
        elif isinstance(value, list | tuple) and len(value) <= 1000:
            for number, part in enumerate(value):
                self._walk(f"{path}[{number}]", part, depth + 1, above)
        elif hasattr(value, "__dict__"):
            for key, part in list(vars(value).items()):
                self._walk(f"{path}.{key}", part, depth + 1, above)


class _Slots:
    """Stands for an array on the left of an assignment."""

    def __init__(self, recorder: Recorder, place: int, owner: Any) -> None:
        self._recorder, self._place, self._owner = recorder, place, owner

    def __setitem__(self, index: Any, value: Any) -> None:
        self._recorder.set_item(self._place, self._owner, index, value)


def _holds_tracked(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(_holds_tracked(part) for part in value)
    return tracked(value)
