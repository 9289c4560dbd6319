"""What is known about a training run: its data, where it began, where it stands, how it steps."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from chainrule.diagnosis.measure import Arrays, Measurement, Probe, doubled, norm, sample
from chainrule.loss import Loss
from chainrule.model import Model

Array = np.ndarray[Any, Any]
_SMALL = 1e-4  # of the weights' length: how far the gradient is followed to see it bend


@dataclass(frozen=True)
class Step:
    """The next update d of the optimizer, and the loss along it.

    length     ‖d‖
    slope      gᵀd, by which the loss would change if it were straight
    bend       dᵀHd here, from the difference of two gradients (Pearlmutter 1994 has it exact)
    before     the loss here
    after      the loss when the step is taken
    """

    length: float
    slope: float
    bend: float
    before: float
    after: float

    @property
    def curvature(self) -> float:
        """λ = dᵀHd / dᵀd, the second derivative of the loss along the step: here, or its mean over
        the step where that is larger, as it is where the loss only bends further on."""
        over_all_of_it = 2 * (self.after - self.before - self.slope)
        bend = max(self.bend, over_all_of_it) if np.isfinite(over_all_of_it) else self.bend
        return bend / self.length**2 if 0 < self.length < np.inf else 0.0

    @property
    def ratio(self) -> float:
        """The step as a share of the longest that does not raise the loss: ½ λ‖d‖² / -gᵀd.

        For gradient descent, d = -lr·g, this is lr / (2/λ): above 1 the loss rises
        (LeCun, Simard and Pearlmutter 1993).
        """
        return -0.5 * self.curvature * self.length**2 / self.slope if self.slope < 0 else 0.0


def unbuilt_apart(model: Model) -> Model:
    """The model, or where it has no parameters yet a copy, which can be built for these data."""
    return copy.copy(model) if model.input_shape is None else model


class Case:
    """A model with the data it is trained on; everything is measured when it is asked for.

    starts  how many other starts a stuck one is compared with
    """

    def __init__(self, model: Model, X: Any, y: Any, starts: int) -> None:
        self.model, self.starts = model, starts
        self.x, self.y, _ = model._prepared(X, y)
        rows = sample(len(self.x), model.seed)
        self.few_x, self.few_y = self.x[rows], self.y[rows]
        self.losses = model.history.loss
        self.stopped = model.history.stopped
        self._carry = model._built()

    @property
    def loss(self) -> Loss | None:
        """The loss, where it is one of the table."""
        return self.model.loss if isinstance(self.model.loss, Loss) else None

    @cached_property
    def probe(self) -> Probe:
        model = self.model
        return Probe(model._task, self.few_x, self.few_y, model._noise, self._carry)

    @cached_property
    def now(self) -> Measurement:
        return self.probe(self._carry["params"], self._carry["state"])

    @cached_property
    def begun(self) -> tuple[Arrays, Arrays]:
        """The weights and the state with which the training began, as far as that is known."""
        model = self.model
        if model.start is not None:
            return model.start
        if not model.epoch:
            return self._carry["params"], self._carry["state"]
        return model.net.init(model.input_shape or (), model.seed, model.dtype)

    @cached_property
    def start(self) -> Measurement:
        return self.now if self._is_at_its_start else self.probe(*self.begun)

    @property
    def _is_at_its_start(self) -> bool:
        return self.begun[0] is self._carry["params"]

    @property
    def is_trained(self) -> bool:
        return bool(self.losses) or self.stopped == "not finite"

    @cached_property
    def steps(self) -> int:
        """How many updates have been made."""
        return int(self._carry["optimizer"]["step"])

    @cached_property
    def next_step(self) -> Step:
        return self._step(self.now, self._carry["state"], self._carry["optimizer"])

    @cached_property
    def first_step(self) -> Step:
        if self._is_at_its_start:
            return self.next_step
        params, state = self.begun
        return self._step(self.start, state, self.model.optimizer.init(params))

    def _step(self, at: Measurement, state: Arrays, optimizer: Mapping[str, Any]) -> Step:
        update = self.model.optimizer.update
        with np.errstate(all="ignore"):
            new, _ = update(at.params, at.gradients, doubled(dict(optimizer)))
            moved = {name: new[name] - value for name, value in at.params.items()}
            length = norm(moved)
            slope = _dot(moved, at.gradients)
            bend = 0.0
            if 0 < length < np.inf:
                share = _SMALL * max(norm(at.params), 1.0) / length
                ahead, behind = (
                    self.probe({n: p + side * moved[n] for n, p in at.params.items()}, state)
                    for side in (share, -share)
                )
                bend = (_dot(moved, ahead.gradients) - _dot(moved, behind.gradients)) / (2 * share)
            after = self.probe(new, state).loss
        return Step(length, slope, bend, at.loss, after)


def _dot(a: Arrays, b: Arrays) -> float:
    total = float(sum(np.sum(a[name] * b[name]) for name in a))
    return total if np.isfinite(total) else 0.0
