"""Rows of an array that is changed row by row: reading one of them does not read the others.

`E[3] -= step` makes a new value of the whole array, though `E[5]` is what it was. Where a step
changes several rows one after the other, `E[5]` is read from the value before the step.
"""

from collections.abc import Container
from dataclasses import replace
from typing import Any

from chainrule.checking.scripts.tape import Entry, Ref, Tape


def row(index: Any, length: int) -> int | None:
    """The number of a single row, or None for several."""
    if isinstance(index, bool) or not hasattr(index, "__index__"):
        return None
    number = int(index.__index__())
    return number + length if number < 0 else number


def resolved(tape: Tape, changed: Container[int]) -> Tape:
    """A tape whose single rows are read from before those changes that are of other rows."""
    entries = list(tape.entries)
    for index, entry in enumerate(entries):
        if entry.op == "item":
            entries[index] = _resolved(entries, entry, changed)
    return replace(tape, entries=entries)


def _resolved(entries: list[Entry], entry: Entry, changed: Container[int]) -> Entry:
    source, where = entry.arguments[:2]
    if not isinstance(source, Ref) or source.index not in changed:
        return entry
    length = entries[source.index].shape[0]
    wanted = row(where, length)
    while wanted is not None and source.index in changed:
        whole, rows, _ = entries[source.index].arguments
        other = row(rows, length)
        if other is None or other == wanted:
            break
        source = whole
    return replace(entry, arguments=(source, *entry.arguments[1:]))
