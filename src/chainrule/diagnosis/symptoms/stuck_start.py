"""A start from which the same training fails, although it succeeds from others."""

import copy
from collections.abc import Iterator

import numpy as np

from chainrule.diagnosis.case import Case
from chainrule.diagnosis.findings import Finding
from chainrule.diagnosis.symptoms.symptom import Symptom
from chainrule.errors import NotFiniteError

_FIRST = 10  # starts, after which it is clear that the others do no better
_FEWEST = 5
_WORK = 3e11  # multiplications, or their like, that all other starts may take
_OF_A_STEP = 2e5  # what a step takes beside its multiplications
_STEPS = 200  # after fewer, nothing is stuck
_STILL, _QUARTER = 0.02, 4  # of the way from the start, in the last quarter of the epochs
_LEFT = 0.1  # of the loss at the start: what is less is learned
_BETTER = 0.5  # of this loss, which some other start must reach
_AGREE = 1e-4


def find(case: Case) -> Iterator[Finding]:
    if not _stands_still(case):
        return
    count = min(case.starts, int(_WORK / _cost(case)))
    if count < _FEWEST:
        return
    ours = case.losses[-1]
    losses = _from_others(case, 0, min(_FIRST, count))
    if min(losses) > _BETTER * ours:
        return
    losses += _from_others(case, len(losses), count)
    best = min(losses)
    seed = case.model.seed + 1 + losses.index(best)
    failed = sum(loss > 0.5 * (ours + best) for loss in losses)
    error = _gradient_error(case)
    is_right = (
        "The gradient is right: it agrees with differences of the loss. " if error < _AGREE else ""
    )
    yield Finding(
        "stuck-start",
        f"{is_right}This start fails, as {failed} of {count} others do: the loss stands still at "
        f"{ours:.3g}, where the same training from other weights reaches {best:.3g}.",
        f"train from another start (cr.Model(..., seed={seed})), or with more "
        "hidden units, which fail less often",
        evidence={
            "loss": ours,
            "best loss of other starts": best,
            "starts that fail": failed,
            "starts tried": count,
            "gradient norm": case.now.gradient_norm,
            "error of the gradient": error,
        },
        severity="error",
    )


def _stands_still(case: Case) -> bool:
    losses = case.losses
    if case.steps < _STEPS or len(losses) < 2 * _QUARTER or case.stopped == "not finite":
        return False
    quarter = len(losses) // _QUARTER
    before, last = np.mean(losses[-2 * quarter : -quarter]), np.mean(losses[-quarter:])
    way = case.start.loss - last
    return bool(last > _LEFT * case.start.loss and before - last < _STILL * abs(way))


def _cost(case: Case) -> float:
    """Of one more start: three passes, each a multiplication and an addition for each weight and
    sample."""
    weights = sum(value.size for value in case.now.params.values())
    return float(6.0 * weights * len(case.x) * len(case.losses) + _OF_A_STEP * case.steps)


def _from_others(case: Case, begin: int, end: int) -> list[float]:
    """The last loss of the same training from the starts of other seeds."""
    twin = copy.copy(case.model)
    found = []
    for number in range(begin, end):
        twin.seed = case.model.seed + 1 + number
        twin.reset()
        try:
            history = twin.fit(case.x, case.y, len(case.losses), twin.batch_size, progress=False)
            found.append(history.loss[-1])
        except NotFiniteError:
            found.append(float("inf"))
    return found


def _gradient_error(case: Case) -> float:
    """How far the gradient at the start is from differences of the loss, along itself."""
    at, (_, state) = case.start, case.begun
    size = at.gradient_norm
    if size == 0:
        return 0.0
    step = 1e-5 / size
    up, down = (
        case.probe({n: p + side * at.gradients[n] for n, p in at.params.items()}, state).loss
        for side in (step, -step)
    )
    return abs((up - down) / (2 * step) / size**2 - 1)


SYMPTOM = Symptom(
    "stuck-start",
    find,
    "the same training succeeds from other starts",
    "nothing else was found, the loss stands still, and the same training from other seeds reaches "
    f"less than {_BETTER:.0%} of it",
    is_last_resort=True,
)
