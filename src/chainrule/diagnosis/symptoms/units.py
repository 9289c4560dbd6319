"""Units whose activation passes no gradient back, for any sample: dead, or saturated."""

from collections.abc import Iterator

import numpy as np

from chainrule.diagnosis.case import Case
from chainrule.diagnosis.findings import Finding
from chainrule.diagnosis.measure import Measurement, Passage
from chainrule.diagnosis.slopes import is_bounded, slopes, steepest
from chainrule.diagnosis.symptoms.symptom import Symptom
from chainrule.layers.activations import Activation, Softmax

_FLAT = 0.08  # of the steepest slope: a sigmoid beyond 0.02 and 0.98, a tanh beyond 0.96
_DEAD = 1e-6  # likewise: a ReLU below 0
_FEWEST, _LOOKED_AT = 4, 64  # different samples, of so many
_ALWAYS = 0.9  # of the samples
_MOSTLY = 0.6  # likewise, at a start: before any step no unit of a sensible network is flat
_MANY = 0.5  # of a layer's units
_STILL_MANY = 0.25  # where it began with many


def hidden(at: Measurement) -> list[Passage]:
    """The activations that a layer with weights follows: an output may well be 0 or 1."""
    places = [
        place
        for place, passage in enumerate(at.passages)
        if f"{passage.path}.weight" in at.params and not passage.layer.children()
    ]
    last = places[-1] if places else 0
    return [
        passage
        for passage in at.passages[:last]
        if isinstance(passage.layer, Activation)
        and not isinstance(passage.layer, Softmax)  # of which every output depends on all inputs
        and passage.before is not None
    ]


def dead(passage: Passage) -> float | None:
    """The share of units with slope 0 for every sample; None where the activation has no such end:
    a bounded one saturates, and a leaky one has a slope everywhere."""
    if is_bounded(passage.layer):
        return None
    flat = np.abs(slopes(passage)) <= _DEAD * steepest(passage.layer)
    samples = np.reshape(np.asarray(passage.before), (-1, flat.shape[-1]))[:_LOOKED_AT]
    if len(np.unique(samples, axis=0)) < _FEWEST and not flat.all():
        return 0.0  # for two or three different samples a unit may well be 0 by chance
    return float(np.mean(np.all(flat, axis=0)))


def saturated(passage: Passage, always: float = _ALWAYS) -> float | None:
    """The share of units in a flat end of a bounded activation for nearly all samples."""
    if not is_bounded(passage.layer):
        return None
    flat = np.abs(slopes(passage)) <= _FLAT * steepest(passage.layer)
    return float(np.mean(np.mean(flat, axis=0) >= always))


def _find_dead(case: Case) -> Iterator[Finding]:
    begun = {passage.name: dead(passage) for passage in hidden(case.start)}
    for passage in hidden(case.now):
        share = dead(passage)
        before = begun.get(passage.name) or 0.0
        if share is None or share <= (_MANY if before <= _MANY else _STILL_MANY):
            continue
        from_start = before > _MANY
        name = type(passage.layer).__name__
        yield Finding(
            "dead-relus",
            f"{share:.0%} of the units of {passage.name} give 0 for every sample. The slope of "
            f"{name} is 0 there, so no gradient reaches their weights and they stay as they are. "
            + (
                "They were so from the start: the biases or weights begin too far below 0."
                if from_start
                else "They were alive at the start: steps that were too long have pushed them "
                "there."
            ),
            (
                'begin with weight="he_normal" and biases of 0, which is what cr.Dense does by '
                "itself, "
                if from_start
                else "lower the learning rate, "
            )
            + "or write cr.LeakyReLU(), whose slope is never 0",
            layer=passage.name,
            evidence={
                "share of dead units": share,
                "units": int(passage.units.shape[1]),
                "share at the start": before,
            },
            since="start" if from_start else "training",
            severity="error" if share > 0.99 else "warning",
        )


def _find_saturated(case: Case) -> Iterator[Finding]:
    begun = {passage.name: saturated(passage, _MOSTLY) for passage in hidden(case.start)}
    for passage in hidden(case.now):
        before = begun.get(passage.name) or 0.0
        from_start = before > _MANY
        share = saturated(passage, _MOSTLY if from_start else _ALWAYS)
        if share is None or share <= (_STILL_MANY if from_start else _MANY):
            continue
        assert passage.before is not None
        size = float(np.median(np.abs(passage.before)))
        mean = float(np.mean(np.abs(slopes(passage))))
        yield Finding(
            "saturated-units",
            f"{share:.0%} of the units of {passage.name} stand in a flat end for nearly every "
            f"sample: |z| is typically {size:.3g}, and f′ on average {mean:.2g}, where it could be "
            f"{steepest(passage.layer):.3g}. Every gradient that passes is multiplied by it. "
            + (
                "It began so: the weights or biases are too large."
                if from_start
                else "It did not begin so: the steps were too long."
            ),
            (
                'begin with smaller weights, weight="glorot_uniform" and biases of 0, which is '
                "what cr.Dense does by itself, "
                if from_start
                else "lower the learning rate, "
            )
            + "or put cr.BatchNorm() before the activation",
            layer=passage.name,
            evidence={
                "share of saturated units": share,
                "typical |z|": size,
                "mean f′": mean,
                "largest f′": steepest(passage.layer),
                "share at the start": before,
            },
            since="start" if from_start else "training",
            severity="error" if share > 0.9 else "warning",
        )


DEAD = Symptom(
    "dead-relus",
    _find_dead,
    "units that give 0 for every sample, and pass no gradient",
    f"f′ = 0 for every sample in more than {_MANY:.0%} of a layer's units",
    follows=("unscaled-inputs", "symmetric-start"),
)
SATURATED = Symptom(
    "saturated-units",
    _find_saturated,
    "sigmoids or tanhs in their flat ends for nearly every sample",
    f"f′ below {_FLAT:.0%} of its largest for {_ALWAYS:.0%} of the samples, in more than "
    f"{_MANY:.0%} of a layer's units; outputs do not count",
    follows=("unscaled-inputs",),
)
