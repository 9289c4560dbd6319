"""What the update does: how far each parameter moves, which number moves most, and why there."""

from typing import TYPE_CHECKING

import numpy as np

from chainrule.explaining.doubled import LossOfParameters
from chainrule.explaining.entries import Array, Index
from chainrule.explaining.expression import Expr
from chainrule.explaining.labels import column
from chainrule.explaining.marks import entry_of
from chainrule.graph import Node
from chainrule.notation import Quantity, remembered
from chainrule.tex import figure, plain

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
    was, now = (figure(array[index]) for array in (before, after))
    name = entry_name(story, quantity, index)
    reason = _reason(story, quantity, index, float(after[index] - before[index]))
    if before.size == 1:
        return f"{reason}: {name} goes from {was} to {now}."
    why = _why(story, [quantity.key], quantity.key, index) if story.record.slots else ""
    return f"{reason}. {name} moves most: from {was} to {now}.{why}"


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
    gradient = figure(story.gradients[quantity.key][index])
    return (
        f"Of all numbers, {entry_name(story, quantity, index)} ({quantity.key}) moves most: from "
        f"{figure(was)} to {figure(was + furthest)}. Its gradient is {gradient}."
        f"{_why(story, list(story.record.updates), quantity.key, index)}"
    )


def _why(story: "Story", keys: list[str], key: str, index: Index) -> str:
    """What is largest where a number moves most: that to which all changes are proportional.

    Tried on the numbers: the gradient (plain descent), what is remembered (momentum), and either
    over the root of another thing remembered (Adam and its relatives). Where the changes follow
    none of them, as with decay of weights, nothing is said.
    """
    record = story.record
    changes = {k: record.value(record.updates[k]) - story.values[k] for k in keys}
    slots: dict[str, dict[str, Array]] = {}
    for slot in record.slots:
        if slot.parameter in changes and slot.after.shape == changes[slot.parameter].shape:
            slots.setdefault(slot.name, {})[slot.parameter] = record.value(slot.after)
    whole = {name: arrays for name, arrays in slots.items() if len(arrays) == len(keys)}
    letters = {name: plain(remembered(name, record.rule)) for name in whole}
    gradients = {k: story.gradients[k] for k in keys}
    sources = {"its gradient": ("", gradients)}
    sources |= {f"|{letters[n]}|": (n, arrays) for n, arrays in whole.items()}
    tried = {said: arrays for said, (_, arrays) in sources.items()}
    for said, (own, above) in sources.items():
        for name, below in whole.items():
            if name == own or any((below[k] < 0).any() for k in keys):
                continue
            top = "|g|" if not own else said
            with np.errstate(all="ignore"):
                tried[f"{top}/√{letters[name]}"] = {
                    k: above[k] / np.sqrt(below[k], dtype=float) for k in keys
                }
    for said, arrays in tried.items():
        if _follow(changes, arrays):
            size = figure(abs(arrays[key][index]))
            now = " after this step" if said != "its gradient" else ""
            return f" The rule moves it furthest because {said}{now} is largest there: {size}."
    return ""


def _follow(changes: dict[str, Array], arrays: dict[str, Array]) -> bool:
    """Whether all changes are one factor times these arrays, but for rounding."""
    a = np.concatenate([changes[k].ravel() for k in changes]).astype(float)
    b = np.concatenate([arrays[k].ravel() for k in changes]).astype(float)
    known = np.isfinite(b)
    a, b = a[known], b[known]
    if a.size < 2 or not b.any():
        return False
    size = float(np.abs(a).max())
    factor = float(a @ b / (b @ b))
    return bool(np.abs(a - factor * b).max() <= 1e-3 * size)


def loss_after(story: "Story", loss: LossOfParameters) -> str:
    """The loss on the same samples after this update, and what the gradient alone predicts."""
    before, after = loss(loss.here), loss(loss.after)
    was, now, change = (figure(value, 6) for value in (before, after, after - before))
    expected = sum(
        float(np.sum(story.gradients[key].astype(float) * (loss.after[key] - loss.here[key])))
        for key in story.record.updates
    )
    share = f" ({(after - before) / abs(before):+.2%})" if before else ""
    share = share.replace("-", "−")
    return (
        f"After this update the loss on the same samples is {now}, from {was}: a change of "
        f"{change}{share}. To first order, the sum of gradient times "
        f"change over all weights predicts {figure(expected, 6)}."
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
            row += [_length(gradient), figure(top), _ratio(story, quantity.key, value)]
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
    rate = "" if story.record.rate is None else f" η = {figure(story.record.rate)}"
    said = [f"{plain(latex)} = {figure(value, 6)}" for latex, value in story.record.settings]
    letters = f", with {', '.join(said)}" if said else ""
    return (
        f"For every parameter θ with its gradient g, the rate{rate} and the number t of "
        f"updates{count}{letters}:",
        lines,
    )


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
    return figure(np.linalg.norm((story.record.value(after) - value).astype(float)) / length)


def _length(array: Array) -> str:
    return figure(np.linalg.norm(array.astype(float)))
