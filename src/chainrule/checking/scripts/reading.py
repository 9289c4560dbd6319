"""One training step of a tape as two functions, a loss and its coded gradient, with their data."""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np

from chainrule.checking.scripts.rates import Factor, below_memory, learning_rate
from chainrule.checking.scripts.replay import Player
from chainrule.checking.scripts.tape import Entry, Ref, Shared, Tape
from chainrule.checking.scripts.updates import Chain, Change, Window, of_multiple
from chainrule.errors import ChainruleError

Array = np.ndarray[Any, Any]
LAYOUT = frozenset(
    (
        *("attribute T", "item", "np.transpose", "method transpose", "np.reshape"),
        *("method reshape", "method ravel", "np.ravel", "method flatten"),
    )
)
# Operations that give the same for whole numbers and for floats.
ARITHMETIC = frozenset(
    (
        *("add", "subtract", "multiply", "divide", "matmul", "np.dot", "np.matmul", "method dot"),
        *("np.add", "np.subtract", "np.multiply", "np.divide", "np.outer", "attribute T"),
    )
)


class Unreadable(ChainruleError, ValueError):
    """A part of a script of which the checker cannot see what it computes."""


@dataclass(frozen=True)
class Slice(Shared):
    """The entries that a value needs, and those that it starts from."""

    target: int
    order: tuple[int, ...]
    frontier: tuple[int, ...]


