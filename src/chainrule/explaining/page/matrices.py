"""Matrix products as three tables: the row and the column of each entry stand beside and above it.

The arrangement is Falk's (1951): left factor below left, right factor above right, and where a row
and a column cross, their product.
"""

from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from chainrule.explaining.drawing.network import walk
from chainrule.explaining.entries import Array
from chainrule.explaining.expression import Expr
from chainrule.explaining.printing import Printer
from chainrule.explaining.text import cells_of
from chainrule.ops.products import parts
from chainrule.tex import mathml

if TYPE_CHECKING:
    from chainrule.explaining.story import Step, Story

MOST_SUMMED, MOST_SHOWN = 16, 8


def products_of(story: "Story", step: "Step") -> Iterator[str]:
    """The matrix products in a step's formula, where they fit on a page."""
    if step.expression is None or step.phase == "update":
        return
    for expr in walk(step.expression):
        found = _product(story, expr) if expr.head == "contract" else None
        if found:
            yield found


def _product(story: "Story", expr: Expr) -> str:
    first, second, out = parts(expr.data)
    if len(first) != 2 or len(second) != 2 or len(out) != 2 or expr.size < 2:
        return ""
    left, right = expr.args
    if out[0] not in first:
        (left, right), (first, second) = (right, left), (second, first)
    (summed,) = set(first) - {out[0]}
    numbers = story.numbers
    a, b, c = numbers.of(left), numbers.of(right), numbers.of(expr)
    a = a if first == out[0] + summed else a.T
    b = b if second == summed + out[1] else b.T
    if a.shape[1] > MOST_SUMMED or c.size == 0:
        return ""
    rows, columns = _largest(c, 1), _largest(c, 0)
    cut = len(rows) < c.shape[0] or len(columns) < c.shape[1]
    printer = Printer()
    names = [printer.show(left), printer.show(right), printer.show(expr)]
    if first != out[0] + summed:
        names[0] = rf"{{{names[0]}}}^\top"
    if second != summed + out[1]:
        names[1] = rf"{{{names[1]}}}^\top"
    inner = list(range(a.shape[1]))
    tables = (
        _table(a[rows], rows, inner, "left", names[0]),
        _table(b[:, columns], inner, columns, "right", names[1]),
        _table(c[np.ix_(rows, columns)], rows, columns, "result", names[2]),
    )
    note = (
        f"<p class=soft>{len(rows)} of {c.shape[0]:,} rows and {len(columns)} of "
        f"{c.shape[1]:,} columns: those with the largest numbers.</p>"
        if cut
        else ""
    )
    return (
        '<div class="product"><div class="falk"><span></span>'
        f"{tables[1]}{tables[0]}{tables[2]}</div>"
        "<p class=sum aria-live=polite>Point at a cell of the result, or move there with Tab: its "
        f"row and its column light up.</p>{note}</div>"
    )


def _largest(array: Array, axis: int) -> list[int]:
    """Up to so many rows or columns, in their order."""
    size = np.nan_to_num(np.abs(array)).max(axis=axis)
    return sorted(int(i) for i in np.argsort(-size, kind="stable")[:MOST_SHOWN])


def _table(table: Array, rows: list[int], columns: list[int], side: str, name: str) -> str:
    cells = cells_of(np.asarray(table))
    head = "".join(f'<th scope="col">{column + 1}</th>' for column in columns)
    lines = [f"<tr><td></td>{head}</tr>"]
    focus = ' tabindex="0"' if side == "result" else ""
    for place, (row, shown) in enumerate(zip(rows, cells, strict=True)):
        line = "".join(
            f'<td class="cell" data-r="{place}" data-c="{column}"{focus}>{escape(cell)}</td>'
            for column, cell in enumerate(shown)
        )
        lines.append(f'<tr><th scope="row">{row + 1}</th>{line}</tr>')
    return f'<table class="{side}"><caption>{mathml(name)}</caption>{"".join(lines)}</table>'
