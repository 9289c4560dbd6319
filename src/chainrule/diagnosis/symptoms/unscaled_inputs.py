"""Features of very different or very unusual sizes."""

from collections.abc import Iterator

import numpy as np

from chainrule.diagnosis.case import Case
from chainrule.diagnosis.findings import Finding
from chainrule.diagnosis.symptoms.symptom import Symptom
from chainrule.layers import BatchNorm, Dense, LayerNorm, Sequential
from chainrule.layers.layer import Layer

_LARGE, _SMALL = 10.0, 0.05  # root mean squares; standardised features have 1
_FAR = 5.0  # standard deviations from 0, for features that vary by more than a little
_LISTED = 3


def find(case: Case) -> Iterator[Finding]:
    if not isinstance(_entrance(case.model.net), Dense):
        return  # a normalisation rescales, an embedding or a one-hot code takes numbers as names
    columns = case.few_x.reshape(len(case.few_x), -1).astype(np.float64)
    size, mean, spread = (
        np.sqrt(np.mean(np.square(columns), axis=0)),
        columns.mean(axis=0),
        columns.std(axis=0),
    )
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
        "give every column mean 0 and standard deviation 1, X = (X - X.mean(0)) / X.std(0), with "
        "the mean and deviation of the training data; divide pixels by 255",
        layer="input",
        evidence={
            "largest root mean square": float(size.max()),
            "smallest root mean square": float(size.min()),
            "columns": [int(place) for place in chosen],
        },
    )


def _entrance(net: Layer) -> Layer:
    """The first layer that does more than to reshape: normalisations and codes take any scale."""
    if isinstance(net, Sequential):
        for layer in net.layers:
            first = _entrance(layer)
            if isinstance(first, Dense | BatchNorm | LayerNorm) or first.children():
                return first
            if type(first).__name__ not in ("Flatten", "Reshape", "Identity", "Dropout"):
                return first
    return net


SYMPTOM = Symptom(
    "unscaled-inputs",
    find,
    "features that are far from the size of 1",
    f"before a dense layer: a root mean square above {_LARGE:g}, a mean more than {_FAR:g} "
    f"deviations from 0, or all of them below {_SMALL:g}",
)
