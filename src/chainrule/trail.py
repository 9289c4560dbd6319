"""Where the training of a model has been: what any of its steps can be taken again from.

A training is a row of *legs*: steps under the same settings, each from where the one before ended.
A leg that begins with the first weights of the seed, or where the leg before ended, can be walked
again from there, given the data. Legs that are *recorded* hold their data as well, and sparse
checkpoints on the way, so that no step is far from one.
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from chainrule.settings import read_setting, whole_number
from chainrule.trees import unflatten

if TYPE_CHECKING:
    from chainrule.model import Model
    from chainrule.training import Task
    from chainrule.training_run import Run

Arrays = dict[str, Any]
Begins = Literal["built", "before", "kept"]

SPACING = 64  # a copy takes no longer than a step, which reads and writes all that is copied


@dataclass
class Leg:
    """Steps that were taken under the same settings, each from where the one before ended.

    first        the number of its first step, counted from 0 over all training of the model
    epoch        likewise, of its first epoch
    updates      how many the optimizer had made before
    samples, batch, shuffled  of each epoch
    share        what `validation_split` held back
    weighted     whether samples or classes had weights
    begins       with the first weights of the seed ("built"), where the leg before ended
                 ("before"), or with what its first checkpoint holds ("kept")
    steps        how many

    task         net, loss and optimizer; None after reading from a file: those of the model
    data         of a recorded leg: x, y, perhaps weights, and the key of dropout
    mark         a checksum of the data
    checkpoints  (number of steps before it, carry), rising
    """

    first: int
    epoch: int
    updates: int
    samples: int
    batch: int
    shuffled: bool
    share: float = 0.0
    weighted: bool = False
    begins: Begins = "kept"
    steps: int = 0
    task: "Task | None" = field(default=None, repr=False, metadata={"held": True})
    data: Arrays | None = field(default=None, repr=False, metadata={"held": True})
    mark: int = field(default=0, repr=False, metadata={"held": True})
    checkpoints: list[tuple[int, Arrays]] = field(
        default_factory=list, repr=False, metadata={"held": True}
    )

    @property
    def end(self) -> int:
        return self.first + self.steps

    @property
    def steps_per_epoch(self) -> int:
        return -(-self.samples // self.batch)

    @property
    def next_epoch(self) -> int:
        """The first that it has not finished."""
        return self.epoch + self.steps // self.steps_per_epoch

    def config(self) -> Arrays:
        """Plain data, without what is held in memory."""
        names = [entry.name for entry in fields(self) if not entry.metadata.get("held")]
        return {name: getattr(self, name) for name in names}

    def goes_on_as(self, other: "Leg") -> bool:
        """Whether the steps of `other`, from where this leg ends, belong to it."""
        same = ("samples", "batch", "shuffled", "share", "weighted", "mark")
        return (
            all(getattr(self, name) == getattr(other, name) for name in same)
            and (self.data is None) == (other.data is None)
            and (self.task is None or self.task is other.task)
            and self.steps % self.steps_per_epoch == 0
            and self.next_epoch == other.epoch
        )


class Trail:
    """The legs of a model's training, and the checkpoints on them.

    keep     how many checkpoints recorded legs may hold together; 0 records nothing
    spacing  steps between two of them, doubled whenever there are too many
    """

    def __init__(self) -> None:
        self.legs: list[Leg] = []
        self.keep = 0
        self.spacing = SPACING
        self._end: list[Any] = []  # the carry that the newest step left

    def __getstate__(self) -> Arrays:
        """For copies and other processes: without data and checkpoints."""
        legs = [Leg(**leg.config()) for leg in self.legs]
        return {"legs": legs, "keep": 0, "spacing": SPACING, "_end": self._end}

    @property
    def steps(self) -> int:
        """How many have been taken in all."""
        return self.legs[-1].end if self.legs else 0

    # --- while training ---

    def begin(self, run: "Run", epoch: int, share: float, built: bool) -> None:
        """Steps of this run follow, from where it stands; `built`: the first weights of the seed.

        Holds on to the weights that it begins with only where they cannot be had in another way.
        """
        carry = run.carry
        stayed = bool(self.legs) and _same(run.leaves, self._end)
        begins: Begins = "built" if built else "before" if stayed else "kept"
        if self.legs and not self.legs[-1].steps:  # settings under which nothing was done
            unused = self.legs.pop()
            begins = unused.begins if stayed else begins
        updates = int(carry["optimizer"]["step"])
        leg = Leg(
            self.steps if self.legs else updates,
            epoch,
            updates,
            run.samples,
            run.batch,
            run.shuffled,
            share,
            "weights" in run.data,
            begins,
            task=run.task,
        )
        if self.keep:
            leg.data, leg.mark = run.data, fingerprint(run.data)
        if begins == "before" and self.legs[-1].goes_on_as(leg):
            self.legs[-1].task = run.task
            return
        if leg.begins == "kept" or self.keep:
            leg.checkpoints = [(0, carry)]
        self.legs.append(leg)
        self._end = run.leaves
        self._thin()

    def follow(self, run: "Run", epoch: int) -> None:
        """A new leg, if somebody has changed the weights or the optimizer."""
        if not _same(run.leaves, self._end):
            self.begin(run, epoch, self.legs[-1].share, built=False)

    def reached(self, run: "Run", number: int) -> None:
        """The run stands before its step `number`; a checkpoint is made where one is due."""
        leg = self.legs[-1]
        if leg.data is None or not self.keep:
            return
        place = number - leg.epoch * leg.steps_per_epoch
        newest = leg.checkpoints[-1][0] if leg.checkpoints else 0
        if place - newest >= self.spacing:
            copies = [np.array(leaf) for leaf in run.leaves]
            leg.checkpoints.append((place, unflatten(run.structure, copies)))
            self._thin()

    def note(self, run: "Run") -> None:
        """The run stands still: so many steps have been taken, as its optimizer counts them."""
        leg = self.legs[-1]
        leg.steps = int(run.carry["optimizer"]["step"]) - leg.updates
        leg.checkpoints = [(place, carry) for place, carry in leg.checkpoints if place <= leg.steps]
        self._end = run.leaves

    def _thin(self) -> None:
        recorded = [leg for leg in self.legs if leg.data is not None]
        for leg in self.legs[:-1]:
            if leg.data is None:  # weights of which no more than one set is kept unasked
                leg.checkpoints = []
        while recorded and sum(len(leg.checkpoints) for leg in recorded) > max(self.keep, 1):
            if all(len(leg.checkpoints) <= 1 for leg in recorded):
                oldest = recorded.pop(0)
                oldest.data, oldest.checkpoints = None, []
                continue
            self.spacing *= 2
            for leg in recorded:
                leg.checkpoints = _spaced(leg.checkpoints, self.spacing)

    # --- in files ---

    def config(self, leaves: list[Any]) -> Arrays:
        """Plain data, for a model that holds these arrays now."""
        return {
            "legs": [leg.config() for leg in self.legs],
            "ends_here": bool(self.legs) and _same(leaves, self._end),
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any], leaves: list[Any]) -> "Trail":
        """Of a model that was read from a file, and holds these arrays."""
        trail = cls()
        kinds = {int: int, bool: bool, float: float, str: str}
        empty = Leg(0, 0, 0, 1, 1, False).config()
        for given in config["legs"]:
            read = {name: kinds[type(value)](given[name]) for name, value in empty.items()}
            trail.legs.append(Leg(**read))
        trail._end = leaves if config["ends_here"] else []
        return trail


@dataclass
class RecordSteps:
    """A callback that lets any step of the training be taken again, and explained.

        model.fit(X, y, callbacks=[cr.RecordSteps()])
        story = cr.explain(model, X, y).at(3417)

    keep  how many copies of the weights and of the optimizer's state may be kept: they lie at equal
          distances, which are doubled whenever there are too many. `at` starts at the nearest one.

    The data of the training are held as well. The training itself is not changed by a bit, and all
    copies together take about a hundredth of its time, at most. Nothing of this is saved with the
    model.
    """

    keep: int = 32

    def __post_init__(self) -> None:
        self.keep = read_setting("RecordSteps", "keep", whole_number(2), self.keep)

    def begin(self, model: "Model") -> None:
        model.trail.keep = self.keep

    def end(self, model: "Model") -> None:
        model.trail.keep = 0


def fingerprint(data: Mapping[str, Any]) -> int:
    """A checksum of all arrays."""
    found = 0
    for name, array in data.items():
        found = zlib.crc32(f"{name} {array.dtype.str} {array.shape}".encode(), found)
        found = zlib.crc32(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data, found)
    return found


def _same(leaves: list[Any], others: list[Any]) -> bool:
    """Whether these are the very same arrays."""
    return [*map(id, leaves)] == [*map(id, others)]


def _spaced(checkpoints: list[tuple[int, Arrays]], spacing: int) -> list[tuple[int, Arrays]]:
    """The first of them, and of the others those that are so far apart."""
    kept = checkpoints[:1]
    for place, carry in checkpoints[1:]:
        if place - kept[-1][0] >= spacing:
            kept.append((place, carry))
    return kept
