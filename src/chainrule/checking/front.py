"""`check`: a loss, a hand-written gradient of it, and where they part."""

import copy
import linecache
import traceback
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule.checking.case import Case
from chainrule.checking.naming import constant_kind
from chainrule.checking.other_losses import losses_of
from chainrule.checking.point import Function, Point, at
from chainrule.checking.recording import graph_of, record, results
from chainrule.checking.report import RIGHT, Finding, Report
from chainrule.checking.rounding import DOUBLE, SINGLE
from chainrule.checking.search import EXACT, distance
from chainrule.checking.sentences import hints
from chainrule.checking.steps import Array
from chainrule.checking.surroundings import preserved
from chainrule.checking.truth import Truth, truth
from chainrule.checking.unseen import unseen
from chainrule.checking.update_rules import change, numbers_of, record_step, rule_of, wanted
from chainrule.checking.updating import EXACT_STEP, best_of
from chainrule.checking.verdict import findings
from chainrule.errors import ChainruleError, SettingError
from chainrule.trees import Tree, flatten

RIGHT_BY_DIFFERENCES = 1e-5  # where differences are the only truth
CONFIRMED = 1e-4  # what the best step of central differences must reach
RIGHT_IN_SINGLE = 1e-4  # where the user's own code computes in float32


def check(
    *,
    loss: Function,
    grads: Function | None = None,
    step: Function | None = None,
    params: Tree,
    data: Sequence[Any],
    lr: float = 0.1,
) -> Report:
    """Hold a hand-written gradient or update against the truth, and name what is wrong.

    loss    loss(params, *data) -> one number
    grads   grads(params, *data) -> gradients, in the structure and shapes of `params`
    step    step(params, *data, lr) -> updated parameters, returned or changed in place; in place of
            `grads`. Its first step is judged: plain descent, momentum, Adam, RMSprop, clipping
    params  arrays and numbers in dictionaries and lists; data: a tuple of arrays
    lr      the learning rate given to `step`

    The functions are called on copies, in float64; what they change around them is put back. Raises
    whatever `loss` itself raises.
    """
    if (grads is None) == (step is None):
        raise SettingError("a check takes either `grads` or `step`: give one of them")
    point = at(params, tuple(data))
    true = truth(loss, point)
    if step is not None:
        return _update(step, point, true, lr)
    assert grads is not None
    try:
        mine = results(point, grads)
    except Exception as error:  # the user's code may raise anything: that is the finding
        return _crash(error, point)
    return _compared(grads, loss, point, true, mine)


def _update(function: Function, point: Point, true: Truth, lr: float) -> Report:
    """A step held against the update rules."""
    try:
        mine = change(function, point, lr)
        program = record_step(function, point, lr)
    except Exception as error:
        return _crash(error, point, _half_applied(function, point, lr))
    numbers = numbers_of(program)
    rule = rule_of(mine, true.gradients, lr, numbers)
    truths = wanted(true, program, mine, lr, numbers)
    nearest = truths[0].gradients
    common: dict[str, Any] = {
        "errors": {name: distance(mine[name], value) for name, value in nearest.items()},
        "mine": mine,
        "true": nearest,
        "curve": true.curve,
    }
    if rule is not None:
        common["errors"] = dict.fromkeys(mine, 0.0)
        return Report((), notes=(f"The step is one of {rule}.",), **common)

    def case(one: Truth) -> Case:
        return Case(
            function,
            point,
            one,
            program,
            EXACT_STEP,
            lambda: record_step(function, point, lr),
            lambda: change(function, point, lr),
            true.gradients,
        )

    best = best_of(truths, case)
    wrong = [name for name, error in common["errors"].items() if not error <= RIGHT]
    return Report(tuple(best or _unexplained(wrong)), **common)


def _half_applied(function: Function, point: Point, lr: float) -> str:
    """Which parameters a step has changed in place before it stops."""
    params, data = copy.deepcopy((point.params, point.data))
    with preserved(function), suppress(Exception), np.errstate(all="ignore"):
        function(params, *data, lr)
    before = point.leaves
    after = [np.asarray(leaf) for leaf in flatten(params)[0]]
    changed = [
        name
        for name, now in zip(before, after, strict=True)
        if not np.array_equal(now, before[name])
    ]
    return f" {', '.join(changed)} had already been changed." if changed else ""


def _unexplained(wrong: Sequence[str]) -> list[Finding]:
    said = f"{', '.join(wrong)}: wrong, and no single change of your code makes it right."
    parameter = wrong[-1] if wrong else ""
    return [Finding("unexplained", "wrong", parameter, 0, said, hints("unexplained", 0, said))]


