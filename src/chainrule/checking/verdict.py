"""Which mistake: the searches in order, what fits ranked, and the findings made of it.

1. Edits of the user's own steps that make the results true (`search`).
2. Edits of the user's own text, for loops and indices (`source_edits`).
3. Mutations of the true backward pass that give the user's results (`mutations`).
4. Two edits, the second found in the program that the first one gives.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from time import process_time

import numpy as np

from chainrule.checking.blame import LEFT_OUT, blamed
from chainrule.checking.edit import GUESS, Edit, is_fraction, is_likely
from chainrule.checking.edits import WAVES
from chainrule.checking.mutations import mistake, mutations, shown
from chainrule.checking.naming import constant_kind, kind_of
from chainrule.checking.point import Function, Point
from chainrule.checking.pool import Pool
from chainrule.checking.remedies import remedy
from chainrule.checking.report import Alternative, Finding
from chainrule.checking.search import (
    ALL,
    FAR,
    NEAR,
    ON_THE_WAY,
    Fit,
    distance,
    fits,
    is_plain,
    wrong_results,
)
from chainrule.checking.sentences import explanation, hints
from chainrule.checking.source import alias_before
from chainrule.checking.source_edits import SourceEdit, source_edits, tried
from chainrule.checking.steps import Array, Program, Step
from chainrule.checking.truth import Truth
from chainrule.checking.update_rules import is_of_the_update

PLAIN = 1.2  # edits of this cost explain themselves: nothing else is asked
SHOWN = 1.45  # and of this one the user's own steps still show
SECONDS = 2.0  # that each search may take, and each pair of mistakes
LONG = 200  # steps of a program for which one wave may take a second; more for longer ones
FEW = 16  # fits that are named; the others are further-fetched


@dataclass(frozen=True, eq=False)
class Candidate:
    """One mistake that explains results.

    step   the user's step with the line to blame; None where no line is known
    told   puts the correction by an edit into words, where `remedy` does not say it
    after  the user's program once it is corrected; None where that is not known
    """

    kind: str
    rank: tuple[float, ...]
    step: Step | None
    edit: Edit | None
    right: frozenset[str]
    error: float
    remedy: str = ""
    told: Callable[[Edit], str] | None = None
    after: Callable[[], Program] | None = None

    @property
    def is_guess(self) -> bool:
        return self.kind == "unexplained" and self.rank[0] > PLAIN

    @cached_property
    def program(self) -> Program | None:
        return self.after() if self.after is not None else None


@dataclass(frozen=True, eq=False)
class Case:
    """A function, the truth it is held against, and what was recorded of it.

    record, run  the function once more, recorded or not
    gradients    of an update the true gradients behind it, None where the results are gradients
    """

    function: Function
    point: Point
    true: Truth
    program: Program
    exact: float
    record: Callable[[], Program]
    run: Callable[[], Mapping[str, Array]]
    gradients: Mapping[str, Array] | None = None

    @property
    def mine(self) -> dict[str, Array]:
        return self.program.values()

    @property
    def seconds(self) -> float:
        """That one wave of a search may take."""
        return max(1.0, min(4.0, len(self.program.steps) / LONG))

    @cached_property
    def pool(self) -> Pool:
        return Pool(self.true, self.program, self.point)

    @cached_property
    def wrong(self) -> frozenset[str]:
        return wrong_results(self.program, self.true.gradients, self.pool, self.exact)

    def error(self, name: str, value: Array) -> float:
        """The deviation of a result from the truth."""
        true = self.true
        return distance(value, true.gradients[name], true.least(name, self.exact))

    def with_program(self, program: Program) -> "Case":
        return replace(self, program=program)


def findings(case: Case) -> list[Finding]:
    """One mistake, or two; none where nothing explains the numbers."""
    with np.errstate(all="ignore"):
        single = _single(case)
        named = bool(single) and not single[0].is_guess
        if named and single[0].rank[0] <= SHOWN:
            return _sign_apart(single, case)
        # What only the numbers allow comes behind two mistakes that the user's own steps show.
        parts = _of_some(case)
        pair, plain = _pair(case, parts)
        if pair and (plain or not named):
            return pair
        if named:
            return _sign_apart(single, case)
        return [_finding(single, case)] if single else _best_part(parts, case)


def _sign_apart(single: list[Candidate], case: Case) -> list[Finding]:
    """A negative factor that is not -1 is two mistakes: a sign, and a factor."""
    best = single[0]
    edit = best.edit
    if edit is None or edit.action != "scale" or edit.constant >= 0 or best.kind == "wrong-sign":
        return [_finding(single, case)]
    right_way = case.gradients is not None and any(
        is_of_the_update(step, case.program, case.gradients) for step in case.program.steps
    )
    sign = "ascent-update" if right_way else "wrong-sign"
    factor = constant_kind(-edit.constant, case.point)
    parts = [
        replace(best, kind=sign, edit=replace(edit, constant=-1.0)),
        replace(best, kind=factor, edit=replace(edit, constant=-edit.constant)),
    ]
    return [_finding([part], case) for part in parts]


# --- single mistakes -----------------------------------------------------------------------------


def _single(case: Case) -> list[Candidate]:
    """Everything that alone explains all results, the likeliest first."""
    near = _fits(case, span=NEAR)
    found = _candidates(near, case)
    source = _in_source(case) if _is_open(found, PLAIN) else []
    if not source and not any(is_plain(fit, case.pool) for fit in near):
        far = _fits(case, span=FAR, any_found=bool(near))
        found = _candidates([*near, *far], case)
    found = sorted([*source, *found], key=_likelihood)
    if _is_open(found, SHOWN):  # a mutation is further-fetched than what costs less
        found += _in_truth(case, found)
    return sorted(found, key=_likelihood)


def _is_open(found: Sequence[Candidate], cost: float) -> bool:
    """Whether the best of what was found is a guess, or dearer than that."""
    return not found or found[0].is_guess or found[0].rank[0] > cost


def _of_some(case: Case) -> list[Candidate]:
    """Edits of the user's steps that explain some of the wrong results, the likeliest first."""
    found = [one for one in _in_steps(case, partial=True) if one.right < case.wrong]
    return sorted(found, key=lambda one: (one.is_guess, -len(one.right), one.rank))


