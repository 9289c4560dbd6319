"""Losses that a script may mean and does not compute: what its prediction and target would give.

A prediction is a value that depends on the parameters where it first meets a value that does not:
`y - output`, `probs[range(n), labels] -= 1`.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from chainrule.checking.other_losses import ROWS, UsualLoss, reductions
from chainrule.checking.scripts.bench import Bench
from chainrule.checking.scripts.reading import Step
from chainrule.checking.scripts.tape import Entry, Ref

MEETINGS = {"add", "subtract", "multiply", "divide", "np.subtract", "np.add"}
MOST = 4
# The names of losses by which one may be asked for, and how their rows begin.
USUAL = {
    "half_squared_error": "½(ŷ - y)²",
    "mean_squared_error": "(ŷ - y)², averaged",
    "mean_absolute_error": "|ŷ - y|",
    "binary_cross_entropy": "binary cross-entropy",
    "cross_entropy": "cross-entropy",
}
Built = Callable[..., Any]


def guessed_losses(step: Step) -> Iterator[tuple[str, Callable[[Bench], Built]]]:
    """(name, how to build the loss) for every usual loss of every pair that may be meant."""
    for prediction, target in list(_pairs(step))[:MOST]:
        value = np.asarray(step.player.value(prediction))
        for row in ROWS:
            if row.probability and not (np.all(value > 0) and np.all(value < 1)):
                continue
            if row.name == "cross-entropy" and (value.ndim == 0 or value.shape[-1] == 1):
                continue
            for name, constant in reductions(value).items():
                yield f"{row.name}, {name}", _builder(step, prediction, target, row, constant)


def _pairs(step: Step) -> Iterator[tuple[int, Any]]:
    """(entry of the prediction, target): in the order in which they meet in the code."""
    entries = step.tape.entries
    seen: set[tuple[int, int]] = set()
    for index in sorted(step.live):
        if index > step.window.end or index in step.start:
            continue
        entry = entries[index]
        pair = _meeting(step, entry)
        if pair is None:
            continue
        prediction, target = pair
        key = (prediction, id(target) if not isinstance(target, int) else target)
        if key not in seen and prediction not in step.start:
            seen.add(key)
            yield prediction, target


def _meeting(step: Step, entry: Entry) -> tuple[int, Any] | None:
    """A prediction, and the entry or the number that is its target."""
    if entry.op in MEETINGS and len(entry.arguments) >= 2:
        left, right = entry.arguments[:2]
        for one, other in ((left, right), (right, left)):
            if not isinstance(one, Ref) or one.index not in step.live:
                continue
            if entry.op not in ("subtract", "np.subtract"):
                continue
            if isinstance(other, Ref) and other.index not in step.live:
                target = step.player.value(other.index)
                if np.shape(target) == step.tape.entries[one.index].shape:
                    return one.index, other.index
            if isinstance(other, int | float) and not isinstance(other, bool) and other is right:
                return one.index, float(other)
    if entry.op == "set_item":
        return _labels(step, entry)
    return None


def _labels(step: Step, entry: Entry) -> tuple[int, Any] | None:
    """`p[rows, labels] -= 1`: the labels as rows of 0 and 1."""
    whole, where, value = entry.arguments
    if not isinstance(value, Ref) or whole.index not in step.live:
        return None
    inner = step.tape.entries[value.index]
    if inner.op != "subtract" or inner.arguments[1] not in (1, 1.0):
        return None

    target = np.zeros(step.tape.entries[whole.index].shape)
    target[step.player.decoded(where)] = 1.0
    return whole.index, target


def _builder(
    step: Step, prediction: int, target: Any, row: UsualLoss, constant: float
) -> Callable[[Bench], Built]:
    def build(bench: Bench) -> Built:
        part = step.slice(prediction, step.live)
        bench.place(part.frontier)
        if isinstance(target, int):
            bench.place([target])
        forward = bench.function([("out", [(1, part, None)])])
        goal = step.player.value(target) if isinstance(target, int) else target

        def loss(params: Any, *data: Any) -> Any:
            return constant * row.formula(forward(params, *data)["out"], np.asarray(goal, float))

        return loss

    return build
