"""Parts of a training step joined to functions of parameters and data."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from chainrule.checking.scripts.reading import Slice, Step
from chainrule.checking.scripts.tape import Shared
from chainrule.checking.scripts.updates import Change

# Operations that give the same for whole numbers and for floats.
ARITHMETIC = frozenset(
    (
        *("add", "subtract", "multiply", "divide", "matmul", "np.dot", "np.matmul", "method dot"),
        *("np.add", "np.subtract", "np.multiply", "np.divide", "np.outer", "attribute T"),
    )
)


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
