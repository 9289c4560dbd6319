"""The loop over epochs and steps, and where it stands."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from time import perf_counter
from typing import Any

import numpy as np

from chainrule.engines import engine
from chainrule.errors import NotFiniteError
from chainrule.finite import all_finite, origin
from chainrule.orders import Orders
from chainrule.trail import Trail
from chainrule.training import Arrays, Programs, StepProgram, Task, chunks
from chainrule.trees import flatten, unflatten

REPORT_SECONDS = 0.05
WORTH_COPYING, LONGEST_SECONDS = 100, 1.0  # a call takes so many times as long as copying weights
MOST_STEPS = 1_000_000  # in one call

Means = tuple[list[float], list[float]]  # of loss and gradient norm, an entry an epoch
Report = Callable[[int, float, float], None]  # (steps, loss, norm) so far in an epoch


@dataclass(frozen=True)
class Step:
    """A step with all that it was given, so that it can be taken back and explained."""

    program: StepProgram
    data: list[Any]  # the leaves of the run's data
    carry: list[Any]  # those of the carry before the step
    index: Any
    epoch: int
    place: int

    def inputs(self, carry: list[Any]) -> list[Any]:
        """What the program takes, from this or another carry."""
        return [*self.data, *carry, *([] if self.index is None else [self.index])]


class Run:
    """A training run: its data and where it stands.

    data      x, y, perhaps weights; `noise`, the key of dropout
    carry     params, optimizer, state: replaced as a whole by each step that gave finite numbers
    order     the key of shuffling; None keeps the samples in their order
    programs  what has been compiled, which runs over data of one shape may share
    trail     what is told how far the run has come
    """

    def __init__(
        self,
        task: Task,
        data: Arrays,
        carry: Arrays,
        batch: int,
        order: Any,
        engine_name: str | None,
        programs: Programs,
    ) -> None:
        self.task, self.data, self.batch = task, data, batch
        self.leaves, self.structure = flatten(carry)
        self._newest: Step | None = None  # of the steps that led here
        self._span: Any = None  # the call that led here, where it took many steps
        self._spare: list[list[Any]] = []
        self.trail: Trail | None = None
        self._engine, self.programs = engine_name, programs
        self.shuffled = order is not None
        self._orders = Orders(order, self.samples, engine_name)

    @property
    def carry(self) -> Arrays:
        carry: Arrays = unflatten(self.structure, self.leaves)
        return carry

    @carry.setter
    def carry(self, carry: Arrays) -> None:
        leaves, self.structure = flatten(carry)
        if [*map(id, leaves)] != [*map(id, self.leaves)]:  # somebody else's numbers
            self.leaves, self._newest, self._span = leaves, None, None
            self._spare = []  # some of these leaves may lie there, and the trail holds on to them

    @property
    def samples(self) -> int:
        return int(self.data["x"].shape[0])

    @property
    def steps_per_epoch(self) -> int:
        return -(-self.samples // self.batch)

    def compile(self) -> "Run":
        """Record the steps of both batch sizes, so that what cannot be trained is refused first."""
        programs = [self._program(self._example(size)) for size in dict.fromkeys(self._sizes)]
        if self.batch not in self.programs.whole:
            data, _ = flatten(self.data)
            layout = (len(data), len(self.leaves), self.batch != self.samples)
            recorded = [program.recorded for program in programs]
            simple = lambda: [program.simple for program in programs]
            compiled = engine(self._engine).compile_training(recorded, simple, layout)
            self.programs.whole[self.batch] = compiled
        return self

    @property
    def _sizes(self) -> tuple[int, int]:
        """The full batch, and the last one of an epoch."""
        return self.batch, self.samples % self.batch or self.batch

    def _example(self, size: int) -> Any:
        return None if self.batch == self.samples else np.arange(size)

    def epochs(self, number: int, most: int, report: Report) -> Means:
        """Run epoch `number`, and perhaps more, up to `most`: as many as take a moment together.

        Returns the means of loss and gradient norm over the steps of each. `report(steps, loss,
        norm)` is called about twenty times a second with the means so far. A step whose loss or
        gradient norm is not finite is not applied, but raises NotFiniteError, as does an update
        that gives such weights; `carry` is then the last good one.
        """
        whole = self.programs.whole.get(self.batch)
        if whole is None:
            loss, norm = self._epoch(number, report)
            return [loss], [norm]
        return self._whole_epochs(whole, number, most, report)

    def _whole_epochs(self, whole: Any, number: int, most: int, report: Report) -> Means:
        """Epochs in calls of many steps each, of about the time between two reports."""
        each = self.steps_per_epoch
        count = max(1, min(most, self.programs.pace // each))
        losses, norms = np.empty(count * each), np.empty(count * each)
        done = 0
        while done < count * each:
            steps = count * each if count > 1 else min(self.programs.pace, each - done)
            loss, norm, applied = self._take(whole, number * each + done, steps)
            losses[done : done + applied], norms[done : done + applied] = loss, norm
            done += applied
            if applied < steps:  # some whole epochs
                count, losses, norms = done // each, losses[:done], norms[:done]
            if done < count * each:
                report(done, float(losses[:done].mean()), float(norms[:done].mean()))
        if not all_finite(self.leaves):
            step = self._last_step()
            assert step is not None  # a step has just been taken
            raise self._stopped(step, float(losses[-1]), float(norms[-1]))
        loss, norm = (column.reshape(count, each).mean(axis=1) for column in (losses, norms))
        return loss.tolist(), norm.tolist()

    def _take(self, whole: Any, begin: int, steps: int) -> tuple[Any, Any, int]:
        """So many steps from step `begin` of the run on: their losses and norms.

        Where one of them is not finite, the whole epochs before are taken, and how many steps
        that are is the last result; without such an epoch NotFiniteError is raised.
        """
        before, begun = self.leaves, perf_counter()
        self.leaves = self._copies(before)
        copied = perf_counter()
        try:
            applied, losses, norms = self._call(whole, self.leaves, begin, steps)
        except BaseException:  # Ctrl-C: the history does not hold these steps
            self.leaves = before
            raise
        if applied < steps:
            good = applied - applied % self.steps_per_epoch
            if good and steps > self.steps_per_epoch:
                self.leaves = before
                losses, norms, _ = self._take(whole, begin, good)
                return losses, norms, good
        else:
            # What large weights take to copy must not count beside the steps.
            time = max(REPORT_SECONDS, min(WORTH_COPYING * (copied - begun), LONGEST_SECONDS))
            wanted = time / max(perf_counter() - copied, 1e-6) * steps
            # At most four times as many as now: one odd measurement does no harm then.
            self.programs.pace = int(min(max(wanted, 1), 4 * steps, MOST_STEPS))
        if applied:
            self._newest, self._span = None, (whole, before, begin, applied)
            self._tell(begin + applied)
        if applied < steps:
            step = self.step(begin + applied, self.leaves)
            self._newest = self._last_step()
            raise self._stopped(step, float(losses[applied]), float(norms[applied]))
        return losses, norms, steps

    def _copies(self, leaves: list[Any]) -> list[Any]:
        """Copies to change in place, in memory that has been used before: new pages are slow.

        Three sets take turns: what is changed, what it was, and what it was before that.
        """
        kept = self._spare
        if len(kept) == 3:
            found = kept.pop(0)
            for old, new in zip(found, leaves, strict=True):
                np.copyto(old, new)
        else:
            found = [np.array(leaf) for leaf in leaves]
        kept.append(found)
        return found

    def _call(self, whole: Any, leaves: list[Any], begin: int, steps: int) -> tuple[int, Any, Any]:
        """Change `leaves` by so many steps; how many were finite, and what they measured."""
        each = self.steps_per_epoch
        order = None
        if self.batch != self.samples:
            first, last = begin // each, (begin + steps - 1) // each
            order = np.ascontiguousarray(self._orders.span(first, last - first + 1))
        data, _ = flatten(self.data)
        shape = (self.samples // self.batch, each, self.samples, self.batch)
        found: tuple[int, Any, Any] = whole.run(data, leaves, order, begin, steps, shape)
        return found

    def step(self, number: int, leaves: list[Any]) -> Step:
        """Step `number` of the run, counted over its epochs, which found these leaves."""
        epoch, place = divmod(number, self.steps_per_epoch)
        index = next(islice(self._batches(epoch), place, None))
        data, _ = flatten(self.data)
        return Step(self._program(index), data, leaves, index, epoch, place)

    def _last_step(self) -> Step | None:
        """The step that led here: of many taken in one call, the last one is taken back."""
        if self._newest is None and self._span is not None:
            whole, before, begin, steps = self._span
            leaves = [np.array(leaf) for leaf in before]
            if steps > 1:
                self._call(whole, leaves, begin, steps - 1)
            self._newest = self.step(begin + steps - 1, leaves)
        return self._newest

    def _epoch(self, number: int, report: Report) -> tuple[float, float]:
        """One epoch, step by step."""
        losses, norms = 0.0, 0.0
        told = perf_counter()
        with engine(self._engine).exclusive():
            for place, loss, norm in self._stepwise(number, 0, self.steps_per_epoch):
                losses += loss
                norms += norm
                if perf_counter() - told > REPORT_SECONDS:
                    told = perf_counter()
                    report(place + 1, losses / (place + 1), norms / (place + 1))
        # Within the epoch a weight that is not finite shows in the next loss.
        if self._newest is not None and not all_finite(self.leaves):
            raise self._stopped(self._newest, losses, norms)
        steps = self.steps_per_epoch
        return losses / steps, norms / steps

    def _stepwise(self, epoch: int, first: int, end: int) -> Iterator[tuple[int, float, float]]:
        """Take the steps from `first` to `end` of an epoch: the place, loss and norm of each."""
        data, _ = flatten(self.data)
        batches = enumerate(self._batches(epoch))
        for place, index in islice(batches, first, end):
            program = self._program(index)
            step = Step(program, data, self.leaves, index, epoch, place)
            results = program(step.inputs(step.carry))
            loss, norm = float(results[-2]), float(results[-1])
            if not (math.isfinite(loss) and math.isfinite(norm)):
                raise self._stopped(step, loss, norm)
            self.leaves, self._newest = results[:-2], step
            self._tell(epoch * self.steps_per_epoch + place + 1)
            yield place, loss, norm

    def _tell(self, number: int) -> None:
        if self.trail is not None:
            self.trail.reached(self, number)

    def advance(self, begin: int, end: int) -> Any:
        """Take the steps from `begin` to `end` of the run, from where it stands: their losses."""
        whole, each = self.programs.whole.get(self.batch), self.steps_per_epoch
        losses: list[Any] = []
        while begin < end:
            if whole is None:
                epoch, place = divmod(begin, each)
                until = min(each, place + end - begin)
                with engine(self._engine).exclusive():
                    losses += [loss for _, loss, _ in self._stepwise(epoch, place, until)]
                begin += until - place
            else:
                found, _, taken = self._take(whole, begin, min(self.programs.pace, end - begin))
                losses += found.tolist()
                begin += taken
        return np.array(losses, np.float64)

    def _batches(self, epoch: int) -> Iterator[Any]:
        """The rows of each batch; None for all rows as they stand."""
        if self.batch == self.samples:
            yield None
            return
        order = self._orders.of(epoch)
        for part in chunks(self.samples, self.batch):
            yield order[part]

    def _program(self, index: Any) -> StepProgram:
        size = self.samples if index is None else len(index)
        steps = self.programs.steps
        if size not in steps:
            steps[size] = StepProgram(self.task, self.data, self.carry, index, self._engine)
        return steps[size]

    def _stopped(self, step: Step, loss: float, norm: float) -> NotFiniteError:
        """Why the run cannot go on, found by replaying the step in the model's own dtype."""
        what = f"the gradient norm is {norm}" if math.isfinite(loss) else f"the loss is {loss}"
        newest = self._newest
        if newest is not None and not all_finite(self.leaves):
            # The update overflowed, although its loss and gradient were finite.
            step, what = newest, "the updated weights are not finite"
        if newest is not None and not self._good_on(newest):
            self.leaves = newest.carry
        found = origin(step.program.graph, step.inputs(step.carry))
        culprit = f"; the first to give NaN or infinity was {found.name}" if found else ""
        error = NotFiniteError(
            f"training stopped in epoch {step.epoch + 1}, step {step.place + 1}: {what}{culprit}. "
            "The last good weights are kept. Lower the learning rate, clip the gradients "
            "(clip_norm=1.0), or scale the inputs"
        )
        error.origin = found
        return error

    def _good_on(self, newest: Step) -> bool:
        """Whether the weights are good: finite, with a finite loss on the batch that made them.

        Then the next batch alone is at fault. Otherwise it is the update.
        """
        loss = newest.program(newest.inputs(self.leaves))[-2]
        return all_finite([*self.leaves, loss])
