"""How results answer to changes of a site, so that most edits need not be run to their end.

A backward pass is linear in the error that it carries: what follows a step is mostly an affine
function of its value. Where that is so, one change of each number of a site tells the results of
all changes. It is not assumed: changes at random must have the results that are foretold.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from chainrule.checking.edit import Edit, Site
from chainrule.checking.steps import FAILURES, Array, Program

MOST = 400  # numbers in a site whose responses are worth knowing
SCALES = (1.0, -30.0)  # of the changes at random: a kink near the values must be crossed
FORETOLD = 1e-6  # of the truth: a result within this is computed as it stands


class Screen:
    """The edits of one site that need not be run, because their results are known to be wrong.

    schedule  for each result that the site reaches the steps to compute, as `Trials.schedule` has
              them; with `partial`, an edit is good where it makes any result true, else all
    limits    how near a foretold result must be to be computed as it stands
    """

    def __init__(
        self,
        program: Program,
        truth: Mapping[str, Array],
        site: Site,
        schedule: Sequence[tuple[str, list[int]]],
        partial: bool,
        limits: Mapping[str, float],
    ) -> None:
        self.program, self.truth = program, truth
        self.limits = limits
        parts = schedule if partial else schedule[:1]
        order = sorted(index for _, part in parts for index in part)
        self.names = [name for name, _ in parts]
        self.members = [index for index in order if index in set(site)]
        self.between = [index for index in order if index not in set(site)]
        self.size = sum(program.steps[index].value.size for index in self.members)
        floating = all(program.steps[i].value.dtype.kind == "f" for i in self.members)
        self.is_useful = bool(self.members) and floating and 0 < self.size <= MOST
        self.asked = 0
        self.responses: Responses | None = None

    def rules_out(self, edit: Edit) -> bool:
        """Whether an edit certainly makes no result true; False also where that is not known."""
        if not self.is_useful:
            return False
        self.asked += 1
        if self.responses is None:
            if self.asked <= self.size:  # as many runs as the responses would take
                return False
            try:
                self.responses = Responses(self.program, self.members, self.between, self.names)
            except FAILURES:
                self.is_useful = False
                return False
            self.is_useful = self.responses.are_affine()
            if not self.is_useful:
                return False
        results = self.responses.to(edit)
        return results is not None and not any(map(self._is_near, self.names, results))

    def _is_near(self, name: str, result: Array) -> bool:
        true = self.truth[name]
        if result.shape != true.shape:
            return False
        return bool(np.abs(result - true).max(initial=0.0) <= (self.limits[name] or FORETOLD))


class Responses:
    """What one change of each number of some steps makes of results, and of these steps' inputs.

    Every response is that by ways on which no other of these steps lies: those are held still.
    """

    def __init__(
        self,
        program: Program,
        members: Sequence[int],
        between: Sequence[int],
        names: Sequence[str],
    ) -> None:
        self.steps, self.members, self.between = program.steps, members, between
        self.results = [program.outputs[name] for name in names]
        moving = {*members, *between}
        self.inputs = {i: [c for c in self.steps[i].inputs if c in moving] for i in members}
        watched = {*self.results, *(c for children in self.inputs.values() for c in children)}
        self.watched = [index for index in sorted(watched) if index in moving]
        self.matrices: dict[tuple[int, int], Array] = {}  # (watched, member) -> response
        for member in members:
            self._probe(member)

    def _probe(self, member: int) -> None:
        value = self.steps[member].value
        columns: dict[int, list[Array]] = {index: [] for index in self.watched}
        for place in range(value.size):
            moved = value.copy()
            moved.reshape(-1)[place] += 1.0
            found = self._spread({member: moved})
            for index in self.watched:
                gain = found.get(index, self.steps[index].value) - self.steps[index].value
                columns[index].append(gain.reshape(-1))
        for index, column in columns.items():
            matrix = np.stack(column, axis=1)
            if np.any(matrix):
                self.matrices[index, member] = matrix

    def _spread(self, changed: dict[int, Array]) -> dict[int, Array]:
        """The values that follow from new ones of some members, while the others are held."""
        steps, values = self.steps, dict(changed)
        for index in self.between:
            step = steps[index]
            if any(child in values for child in step.inputs):
                values[index] = np.asarray(
                    step.call(*[values[c] if c in values else steps[c].value for c in step.inputs])
                )
        return values

    def _foretold(self, index: int, gains: Mapping[int, Array]) -> Array:
        """What a watched step is after these changes of members."""
        value = self.steps[index].value
        total: Array | None = None
        for member, gain in gains.items():
            matrix = self.matrices.get((index, member))
            if matrix is not None:
                part = matrix @ gain
                total = part if total is None else total + part
        return value if total is None else value + total.reshape(value.shape)

    def are_affine(self) -> bool:
        """Whether changes at random have the results that are foretold."""
        generator = np.random.default_rng(0)
        for scale in SCALES:
            gains = {
                i: scale * generator.normal(size=self.steps[i].value.size) for i in self.members
            }
            changed = {
                i: self.steps[i].value + gain.reshape(self.steps[i].value.shape)
                for i, gain in gains.items()
            }
            try:
                found = self._spread(changed)
            except FAILURES:
                return False
            for index in self.watched:
                value, told = (
                    found.get(index, self.steps[index].value),
                    self._foretold(index, gains),
                )
                if index not in gains and not np.allclose(value, told, rtol=1e-8, atol=1e-8):
                    return False
        return True

    def to(self, edit: Edit) -> list[Array] | None:
        """The results with an edit; None where they cannot be foretold."""
        gains: dict[int, Array] = {}
        for index in self.members:
            step = self.steps[index]
            moving = self.inputs[index] if gains else ()
            inputs = [
                self._foretold(c, gains) if c in moving else self.steps[c].value
                for c in step.inputs
            ]
            override = edit.overrides.get(index)
            try:
                value = np.asarray(step.call(*inputs) if override is None else override(inputs))
            except FAILURES:
                return None
            if value.shape != step.value.shape or value.dtype.kind != "f":
                return None
            gain = (value - step.value).reshape(-1)
            if not np.isfinite(gain).all():
                return None
            gains[index] = gain
        return [self._foretold(index, gains) for index in self.results]
