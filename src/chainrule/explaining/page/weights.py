"""What is told of a single number of a parameter: its gradient as a sum, its update, its column."""

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.explaining.changes import parameters
from chainrule.explaining.differences import Differences
from chainrule.explaining.drawing.heat import picture
from chainrule.explaining.drawing.network import place_of
from chainrule.explaining.entries import Array, Index
from chainrule.explaining.marks import entry_of
from chainrule.explaining.page.equations import LONGEST
from chainrule.explaining.page.worked import memory_of, worked_update
from chainrule.explaining.printing import Printer
from chainrule.notation import Quantity, remembered
from chainrule.tex import figure, plain

if TYPE_CHECKING:
    from chainrule.explaining.story import Story

BELOW = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
MOST_COLUMNS = 128  # whose lengths are told
MOST_SUMS = 600  # entries of parameters whose gradient is written out, on a page


def entries_of(
    story: "Story", compared: Differences | None, chosen: Collection[tuple[str, Index]]
) -> dict[str, Any]:
    """Of each parameter the entries whose cells are drawn, and those that are chosen."""
    places = {q.key: _told_places(story, q, chosen) for q in parameters(story)}
    told = sum(map(len, places.values())) <= MOST_SUMS
    return {q.key: _entries(story, q, places[q.key], told, compared) for q in parameters(story)}


def _told_places(
    story: "Story", quantity: Quantity, chosen: Collection[tuple[str, Index]]
) -> list[int]:
    """The entries of a parameter whose cells are drawn, and those that are chosen."""
    counted = np.arange(int(np.prod(quantity.shape))).reshape(quantity.shape)
    found = {int(counted[index]) for key, index in chosen if key == quantity.key}
    gradient = story.record.gradient(quantity.node)
    for array in (story.record.value(quantity.node), gradient):
        if array is not None:
            found |= set(drawn(array))
    return sorted(found)


def _entries(
    story: "Story", quantity: Quantity, places: list[int], told: bool, compared: Differences | None
) -> dict[str, Any]:
    """Of a parameter: what is known of some of its entries, in the order of `worked`.

    told  whether the gradient of each is written out
    """
    record = story.record
    values = record.value(quantity.node)
    found = record.gradient(quantity.node)
    gradients = np.zeros(values.shape) if found is None else found
    after = record.updates.get(quantity.key)
    slots = memory_of(story, quantity)
    columns = [record.value(node) for slot in slots for node in (slot.before, slot.after)]
    columns += worked_update(story, quantity).extras
    slopes = {} if compared is None else compared.slopes
    name, added = Namer(story, quantity), _Added(story, quantity)

    def entry(place: int) -> list[str]:
        slope = slopes.get((quantity.key, place))
        new = None if after is None else record.value(after).flat[place]
        return [
            name(place),
            figure(values.flat[place], 6),
            figure(gradients.flat[place], 6),
            "" if slope is None else figure(slope, 6),
            "" if new is None else figure(new, 6),
            "" if new is None else figure(new - values.flat[place], 6),
            added(place) if told else "",
            *(figure(column.flat[place], 6) for column in columns),
        ]

    return {
        "shape": quantity.shape,
        "columns": _lengths_of_columns(values, gradients),
        "back": place_of(story, quantity.key, "backward"),
        "update": place_of(story, quantity.key, "update"),
        "memory": [plain(remembered(slot.name, record.rule)) for slot in slots],
        "of": {str(k): entry(k) for k in places},
    }


def _lengths_of_columns(values: Array, gradients: Array) -> list[list[str]]:
    """Of each column of a matrix, and of its gradient, the root of the sum of squares."""
    if values.ndim != 2 or values.shape[0] < 2 or values.shape[1] > MOST_COLUMNS:
        return []
    lengths = (np.linalg.norm(array.astype(float), axis=0) for array in (values, gradients))
    return [[figure(length) for length in pair] for pair in zip(*lengths, strict=True)]


class _Added:
    """An entry of a gradient as the sum that it is, with the numbers in it."""

    def __init__(self, story: "Story", quantity: Quantity) -> None:
        self.story, self.quantity = story, quantity
        steps = [s for s in story.phase("backward") if s.key == quantity.key]
        looped = story.shared_loop(quantity.node) is not None
        self.formula = steps[-1].expression if steps and not looped else None

    def __call__(self, place: int) -> str:
        if self.formula is None:
            return ""
        index = tuple(int(i) for i in np.unravel_index(place, self.quantity.shape))
        numbers = self.story.numbers
        entry = numbers.brief(numbers.entry(self.formula, index))
        shown = Printer(numbers).show(entry)
        return plain(shown) if entry.weight() > 1 and len(shown) < LONGEST else ""


# --- names and places ----------------------------------------------------------------------------


class Namer:
    """Names of the entries of a quantity: one is read as a formula, the others follow it."""

    def __init__(self, story: "Story", quantity: Quantity) -> None:
        self.symbol, self.shape = story.names.of(quantity), quantity.shape
        first = plain(entry_of(self.symbol, (0,) * len(self.shape)))
        below = self.below((0,) * len(self.shape))
        self.stem = first.removesuffix(below) if below and first.endswith(below) else None

    def below(self, index: tuple[int, ...]) -> str:
        counted = zip(index, self.shape, strict=True)
        parts = [str(i + 1) for i, length in counted if length != 1]
        joiner = "," if max(map(len, parts), default=1) > 1 else ""
        return joiner.join(parts).translate(BELOW)

    def __call__(self, place: int) -> str:
        found = np.unravel_index(place, self.shape) if self.shape else ()
        index = tuple(int(i) for i in found)
        if self.stem is None:
            return plain(entry_of(self.symbol, index))
        return self.stem + self.below(index)


def drawn(array: Array) -> Iterator[int]:
    yield from (k for k in picture(array).places.ravel().tolist() if k >= 0)