@dataclass
class Step(Shared):
    """A training step: what its parameters were, and what depends on them."""

    tape: Tape
    player: Player
    window: Window
    chains: Sequence[Chain]
    names: dict[int, str]  # first entry of a parameter -> its name
    previous: Window | None = None

    @cached_property
    def start(self) -> dict[int, int]:
        """The entry of each parameter's value before the step -> its first entry."""
        return {old: first for first, old in self.window.before.items()}

    @cached_property
    def live(self) -> set[int]:
        """The entries that depend on the parameters as they were before the step."""
        return self.depending(self.window.end)

    @cached_property
    def users(self) -> dict[int, list[int]]:
        """The entries that read a value, in this step or before it."""
        found: dict[int, list[int]] = {}
        for index in range(min(self.window.end + 1, len(self.tape.entries))):
            for ref in self.tape.entries[index].refs():
                found.setdefault(ref, []).append(index)
        return found

    def depending(self, end: int) -> set[int]:
        """What depends on the parameters before the step, from this step on.

        The step before may have read them too.
        """
        return self.reached(self.start, end, self.previous.end if self.previous else None)

    def reached(
        self,
        sources: Iterable[int],
        end: int,
        begin: int | None = None,
        without: Container[int] = (),
    ) -> set[int]:
        """What depends on some values, among the entries behind `begin`, or behind them.

        without  values that are taken as given, whatever they came from
        """
        found = set(sources)
        entries = self.tape.entries
        begin = min(found) if begin is None else begin
        for index in range(begin + 1, min(end + 1, len(entries))):
            if index not in without and any(ref in found for ref in entries[index].refs()):
                found.add(index)
        return found

    @cached_property
    def begin(self) -> int:
        """The first entry that reads a parameter: data are made before, the step comes after."""
        return min((index for index in self.live if index not in self.start), default=0)

    def slice(self, target: int, live: set[int], start: Container[int] | None = None) -> Slice:
        """What a value is computed from, back to the parameters and to what was made before.

        live   the entries that depend on the parameters
        start  entries to stop at instead of at the parameters
        """
        start = self.start if start is None else start
        order, frontier = set(), set()
        stack, seen = [target], set()
        while stack:
            here = stack.pop()
            if here in seen or here in start:
                continue
            seen.add(here)
            entry = self.tape.entries[here]
            is_live = here in live
            if entry.op.startswith("opaque") and is_live:
                raise self._opaque(entry)
            if not is_live and (
                here < self.begin or entry.op == "leaf" or entry.op[:6] == "opaque"
            ):
                frontier.add(here)
                continue
            order.add(here)
            stack += entry.refs()
        return Slice(target, tuple(sorted(order)), tuple(sorted(frontier)))

    def inputs(self, part: Slice) -> list[int]:
        """Of the data of a loss those that the network reads: parameters are still met behind them.

        Nothing behind a target reads a parameter.
        """
        entries = self.tape.entries
        weights = set(self.start)
        for index in part.order:
            if entries[index].op in LAYOUT and any(r in weights for r in entries[index].refs()):
                weights.add(index)
        reads: set[int] = set()  # what a parameter is met behind, or in
        for index in reversed(part.order):
            refs = list(entries[index].refs())
            if index in weights:
                continue
            if index in reads or any(ref in weights for ref in refs):
                reads.update(refs)
        return [index for index in part.frontier if index in reads]

    def touched(self, part: Slice, live: set[int]) -> set[tuple[int, ...]]:
        """The shapes, lying down or upright, of the data that meet what depends on parameters."""
        entries = self.tape.entries
        return {
            tuple(sorted(entries[ref].shape))
            for index in part.order
            if index in live
            for ref in entries[index].refs()
            if ref not in live and len(entries[ref].shape) > 1 and entries[ref].kind == "f"
        }

    def _opaque(self, entry: Entry) -> Unreadable:
        line = self.tape.places[entry.place].line
        name = entry.op.partition(" ")[2]
        return Unreadable(
            f"line {line}: what `{name}` computes cannot be read, and the gradient depends on it; "
            "write it with NumPy's functions"
        )

    # --- the gradient ---

    @cached_property
    def rate(self) -> Factor | None:
        return learning_rate(self.tape, Window(self.slopes), self.live)

    @cached_property
    def slopes(self) -> dict[int, list[Change]]:
        """The changes without those that only remember: a momentum added in a statement of sums."""
        return {
            first: [change for change in changes if change.by in self.live] or changes
            for first, changes in self.window.changes.items()
        }

    @cached_property
    def memory(self) -> dict[int, int | None]:
        """For each parameter the gradient below a rule such as Adam's."""
        if self.previous is None:
            return dict.fromkeys(self.window.changes)
        begin = min(self.previous.before.values())
        params = {*self.window.before.values()}
        earlier = [
            index
            for index in self.reached(self.previous.before.values(), self.window.end)
            if begin <= index and index not in params and index < self.begin
        ]
        return {
            first: None
            if self._sums_up(changes[-1].by)
            else below_memory(self.tape, changes[-1].by, self.live, earlier, params, 60)
            for first, changes in self.slopes.items()
        }

    @property
    def adds_up(self) -> bool:
        """Whether some parameter is changed by a sum of all gradients so far."""
        return any(self._sums_up(changes[-1].by) for changes in self.slopes.values())

    def _sums_up(self, by: int) -> bool:
        """Whether an update takes a sum of all gradients since the beginning, the last among them.

        A momentum fades; this is a buffer that nobody sets to zero.
        """
        entries = self.tape.entries
        total = entries[of_multiple(self.tape, by)]
        return total.op == "add" and any(
            ref not in self.live and entries[ref].place == total.place for ref in total.refs()
        )

    @cached_property
    def gradient_slices(self) -> dict[int, list[tuple[Change, Slice]]]:
        """For each parameter its changes, and what each change is computed from.

        Where a change is the learning rate times a value, that value is the gradient itself.
        """
        found = {}
        for first, changes in self.slopes.items():
            below = self.memory[first]
            if below is not None:
                last = replace(changes[-1], by=below, sign=self._sign_below(changes[-1], below))
                changes = [last]
            else:
                changes = [self._without_rate(change) for change in changes]
            found[first] = [(change, self.slice(change.by, self.live)) for change in changes]
        return found

    @cached_property
    def backward(self) -> set[int]:
        """The entries that compute the gradients."""
        return {
            index
            for parts in self.gradient_slices.values()
            for _, part in parts
            for index in part.order
        }

    def _without_rate(self, change: Change) -> Change:
        entry = self.tape.entries[change.by]
        rate = self.rate
        if rate is None or entry.op not in ("multiply", "np.multiply"):
            return change
        for one, other in (entry.arguments[:2], entry.arguments[1::-1]):
            if not isinstance(other, Ref):
                continue
            if isinstance(one, Ref) and one.index in rate.same:
                return replace(change, by=other.index)
            if rate.index is None and one == rate.value and isinstance(one, float):
                return replace(change, by=other.index)
            if isinstance(one, Ref) and self._is_minus_rate(one.index):
                return replace(change, by=other.index, sign=-change.sign)
        return change

    @cached_property
    def with_rate_inside(self) -> set[int]:
        """Values of which the learning rate is a factor somewhere inside."""
        if self.rate is None:
            return set()
        return {change.by for group in self.slopes.values() for change in group}

    def _is_minus_rate(self, index: int) -> bool:
        entry = self.tape.entries[index]
        inner = entry.arguments[0] if entry.op == "negative" else None
        return isinstance(inner, Ref) and self.rate is not None and inner.index in self.rate.same

    def _sign_below(self, change: Change, below: int) -> int:
        """Whether the parameter grows or falls where the gradient grows."""
        order = self.slice(change.by, self.live, start={below}).order
        results = []
        known = dict(self._values(order, {below}))
        for factor in (1.0, 1.001):
            values = known | {below: self.player.value(below) * factor}
            results.append(np.asarray(self.player.play(order, values)[change.by]))
        gradient = np.asarray(self.player.value(below))
        slope = float(np.sum((results[1] - results[0]) * gradient))
        return change.sign if slope >= 0 else -change.sign

    def _values(self, order: Sequence[int], known: set[int]) -> Iterator[tuple[int, Any]]:
        inside = {*order, *known}
        for index in order:
            for ref in self.tape.entries[index].refs():
                if ref not in inside:
                    yield ref, self.player.value(ref)

    # --- losses ---

    def loss_candidates(self, until: int) -> list[int]:
        """Numbers that depend on the parameters before the step and on nothing that comes of it."""
        slices = [part for parts in self.gradient_slices.values() for _, part in parts]
        entries = self.tape.entries
        live = self.depending(until)
        after = {change.new for group in self.window.changes.values() for change in group}
        steps = {change.by for group in self.window.changes.values() for change in group}
        later = self.reached(after | steps | {part.target for part in slices}, until)
        mixed = self._mixed(until)
        found = [
            index
            for index in sorted(live - later - mixed - self.backward)
            if index not in self.start and is_number(entries[index])
        ]
        inner = {ref for index in found for ref in entries[index].refs()}
        outer = [index for index in found if index not in inner]
        return outer or found

    def _mixed(self, until: int) -> set[int]:
        """What depends on other versions of the parameters too, as sums over an epoch do."""
        versions = {v for chain in self.chains for v in chain.versions} - set(self.start)
        versions = {v for v in versions if v > min(self.start)}
        return self.reached(versions, until, without=self.start) if versions else set()


