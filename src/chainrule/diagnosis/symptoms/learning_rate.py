"""A learning rate that the curvature of the loss does not allow, or does not ask for."""

from collections.abc import Iterator

import numpy as np

from chainrule.diagnosis.case import Case, Step
from chainrule.diagnosis.findings import Finding
from chainrule.diagnosis.symptoms.symptom import Symptom
from chainrule.schedules import rate_at

_TOO_LONG = 1.0  # of 2/λ
_RAISED = 1.2  # times the loss before the step: what bends but hardly rises does no harm
_UNTRIED = 4.0  # likewise, where no epoch has shown what it does
_TOO_SHORT = 1e-3
_UNTRIED_SHORT = 1e-5
_THROWN_BACK = 1.5  # times the loss at the start
_NOTHING_LEARNED = 0.95  # of the loss at the start
_LITTLE_LEARNED = 0.5


def _went_badly(case: Case) -> str:
    """What the history says against the steps, in words; "" where it says nothing."""
    begun = case.start.loss
    if case.stopped == "not finite":
        return "and the training stopped at numbers that were not finite"
    if not case.losses:
        return ""
    if max(case.losses) > _THROWN_BACK * begun:
        return f"and the loss has risen from {begun:.3g} to {max(case.losses):.3g} on the way"
    if case.losses[-1] > _NOTHING_LEARNED * begun:
        return f"and the loss is {case.losses[-1]:.3g} where it began with {begun:.3g}"
    return ""


def _rate(case: Case) -> float:
    optimizer = case.model.optimizer
    return float(np.asarray(rate_at(optimizer.lr, np.asarray(case.steps))))


def _evidence(case: Case, step: Step) -> dict[str, float]:
    return {
        "lr": _rate(case),
        "λ along the step": step.curvature,
        "step / longest stable step": step.ratio,
        "loss before the step": step.before,
        "loss after it": step.after,
    }


def _find_high(case: Case) -> Iterator[Finding]:
    step = max(case.first_step, case.next_step, key=lambda step: step.ratio)
    if case.is_trained:
        words = _went_badly(case)
        if step.ratio <= _TOO_LONG or step.after < _RAISED * step.before or not words:
            return
    else:
        words = f"and would raise the loss from {step.before:.3g} to {step.after:.3g}"
        if step.ratio <= _UNTRIED or step.after < 2 * _THROWN_BACK * step.before:
            return
    when = "first step" if step is case.first_step else "next step"
    yield Finding(
        "learning-rate-too-high",
        f"The {when} is {step.ratio:.3g} times as long as the longest that does not raise the loss "
        f"(for gradient descent, lr = 2/λ with the curvature λ along the step), {words}.",
        f"write a learning rate of about {_round(_rate(case) / (4 * step.ratio))} instead of "
        f"{_rate(case):.3g}; clip_norm=1.0 bounds single steps",
        evidence=_evidence(case, step),
        severity="error",
    )


def _find_low(case: Case) -> Iterator[Finding]:
    first, now = case.first_step, case.next_step
    if not 0 < max(first.ratio, now.ratio) < (_TOO_SHORT if case.losses else _UNTRIED_SHORT):
        return
    if case.losses and case.now.loss < _LITTLE_LEARNED * case.start.loss:
        return
    learned = (
        f"After {case.steps:,} steps the loss has gone from {case.start.loss:.3g} to "
        f"{case.now.loss:.3g} only: "
        if case.losses
        else ""
    )
    share = max(first.ratio, now.ratio)
    text = (
        f"{learned}a step is 1/{_round(1 / share)} of the longest that does not raise the "
        "loss (for gradient descent, lr = 2/λ with the curvature λ along the step)."
    )
    yield Finding(
        "learning-rate-too-low",
        text[0].upper() + text[1:],
        f"write a learning rate of about {_round(_rate(case) * min(0.03 / share, 1e6))} instead "
        f"of {_rate(case):.3g}, or cr.Adam(), whose steps do not depend on the gradient's size",
        evidence=_evidence(case, now),
    )


def _round(value: float) -> str:
    """One digit, as people write learning rates."""
    return f"{float(f'{value:.0e}'):,.10g}" if value >= 1 else f"{float(f'{value:.0e}'):g}"


HIGH = Symptom(
    "learning-rate-too-high",
    _find_high,
    "steps beyond 2/λ, after which the loss is higher than before",
    "the first or the next step is longer than 2/λ allows and raises the loss by "
    f"{_RAISED - 1:.0%} or more, and the history shows the harm: numbers that are not finite, or a "
    f"loss that rose to {_THROWN_BACK:g} times that at the start, or is still there",
    follows=(
        "unscaled-inputs",
        "symmetric-start",
        "exploding-gradients",
        "loss-mismatch",
    ),
)
LOW = Symptom(
    "learning-rate-too-low",
    _find_low,
    "steps that are a thousandth of 2/λ and less, and a loss that has hardly moved",
    f"the first and the next step are below {_TOO_SHORT:g} of that length, and more than "
    f"{_LITTLE_LEARNED:.0%} of the loss at the start is left",
    follows=("unscaled-inputs", "symmetric-start", "vanishing-gradients", "dead-relus"),
)
