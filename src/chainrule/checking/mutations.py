"""Mistakes as mutations of the true backward pass, whose results are then exactly the user's.

The same table of edits as for the user's own steps, read the other way round: here the edit is the
mistake. This finds what the user's steps do not contain, a path or a time step that is left out,
and needs no recording of the user's function at all.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from chainrule.checking.edit import Edit, Row, Site
from chainrule.checking.edits import WAVES
from chainrule.checking.naming import close, constant_kind, kind_of
from chainrule.checking.pool import Pool
from chainrule.checking.search import Fit, fits
from chainrule.checking.steps import Array, Override, Program, Step

OTHER_WAY = {
    "extra-term": "missing-term",
    "missing-term": "extra-term",
    "missing-activation-derivative": "activation-derivative-twice",
    "activation-derivative-twice": "missing-activation-derivative",
    "elementwise-for-matmul": "matmul-for-elementwise",
    "matmul-for-elementwise": "elementwise-for-matmul",
    "missing-mean": "mean-twice",
    "mean-twice": "missing-mean",
    "not-accumulated": "extra-term",
}


def _nothing(program: Program, site: Site, pool: Pool) -> Iterator[Edit]:
    """A contribution left out altogether."""
    first = program.steps[site[0]]
    if first.role.startswith("product") or first.role.startswith("sum"):
        overrides: dict[int, Override] = {i: _zeros(program.steps[i].value) for i in site}
        yield Edit("nothing", site, overrides, 1.1, old=first.value)


def _zeros(value: Array) -> Override:
    return lambda values: np.zeros_like(value)


def _rounds(program: Program, site: Site, pool: Pool) -> Iterator[Edit]:
    """Of the rounds of a loop all but some left out."""
    if len(site) < 2 or not program.steps[site[0]].role.startswith(("product", "sum")):
        return
    for kept in (site[:1], site[-1:], site[:-1], site[1:]):
        left = [i for i in site if i not in kept]
        overrides: dict[int, Override] = {i: _zeros(program.steps[i].value) for i in left}
        yield Edit("nothing", tuple(left), overrides, 1.2)


def mutations(
    backward: Program,
    mine: Mapping[str, Array],
    pool: Pool,
    exact: float,
    seconds: float,
) -> list[Fit]:
    """The edits of the true backward pass that give the user's results."""
    first: tuple[Row, ...] = (_nothing, _rounds, *WAVES[0])
    return fits(backward, mine, pool, exact, seconds=seconds, waves=(first, *WAVES[1:3]))


def mistake(fit: Fit, pool: Pool) -> str:
    """The kind of a mutation."""
    edit, program = fit.edit, fit.before
    first = program.steps[edit.site[0]]
    if first.role.startswith("local") and edit.action != "operand":
        return _of_a_slope(fit, pool)
    if edit.action == "nothing":
        return "off-by-one" if _is_an_end(edit.site, program) else "missing-term"
    if edit.action == "scale":
        likely = edit.cost < 1.5
        return constant_kind(1 / edit.constant, pool.point) if likely else "unexplained"
    if edit.action in ("drop-multiply", "drop-divide") and edit.old is not None:
        return _left_out(edit.old, edit.action, pool)
    if edit.action == "operand" and edit.new is not None and edit.old is not None:
        for slope in (q for q in pool.truth.quantities if q.role == "local"):
            wrong = any(close(edit.new.value, variant) for variant in slope.variants)
            if wrong and close(slope.value, edit.old):
                return "derivative-at-wrong-point"
        return "wrong-operand"
    kind = kind_of(edit, program, pool)
    return OTHER_WAY.get(kind, kind)


def _of_a_slope(fit: Fit, pool: Pool) -> str:
    """Left out, where what the adjoint is multiplied with became a number; else another one."""
    program, index = fit.program, fit.edit.site[0]
    while program.steps[index].role.startswith("local"):
        readers = [i for i in program.consumers[index] if program.reach[i]]
        if not readers or program.steps[readers[0]].role.startswith("product"):
            break
        index = readers[0]
    slope, true = program.steps[index].value, fit.before.steps[index].value
    of_loss = (q.value for q in pool.truth.quantities if q.loss and q.role in ("local", "part"))
    if any(close(true, value) for value in of_loss):
        return "gradient-of-another-loss"
    constant = slope.size > 0 and bool(np.all(slope == slope.flat[0]))
    return "missing-activation-derivative" if constant else "wrong-activation-derivative"


def _left_out(old: Array, action: str, pool: Pool) -> str:
    if old.size == 1:
        factor = float(np.asarray(old, float).reshape(()))
        if factor == 0:
            return "unexplained"
        return constant_kind(1 / factor if action == "drop-divide" else factor, pool.point)
    for quantity in pool.truth.quantities:
        if quantity.role in ("local", "part") and close(quantity.value, old):
            return "gradient-of-another-loss" if quantity.loss else "missing-activation-derivative"
    return "missing-term"


def _is_an_end(site: Sequence[int], program: Program) -> bool:
    """Whether what is left out is the first or last round of a loop."""
    step = program.steps[site[0]]
    if not step.frames:
        return False
    rounds = [
        index
        for index, other in enumerate(program.steps)
        if (other.op, other.role, other.frames) == (step.op, step.role, step.frames)
        and other.value.shape == step.value.shape
    ]
    return len(rounds) > 2 and len(site) < len(rounds) and (rounds[0] in site or rounds[-1] in site)


def shown(fit: Fit, program: Program, pool: Pool) -> Step | None:
    """The user's step that first shows the mutation: a value as the mutation has it."""
    after = fit.program
    changed = [
        step.value
        for step, before in zip(after.steps, fit.before.steps, strict=True)
        if step is not before and step.value.size > 1 and np.any(step.value)
        if step.value.shape != before.value.shape or not close(step.value, before.value)
    ]
    for index, step in enumerate(program.steps):
        value = step.value
        if not program.reach[index] or value.size < 2 or value.dtype.kind != "f":
            continue
        if step.op == "return" or not np.any(value) or pool.is_adjoint(value):
            continue
        for other in changed:
            if _proportional(value, other) and not _any_proportional(value, pool):
                return step
    return None


def _proportional(a: Array, b: Array) -> bool:
    if a.shape != b.shape:
        if a.size != b.size:
            return False
        if a.ndim == 2 and a.shape == b.shape[::-1]:
            b = b.T
        else:
            a, b = a.reshape(-1), b.reshape(-1)
    square = float(np.sum(b * b))
    if square == 0:
        return False
    factor = float(np.sum(a * b)) / square
    return factor != 0 and close(a, factor * b)


def _any_proportional(value: Array, pool: Pool) -> bool:
    return any(
        _proportional(value, quantity.value)
        for quantity in pool.truth.quantities
        if quantity.value.size == value.size and quantity.role in ("adjoint", "forward", "data")
    )
