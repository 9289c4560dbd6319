"""What happened in a script, operation by operation: a tape, and its form on disk.

An entry says which operation computed a value from which earlier ones. A value of which nothing is
known is a *leaf* and stands on the tape itself. Values that change in place get a new entry each
time, so that an entry means one value for ever.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.checking.scripts.instrument import Place

Array = np.ndarray[Any, Any]


class Shared:
    """What a copy of a function keeps: a tape is never changed once it is read."""

    def __deepcopy__(self, memo: Any) -> Any:
        return self


@dataclass(frozen=True)
class Ref:
    """The value of an earlier entry, as an argument."""

    index: int


@dataclass
class Entry:
    """One value.

    op        "leaf", "add", "item", "set_item", "np.exp", "method sum", "opaque np.vectorize", …
    place     number of the place in the source; -1 for a leaf
    value     of a leaf: the array or number; of a number that was computed: the number
    in_place  whether an array of the script was changed: the entry is what it holds since
    calls     the places of the user's calls that were going on, the outermost first
    """

    op: str
    arguments: tuple[Any, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)
    place: int = -1
    shape: tuple[int, ...] = ()
    kind: str = "f"
    value: Any = None
    in_place: bool = False
    name: str = ""
    calls: tuple[int, ...] = ()

    def refs(self) -> Iterator[int]:
        for part in (*self.arguments, *self.settings.values()):
            yield from refs_of(part)


def refs_of(part: Any) -> Iterator[int]:
    if isinstance(part, Ref):
        yield part.index
    elif isinstance(part, tuple | list):
        for inner in part:
            yield from refs_of(inner)
    elif isinstance(part, dict):
        for inner in part.values():
            yield from refs_of(inner)


@dataclass
class Tape(Shared):
    """Entries in order, the places of the source, and how the script ended.

    names      entry -> how the script calls the value: `weights['w2']`
    ended      "end", "time", "memory" or "error"; `message`: in the last case what Python said,
    line       and where (0: unknown)
    crash      the operation that failed: its name and its operands' shapes
    full       whether the tape was full before the script ended
    """

    entries: list[Entry] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)
    names: dict[int, str] = field(default_factory=dict)
    ended: str = "end"
    message: str = ""
    line: int = 0
    crash: dict[str, Any] = field(default_factory=dict)
    full: bool = False

    def line_of(self, index: int) -> int:
        place = self.entries[index].place
        return self.places[place].line if place >= 0 else 0


# --- on disk: JSON beside arrays, so that nothing in it is code -----------------------------------


def save(tape: Tape, folder: Path) -> None:
    arrays: list[Array] = []

    def plain(value: Any) -> Any:
        match value:
            case Ref():
                return ["ref", value.index]
            case bool() | None | str():
                return value
            case np.ndarray():
                arrays.append(value)
                return ["array", len(arrays) - 1]
            case np.generic():
                arrays.append(np.asarray(value))
                return ["number", len(arrays) - 1]
            case float():
                return ["float", value.hex()]
            case int():
                return value
            case slice():
                return ["slice", plain(value.start), plain(value.stop), plain(value.step)]
            case range():
                return ["range", value.start, value.stop, value.step]
            case tuple() | list():
                return [type(value).__name__, *(plain(part) for part in value)]
            case dict():
                return ["dict", {str(key): plain(part) for key, part in value.items()}]
            case np.dtype():
                return ["dtype", value.str]
            case type() if issubclass(value, np.generic | float | int | bool):
                return ["dtype", np.dtype(value).str]
        if value is Ellipsis:
            return ["ellipsis"]
        return ["object", type(value).__name__]

    def row(entry: Entry) -> list[Any]:
        arguments = [plain(part) for part in entry.arguments]
        settings = {key: plain(part) for key, part in entry.settings.items()}
        return [
            entry.op,
            arguments,
            settings,
            entry.place,
            list(entry.shape),
            entry.kind,
            plain(entry.value),
            int(entry.in_place),
            entry.name,
            list(entry.calls),
        ]

    document = {
        "entries": [row(entry) for entry in tape.entries],
        "places": [[place.line, place.function, place.text] for place in tape.places],
        "names": {str(index): name for index, name in tape.names.items()},
        "ended": tape.ended,
        "message": tape.message,
        "line": tape.line,
        "crash": tape.crash,
        "full": tape.full,
    }
    named: dict[str, Any] = {f"a{i}": array for i, array in enumerate(arrays)}
    np.savez(folder / "arrays.npz", **named)
    text = json.dumps(document)
    partial = folder / "tape.part"
    partial.write_text(text, encoding="utf-8")
    partial.replace(folder / "tape.json")


ENDING = ("ended", "message", "line", "crash")


def save_end(tape: Tape, folder: Path) -> None:
    """How a script ended whose tape was full, and on disk, before."""
    text = json.dumps({name: getattr(tape, name) for name in ENDING})
    (folder / "end.json").write_text(text, encoding="utf-8")


def load(folder: Path) -> Tape:
    document = json.loads((folder / "tape.json").read_text(encoding="utf-8"))
    if (folder / "end.json").is_file():
        document |= json.loads((folder / "end.json").read_text(encoding="utf-8"))
    with np.load(folder / "arrays.npz", allow_pickle=False) as stored:
        arrays = {key: stored[key] for key in stored.files}

    def back(value: Any) -> Any:
        if not isinstance(value, list):
            return value
        tag, *rest = value
        match tag:
            case "ref":
                return Ref(rest[0])
            case "array":
                return arrays[f"a{rest[0]}"]
            case "number":
                return arrays[f"a{rest[0]}"][()]
            case "float":
                return float.fromhex(rest[0])
            case "slice":
                return slice(*map(back, rest))
            case "range":
                return range(*rest)
            case "tuple":
                return tuple(map(back, rest))
            case "list":
                return [back(part) for part in rest]
            case "dict":
                return {key: back(part) for key, part in rest[0].items()}
            case "dtype":
                return np.dtype(rest[0])
            case "ellipsis":
                return Ellipsis
        return None

    entries = [
        Entry(
            op,
            tuple(map(back, arguments)),
            {key: back(part) for key, part in settings.items()},
            place,
            tuple(shape),
            kind,
            back(value),
            bool(in_place),
            name,
            tuple(calls),
        )
        for op, arguments, settings, place, shape, kind, value, in_place, name, calls in document[
            "entries"
        ]
    ]
    return Tape(
        entries,
        [Place(*place) for place in document["places"]],
        {int(index): name for index, name in document["names"].items()},
        document["ended"],
        document["message"],
        document["line"],
        document["crash"],
        document["full"],
    )
