"""A last layer that cannot give what the loss asks for."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from chainrule.diagnosis.case import Case
from chainrule.diagnosis.findings import Finding
from chainrule.diagnosis.slopes import reach
from chainrule.diagnosis.symptoms.symptom import Symptom
from chainrule.endings import last_layer
from chainrule.layers.activations import Activation, Softmax
from chainrule.loss import Loss

_BEYOND = 0.01  # of the targets, out of reach


def find(case: Case) -> Iterator[Finding]:
    loss, last = case.loss, last_layer(case.model.net)
    if loss is None or not isinstance(last, Activation):
        return
    name = type(last).__name__
    if isinstance(last, Softmax) and case.model.output_shape[-1:] == (1,):
        yield Finding(
            "loss-mismatch",
            "A softmax over a single output is always 1: dividing a number by itself leaves "
            "nothing to learn.",
            "end in cr.Sigmoid() under binary_cross_entropy, or in two units without an "
            "activation under cross_entropy",
            layer=name,
            evidence={"outputs": 1},
            severity="error",
        )
        return
    low, high = reach(last)
    if loss.prediction == "values":
        yield from _values(case, loss, name, low, high)
    elif loss.prediction != "probabilities" and (np.isfinite(low) or np.isfinite(high)):
        yield _bounded(loss, name, low, high)


def _values(case: Case, loss: Loss, name: str, low: float, high: float) -> Iterator[Finding]:
    target = np.asarray(case.y, np.float64)
    room = 1e-3 * max(1.0, float(np.ptp(target)))
    beyond = float(np.mean((target < low - room) | (target > high + room)))
    if beyond <= _BEYOND:
        return
    yield Finding(
        "loss-mismatch",
        f"The network ends in {name}, which gives numbers {_between(low, high)}, and "
        f"{beyond:.0%} of the targets lie outside. No weights can reach them under {loss.name}.",
        f"leave {name} out at the end, so that the last Dense layer gives any number",
        layer=name,
        evidence={
            "lowest output": low,
            "highest output": high,
            "lowest target": float(target.min()),
            "highest target": float(target.max()),
            "share out of reach": beyond,
        },
        severity="error",
    )


_MEANING = {
    "logits": "logits, any number from -∞ to ∞, of which it makes probabilities itself",
    "scores": "scores, whose sign decides and whose size is the margin",
    "log_rates": "logarithms of rates, any number from -∞ to ∞",
}


def _bounded(loss: Loss, name: str, low: float, high: float) -> Finding:
    evidence: dict[str, Any] = {"lowest output": low, "highest output": high}
    cost = ""
    if loss.prediction == "logits":
        least = _least_probability(loss, low, high)
        evidence["lowest probability"] = least
        if loss.task == "binary":
            cost = f" No probability below {least:.3g} can be said."
    return Finding(
        "loss-mismatch",
        f"{loss.name} takes {_MEANING[loss.prediction]}; the network ends in {name}, which gives "
        f"numbers {_between(low, high)}.{cost}",
        f"leave {name} out at the end; the loss takes the last Dense layer's numbers as they are",
        layer=name,
        evidence=evidence,
        severity="error",
    )


def _least_probability(loss: Loss, low: float, high: float) -> float:
    width = low if loss.task == "binary" else low - high
    return float(1 / (1 + np.exp(-width)))


def _between(low: float, high: float) -> str:
    if np.isfinite(low) and np.isfinite(high):
        return f"from {low:.3g} to {high:.3g}"
    return f"from {low:.3g} up" if np.isfinite(low) else f"up to {high:.3g}"


SYMPTOM = Symptom(
    "loss-mismatch",
    find,
    "the last layer cannot give what the loss, or the target, asks for",
    f"targets beyond what the last activation can give ({_BEYOND:.0%} of them and more), or an "
    "activation with bounds under a loss of logits, scores or rates",
)
