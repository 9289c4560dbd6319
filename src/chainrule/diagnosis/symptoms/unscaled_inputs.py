"""Features of very different or very unusual sizes."""

from collections.abc import Iterator

import numpy as np

from chainrule.diagnosis.case import Case
from chainrule.diagnosis.findings import Finding
from chainrule.diagnosis.symptoms.symptom import Symptom
from chainrule.endings import PASSING_ON
from chainrule.layers import Layer, Sequential
from chainrule.layers.layer import Arrays, within

_LARGE, _SMALL = 10.0, 0.05  # root mean squares; standardised features have 1
_FAR = 5.0  # standard deviations from 0, for features that vary by more than a little
_LISTED = 3


def find(case: Case) -> Iterator[Finding]:
    if not _meets_weights(case.model.net, case.now.params):
        return
    columns = case.few_x.reshape(len(case.few_x), -1).astype(np.float64)
    mean, spread = columns.mean(axis=0), columns.std(axis=0)
    size = np.sqrt(np.mean(np.square(columns), axis=0))
    large = (size > _LARGE) | ((np.abs(mean) > _FAR * spread) & (size > 2) & (spread > 0))
    small = size.max() < _SMALL
    if not large.any() and not small:
        return
    chosen = np.argsort(-size)[:_LISTED] if large.any() else np.argsort(size)[:_LISTED]
    worst = ", ".join(f"{place} (mean {mean[place]:.3g}, ±{spread[place]:.3g})" for place in chosen)
    what = (
        f"{int(large.sum())} of {size.size} features are far from 0 or vary by far more than 1: "
        f"column {worst}. The gradient of a weight is its input times δ, so such columns take "
        "all of the step, and one learning rate cannot suit them and the others."
        if large.any()
        else f"All features are close to 0: column {worst}. The gradient of a weight is its input "
        "times δ, so the first layer hardly moves."
    )
    yield Finding(
        "unscaled-inputs",
        what,
        "give every column mean 0 and standard deviation 1, "
        "X = (X - X.mean(0)) / np.where(X.std(0) > 0, X.std(0), 1), with the mean and deviation of "
        "the training data; divide pixels by 255",
        layer="input",
        evidence={
            "largest root mean square": float(size.max()),
            "smallest root mean square": float(size.min()),
            "columns": [int(place) for place in chosen],
        },
    )


def _meets_weights(net: Layer, params: Arrays) -> bool:
    """Whether the input is multiplied by weights as it is: a normalisation in between would rescale
    it, and an embedding or a one-hot code takes numbers as names."""
    if not isinstance(net, Sequential):
        return type(net).__name__ != "Embedding" and any(n.startswith("weight") for n in params)
    for name, layer in net.children():
        if not isinstance(layer, PASSING_ON):
            return _meets_weights(layer, within(params, name))
    return False


SYMPTOM = Symptom(
    "unscaled-inputs",
    find,
    "features that are far from the size of 1",
    f"where weights meet the input: a root mean square above {_LARGE:g}, a mean more than {_FAR:g} "
    f"deviations from 0, or all of them below {_SMALL:g}",
)
