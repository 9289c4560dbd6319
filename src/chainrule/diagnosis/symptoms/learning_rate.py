"""A learning rate that the curvature of the loss does not allow, or does not ask for."""

from collections.abc import Iterator

import numpy as np

from chainrule.diagnosis.case import Case, Step
from chainrule.diagnosis.findings import Finding
from chainrule.diagnosis.symptoms.symptom import Symptom
from chainrule.schedules import rate_at

_TOO_LONG = 1.0  # of 2/λ
_UNTRIED = 4.0  # likewise, where no epoch has shown what it does
_TOO_SHORT = 1e-3
_UNTRIED_SHORT = 1e-5
_MANY_STEPS = 200
_RAISED, _THROWN = 1.2, 3.0  # times the loss before a step: a little, and far
_THROWN_BACK = 1.5  # times the loss at the start
_NOTHING_LEARNED = 0.95  # of the loss at the start
_LITTLE_LEARNED = 0.5


def _harm(case: Case, step: Step) -> str:
    """What a long step does, or has done to the training, in words; "" for no harm."""
    begun, after = case.start.loss, step.after
    raised = not after < _RAISED * step.before  # what bends but hardly rises may do no harm
    is_thrown = not after < _THROWN * step.before
    if not case.is_trained:
        would = f"and would raise the loss from {step.before:.3g} to {after:.3g}"
        return would if is_thrown and step.ratio > _UNTRIED else ""
    if case.stopped == "not finite":
        return "and the training stopped at numbers that were not finite" if raised else ""
    if max(case.losses) > _THROWN_BACK * begun:
        return f"and the loss has risen from {begun:.3g} to {max(case.losses):.3g} on the way"
    if raised and case.losses[-1] > _NOTHING_LEARNED * begun:
        return f"and the loss is {case.losses[-1]:.3g} where it began with {begun:.3g}"
    # Of a small loss, late in a sound training, a single step may well make a multiple.
    if is_thrown and step is case.first_step:
        return f"and raised the loss from {step.before:.3g} to {after:.3g}"
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
    harmful = [
        (step, words)
        for step in (case.first_step, case.next_step)
        if step.ratio > _TOO_LONG and (words := _harm(case, step))
    ]
    if not harmful:
        return
    step, words = max(harmful, key=lambda pair: pair[0].ratio)
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
    # After few steps a loss that has hardly moved may only need more of them.
    least = _TOO_SHORT if case.steps >= _MANY_STEPS else _UNTRIED_SHORT
    if not 0 < max(first.ratio, now.ratio) < least:
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
    "the first or the next step is longer than 2/λ allows, and shows its harm: numbers that are "
    f"not finite, a loss that was {_THROWN_BACK:g} times that at the start, or is still there, or "
    f"a first step that made it {_THROWN:g} times as large",
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
    f"after {_MANY_STEPS} steps and more, the first and the next one are below {_TOO_SHORT:g} of "
    f"that length ({_UNTRIED_SHORT:g} after fewer), and more than {_LITTLE_LEARNED:.0%} of the "
    "loss at the start is left",
    follows=("unscaled-inputs", "symmetric-start", "vanishing-gradients", "dead-relus"),
)