def _crash(error: Exception, point: Point, more: str = "") -> Report:
    """The innermost line of the user's that failed, with the message of NumPy."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "chainrule" not in f.filename]
    users = [f for f in frames if "site-packages" not in f.filename] or frames
    line, file = (users[-1].lineno or 0, users[-1].filename) if users else (0, "")
    source = linecache.getline(file, line).strip()
    said = f"`{source}` (line {line}) stops with {type(error).__name__}: {error}.{more}"
    finding = Finding(
        "shape-error", "wrong", "", line, said, hints=hints("shape-error", line, said)
    )
    return Report((finding,))


def _compared(
    function: Function, loss: Function, point: Point, true: Truth, mine: dict[str, Array]
) -> Report:
    single = any(value.dtype == np.float32 for value in mine.values())
    limit = RIGHT_IN_SINGLE if single else RIGHT if true.graph else RIGHT_BY_DIFFERENCES
    if single:
        true = replace(true, noise={n: size * SINGLE / DOUBLE for n, size in true.noise.items()})
    errors = {
        name: distance(mine[name], value, true.least(name, limit)) if name in mine else np.inf
        for name, value in true.gradients.items()
    }
    wrong = [name for name, error in errors.items() if not error <= limit]
    also = _also(loss, point, mine)
    common: dict[str, Any] = {
        "also_gradient_of": tuple(also),
        "errors": errors,
        "mine": mine,
        "true": true.gradients,
        "curve": true.curve,
        "notes": (*unseen(point, true.gradients, true.noise), *_doubts(true, single)),
        "file": getattr(getattr(function, "__code__", None), "co_filename", ""),
    }
    if not wrong:
        return Report((), **common)
    found = _findings(function, point, true, EXACT if not single else RIGHT_IN_SINGLE)
    single_edit = len(found) == 1 and found[0].kind != "unexplained"
    if also and not single_edit:
        said = f"Your gradient is exactly that of {next(iter(also))}, which is not your loss."
        line = found[0].line if found else 0
        parameters = tuple(wrong)
        other = Finding(
            "gradient-of-another-loss",
            "wrong",
            wrong[-1],
            line,
            said,
            hints("gradient-of-another-loss", line, said),
            also[next(iter(also))],
            parameters=parameters,
        )
        found = [other]
    found = found or _unexplained(wrong)
    ratio = _one_ratio(mine, true.gradients)
    if ratio is not None and ratio > 0 and len(found) == 1:
        kind = found[0].kind
        if kind == "unexplained":
            kind = constant_kind(1 / ratio, point)
        found = [replace(found[0], kind=kind, severity="scale")]
    return Report(tuple(found), **common)


def _doubts(true: Truth, single: bool) -> Iterator[str]:
    """What the numbers themselves make uncertain: a kink, or the precision."""
    if true.graph is None:
        yield (
            "The loss cannot be recorded as a graph, so central differences are the only truth: "
            "the gradient is held to one part in a hundred thousand, and the quantities between "
            "are not known."
        )
    best = min((error for _, error in true.curve), default=0.0)
    if best > CONFIRMED:
        yield (
            f"No step of central differences confirms the gradient (the best is {best:.0e} off): "
            "the loss has a kink at this point, or changes from call to call. Move the data a "
            "little."
        )
    if single:
        yield (
            "The gradient is computed in float32: it is held to one part in ten thousand, and a "
            "smaller mistake would not show."
        )


def _one_ratio(mine: dict[str, Array], true: dict[str, Array]) -> float | None:
    """mine = ratio · true everywhere, or None."""
    name = max(true, key=lambda key: float(np.max(np.abs(true[key]), initial=0.0)))
    if name not in mine or mine[name].shape != true[name].shape or not true[name].size:
        return None
    place = np.unravel_index(np.argmax(np.abs(true[name])), true[name].shape)
    ratio = float(mine[name][place] / true[name][place]) if true[name][place] else 0.0
    same = all(
        key in mine and distance(mine[key], ratio * value) <= EXACT for key, value in true.items()
    )
    return ratio if ratio and same else None


def _also(loss: Function, point: Point, mine: dict[str, Array]) -> dict[str, float]:
    try:
        graph, arrays = graph_of(loss, point)
        return losses_of(mine, graph, arrays, point.names, point.data)
    except (ChainruleError, TypeError, ValueError, AttributeError, KeyError):
        return {}


def _findings(function: Function, point: Point, true: Truth, exact: float) -> list[Finding]:
    """What explains the numbers; nothing where the function cannot be recorded."""
    try:
        program = record(function, point)
    except Exception:  # what cannot be recorded is not read; the numbers still stand
        return []
    if set(program.outputs) != set(true.gradients):
        return []
    case = Case(
        function,
        point,
        true,
        program,
        exact,
        lambda: record(function, point),
        lambda: results(point, function),
    )
    return findings(case)