def _likelihood(candidate: Candidate) -> tuple[bool, tuple[float, ...]]:
    return candidate.is_guess, candidate.rank


def _in_steps(case: Case, partial: bool = False) -> list[Candidate]:
    return _candidates(_fits(case, partial), case, None if partial else FEW)


def _fits(
    case: Case, partial: bool = False, span: range = ALL, any_found: bool = False
) -> list[Fit]:
    true, pool, exact = case.true.gradients, case.pool, case.exact
    return fits(case.program, true, pool, exact, partial, case.seconds, WAVES, span, any_found)


def _candidates(found: Sequence[Fit], case: Case, most: int | None = FEW) -> list[Candidate]:
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


def _in_source(case: Case, partial: bool = False) -> list[Candidate]:
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


def _in_truth(case: Case, places: Sequence[Candidate]) -> list[Candidate]:
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


# --- pairs ---------------------------------------------------------------------------------------


def _pair(case: Case, parts: Sequence[Candidate]) -> tuple[list[Finding], bool]:
    """Two edits, the second found in the program that the first one gives; whether both are plain.

    The first is one of `parts`, or of the user's text. Plain are edits that explain themselves.
    """
    in_source = [one for one in _in_source(case, partial=True) if one.right < case.wrong]
    until = process_time() + SECONDS
    tried_before: set[tuple[object, ...]] = set()
    pairs: list[tuple[tuple[bool, float, bool], list[Finding]]] = []
    for first in (*in_source, *parts):
        key = (first.right, first.step.line if first.step else 0, first.kind)
        if key in tried_before or first.program is None:
            continue
        tried_before.add(key)
        after = case.with_program(first.program)
        rest = _in_steps(after)
        if not rest or rest[0].rank[0] > PLAIN:
            rest += _in_source(after)
        if rest:
            rest.sort(key=_likelihood)
            second = rest[0]
            guess, cost = first.is_guess or second.is_guess, first.rank[0] + second.rank[0]
            plain = max(first.rank[0], second.rank[0]) <= PLAIN
            found = [_finding([first], case), _finding(rest, after)]
            pairs.append(((guess, cost, plain), found))
            if not guess and plain:
                break
        if process_time() > until:
            break
    if not pairs:
        return [], False
    (guess, _, plain), found = min(pairs, key=lambda pair: pair[0])
    return found, plain and not guess


def _best_part(parts: Sequence[Candidate], case: Case) -> list[Finding]:
    """A mistake that explains some results, where nothing explains all."""
    return [_finding(parts[:FEW], case)] if parts else []


# --- findings ------------------------------------------------------------------------------------


def _finding(candidates: Sequence[Candidate], case: Case) -> Finding:
    """The likeliest of the candidates, the others beside it."""
    ordered = sorted(candidates, key=_likelihood)
    best = ordered[0]
    others: dict[tuple[str, int], Alternative] = {}
    for other in ordered[1:]:
        line = other.step.line if other.step else 0
        if other.kind in (best.kind, "unexplained") or other.is_guess:
            continue
        if _is_sensible(other, case):
            others[other.kind, line] = Alternative(other.kind, line, sentence(other))
    line, said = best.step.line if best.step else 0, sentence(best)
    order = list(case.program.outputs)
    reached = tuple(sorted(best.right, key=order.index))
    return Finding(
        best.kind,
        "wrong",
        reached[-1] if reached else "",
        line,
        said,
        hints(best.kind, line, said),
        best.error if not best.is_guess else np.inf,  # the truth put in proves nothing
        tuple(others.values()),
        reached,
    )


def _is_sensible(candidate: Candidate, case: Case) -> bool:
    """Whether anybody would write the number that an added term is multiplied with."""
    edit = candidate.edit
    if edit is None or edit.action != "add-term":
        return True
    return is_fraction(edit.constant) or is_likely(edit.constant, case.pool.numbers)


def sentence(candidate: Candidate) -> str:
    """One sentence: the user's line, what is wrong there, and what to write."""
    step = candidate.step or Step("", lambda: np.zeros(()), (), np.zeros(()))
    remedy = candidate.remedy
    if candidate.told is not None and candidate.edit is not None:
        remedy = candidate.told(candidate.edit)
    return explanation(candidate.kind, step, remedy)
