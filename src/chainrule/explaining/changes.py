"""What the update does: how far each parameter moves, which number moves most, and why there."""

from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.explaining.entries import Array, Index
from chainrule.explaining.expression import Expr
from chainrule.explaining.labels import column
from chainrule.explaining.marks import entry_of
from chainrule.graph import Node
from chainrule.notation import Quantity
from chainrule.tex import number, plain

if TYPE_CHECKING:
    from chainrule.explaining.story import Story


def moved(story: "Story", quantity: Quantity, node: Node) -> str:
    """A step of the update, in a sentence."""
    if node not in story.record.updates.values():
        return "What the optimizer remembers of the gradients so far."
    before = story.record.value(quantity.node)
    after = story.record.value(node)
    if not (after - before).any():
        return "Its gradient is 0: it stays as it is."
    index = largest(after - before)
    was, now = (_figure(array[index]) for array in (before, after))
    name = entry_name(story, quantity, index)
    reason = _reason(story, quantity, index, float(after[index] - before[index]))
    if before.size == 1:
        return f"{reason}: {name} goes from {was} to {now}."
    return f"{reason}. {name} moves most: from {was} to {now}."


def _reason(story: "Story", quantity: Quantity, index: Index, change: float) -> str:
    """Against the slope, unless what is remembered or the decay of weights outweighs it."""
    gradient = float(story.gradients[quantity.key][index])
    if change * gradient < 0:
        return "A step against the slope"
    if gradient == 0:
        return "Its gradient is 0 now; the optimizer moves it all the same"
    return "A step along the slope: what the optimizer remembers outweighs the gradient of now"


def most_moved(story: "Story") -> str:
    """Which number of all parameters moves most, and the gradient that it has; or nothing."""
    furthest = 0.0
    best: tuple[Quantity, Index] | None = None
    for quantity in parameters(story):
        after = story.record.updates.get(quantity.key)
        if after is None or not np.prod(quantity.shape):
            continue
        change = story.record.value(after) - story.record.value(quantity.node)
        index = largest(change)
        if abs(change[index]) > abs(furthest):
            furthest, best = float(change[index]), (quantity, index)
    if best is None:
        return ""
    quantity, index = best
    was = float(story.record.value(quantity.node)[index])
    gradient = _figure(story.gradients[quantity.key][index])
    return (
        f"Of all numbers, {entry_name(story, quantity, index)} ({quantity.key}) moves most: from "
        f"{_figure(was)} to {_figure(was + furthest)}. Its gradient is {gradient}."
    )


def summary(story: "Story", computed: bool, unknown: str) -> list[list[str]]:
    """Every parameter: symbol, name, shape, length, that of its gradient, largest entry, step.

    unknown  what stands in place of what has not been computed
    """
    rows = []
    for quantity in parameters(story):
        value = story.values[quantity.key]
        name = quantity.key if quantity.scope else ""
        row = [quantity.text, name, " × ".join(f"{n:,}" for n in value.shape), _length(value)]
        if computed:
            gradient = story.gradients[quantity.key]
            top = float(gradient[largest(gradient)]) if gradient.size else 0.0
            row += [_length(gradient), _figure(top), _ratio(story, quantity.key, value)]
        rows.append(row if computed else [*row, unknown, "", ""])
    return rows


SUMMARY_HEAD = ("parameter", "", "shape", "length", "of gradient", "largest", "step")
SUMMARY_NOTE = (
    "length: the root of the sum of squares; largest: the gradient's largest entry; step: how "
    "far the update moves the parameter, in parts of its length."
)


def rule(story: "Story") -> tuple[str, list[str]]:
    """The optimizer's rule and what its letters are; nothing for a step against the gradient."""
    lines = list(story.record.rule)
    if len(lines) < 2:
        return "", []
    made = next((slot.before for slot in story.record.slots if not slot.parameter), None)
    count = "" if made is None else f", here {int(story.record.value(made)) + 1:,}"
    rate = "" if story.record.rate is None else f" η = {_figure(story.record.rate)}"
    said = [f"{plain(latex)} = {_setting(value)}" for latex, value in story.record.settings]
    letters = f", with {', '.join(said)}" if said else ""
    return (
        f"For every parameter θ with its gradient g, the rate{rate} and the number t of "
        f"updates{count}{letters}:",
        lines,
    )


def _setting(value: float) -> str:
    """As it was given: 0.999, 10⁻⁸."""
    return plain(number(value, 6))


def entry_name(story: "Story", quantity: Quantity, index: Index) -> str:
    """`w⁽¹⁾₂₁ (from age)`: an entry of a parameter, and the column that it weighs."""
    return plain(entry_of(story.names.of(quantity), index)) + _from_column(story, quantity, index)


def _from_column(story: "Story", quantity: Quantity, index: Index) -> str:
    names = story.names
    made = [q.node for q in names.quantities if q.kind in ("layer", "prediction")]
    for node in made if story.record.columns and len(index) == 2 else ():
        for product in _products(names.reader.read(node)):
            read, weight = product.args
            if weight.head == read.head == "symbol" and weight.data.key == quantity.key:
                return column(story, read.data.key, index[0])
    return ""


def _products(expr: Expr) -> list[Expr]:
    inside = [product for arg in expr.args for product in _products(arg)]
    return [expr, *inside] if expr.head == "contract" else inside


def parameters(story: "Story") -> list[Quantity]:
    return [quantity for quantity in story.quantities if quantity.kind == "parameter"]


def largest(array: Array) -> Index:
    """Where the largest number stands, by size."""
    place = int(np.argmax(np.abs(array)))
    return tuple(int(i) for i in np.unravel_index(place, array.shape))


def _ratio(story: "Story", name: str, value: Array) -> str:
    after = story.record.updates.get(name)
    length = float(np.linalg.norm(value.astype(float)))
    if after is None or not length:
        return "–"
    return _figure(np.linalg.norm((story.record.value(after) - value).astype(float)) / length)


def _length(array: Array) -> str:
    return _figure(np.linalg.norm(array.astype(float)))


def _figure(value: Any) -> str:
    return plain(number(float(value)))
