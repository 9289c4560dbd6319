"""What trains: the parameters of a script, and its steps, found by what the code does.

A *change* is `new = old - something` (or +, or of some rows of an array) where the something
depends on `old`. Values that are changed again and again at the same places of the source are
parameters: totals that add up do not depend on what they were, and a cache of squares depends on
itself only by way of a parameter. No name is looked at.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from chainrule.checking.scripts.rows import row
from chainrule.checking.scripts.tape import Entry, Ref, Tape

CHANGES = {"add", "subtract", "np.add", "np.subtract"}
AT = {"np.add.at", "np.subtract.at"}
MOST_LOOKED_AT = 20_000  # entries that a search for a dependence may visit
MOST_CHAINS = 400


@dataclass(frozen=True)
class Change:
    """`new = old ± by`; of some rows, `rows` is the index of the item that changes."""

    old: int
    new: int
    by: int
    sign: int
    rows: object = None
    partial: bool = False


@dataclass
class Chain:
    """One parameter: its changes in order. `first`: the entry of its first value."""

    first: int
    changes: list[Change] = field(default_factory=list)

    @property
    def versions(self) -> list[int]:
        return [self.first, *(change.new for change in self.changes)]


@dataclass
class Window:
    """One training step: for each parameter (by its first entry) its changes."""

    changes: dict[int, list[Change]]

    @property
    def before(self) -> dict[int, int]:
        return {first: changes[0].old for first, changes in self.changes.items()}

    @property
    def after(self) -> dict[int, int]:
        return {first: changes[-1].new for first, changes in self.changes.items()}

    def row_by_row(self, tape: Tape) -> set[int]:
        """The changes at places that change several rows one after the other."""
        found = set()
        for changes in self.changes.values():
            times = Counter(tape.entries[change.new].place for change in changes)
            found |= {
                change.new
                for change in changes
                if times[tape.entries[change.new].place] > 1
                and tape.entries[change.new].op == "set_item"
            }
        return found

    @property
    def end(self) -> int:
        return max(change.new for changes in self.changes.values() for change in changes)


def possible_changes(tape: Tape) -> list[Change]:
    """Everything on the tape that looks like `new = old ± by`."""
    entries, found = tape.entries, []
    inner: set[int] = set()
    for index, entry in enumerate(entries):
        if entry.op == "set_item":
            rows = _of_rows(entries, entry, index)
            if rows is not None:
                found.append(rows)
                inner.add(entry.arguments[2].index)
        elif entry.op in AT:
            target, where, by = entry.arguments
            sign = 1 if entry.op == "np.add.at" else -1
            if isinstance(by, Ref):
                found.append(Change(target.index, index, by.index, sign, where, partial=True))
        elif entry.op in CHANGES:
            found += _plain(entries, entry, index)
    return [change for change in found if change.new not in inner]


def _plain(entries: Sequence[Entry], entry: Entry, index: int) -> list[Change]:
    left, right = entry.arguments[:2]
    subtracted = entry.op.endswith("subtract")
    found = []
    if isinstance(left, Ref) and isinstance(right, Ref):
        found.append(Change(left.index, index, right.index, -1 if subtracted else 1))
        if not subtracted and not entry.in_place:
            found.append(Change(right.index, index, left.index, 1))
    return found


def _of_rows(entries: Sequence[Entry], entry: Entry, index: int) -> Change | None:
    """`W[i] -= by`, and `row = W[i]; row -= by`."""
    whole, where, value = entry.arguments
    if not isinstance(value, Ref):
        return None
    inner = entries[value.index]
    if inner.op not in CHANGES or not isinstance(inner.arguments[0], Ref):
        return None
    read, by = entries[inner.arguments[0].index], inner.arguments[1]
    if read.op != "item" or read.arguments[0] != whole or not isinstance(by, Ref):
        return None
    sign = -1 if inner.op.endswith("subtract") else 1
    return Change(whole.index, index, by.index, sign, where, partial=True)


def depends(tape: Tape, index: int, on: int, without: Iterable[int] = ()) -> bool:
    """Whether a value depends on an earlier one, other than by way of the entries `without`."""
    seen, stack = set(without), [index]
    if index in seen:
        return False
    visited = 0
    while stack:
        here = stack.pop()
        if here == on:
            return True
        if here in seen or here < on:
            continue
        seen.add(here)
        visited += 1
        if visited > MOST_LOOKED_AT:
            return False
        stack += tape.entries[here].refs()
    return False


def chains(tape: Tape) -> list[Chain]:
    """The parameters of a script, in the order of their first change."""
    by_old: dict[int, list[Change]] = defaultdict(list)
    changes = possible_changes(tape)
    for change in changes:
        by_old[change.old].append(change)
    repeated = _repeated(tape, changes)
    found = _verified(tape, repeated) if repeated else []
    if not found:
        found = _verified(tape, [Chain(c.old, [c]) for c in changes if _is_first(tape, c)])
    return found


def _is_first(tape: Tape, change: Change) -> bool:
    """Of single changes: the old value is nothing that a formula has just computed."""
    return change.old < change.by or tape.entries[change.old].op == "leaf"


def _repeated(tape: Tape, changes: list[Change]) -> list[Chain]:
    """Chains of changes: the new value of one is the old one of the next.

    A value is of one chain: in `w + rate * slope + memory` the memory looks like an old value too.
    """
    made_by = {change.new: change for change in changes}
    followed: dict[int, list[Change]] = defaultdict(list)
    for change in changes:
        if change.old in made_by:
            followed[change.old].append(change)
    found: list[Chain] = []
    taken: set[int] = set()
    for change in changes:
        if change.old in made_by or change.new not in followed or change.new in taken:
            continue
        chain, last = Chain(change.old, [change]), change
        places = {tape.entries[change.new].place}
        while followed[last.new]:
            last = _next(tape, places, followed, last.new)
            places.add(tape.entries[last.new].place)
            chain.changes.append(last)
        chain = _trimmed(tape, chain)
        if chain.changes and chain.changes[0].new not in taken:
            taken.update(change.new for change in chain.changes)
            found.append(chain)
    shared = Counter(chain.first for chain in found)
    return [_apart(chain) if shared[chain.first] > 1 else chain for chain in found]


def _apart(chain: Chain) -> Chain:
    """A parameter that begins with the same object as another, from its second value on."""
    if len(chain.changes) < 2:
        return chain
    return Chain(chain.changes[0].new, chain.changes[1:])


def _next(
    tape: Tape, places: set[int], followed: Mapping[int, Sequence[Change]], value: int
) -> Change:
    """Of several changes of one value the one at a place where this chain was changed before.

    `x @ W + b` looks like a change of b too.
    """
    choices = followed[value]
    same = [change for change in choices if tape.entries[change.new].place in places]
    again = [
        change
        for change in choices
        if any(
            tape.entries[later.new].place == tape.entries[change.new].place
            for later in followed.get(change.new, ())
        )
    ]
    return (same or again or list(choices))[0]


def _trimmed(tape: Tape, chain: Chain) -> Chain:
    """Without what happens once, before the training or after it."""
    places = [tape.entries[change.new].place for change in chain.changes]
    count = Counter(places)
    kept = [c for c, place in zip(chain.changes, places, strict=True) if count[place] > 1]
    return Chain(kept[0].old, kept) if kept else Chain(chain.first, [])


def _verified(tape: Tape, found: list[Chain]) -> list[Chain]:
    """Those chains whose changes depend on the value that changes."""
    kept = []
    sites: dict[object, int] = defaultdict(int)
    for chain in found:
        site = tape.entries[chain.changes[0].new].place
        sites[site] += 1
        if sites[site] > MOST_CHAINS:
            continue
        if any(depends(tape, change.by, change.old) for change in _one_round(tape, chain)):
            kept.append(chain)
    kept = _lasting(tape, kept)
    news = {c.new for chain in kept for c in chain.changes}
    direct = []
    for chain in kept:
        other = news - {c.new for c in chain.changes}
        if any(depends(tape, c.by, c.old, without=other) for c in _one_round(tape, chain)):
            direct.append(chain)
    return direct or _without_buffers(tape, kept)


def _without_buffers(tape: Tape, found: list[Chain]) -> list[Chain]:
    """Without sums of gradients that are never set to zero: what is updated is a multiple of them.

    Such a sum and its parameter depend on one another, and neither on itself alone.
    """
    owner = {change.new: chain.first for chain in found for change in chain.changes}
    buffers = set()
    for chain in found:
        for change in _one_round(tape, chain):
            held = owner.get(of_multiple(tape, change.by), chain.first)
            if held != chain.first:
                buffers.add(held)
    return [chain for chain in found if chain.first not in buffers] or found


def of_multiple(tape: Tape, index: int) -> int:
    """The value that this one is a multiple of, by numbers."""
    while tape.entries[index].op in ("multiply", "divide", "negative"):
        refs = list(tape.entries[index].refs())
        wide = [ref for ref in refs if tape.entries[ref].shape] or refs
        if len(wide) != 1:
            break
        index = wide[0]
    return index


def _one_round(tape: Tape, chain: Chain) -> list[Change]:
    """As many changes as there are places that change this parameter, from the second one on."""
    places = len({tape.entries[change.new].place for change in chain.changes})
    return chain.changes[1 : 1 + places] or chain.changes


def _lasting(tape: Tape, found: list[Chain]) -> list[Chain]:
    """Without values that start anew in every round, such as hidden states and residual sums."""
    if len(found) < 2:
        return found
    by_site: dict[int, list[Chain]] = defaultdict(list)
    for chain in found:
        by_site[tape.entries[chain.changes[0].new].place].append(chain)
    kept = []
    for group in by_site.values():
        group.sort(key=lambda chain: chain.changes[0].new)
        spans = [(chain.changes[0].new, chain.changes[-1].new) for chain in group]
        anew = any(later[0] > earlier[1] for earlier, later in pairwise(spans))
        longest = max(len(chain.changes) for chain in found)
        if not anew or len(group[0].changes) == longest > 1:
            kept += group
    return sorted(kept or found, key=lambda chain: chain.changes[0].new)


def windows(tape: Tape, found: Sequence[Chain]) -> list[Window]:
    """The training steps: a new one begins where a parameter is changed at a place again.

    Where several are trained, a loop over the rows of one of them belongs to one step.
    """
    ordered = sorted(
        ((change, chain.first) for chain in found for change in chain.changes),
        key=lambda pair: pair[0].new,
    )
    several = len({tape.entries[change.new].place for change, _ in ordered}) > 1
    steps: list[Window] = []
    current: dict[int, list[Change]] = {}
    seen: set[tuple[int, int]] = set()
    run: set[int] = set()  # the rows that were changed one after the other, until now
    last: tuple[int, int] | None = None
    for change, first in ordered:
        mark = (first, tape.entries[change.new].place)
        number = row(change.rows, tape.entries[change.old].shape[0]) if change.partial else None
        goes_on = several and mark == last and number is not None and number not in run
        if mark in seen and not goes_on:
            steps.append(Window(current))
            current, seen = {}, set()
        run = (run if goes_on else set()) | ({number} if number is not None else set())
        last = mark
        seen.add(mark)
        current.setdefault(first, []).append(change)
    if current:
        steps.append(Window(current))
    return steps
