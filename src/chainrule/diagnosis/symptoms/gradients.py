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


def _steepest(case: Case, shrinking: bool) -> tuple[Way, bool] | None:
    """The way now or at the start, whichever is the more extreme, and whether it is that of now."""
    ways = [(way(case.now), True), (way(case.start), False)]
    found = [(path, is_now) for path, is_now in ways if path is not None]
    if not found:
        return None
    return (min if shrinking else max)(found, key=lambda pair: pair[0].total)


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
    found = _steepest(case, shrinking)
    if found is None:
        return
    path, is_now = found
    if path.total == 0:
        return  # cut off altogether, by a dead layer or by weights of 0: not multiplied away
    if (path.total >= _VANISHED) if shrinking else (path.total <= _EXPLODED):
        return
    name, means, worst = _blame(path, shrinking)
    when = "" if is_now else "At the start of the training, "
    change = f"1/{1 / max(path.total, _TINY):,.3g}" if shrinking else f"{path.total:,.3g} times"
    share = means[name]
    text = (
        f"{when}the gradient that arrives at {path.first.name} is {change} of that at "
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
    follows=(
        "unscaled-inputs",
        "symmetric-start",
        "learning-rate-too-high",
        "dead-relus",
        "saturated-units",
    ),
)
EXPLODING = Symptom(
    "exploding-gradients",
    lambda case: _finding("exploding-gradients", case, shrinking=False),
    "the gradient grows from layer to layer on its way back",
    follows=("unscaled-inputs",),
)
