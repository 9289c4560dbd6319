"""Means, variances and standard deviations, recognised by what a formula computes.

Nothing here knows a layer: a variance is the mean of the squares of what has had its own mean
subtracted, over the same axes, wherever it stands.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chainrule.explaining import expression as ex
from chainrule.explaining.expression import Expr
from chainrule.tex import constant, plain

if TYPE_CHECKING:
    from chainrule.explaining.story import Story

Axes = tuple[int, ...]


@dataclass(frozen=True)
class Statistic:
    """What a formula is of the rows or columns of another.

    name  "mean", "variance", "standard deviation"; of what has no mean subtracted, "mean square"
          and "root mean square"
    kept  "row", "column", or "neighbours"
    of    what it is the statistic of, as a symbol
    told  a sentence
    """

    name: str
    kept: str
    of: str
    told: str


def statistic(story: "Story", formula: Expr) -> Statistic | None:
    """What the formula computes of a symbol, where it is one of these."""
    formula = _opened(story, formula)
    mean = _mean(story, formula)
    if mean is not None and mean[0].head == "symbol":
        of, where = _name(mean[0]), kept(mean[1], mean[0])
        return Statistic("mean", where, of, f"The mean of each {where} of {of}.")
    added, rooted = "", _is(formula, "sqrt")
    if rooted:
        formula = formula.args[0]
        if formula.head == "plus" and len(formula.args) == 2:
            inner, small = formula.args
            if small.head != "number":
                return None
            formula = inner
            added = f" {plain(constant(small.data, 6))} is added under it, so that it is never 0."
        formula = _opened(story, formula)
    squares = _mean(story, formula)
    inside = None if squares is None else _squared(squares[0])
    if squares is None or inside is None or inside.head != "symbol":
        return None
    where = kept(squares[1], inside)
    source = _centred(story, inside, squares[1])
    of = _name(inside if source is None else source)
    if source is None:
        name = "root mean square" if rooted else "mean square"
    else:
        name = "standard deviation" if rooted else "variance"
    way = f"mean of the squares of {_name(inside)}"
    made = f"the root of the {way}" if rooted else f"the {way}"
    return Statistic(name, where, of, f"The {name} of each {where} of {of}: {made}.{added}")


def kept(axes: Axes, inside: Expr) -> str:
    """What a sum is taken over, of rows that are samples and columns that are units."""
    if len(inside.shape) != 2 or len(axes) != 1:
        return "neighbours"
    return "row" if tuple(axes) == (1,) else "column"


def _mean(story: "Story", expr: Expr) -> tuple[Expr, Axes] | None:
    """What a formula is the mean of, and over which axes."""
    if expr.head != "times" or len(expr.args) != 2 or expr.args[0].head != "number":
        return None
    factor, summed = expr.args[0].data, _opened(story, expr.args[1])
    if summed.head != "sum" or not summed.size:
        return None
    (inside,) = summed.args
    count = inside.size / summed.size
    return (inside, tuple(summed.data)) if abs(factor * count - 1) < 1e-6 else None


def _squared(expr: Expr) -> Expr | None:
    if _is(expr, "square"):
        return expr.args[0]
    if expr.head == "times" and len(expr.args) == 2 and expr.args[0] == expr.args[1]:
        return expr.args[0]
    return None


def _centred(story: "Story", expr: Expr, axes: Axes) -> Expr | None:
    """What a symbol is minus its own mean over these axes."""
    made = _opened(story, expr)
    if made.head != "plus" or len(made.args) != 2:
        return None
    whole, rest = made.args
    if rest.head != "times" or rest.args[0].head != "number" or whole.head != "symbol":
        return None
    if ex.is_number(rest.args[0], -1) and len(rest.args) == 2:
        found = _mean(story, _opened(story, _unwrapped(rest.args[1])))
    else:
        positive = ex.number(-rest.args[0].data)
        found = _mean(story, Expr("times", (positive, *rest.args[1:]), rest.shape))
    return whole if found == (whole, axes) else None


def _opened(story: "Story", expr: Expr) -> Expr:
    """Of a value on the way, the formula that it stands for."""
    expr = _unwrapped(expr)
    node = story.names.nodes.get(expr.data.key) if expr.head == "symbol" else None
    if node is None or not node.inputs:
        return expr
    return _unwrapped(story.names.reader.read(node))


def _unwrapped(expr: Expr) -> Expr:
    while expr.head == "layout" and expr.data is None:
        expr = expr.args[0]
    return expr


def _is(expr: Expr, name: str) -> bool:
    op = getattr(expr.data, "op", expr.data)
    return expr.head == "apply" and getattr(op, "name", "") == name


def _name(expr: Expr) -> str:
    return plain(expr.data.latex)
