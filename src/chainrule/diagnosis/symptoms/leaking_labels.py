"""A feature that tells the target by itself."""

from collections.abc import Iterator

import numpy as np

from chainrule import random
from chainrule.data import single_labels
from chainrule.diagnosis.case import Case
from chainrule.diagnosis.findings import Finding
from chainrule.diagnosis.measure import Array
from chainrule.diagnosis.symptoms.symptom import Symptom

_ENOUGH = 0.99  # where 1 is a column that tells everything, and 0 one that tells nothing
_FEWEST, _FEWEST_OF_CLASS = 30, 5  # samples below which chance may look like this
_MOST_FEATURES = 4096


def find(case: Case) -> Iterator[Finding]:
    columns = case.few_x.reshape(len(case.few_x), -1).astype(np.float64)
    varying = np.flatnonzero(np.ptp(columns, axis=0) > 0)
    if len(columns) < _FEWEST or not 2 <= len(varying) <= _MOST_FEATURES:
        return  # where there is one feature, it is meant to tell the target
    labels = None if case.loss is None else single_labels(case.few_y, case.loss)
    counts = np.unique(case.few_y if labels is None else labels, return_counts=True)[1]
    if len(counts) < 2 or (labels is not None and counts.min() < _FEWEST_OF_CLASS):
        return
    # Equal values come in a random order, not in that of the table, which may stand by class.
    mixed = np.asarray(random.permutation(random.key(0), len(columns)))
    order = mixed[np.argsort(columns[mixed][:, varying], axis=0, kind="stable")]
    if labels is not None:
        scores, measure = _sorted_classes(labels[order]), "order of the classes"
    else:
        target = case.few_y.reshape(len(columns), -1)[:, 0].astype(np.float64)
        scores, measure = _r_squared(target[order]), "R² of the column alone"
    best = int(np.argmax(scores))
    if scores[best] < _ENOUGH:
        return
    column = int(varying[best])
    how = (
        "sorting the samples by it sorts the classes as well"
        if labels is not None
        else "the nearest values in it tell the target"
    )
    yield Finding(
        "leaking-labels",
        f"Column {column} predicts the target (almost) alone: {how}. Such a column is often the "
        "target in another form, or made after it, and will not be known when it counts.",
        f"check where column {column} comes from, and leave it out if it would not be known at "
        f"prediction time: X = np.delete(X, {column}, axis=1)",
        layer="input",
        evidence={
            "column": column,
            measure: float(scores[best]),
            "the same of the next best column": float(np.delete(scores, best).max()),
        },
    )


def _sorted_classes(ordered: Array) -> Array:
    """How well each column sorts the classes: 1 where each class is one piece of its order, about
    0 where neighbours are of the same class as often as chance has it.

    ordered  the classes in the order of each column, (samples, columns)
    """
    changes = np.sum(ordered[1:] != ordered[:-1], axis=0)
    shares = np.unique(ordered[:, 0], return_counts=True)[1] / len(ordered)
    by_chance = (len(ordered) - 1) * (1 - np.sum(np.square(shares)))
    score: Array = 1 - (changes - (len(shares) - 1)) / by_chance
    return score


def _r_squared(ordered: Array) -> Array:
    """R² of the mean of a sample's two neighbours in the order of each column, which is a
    leave-one-out score that knows nothing but the column."""
    error = ordered[1:-1] - 0.5 * (ordered[:-2] + ordered[2:])
    variance = float(np.var(ordered[:, 0])) or 1.0
    # The mean of two neighbours brings half of their own variance: of noise, 1.5 times in all.
    score: Array = 1 - np.mean(np.square(error), axis=0) / (1.5 * variance)
    return score


SYMPTOM = Symptom(
    "leaking-labels",
    find,
    "a feature that predicts the target alone",
    "sorted by one column, the classes stand sorted too, or a sample's neighbours tell its target: "
    f"to {_ENOUGH:.0%}, of {_FEWEST} samples and more",
)
