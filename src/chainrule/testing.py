"""Helpers for tests of code that is written by hand."""

from collections.abc import Callable, Sequence
from typing import Any

from chainrule.checking.front import check
from chainrule.checking.levels import Level
from chainrule.checking.report import Report
from chainrule.trees import Tree


def assert_gradients(
    loss: Callable[..., Any],
    grads: Callable[..., Any],
    params: Tree,
    data: Sequence[Any],
    *,
    hints: Level = "fix",
) -> Report:
    """Raise AssertionError, with the mistake named, unless `grads` is the gradient of `loss`.

    loss   loss(params, *data) -> one number
    grads  grads(params, *data) -> gradients, in the structure and shapes of `params`
    hints  how much the message tells: "where", "kind", "formula" or "fix"
    """
    __tracebackhide__ = True  # pytest shows the test's own line
    report = check(loss=loss, grads=grads, params=params, data=data)
    if not report.ok:
        raise AssertionError(report.text(hints))
    return report
