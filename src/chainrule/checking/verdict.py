"""Which mistake: the searches in order, and the findings made of what fits.

Where no single candidate explains all results, two are looked for: the second one in the program
that the first one gives.
"""

from collections.abc import Sequence
from dataclasses import replace
from time import process_time

import numpy as np

from chainrule.checking.candidates import (
    FEW,
    candidates,
    fits_of,
    in_source,
    in_steps,
    in_truth,
    likelihood,
    of_some,
)
from chainrule.checking.case import PLAIN, Candidate, Case
from chainrule.checking.edit import is_fraction, is_likely
from chainrule.checking.naming import constant_kind
from chainrule.checking.report import Alternative, Finding
from chainrule.checking.search import FAR, NEAR, is_plain
from chainrule.checking.sentences import explanation, hints
from chainrule.checking.steps import Step
from chainrule.checking.update_rules import is_of_the_update

SHOWN = 1.45  # and of this cost the user's own steps still show an edit
SECONDS = 2.0  # that the search for a pair may take
WAVE = 0.4  # and one wave of it, where one mistake explains the numbers already


def findings(case: Case) -> list[Finding]:
    """One mistake, or two; none where nothing explains the numbers."""
    with np.errstate(all="ignore"):
        single = _single(case)
        named = bool(single) and not single[0].is_guess
        if named and single[0].rank[0] <= SHOWN:
            return _sign_apart(single, case)
        # What only the numbers allow comes behind two mistakes that the user's own steps show.
        each = WAVE if named else None
        parts = of_some(case, each)
        pair, plain = _pair(case, parts, each)
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
    near = fits_of(case, span=NEAR)
    found = candidates(near, case)
    source = in_source(case) if _is_open(found, PLAIN) else []
    if not source and not any(is_plain(fit, case.pool) for fit in near):
        far = fits_of(case, span=FAR, any_found=bool(near))
        found = candidates([*near, *far], case)
    found = sorted([*source, *found], key=likelihood)
    if _is_open(found, SHOWN):  # a mutation is further-fetched than what costs less
        found += in_truth(case, found)
    return sorted(found, key=likelihood)


def _is_open(found: Sequence[Candidate], cost: float) -> bool:
    """Whether the best of what was found is a guess, or dearer than that."""
    return not found or found[0].is_guess or found[0].rank[0] > cost


# --- pairs ---------------------------------------------------------------------------------------


def _pair(
    case: Case, parts: Sequence[Candidate], seconds: float | None
) -> tuple[list[Finding], bool]:
    """Two edits, the second found in the program that the first one gives; whether both are plain.

    The first is one of `parts`, or of the user's text. Plain are edits that explain themselves.
    Each wave of a search may take `seconds`.
    """
    by_text = [one for one in in_source(case, partial=True) if one.right < case.wrong]
    until = process_time() + SECONDS
    tried_before: set[tuple[object, ...]] = set()
    pairs: list[tuple[tuple[bool, float, bool], list[Finding]]] = []
    for first in (*by_text, *parts):
        key = (first.right, first.step.line if first.step else 0, first.kind)
        if key in tried_before or first.program is None:
            continue
        tried_before.add(key)
        after = case.with_program(first.program)
        rest = in_steps(after, seconds=seconds)
        if not rest or rest[0].rank[0] > PLAIN:
            rest += in_source(after)
        if rest:
            rest.sort(key=likelihood)
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
    ordered = sorted(candidates, key=likelihood)
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
