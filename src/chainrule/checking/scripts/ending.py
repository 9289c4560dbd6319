"""Where a training that has no mistake in it ends: whether it learned more than a constant."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.checking.scripts.reading import Step
from chainrule.checking.scripts.replay import doubled

FEWEST = 100  # rounds after which a training should have got somewhere
STUCK = 0.4  # of a constant guess's loss: half of XOR is guessed at 0.5


def stuck(step: Step, loss: Callable[..., Any], data: Sequence[Any]) -> str:
    """A sentence where the last recorded parameters are hardly better than a constant guess.

    With all parameters zero, every sample is given the same output: that is the guess.
    """
    rounds = min(len(chain.changes) for chain in step.chains)
    samples = max((len(part) for part in data if np.ndim(part)), default=0)
    if rounds < FEWEST or samples < 2:
        return ""
    last = {
        step.names[chain.first]: doubled(step.player.value(chain.versions[-1]))
        for chain in step.chains
    }
    constant = {name: value * 0.0 for name, value in last.items()}
    with np.errstate(all="ignore"):
        end, guess = (float(np.sum(loss(values, *data))) for values in (last, constant))
    if not (np.isfinite(end) and np.isfinite(guess) and end >= STUCK * guess > 0):
        return ""
    recorded = "recorded " if step.tape.full else ""
    return (
        f"the gradient is right, but after {rounds:,} {recorded}rounds the loss is {end:.3g}, and "
        f"a constant guess has {guess:.3g}: if the data can be fitted, the start or the learning "
        "rate fails; cr.diagnose says which"
    )
