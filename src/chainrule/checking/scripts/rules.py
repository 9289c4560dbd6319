"""The update rule of a script: its first step, from recorded gradients to the changes they make.

Only rules with a memory (momentum, RMSprop, Adam) are looked at here: plain descent is held against
the loss with the gradient. The first step starts from a memory of zeros and shows the whole rule,
but for how fast it forgets.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from chainrule.checking.case import Case
from chainrule.checking.point import Point, short
from chainrule.checking.recorder import Recorder
from chainrule.checking.report import Finding, Report
from chainrule.checking.scripts.reading import Step
from chainrule.checking.scripts.replay import doubled
from chainrule.checking.scripts.updates import Change
from chainrule.checking.search import distance
from chainrule.checking.steps import Array, Program
from chainrule.checking.truth import Truth
from chainrule.checking.update_rules import EXACT, numbers_of, rule_of, wanted
from chainrule.checking.updating import DOUBTFUL, EXACT_STEP, best_of

# A rule of another name may have other constants and terms: that is no mistake.
UNSURE = (*DOUBTFUL, "missing-mean", "mean-twice", "missing-term", "extra-term")
ADAPTIVE = "Adam, RMSprop or Adagrad"  # the first step does not tell them apart
KNOWN = "momentum, Nesterov, RMSprop, Adagrad and Adam"


def ruled(report: Report, steps: Sequence[Step]) -> Report:
    """A report on right gradients, and what is to be said of the rule that applies them."""
    first = FirstStep(steps) if len(steps) > 1 else None
    if first is None or not first.parts:
        return report
    rule = first.rule()
    if rule is not None:
        return replace(report, notes=(*report.notes, f"The update's first step is one of {rule}."))
    found = first.findings()
    if found:
        return replace(report, findings=tuple(found))
    note = f"The update is none of {KNOWN}, nor one mistake away from it; it is not judged."
    return replace(report, notes=(*report.notes, note))


class FirstStep:
    """The first training step as a program from gradients to changes.

    parts  for each parameter its change in that step, and the entry of its gradient
    """

    def __init__(self, steps: Sequence[Step]) -> None:
        self.step, later = steps[0], steps[1]
        self.tape, self.player = self.step.tape, self.step.player
        self.parts: dict[str, tuple[Change, int]] = {}
        for first, memory in later.memory.items():
            part = self._part(first, *memory) if memory is not None else None
            if part is not None:
                self.parts[short(f"[{self.step.names[first]!r}]")] = part
        if self.parts:
            self.program = self.record()
            self.numbers = numbers_of(self.program)
            self.rate = later.rate.value if later.rate is not None else None
            rates = [n for n in self.numbers if 0 < n <= 1]
            self.rates = rates if self.rate is None else [self.rate, *rates]
            self.gradients = {n: self._value(below) for n, (_, below) in self.parts.items()}

    def _part(self, first: int, change: Change, below: int) -> tuple[Change, int] | None:
        """The same change and gradient in the first step, by their places."""
        entries = self.tape.entries
        for own in self.step.window.changes.get(first, ()):
            if own.partial or entries[own.new].place != entries[change.new].place:
                continue
            like = entries[below]
            for index in range(own.by, -1, -1):
                entry = entries[index]
                if (entry.place, entry.calls, entry.shape) == (like.place, like.calls, like.shape):
                    return own, index
        return None

    def _value(self, index: int) -> Array:
        return np.asarray(doubled(self.player.value(index)), float)

    def record(self) -> Program:
        """The steps of the update; `calls.frames` looks for this name."""
        recorder = Recorder()
        recorder.given(0.0, "data")  # what comes after the first datum carries the error
        step, results = self.step, {}
        starts = {below for _, below in self.parts.values()}
        values = {below: recorder.given(self._value(below), "data") for below in starts}
        for old, first in step.start.items():
            values[old] = recorder.given(self._value(old), step.names[first])
        with np.errstate(all="ignore"):
            for name, (change, _) in self.parts.items():
                part = step.slice(change.by, step.live, {*starts, *step.start})
                for index in part.frontier:
                    values.setdefault(index, self.player.value(index))
                gain = self.player.play(part.order, values)[change.by]
                results[name] = self.player.negative(gain, change) if change.sign < 0 else gain
            return recorder.program(results)

    def rule(self) -> str | None:
        """The family of rules of which one has this first step; Adam may leave its bias in."""
        found, numbers = self.program.values(), self.numbers
        for rate in self.rates:
            named = rule_of(found, self.gradients, rate, numbers)
            if named is not None:  # from rest, a step of momentum is one of plain descent
                return "momentum" if named in ("gradient descent", "momentum") else ADAPTIVE
        decays = [1 - n for n in numbers if 0.5 <= n < 1] + [n for n in numbers if 0 < n <= 0.5]
        for one in decays:
            for other in decays:
                for small in (n for n in numbers if n <= 1e-4):
                    change = {
                        name: -one * g / (np.sqrt(other * g * g) + small)
                        for name, g in self.gradients.items()
                    }
                    for rate in self.rates:
                        if all(distance(found[n], rate * c) <= EXACT for n, c in change.items()):
                            return ADAPTIVE
        return None

    def findings(self) -> list[Finding]:
        """The mistake after which the step is one of a rule; none where that is not certain."""
        if self.rate is None:
            return []
        program = self.program
        true = Truth(0.0, self.gradients, (), (), None)
        truths = wanted(true, program, program.values(), self.rate, self.numbers)
        params = {name: self._value(change.old) for name, (change, _) in self.parts.items()}
        point = Point(params, (np.zeros(1), *self.gradients.values()))

        def case(one: Truth) -> Case:
            return Case(
                self.record,
                point,
                one,
                program,
                EXACT_STEP,
                self.record,
                program.values,
                self.gradients,
            )

        found = best_of(truths, case)
        if len(found) != 1:
            return []
        one = found[0]
        return found if one.line and one.evidence <= EXACT and one.kind not in UNSURE else []
