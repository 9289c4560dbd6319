"""The edits that make a program's results true: single ones, and pairs where no single one does."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from time import monotonic

import numpy as np

from chainrule.checking.edits import ROWS, Edit, Site
from chainrule.checking.pool import Pool
from chainrule.checking.steps import Array, Program

EXACT = 1e-9  # of a parameter's largest true gradient: what rounding may leave


@dataclass(frozen=True, eq=False)
class Fit:
    """An edit, the results that it makes true, and the error that it leaves there."""

    edit: Edit
    right: frozenset[str]
    error: float
    program: Program


def distance(mine: Array, true: Array) -> float:
    """The largest deviation against the largest true number; infinite for another shape."""
    mine = np.asarray(mine)
    if mine.shape != true.shape:
        return np.inf
    if mine.size == 0:
        return 0.0
    size = float(np.max(np.abs(true)))
    gap = float(np.max(np.abs(mine - true)))
    return np.inf if np.isnan(gap) else gap / size if size else gap


def wrong_results(program: Program, truth: Mapping[str, Array], exact: float) -> frozenset[str]:
    return frozenset(
        name for name, value in program.values().items() if distance(value, truth[name]) > exact
    )


def sites(program: Program, wrong: frozenset[str]) -> Iterator[Site]:
    """Single steps, and the same step in all rounds, that reach wrong results and no right one."""
    groups: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for index, step in enumerate(program.steps):
        reach = program.reach[index]
        if not step.inputs or not reach or not reach <= wrong:
            continue
        yield (index,)
        groups[step.file, step.line, step.op, repr(dict(step.params))].append(index)
    for group in groups.values():
        if len(group) > 1:
            yield tuple(group)
            for count in range(2, len(group)):
                if len(group) % count == 0 and len(group) // count > 1 and count <= 4:
                    for start in range(count):
                        yield tuple(group[start::count])


def fits(
    program: Program,
    truth: Mapping[str, Array],
    pool: Pool,
    exact: float = EXACT,
    partial: bool = False,
    until: float = np.inf,
) -> list[Fit]:
    """All edits that make every wrong result true; with `partial`, at least one of them."""
    wrong = wrong_results(program, truth, exact)
    found: list[Fit] = []
    for site in sites(program, wrong):
        reach = frozenset().union(*(program.reach[index] for index in site))
        if not partial and reach != wrong:
            continue
        for row in ROWS.values():
            for edit in row(program, site, pool):
                fit = _tried(program, truth, edit, reach, exact, partial)
                if fit is not None:
                    found.append(fit)
                if monotonic() > until:
                    return found
    return found


def _tried(
    program: Program,
    truth: Mapping[str, Array],
    edit: Edit,
    reach: frozenset[str],
    exact: float,
    partial: bool,
) -> Fit | None:
    try:
        after = program.edited(edit.overrides)
    except (ValueError, TypeError, IndexError, AssertionError):
        return None
    right, error = set(), 0.0
    for name in reach:
        gap = distance(after.steps[after.outputs[name]].value, truth[name])
        if gap <= exact:
            right.add(name)
            error = max(error, gap)
        elif not partial:
            return None
    return Fit(edit, frozenset(right), error, after) if right else None
