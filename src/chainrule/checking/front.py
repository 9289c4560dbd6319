"""`check`: a loss, a hand-written gradient of it, and where they part."""

import linecache
import traceback
from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.checking.naming import constant_kind
from chainrule.checking.other_losses import losses_of
from chainrule.checking.point import Function, Point, at
from chainrule.checking.recording import graph_of, record, results
from chainrule.checking.report import Finding, Report
from chainrule.checking.search import EXACT, distance
from chainrule.checking.sentences import hints
from chainrule.checking.steps import Array
from chainrule.checking.truth import Truth, truth
from chainrule.checking.verdict import Case, findings
from chainrule.checking.unseen import unseen
from chainrule.errors import ChainruleError
from chainrule.trees import Tree

RIGHT = 1e-7  # deviation against a parameter's largest gradient that is no mistake in float64
RIGHT_BY_DIFFERENCES = 1e-5  # where differences are the only truth
RIGHT_IN_SINGLE = 1e-4  # where the user's own code computes in float32
GUESS = 2.9  # edits of this cost put the truth itself somewhere: they tell a place, not a cause
SECONDS = 3.0  # that the search for edits may take, for single ones and for pairs each


def check(
    *,
    loss: Function,
    grads: Function,
    params: Tree,
    data: Sequence[Any],
) -> Report:
    """Hold a hand-written gradient against the true one, and name what is wrong.

    loss    loss(params, *data) -> one number
    grads   grads(params, *data) -> gradients, in the structure and shapes of `params`
    params  arrays and numbers in dictionaries and lists; data: a tuple of arrays

    Both functions are called on copies, in float64. Raises whatever `loss` itself raises.
    """
    point = at(params, tuple(data))
    function = grads
    true = truth(loss, point)
    try:
        mine = results(point, function)
    except Exception as error:  # the user's code may raise anything: that is the finding
        return _crash(error, point)
    return _compared(function, loss, point, true, mine)


def _crash(error: Exception, point: Point) -> Report:
    """The innermost line of the user's that failed, with the message of NumPy."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "chainrule" not in f.filename]
    users = [f for f in frames if "site-packages" not in f.filename] or frames
    line, file = (users[-1].lineno or 0, users[-1].filename) if users else (0, "")
    source = linecache.getline(file, line).strip()
    said = f"`{source}` (line {line}) stops with {type(error).__name__}: {error}."
    finding = Finding(
        "shape-error", "wrong", "", line, said, hints=hints("shape-error", line, said)
    )
    return Report((finding,))


def _compared(
    function: Function, loss: Function, point: Point, true: Truth, mine: dict[str, Array]
) -> Report:
    errors = {
        name: distance(mine[name], value) if name in mine else np.inf
        for name, value in true.gradients.items()
    }
    single = any(value.dtype == np.float32 for value in mine.values())
    limit = RIGHT_IN_SINGLE if single else RIGHT if true.graph else RIGHT_BY_DIFFERENCES
    wrong = [name for name, error in errors.items() if not error <= limit]
    also = _also(loss, point, mine)
    common: dict[str, Any] = {
        "also_gradient_of": tuple(also),
        "errors": errors,
        "mine": mine,
        "true": true.gradients,
        "curve": true.curve,
        "notes": unseen(point, true.gradients),
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
    if not found:
        said = f"{', '.join(wrong)}: wrong, and no single change of your code makes it right."
        found = [Finding("unexplained", "wrong", wrong[-1], 0, said, hints("unexplained", 0, said))]
    ratio = _one_ratio(mine, true.gradients)
    if ratio is not None and ratio > 0 and len(found) == 1:
        kind = found[0].kind
        if kind == "unexplained":
            kind = constant_kind(1 / ratio, point)
        found = [_with(found[0], kind=kind, severity="scale")]
    return Report(tuple(found), **common)


def _with(finding: Finding, **changes: Any) -> Finding:
    return Finding(**{**finding.__dict__, **changes})


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
    return findings(Case(function, point, true, program, exact, mine=program.values()))
