"""Gradients that shrink or grow on their way back through the layers."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from chainrule.diagnosis.case import Case
from chainrule.diagnosis.findings import Finding
from chainrule.diagnosis.measure import Measurement, Passage, root_mean_square
from chainrule.diagnosis.symptoms.symptom import Symptom
from chainrule.layers.activations import Activation

_VANISHED, _EXPLODED = 1e-3, 1e2  # of the gradient at the last layer with weights
_TINY = 1e-300


@dataclass(frozen=True)
class Way:
    """The gradient on its way from the last layer with weights back to the first.

    total     ‖δ‖ at the output of the first, as a share of that at the last
    factors   (layer, by how much the gradient is multiplied where it passes that layer backwards)
    """

    first: Passage
    last: Passage
    total: float
    factors: tuple[tuple[Passage, float], ...]


def way(at: Measurement) -> Way | None:
    """None for a network with fewer than three layers with weights, where nothing adds up."""
    weighted = [
        passage
        for passage in at.passages
        if f"{passage.path}.weight" in at.params and not passage.layer.children()
    ]
    if len(weighted) < 3:
        return None
    first, last = weighted[0], weighted[-1]
    sizes = {passage.name: root_mean_square(passage.adjoint) for passage in at.passages}
    between = at.passages[at.passages.index(first) : at.passages.index(last) + 1]
    factors = [
        (passage, sizes[before.name] / max(sizes[passage.name], _TINY))
        for before, passage in pairwise(between)
    ]
    total = sizes[first.name] / max(sizes[last.name], _TINY)
    return Way(first, last, total, tuple(factors))


def _is_extreme(path: Way, shrinking: bool) -> bool:
    """A gradient of exactly 0 is cut off, by a dead layer or by weights of 0."""
    return 0 < path.total < _VANISHED if shrinking else path.total > _EXPLODED


def _blame(found: Way, shrinking: bool) -> tuple[str, dict[str, float], Passage]:
    """Which factor of the chain rule does it: the activations' f′, or the weights' Wᵀ."""
    with np.errstate(divide="ignore"):
        logs = [(passage, float(np.log(max(factor, _TINY)))) for passage, factor in found.factors]
    parts = {
        "f′ of the activations": [
            entry for entry in logs if isinstance(entry[0].layer, Activation)
        ],
        "Wᵀ of the weights": [
            entry for entry in logs if not isinstance(entry[0].layer, Activation)
        ],
    }
    means = {
        name: float(np.exp(np.mean([log for _, log in entries])))
        for name, entries in parts.items()
        if entries
    }
    sums = {name: sum(log for _, log in entries) for name, entries in parts.items()}
    name = (min if shrinking else max)(sums, key=lambda part: sums[part])
    worst, _ = (min if shrinking else max)(parts[name], key=lambda entry: entry[1])
    return name, means, worst


def _finding(symptom: str, case: Case, shrinking: bool) -> Iterator[Finding]:
    start, now = way(case.start), way(case.now)
    if start is None or now is None:
        return
    began, is_now = _is_extreme(start, shrinking), _is_extreme(now, shrinking)
    if not began and not is_now:
        return
    path = now if is_now else start
    name, means, worst = _blame(path, shrinking)
    when = "" if is_now else "At the start of the training, "
    change = (
        f"1/{1 / max(path.total, _TINY):,.3g} of that"
        if shrinking
        else f"{path.total:,.3g} times that"
    )
    share = means[name]
    text = (
        f"{when}the gradient that arrives at {path.first.name} is {change} at "
        f"{path.last.name}. On its way back it is multiplied, layer by layer, by f′ and by Wᵀ; "
        f"it is {name} that {'shrinks' if shrinking else 'stretches'} it, by {share:.2g} in a "
        f"layer on average, most of all in {worst.name}."
    )
    yield Finding(
        symptom,
        text[0].upper() + text[1:],
        _REMEDIES[shrinking, name],
        layer=path.first.name,
        evidence={
            f"gradient at {path.last.name}": root_mean_square(path.last.adjoint),
            f"gradient at {path.first.name}": root_mean_square(path.first.adjoint),
            "ratio": path.total,
            **{f"{factor}, a layer": value for factor, value in means.items()},
        },
        severity="error",
        since="start" if began else "training",
    )


_REMEDIES = {
    (True, "f′ of the activations"): (
        "write cr.ReLU() or cr.Tanh() for the activation: the slope of a sigmoid is at most 1/4. "
        "For more than some eight layers, put cr.BatchNorm() between them, or wrap pairs of "
        "layers in cr.Residual(...)"
    ),
    (True, "Wᵀ of the weights"): (
        'begin with larger weights: leave weight= out, which is "he_normal" before a ReLU and '
        '"glorot_uniform" elsewhere; or put cr.BatchNorm() between the layers'
    ),
    (False, "f′ of the activations"): (
        "write an activation whose slope is at most about 1, such as cr.ReLU() or cr.Tanh()"
    ),
    (False, "Wᵀ of the weights"): (
        'begin with smaller weights: leave weight= out, which is "he_normal" before a ReLU and '
        '"glorot_uniform" elsewhere; cr.BatchNorm() between the layers and clip_norm=1.0 in the '
        "optimizer help too"
    ),
}


VANISHING = Symptom(
    "vanishing-gradients",
    lambda case: _finding("vanishing-gradients", case, shrinking=True),
    "the gradient is multiplied away before it reaches the first layers",
    f"of three or more layers with weights, δ at the first is less than {_VANISHED:g} times that "
    "at the last, at the start or now",
    follows=(
        "unscaled-inputs",
        "symmetric-start",
        "dead-relus",
        "saturated-units",
    ),
)
EXPLODING = Symptom(
    "exploding-gradients",
    lambda case: _finding("exploding-gradients", case, shrinking=False),
    "the gradient grows from layer to layer on its way back",
    f"of three or more layers with weights, δ at the first is more than {_EXPLODED:g} times that "
    "at the last, at the start or now",
    follows=("unscaled-inputs",),
)
