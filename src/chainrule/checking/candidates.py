"""The three searches for mistakes, and what they find as candidates with their names and ranks.

1. Edits of the user's own steps that make the results true (`search`).
2. Edits of the user's own text, for loops and indices (`source_edits`).
3. Mutations of the true backward pass that give the user's results (`mutations`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from time import process_time

import numpy as np

from chainrule.checking.blame import LEFT_OUT, blamed
from chainrule.checking.case import Candidate, Case
from chainrule.checking.edit import GUESS, Edit
from chainrule.checking.edits import WAVES
from chainrule.checking.mutations import mistake, mutations, shown
from chainrule.checking.naming import kind_of
from chainrule.checking.pool import Pool
from chainrule.checking.remedies import remedy
from chainrule.checking.search import ALL, ON_THE_WAY, Fit, fits
from chainrule.checking.source import alias_before
from chainrule.checking.source_edits import SourceEdit, source_edits, tried
from chainrule.checking.steps import Array, Program, Step
from chainrule.checking.update_rules import is_of_the_update

SECONDS = 2.0  # that a search in the text may take
FEW = 16  # fits that are named; the others are further-fetched


def of_some(case: Case, seconds: float | None = None) -> list[Candidate]:
    """Edits of the user's steps that explain some of the wrong results, the likeliest first."""
    found = [one for one in in_steps(case, True, seconds) if one.right < case.wrong]
    return sorted(found, key=lambda one: (one.is_guess, -len(one.right), one.rank))


def likelihood(candidate: Candidate) -> tuple[bool, tuple[float, ...]]:
    return candidate.is_guess, candidate.rank


def in_steps(case: Case, partial: bool = False, seconds: float | None = None) -> list[Candidate]:
    found = fits_of(case, partial, seconds=seconds)
    return candidates(found, case, None if partial else FEW)


def fits_of(
    case: Case,
    partial: bool = False,
    span: range = ALL,
    any_found: bool = False,
    seconds: float | None = None,
) -> list[Fit]:
    """The edits that `fits` finds; each wave may take `seconds`, or what the case allows."""
    true, pool, exact = case.true.gradients, case.pool, case.exact
    each = case.seconds if seconds is None else seconds
    return fits(case.program, true, pool, exact, partial, each, WAVES, span, any_found)


def candidates(found: Sequence[Fit], case: Case, most: int | None = FEW) -> list[Candidate]:
    """The likeliest edits, each with its name."""
    ranked = sorted(((_rank(fit, case), fit) for fit in found), key=lambda pair: pair[0])[:most]
    return sorted((_candidate(rank, fit, case) for rank, fit in ranked), key=lambda one: one.rank)


def _candidate(rank: tuple[float, ...], fit: Fit, case: Case) -> Candidate:
    kind = kind_of(fit.edit, case.program, case.pool)
    if case.gradients is not None:
        kind = _update_kind(kind, fit.edit, case)
    kind = _one_everywhere(kind, fit.edit, case.program)
    step, is_alias = blamed(fit.edit, kind, case.program, case.pool)
    cost = rank[0]
    if cost >= GUESS and kind != "unexplained":  # the two values themselves say what is wrong
        cost = 1.05 if kind == "softmax-jacobian-diagonal" else 1.25
    # A bare `a = b` where a factor is missing is the statement that should have had it.
    rank = (cost - 0.01 * is_alias, *rank[1:])

    def after() -> Program:
        return fit.program

    def told(edit: Edit) -> str:
        return remedy(edit, kind, case.program, case.pool)

    return Candidate(kind, rank, step, fit.edit, fit.right, fit.error, told=told, after=after)


def _one_everywhere(kind: str, edit: Edit, program: Program) -> str:
    """A slope of ones is a slope, if a wrong one: it is written there."""
    if kind != "missing-activation-derivative":
        return kind
    near = [*edit.site, *program.consumers[edit.site[0]]]
    for step in (program.steps[index] for index in near):
        if step.op == "multiply" and program.steps[edit.site[0]].value.shape == step.value.shape:
            for value in (program.steps[child].value for child in step.inputs):
                if value.size > 1 and np.all(value == 1):
                    return "wrong-activation-derivative"
    return kind