def is_number(entry: Entry) -> bool:
    # An item of an array is read, not computed.
    made = entry.op not in ("leaf", "item", "set_item") and not entry.op.startswith("opaque")
    return made and entry.kind == "f" and int(np.prod(entry.shape)) == 1


class Bench(Shared):
    """Joins slices to functions of parameters and data, so that equal data are one argument."""

    def __init__(self, step: Step) -> None:
        self.step, self.player, self.tape = step, step.player, step.tape
        self.data: list[Any] = []
        self._slots: dict[int, int] = {}  # entry -> place in `data`
        self._fixed: dict[int, Any] = {}

    def place(self, frontier: Sequence[int]) -> None:
        """Give the values that a slice starts from a place among the data, where they are data."""
        for index in frontier:
            if index in self._slots or index in self._fixed:
                continue
            value = self.player.value(index)
            if self._only_counts(index):  # 0 and 1 as targets are data like any other
                value = np.asarray(value, float)
            if not _is_data(value) or (self.step.rate and index in self.step.rate.same):
                self._fixed[index] = value
                continue
            for slot, known in enumerate(self.data):
                if equal(known, value):
                    self._slots[index] = slot
                    break
            else:
                self._slots[index] = len(self.data)
                self.data.append(value)

    def place_inputs(self, inputs: Sequence[int]) -> None:
        """The network's inputs: the first one as data, the others, such as a first state, fixed.

        So what else stands among the data are targets.
        """
        for index in inputs:
            self.place([index])
            if len(self.data) > 1:
                self._fixed[index] = self.data.pop()
                del self._slots[index]

    def _only_counts(self, index: int) -> bool:
        """Whether an array of whole numbers is calculated with, and never an index."""
        entry = self.tape.entries[index]
        if entry.kind not in "iu" or not entry.shape:
            return False
        users = self.step.users.get(index, ())
        return bool(users) and all(self.tape.entries[user].op in ARITHMETIC for user in users)

    def function(
        self,
        pieces: Sequence[tuple[str, Sequence[tuple[int, Slice, Change | None]]]],
        exchange: Mapping[int, Any] = MappingProxyType({}),
    ) -> Callable[..., Any]:
        """A function of parameters and data: {name: sum of its signed slices}.

        exchange  entry -> the value that it has instead of what it computes
        """

        def function(params: dict[str, Any], *data: Any) -> dict[str, Any]:
            names = self.step.names
            values: dict[int, Any] = {
                index: params[names[first]] for index, first in self.step.start.items()
            }
            values |= {index: data[slot] for index, slot in self._slots.items()}
            values |= {**self._fixed, **exchange}
            results = {}
            unstripped = self.step.with_rate_inside
            rate = self.step.rate.value if self.step.rate else 1.0
            for name, parts in pieces:
                total: Any = None
                for sign, part, change in parts:
                    value = self.player.play(part.order, values)[part.target]
                    if change is not None and change.by in unstripped:
                        value = value * (1 / rate)
                    if change is not None and change.partial:
                        value = self.player.in_rows(value, change)
                    elif change is not None:
                        value = self.player.as_wide(value, change)
                    value = self.player.negative(value, change) if sign < 0 else value
                    total = value if total is None else total + value
                results[name] = total
            return results

        return function


def _is_data(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "fiu" and value.ndim > 0
    return isinstance(value, float)


def equal(a: Any, b: Any) -> bool:
    return bool(
        np.shape(a) == np.shape(b)
        and np.asarray(a).dtype == np.asarray(b).dtype
        and np.array_equal(a, b)
    )
