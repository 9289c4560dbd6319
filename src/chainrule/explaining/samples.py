"""What the loss is made of, sample by sample: target, answer, certainty, own loss and its share."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from chainrule.explaining.closed import Short
from chainrule.explaining.entries import Array
from chainrule.explaining.labels import class_of
from chainrule.explaining.words import some
from chainrule.graph import Node, dependents
from chainrule.notation import Quantity
from chainrule.tex import figure

if TYPE_CHECKING:
    from chainrule.explaining.story import Story

Parts = tuple[Array, float]
MOST_SAMPLES = 16  # that can be chosen from
MOST_UNITS = 6000  # numbers of a sample on a page; of more, those whose cells are drawn
HANDED_ON = ("add", "subtract", "multiply", "divide", "negative", "cast", "reshape")


@dataclass(frozen=True)
class Sample:
    """One row of the table. `certainty` and `right` are empty where the answer is no class."""

    place: int
    target: str
    answer: str
    certainty: str
    right: str
    loss: float | None
    share: float | None


def samples(story: "Story") -> list[Sample]:
    """All samples in their order; none where there is no network, or no batch."""
    record, count = story.record, story.names.samples
    prediction, target = record.roots.prediction, record.roots.data.get("y")
    if prediction is None or target is None or not count or prediction.ndim < 2:
        return []
    losses = own_losses(story)
    sizes = None if losses is None else np.abs(losses)
    whole = 0.0 if sizes is None else float(sizes.sum())
    answers = _classes(story)
    found = []
    for place in range(count):
        loss = None if losses is None else float(losses[place])
        share = abs(loss) / whole if loss is not None and whole > 0 else None
        if answers is None:
            told = (some(record.value(target)[place]), some(record.value(prediction)[place]))
            found.append(Sample(place, *told, "", "", loss, share))
            continue
        wanted, given, sure = (column[place] for column in answers)
        target_class, answer_class = (
            class_of(record.classes, np.array(k)) for k in (wanted, given)
        )
        certainty = figure(sure)
        right = "right" if wanted == given else "wrong"
        found.append(Sample(place, target_class, answer_class, certainty, right, loss, share))
    return found


def counts_classes(story: "Story") -> bool:
    """Whether classes appear by their numbers, which count from 0."""
    return not story.record.classes and _classes(story) is not None


def applied_by_the_loss(story: "Story") -> Short | None:
    """The softmax or sigmoid that the loss applies to the network's answer itself."""
    for short in story.names.short.values():
        own = short.node is story.record.roots.prediction
        if own and short.crosses and short.name in ("softmax", "sigmoid"):
            return short
    return None


def _classes(story: "Story") -> tuple[Array, Array, Array] | None:
    """(target, answer, probability of the answer) where softmax or sigmoid meets its loss."""
    for short in story.names.short.values():
        shares, target = short.prediction_value, short.target_value
        if not short.crosses or shares.ndim != 2 or target.shape != shares.shape:
            continue
        if short.name == "softmax":
            return target.argmax(axis=1), shares.argmax(axis=1), shares.max(axis=1)
        if short.name == "sigmoid" and shares.shape[1] == 1:
            sure = shares[:, 0]
            wanted = np.rint(target[:, 0]).astype(int)
            return wanted, (sure >= 0.5).astype(int), np.maximum(sure, 1 - sure)
    return None


def own_losses(story: "Story") -> Array | None:
    """The loss of each sample, read off the graph: what the last sum over samples adds up.

    Where the loss is their mean, they are on its scale; where it is a sum, they add up to it.
    """
    record, count = story.record, story.names.samples
    moving = dependents([record.roots.loss], record.roots.parameters.values())
    found = _summands(story, record.roots.loss, 1.0, moving)
    if found is None:
        return None
    parts, scale = found
    return parts * count if abs(scale) * count < 1 + 1e-6 else parts


def _summands(story: "Story", node: Node, scale: float, moving: set[Node]) -> Parts | None:
    """scale · node as a sum over samples: (its parts, their scale), or None where it is none."""
    record, name = story.record, node.op.name
    if node.shape != () or not node.inputs:
        return None
    ways = [child for child in node.inputs if child in moving]
    if name == "sum":
        (inner,) = node.inputs
        if 0 not in node.params["axes"] or not story.names.is_batch(inner):
            return _summands(story, inner, scale, moving) if inner.shape == () else None
        value = record.value(inner).astype(float)
        parts: Array = scale * value.reshape(value.shape[0], -1).sum(axis=1)
        return parts, scale
    if name not in HANDED_ON:
        return None
    if name in ("multiply", "divide"):
        if len(ways) != 1 or (name == "divide" and ways[0] is not node.inputs[0]):
            return None
        other = node.inputs[1] if ways[0] is node.inputs[0] else node.inputs[0]
        factor = float(record.value(other))
        scale = scale * factor if name == "multiply" else scale / factor
        return _summands(story, ways[0], scale, moving)
    for way in ways:  # a penalty on the weights is no sample's
        sign = -1.0 if name == "negative" or (name == "subtract" and way is node.inputs[1]) else 1.0
        found = _summands(story, way, scale * sign, moving)
        if found is not None:
            return found
    return None


# --- samples that a page can choose from ---------------------------------------------------------


def told_samples(story: "Story") -> Sequence[int]:
    """The samples whose units are told: all of a few, else the one whose numbers are worked out."""
    count = story.names.samples
    numbers = sum(prod(q.shape) for q in shown_quantities(story))
    return range(count) if 1 < count <= MOST_SAMPLES and numbers <= MOST_UNITS else [story.sample]


def shown_quantities(story: "Story") -> list[Quantity]:
    kinds = ("input", "layer", "line", "prediction")
    return [q for q in story.quantities if q.kind in kinds and q.node.dtype.kind == "f"]
