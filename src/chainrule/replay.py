"""Steps of a training taken again, bit for bit, from what its trail holds."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainrule import random
from chainrule.errors import ChainruleError, DataError, NotFiniteError, SettingError
from chainrule.model import Model
from chainrule.settings import read_setting, whole_number
from chainrule.trail import Arrays, Leg, fingerprint
from chainrule.training import Task
from chainrule.training_run import Run
from chainrule.trees import map_tree

SAME_LOSS = 1e-12  # relative: sums of the same numbers, which another engine would not give
RECORD = "train with callbacks=[cr.RecordSteps()], which keeps what is needed"


@dataclass(frozen=True)
class Moment:
    """A step of a training, with all that it was given and what it made.

    step           its number, counted from 0 over all training of the model
    epoch, place   which batch of which epoch, counted from 0; of `places` in an epoch
    before, after  params, optimizer and state
    x, y, weights  the batch; weights may be None
    rows           the places of these samples among those that were trained on
    noise          the key of dropout
    loss           before the update
    """

    step: int
    epoch: int
    place: int
    places: int
    task: Task
    before: Arrays
    after: Arrays
    x: Any
    y: Any
    weights: Any
    rows: Any
    noise: Any
    loss: float


def moment(model: Model, step: int, X: Any, y: Any) -> Moment:
    """A step of the training that the model has behind it, taken again.

    step  counted from 0; negative numbers count from the end
    X, y  all data of the training, as `fit` was given them, where it recorded none

    Raises SettingError for a step that was not made or cannot be had any more, and DataError where
    these are not the data of the training: the losses of the epochs walked through are compared
    with those of the history.
    """
    total, first = model.trail.steps, _first(model)
    wanted = read_setting("at", "step", whole_number(-total), step)
    wanted += total if wanted < 0 else 0
    if not total:
        raise SettingError("the model has not been trained, so that there is no step to explain")
    if not first <= wanted < total:
        raise SettingError(
            f"there is no step {step} to explain: the training knows steps {first:,} to "
            f"{total - 1:,}, counted from 0"
        )
    number = max(k for k, leg in enumerate(model.trail.legs) if leg.first <= wanted)
    leg = model.trail.legs[number]
    place = wanted - leg.first
    walk = _Walk(model, X, y)
    run = walk.to(number, place)
    before = map_tree(np.array, run.carry)
    found = run.step(walk.number(leg, place), run.leaves)
    index = np.arange(run.samples) if found.index is None else np.array(found.index)
    walk.go_on(place + 1)
    after, loss = map_tree(np.array, run.carry), float(walk.losses[-1])
    walk.finish()
    weights = run.data.get("weights")
    return Moment(
        step=wanted,
        epoch=found.epoch,
        place=found.place,
        places=leg.steps_per_epoch,
        task=run.task,
        before=before,
        after=after,
        x=run.data["x"][index],
        y=run.data["y"][index],
        weights=None if weights is None else weights[index],
        rows=index,
        noise=random.fold_in(run.data["noise"], before["optimizer"]["step"]),
        loss=loss,
    )


def _first(model: Model) -> int:
    """The first step that is known: those of a model from an older file are not."""
    return model.trail.legs[0].first if model.trail.legs else 0


@dataclass
class _Walk:
    """A training walked through again.

    losses  of the steps of the newest leg, from step `begun` of it on
    """

    model: Model
    X: Any
    y: Any
    leg: Leg = field(init=False)
    run: Run = field(init=False)
    place: int = 0
    begun: int = 0
    losses: list[float] = field(default_factory=list)

    def to(self, number: int, place: int) -> Run:
        """A run that stands before the step at this place of a leg."""
        leg = self.model.trail.legs[number]
        carry = None
        for begun, kept in leg.checkpoints:
            if begun <= place:
                self.begun, carry = begun, kept
        if carry is None:
            carry = self._beginning(number)
            self.begun = 0
        data = self._data(leg)
        self.leg, self.place, self.losses = leg, self.begun, []
        self.run = self.model.run_again(leg.task, data, carry, leg.batch, leg.shuffled)
        self.go_on(place)
        return self.run

    @staticmethod
    def number(leg: Leg, place: int) -> int:
        """The number of a step in a run, which counts whole epochs."""
        return leg.epoch * leg.steps_per_epoch + place

    def go_on(self, place: int) -> None:
        """Take the steps up to this place of the leg."""
        begin, end = self.number(self.leg, self.place), self.number(self.leg, place)
        try:
            self.losses += self.run.advance(begin, end).tolist()
        except NotFiniteError:
            raise self._other_data("a step gives a NaN or an infinity now") from None
        self.place = place
        self._compare()

    def finish(self) -> None:
        """Where the data are the caller's, go on to the end of the epoch, to compare its loss."""
        each = self.leg.steps_per_epoch
        end = -(-self.place // each) * each
        if self.leg.data is None and end <= self.leg.steps:
            self.go_on(end)

    def _compare(self) -> None:
        """Hold the losses of whole epochs against the history."""
        each, history = self.leg.steps_per_epoch, self.model.history.loss
        first, end = -(-self.begun // each), self.place // each
        if first >= end:
            return
        losses = self.losses[first * each - self.begun : end * each - self.begun]
        own = np.reshape(losses, (-1, each)).mean(axis=1)
        epochs = slice(self.leg.epoch + first, self.leg.epoch + end)
        wrong = np.flatnonzero(~np.isclose(own, history[epochs], rtol=SAME_LOSS, atol=0))
        if len(wrong):
            epoch = epochs.start + int(wrong[0])
            raise self._other_data(
                f"epoch {epoch + 1} had the loss {history[epoch]:.9g}, and has "
                f"{own[wrong[0]]:.9g} now"
            )

    def _beginning(self, number: int) -> Arrays:
        """What the leg began with, where no checkpoint has it."""
        legs = self.model.trail.legs
        leg = legs[number]
        if leg.begins == "built":
            return self.model.first_carry(leg.task)
        if leg.begins == "before" and number:
            return self.to(number - 1, legs[number - 1].steps).carry
        raise SettingError(
            f"the weights before step {leg.first:,} were set by hand, or come from a file, and are "
            f"not kept; {RECORD}"
        )

    def _data(self, leg: Leg) -> Arrays:
        if leg.data is not None:
            if fingerprint(leg.data) != leg.mark:
                raise DataError(
                    "the arrays that the model was trained on have been changed since, so that its "
                    "steps cannot be taken again; train on a copy of them"
                )
            return leg.data
        if leg.weighted:
            raise SettingError(
                f"the training had weights of samples or classes, which are not kept; {RECORD}"
            )
        try:
            data = self.model.training_data(self.X, self.y, leg.share)
        except ChainruleError as error:
            raise DataError(f"X and y cannot be the data of the training: {error}") from None
        count = len(data["x"])
        if count != leg.samples:
            raise DataError(
                f"the training had {leg.samples} samples, and X gives {count}; give explain all "
                f"data of the training, or {RECORD}"
            )
        return data

    def _other_data(self, what: str) -> DataError:
        if self.leg.data is not None:
            return DataError(f"the training does not repeat itself: {what}")
        return DataError(
            f"these are not the data of the training, or another engine ran it: {what}. Give "
            f"explain the arrays that fit was given, or {RECORD}"
        )