def _update_kind(kind: str, edit: Edit, case: Case) -> str:
    """What a kind is called where gradients are already applied."""
    step = case.program.steps[edit.site[0]]
    if kind == "wrong-sign":
        assert case.gradients is not None
        down = {name: -value for name, value in case.true.gradients.items()}
        last = step.op == "return" or any(
            is_of_the_update(step, case.program, known) for known in (case.gradients, down)
        )
        return "ascent-update" if last else kind
    if edit.new is not None and edit.new.role == "parameter":
        # A parameter that depends on targets is one that has been updated.
        read = edit.detail.get("use", step.inputs[edit.slot] if edit.slot >= 0 else -1)
        if read in case.pool.carrying:
            return "update-before-propagate"
    return kind


def _rank(fit: Fit, case: Case) -> tuple[float, ...]:
    """Likeliest first: cheap edits of steps whose inputs are right, and of these the last.

    Of steps in a row the last one with right inputs: what is missing belongs to the statement that
    ends a value, and later steps only suffer.
    """
    edit, program = fit.edit, case.program
    first = program.steps[edit.site[0]]
    suffers = case.pool.is_adjoint(first.value)
    if edit.action == "operand":
        others = [child for slot, child in enumerate(first.inputs) if slot != edit.slot]
        suffers = suffers or any(case.pool.is_wrong(child) for child in others)
    else:
        suffers = suffers or edit.site[0] in case.pool.suffering
    depth = len(first.frames)
    cost = edit.cost
    if edit.action in ON_THE_WAY and edit.site[0] not in case.pool.carrying:
        of_its_own = edit.action == "scale" and not case.pool.is_true(first.value)
        cost += 0.0 if of_its_own else 0.5
    return cost, suffers, depth, -edit.site[-1], len(edit.site)


def in_source(case: Case, partial: bool = False) -> list[Candidate]:
    """Edits of the user's text that make results true, and no right one wrong."""
    edits, functions = source_edits(case.function, case.program)
    true = case.true.gradients

    def right(values: Mapping[str, Array]) -> frozenset[str]:
        if set(values) != set(true):
            return frozenset()
        return frozenset(n for n in true if case.error(n, values[n]) <= case.exact)

    def helps() -> bool:
        now = right(case.run())
        before = frozenset(true) - case.wrong
        return now > before if partial else len(now) == len(true)

    found = []
    for edit, program in tried(edits, functions, helps, case.record, process_time() + SECONDS):
        values = program.values()
        gained = right(values) & case.wrong
        if gained:
            found.append(_from_source(edit, gained, values, case, program))
    return found


def _from_source(
    edit: SourceEdit,
    right: frozenset[str],
    values: Mapping[str, Array],
    case: Case,
    program: Program,
) -> Candidate:
    error = max(case.error(name, values[name]) for name in right)
    step = Step("source", lambda: np.zeros(()), (), np.zeros(()), edit.line, edit.file)

    def after() -> Program:
        return program

    cost = 1.15 if edit.kind == "not-accumulated" else 1.2
    return Candidate(
        edit.kind, (cost, 0.0, edit.line), step, None, right, error, edit.remedy, after=after
    )


def in_truth(case: Case, places: Sequence[Candidate]) -> list[Candidate]:
    """Mutations; `places` are steps known to be wrong, where the lines are taken from."""
    backward = case.true.backward
    if backward is None:
        return []
    pool = Pool(case.true, backward, case.point)
    found = []
    for fit in mutations(backward, case.mine, pool, case.exact, case.seconds)[:FEW]:
        kind = mistake(fit, pool)
        known = [one.step for one in places if one.right == fit.right and one.step]
        step = shown(fit, case.program, case.pool)
        if known and (step is None or known[0].line < step.line):
            step = known[0]
        if step is not None and kind in LEFT_OUT:
            later = alias_before(step.file, step.line)
            step = replace(step, line=later or step.line)
        direct = fit.edit.action in ("nothing", "drop-add") or kind != "activation-derivative-twice"
        rank = (
            1.45 + fit.edit.cost / 10 + (0.0 if direct else 0.05),
            0.0 if step else 1.0,
            len(fit.edit.site),
        )
        found.append(Candidate(kind, rank, step, None, fit.right, fit.error))
    return found
