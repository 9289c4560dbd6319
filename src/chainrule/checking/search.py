"""The edits that make a program's results true.

An edit is tried by running what depends on its site again, result after result, the shortest way
first: most edits fail at the first result and cost a few steps.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from time import process_time
from typing import Any

import numpy as np

from chainrule.checking.edit import Edit, Row, Scaled, Site
from chainrule.checking.edits import WAVES
from chainrule.checking.nearness import mark
from chainrule.checking.pool import Pool
from chainrule.checking.response import FORETOLD, Screen
from chainrule.checking.steps import FAILURES, Array, Override, Program
from chainrule.checking.uses import Use, exchanged, turned, uses

EXACT = 1e-9  # of a parameter's largest true gradient: what rounding may leave
ON_THE_WAY = ("scale", "times-derivative", "without-derivative", "drop-part")
NEAR, FAR = range(2), range(2, len(WAVES))  # waves: of what is there, and of other quantities
ALL = range(len(WAVES))


@dataclass(frozen=True, eq=False)
class Fit:
    """An edit, the results that it makes true, and the error that it leaves there."""

    edit: Edit
    right: frozenset[str]
    error: float
    before: Program

    @cached_property
    def program(self) -> Program:
        """The program with the edit."""
        return self.before.edited(self.edit.overrides)


def distance(mine: Array, true: Array, least: float = 0.0) -> float:
    """The largest deviation against the largest true number; infinite for another shape.

    least  the size that is taken where the true numbers are smaller
    """
    mine = np.asarray(mine)
    if mine.shape != true.shape:
        return np.inf
    if mine.size == 0:
        return 0.0
    size = max(float(np.max(np.abs(true))), least)
    gap = float(np.max(np.abs(mine - true)))
    return np.inf if np.isnan(gap) else gap / size if size else gap


def wrong_results(
    program: Program, truth: Mapping[str, Array], pool: Pool, exact: float
) -> frozenset[str]:
    return frozenset(
        name
        for name, value in program.values().items()
        if distance(value, truth[name], pool.truth.least(name, exact)) > exact
    )


# --- sites ---------------------------------------------------------------------------------------


def sites(program: Program, wrong: frozenset[str], pool: Pool) -> list[Site]:
    """Single steps, and the same step in all rounds, that reach wrong results and no right one.

    Steps that are right for what they are come last, and before them those that read wrong values.
    Of a loop single rounds are its ends: what is wrong in the middle is wrong in every round.
    """
    groups: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    singles: list[Site] = []
    for index, step in enumerate(program.steps):
        reach = program.reach[index]
        if not step.inputs or not reach:
            continue
        if reach <= wrong:
            singles.append((index,))
        if step.op == "return":
            continue
        place = [frame.place for frame in step.frames]
        if not place:
            groups[step.file, step.line, step.op, repr(dict(step.params))].append(index)
        for depth in range(1, len(place) + 1):
            whole = depth == len(place)
            groups[whole, depth, step.op, step.role, *place[-depth:]].append(index)
    # A mistake in a loop is made in every round: single rounds come after all rounds together.
    known, suffering = pool.known, pool.suffering
    found: dict[Site, tuple[bool, bool, int]] = {}
    in_rounds: set[int] = set()
    for (whole, *_), group in groups.items():
        if len(group) > 1:
            site = tuple(group)  # its mistakes may cancel in some results
            late = all(i in known for i in site)
            found[site] = (late, site[0] in suffering, 1 if whole else 2)
            if whole:
                in_rounds |= set(group)
    for site in singles:
        index = site[0]
        if index in program.inner_rounds:
            continue
        found[site] = (index in known, index in suffering, 3 if index in in_rounds else 0)
    return sorted(found, key=lambda site: found[site])


class Trials:
    """One program whose edits are tried against the truth."""

    def __init__(
        self, program: Program, truth: Mapping[str, Array], pool: Pool, exact: float
    ) -> None:
        self.program, self.truth, self.exact = program, truth, exact
        self.least = {name: pool.truth.least(name, exact) for name in truth}
        self._needs: dict[str, frozenset[int]] = {}

    def needed(self, name: str) -> frozenset[int]:
        """The steps that a result depends on."""
        if name not in self._needs:
            found: set[int] = set()
            stack = [self.program.outputs[name]]
            while stack:
                index = stack.pop()
                if index not in found:
                    found.add(index)
                    stack += self.program.steps[index].inputs
            self._needs[name] = frozenset(found)
        return self._needs[name]

    def schedule(self, site: Site) -> list[tuple[str, list[int]]]:
        """The results that a site reaches, and what to compute for each, the shortest first."""
        affected: set[int] = set()
        stack = list(site)
        while stack:
            index = stack.pop()
            if index not in affected and self.program.reach[index]:
                affected.add(index)
                stack += self.program.consumers[index]
        reach = [n for n, index in self.program.outputs.items() if index in affected]
        parts = sorted(((name, self.needed(name) & affected) for name in reach), key=_by_length)
        done: set[int] = set()
        found = []
        for name, part in parts:
            found.append((name, sorted(part - done)))
            done |= part
        return found

    def run(
        self,
        schedule: Sequence[tuple[str, list[int]]],
        overrides: Mapping[int, Override],
    ) -> Iterator[tuple[str, Array]]:
        """The results one after another, computed with the overrides."""
        steps, values = self.program.steps, dict[int, Array]()
        for name, indices in schedule:
            for index in indices:
                step = steps[index]
                inputs = [values[i] if i in values else steps[i].value for i in step.inputs]
                override = overrides.get(index)
                result = step.call(*inputs) if override is None else override(inputs)
                values[index] = np.asarray(result)
            yield name, values[self.program.outputs[name]]

    def screen(
        self, site: Site, schedule: Sequence[tuple[str, list[int]]], partial: bool
    ) -> Screen:
        limits = {
            name: max(FORETOLD, 2 * self.exact)
            * max(float(np.max(np.abs(true), initial=0.0)), self.least[name])
            for name, true in self.truth.items()
        }
        return Screen(self.program, self.truth, site, schedule, partial, limits)

    def tried(
        self, edit: Edit, schedule: Sequence[tuple[str, list[int]]], partial: bool
    ) -> Fit | None:
        right, error = set(), 0.0
        try:
            for name, value in self.run(schedule, edit.overrides):
                gap = distance(value, self.truth[name], self.least[name])
                if gap <= self.exact:
                    right.add(name)
                    error = max(error, gap)
                elif not partial:
                    return None
        except FAILURES:
            if not partial:
                return None
        return Fit(edit, frozenset(right), error, self.program) if right else None

    def factor(self, edit: Scaled, schedule: Sequence[tuple[str, list[int]]]) -> float | None:
        """The number by which a site must be multiplied, where results are linear in it."""
        values = self.program.values()
        fitting = [n for n, _ in schedule if self.truth[n].shape == values[n].shape]
        if not fitting:
            return None
        name = fitting[0]
        true, mine = self.truth[name], values[name]
        try:
            results = self.run(schedule, edit(2.0).overrides)
            twice = next(value for found, value in results if found == name)
        except FAILURES:
            return None
        if twice.shape != true.shape:
            return None
        slope = twice - mine
        square = float(np.sum(slope * slope))
        if not np.isfinite(square) or square == 0:
            return None
        factor = 1 + float(np.sum((true - mine) * slope)) / square
        rest = np.max(np.abs(mine + (factor - 1) * slope - true), initial=0.0)
        size = float(np.max(np.abs(true), initial=0.0))
        return factor if rest <= max(self.exact, 1e-9) * size and abs(factor) > 1e-9 else None


def _by_length(part: tuple[str, frozenset[int]]) -> int:
    return len(part[1])


# --- the search ----------------------------------------------------------------------------------


def fits(
    program: Program,
    truth: Mapping[str, Array],
    pool: Pool,
    exact: float = EXACT,
    partial: bool = False,
    seconds: float = np.inf,
    waves: Sequence[Sequence[Row]] = WAVES,
    span: range = ALL,
    any_found: bool = False,
) -> list[Fit]:
    """All edits that make every wrong result true; with `partial`, at least one of them.

    span       the waves of rows that are tried, each for so many `seconds`; one that finds
               something is the last
    any_found  whether waves before have found something
    """
    wrong = wrong_results(program, truth, pool, exact)
    trials = Trials(program, truth, pool, exact)
    found: list[Fit] = []
    places = sites(program, wrong, pool)
    for number, wave in enumerate(waves):
        if number not in span:
            continue
        if number in FAR or program is pool.truth.backward:  # what is right needs no change
            places = [site for site in places if not all(i in pool.known for i in site)]
        until = process_time() + seconds
        for row in (turned,) if number == 1 else (exchanged,) if number == 2 else ():
            found += _in_uses(row, trials, pool, wrong, partial, process_time() + seconds / 2)
        found += _in_steps(
            wave, places, trials, pool, wrong, partial, until, any_found or bool(found)
        )
        if not partial and any(is_plain(fit, pool) for fit in found):
            break
    return found


def _in_steps(
    wave: Sequence[Row],
    places: Sequence[Site],
    trials: Trials,
    pool: Pool,
    wrong: frozenset[str],
    partial: bool,
    until: float,
    any_found: bool,
) -> list[Fit]:
    """The edits of a wave, site by site."""
    program, found = trials.program, list[Fit]()
    for site in places:
        reach = frozenset().union(*(program.reach[index] for index in site))
        if not reach >= wrong and not (partial and reach <= wrong):
            continue
        known = all(i in pool.known for i in site)
        if known and (found or any_found or partial):
            break
        schedule = trials.schedule(site)
        failed: set[tuple[object, ...]] = set()
        screen = trials.screen(site, schedule, partial)
        for edit in _edits(wave, program, site, pool, trials, schedule):
            single = len(edit.overrides) == 1
            key = _result_key(program, edit) if single else None
            if key is not None and key in failed:
                continue
            fit = None
            if not screen.rules_out(edit):
                fit = trials.tried(edit, schedule, partial)
            if fit is not None:
                if (partial and fit.right <= wrong) or fit.right >= wrong:
                    found.append(fit)
            elif key is not None:
                failed.add(key)
            if process_time() > until:
                return found
    return found


def is_plain(fit: Fit, pool: Pool) -> bool:
    """Whether an edit is of the error on its way, and not of what it is multiplied with."""
    edit = fit.edit
    if edit.action not in ON_THE_WAY:
        return True
    return edit.site[0] in pool.carrying and edit.cost < 1.2


def _in_uses(
    row: Callable[[Program, Use, Pool], Iterator[Edit]],
    trials: Trials,
    pool: Pool,
    wrong: frozenset[str],
    partial: bool,
    until: float,
) -> list[Fit]:
    """Edits of a value in a statement, in a call of a helper, or in a function."""
    program, found = trials.program, list[Fit]()
    for use in uses(program, wrong):
        reach = frozenset().union(*(program.reach[user] for user in use.users))
        if not partial and reach != wrong:
            continue
        schedule = trials.schedule(use.users)
        screen = trials.screen(use.users, schedule, partial)
        for edit in row(program, use, pool):
            fit = None if screen.rules_out(edit) else trials.tried(edit, schedule, partial)
            if fit is not None and (partial or fit.right == wrong):
                found.append(fit)
            if process_time() > until:
                return found
    return found


def _edits(
    wave: Sequence[Row],
    program: Program,
    site: Site,
    pool: Pool,
    trials: Trials,
    schedule: Sequence[tuple[str, list[int]]],
) -> Iterator[Edit]:
    for row in wave:
        for edit in row(program, site, pool):
            if isinstance(edit, Scaled):
                factor = trials.factor(edit, schedule)
                if factor is not None:
                    yield edit(factor)
            else:
                yield edit


def _result_key(program: Program, edit: Edit) -> tuple[object, ...] | None:
    """What an edit puts in the place of its step: another one with the same need not be run."""
    ((index, override),) = edit.overrides.items()
    try:
        value = np.asarray(override([program.steps[i].value for i in program.steps[index].inputs]))
    except FAILURES:
        return ("fails",)
    return index, mark(value)
