"""The page of a report: findings, the user's source with its lines marked, and the gradients.

Colours and heat maps are those of the drawings, so that the pages of a story and of a check look
like one book.
"""

from collections.abc import Iterator
from html import escape
from importlib.resources import files
from pathlib import Path

import numpy as np

from chainrule.checking.levels import Level
from chainrule.checking.report import RIGHT, Finding, Report
from chainrule.checking.steps import Array
from chainrule.explaining.drawing.heat import levels_of, look
from chainrule.explaining.drawing.style import THEMES, levels

MOST_ROWS, MOST_COLUMNS = 14, 8  # of a table; of more, those with the largest deviation
MOST_TABLES = 24
AROUND = 6  # lines of a long source that are shown about a marked one
LONG = 400
MOST_COLOUR = 70  # per cent in the darkest cell, which still lets its number be read

SCRIPT = """
document.getElementById("theme").onclick = () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark"
    : window.matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
};
"""


def document(report: Report, level: Level) -> str:
    """The whole page, which needs nothing else."""
    return "".join(_document(report.limited(level), level))


def _document(report: Report, level: Level) -> Iterator[str]:
    heat = levels("heat", "background", MOST_COLOUR)
    css = files("chainrule.checking.page").joinpath("page.css").read_text(encoding="utf-8")
    name = Path(report.file).name if report.file else "the gradient"
    title = f"Check of {name}"
    yield (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"/>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>'
        f"<title>{escape(title)}</title><style>{THEMES}{heat}{css}</style></head><body>"
        f"<header><div><h1>{escape(title)}</h1><p>{escape(report._headline())}</p></div>"
        '<button id="theme" type="button">Light / dark</button></header><main>'
    )
    yield from _findings(report, level)
    yield from _source(report)
    yield from _gradients(report)
    yield from _witness(report)
    yield f"</main><script>{SCRIPT}</script></body></html>\n"


# --- findings ------------------------------------------------------------------------------------


def _findings(report: Report, level: Level) -> Iterator[str]:
    if report.ok:
        yield '<section class="card right"><h3>Right</h3>'
        yield f"<p>{escape(report._headline())}</p></section>"
    for number, finding in enumerate(report.findings, 1):
        place = f"line {finding.line}" if finding.line else finding.parameter
        kind = f": {finding.kind.replace('-', ' ')}" if finding.kind else ""
        lines = "".join(f"<p>{escape(text)}</p>" for text in report._told(finding, level))
        yield (
            f'<section class="card {finding.severity}" id="finding-{number}">'
            f"<h3>{number}. {escape(place + kind)}</h3>{lines}</section>"
        )
    for name in report.also_gradient_of:
        yield f"<p>The coded gradient is exactly that of: <b>{escape(name)}</b>.</p>"
    for note in report.notes:
        yield f"<p class=soft>{escape(note)}</p>"


# --- the source ----------------------------------------------------------------------------------


def _source(report: Report) -> Iterator[str]:
    try:
        lines = Path(report.file).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        return
    marked: dict[int, list[tuple[int, Finding]]] = {}
    for number, finding in enumerate(report.findings, 1):
        marked.setdefault(finding.line, []).append((number, finding))
    shown = range(1, len(lines) + 1)
    yield '<h2>The code</h2><div class="source"><table>'
    for line in shown:
        if len(lines) > LONG and not any(abs(line - place) <= AROUND for place in marked):
            continue
        look = ' class="marked"' if line in marked else ""
        yield (
            f'<tr{look} id="line-{line}"><td class="number">{line}</td>'
            f"<td>{escape(lines[line - 1])}</td></tr>"
        )
        for number, finding in marked.get(line, ()):
            said = finding.kind.replace("-", " ") or "look here"
            yield (
                f'<tr class="said"><td></td><td><a href="#finding-{number}">{number}</a> '
                f"{escape(said)}</td></tr>"
            )
    yield "</table></div>"


# --- gradients -----------------------------------------------------------------------------------


def _gradients(report: Report) -> Iterator[str]:
    names = sorted(report.mine, key=lambda name: -_rank(report.errors.get(name, 0.0)))
    if not names:
        return
    yield "<h2>The gradients</h2>"
    if len(names) > MOST_TABLES:
        yield f"<p class=soft>{MOST_TABLES} of {len(names)} parameters: those most in error.</p>"
    for name in names[:MOST_TABLES]:
        mine, true = np.asarray(report.mine[name]), report.true.get(name)
        error = report.errors.get(name, 0.0)
        how = "right" if error <= RIGHT else f"off by {100 * error:.3g} %"
        if not np.isfinite(error):
            how = f"shape {mine.shape}, which is not the parameter's"
        look = "right" if error <= RIGHT else "wrong"
        yield (
            f'<section class="card {look}"><h3>{escape(name)}</h3><p class=soft>{escape(how)}</p>'
            '<div class="tables scroll">'
        )
        yield from _tables(mine, true)
        yield "</div></section>"


def _rank(error: float) -> float:
    return error if np.isfinite(error) else 1e300


def _tables(mine: Array, true: Array | None) -> Iterator[str]:
    if true is None or true.shape != mine.shape:
        yield _heat("mine", mine, _chosen(mine))
        if true is not None:
            yield _heat("true", np.asarray(true), _chosen(np.asarray(true)))
        return
    true = np.asarray(true)
    chosen = _chosen(mine - true)
    with np.errstate(all="ignore"):
        ratio = np.where(true != 0, mine / np.where(true != 0, true, 1), np.nan)
    yield _heat("mine", mine, chosen)
    yield _heat("true", true, chosen)
    yield _heat("mine / true", ratio, chosen, middle=1.0)


def _flat(array: Array) -> Array:
    array = np.asarray(array, dtype=float)
    if array.ndim < 2:
        return array.reshape(1, -1)
    return array.reshape(array.shape[0], -1)


def _chosen(gap: Array) -> tuple[Array, Array]:
    """The rows and columns that are shown: those with the largest deviations."""
    table = np.nan_to_num(np.abs(_flat(gap)))
    rows = np.sort(np.argsort(-table.max(axis=1, initial=0), kind="stable")[:MOST_ROWS])
    columns = np.sort(np.argsort(-table.max(axis=0, initial=0), kind="stable")[:MOST_COLUMNS])
    return rows, columns


def _heat(caption: str, array: Array, chosen: tuple[Array, Array], middle: float = 0.0) -> str:
    whole = _flat(array)
    table = whole[np.ix_(*chosen)]
    finite = np.abs(whole[np.isfinite(whole)] - middle)
    top = float(finite.max(initial=0.0))
    level = levels_of(
        np.where(np.isfinite(table), table - middle, 0.0), top if top >= 1e-12 else 0.0
    )
    rows = []
    for line, shades in zip(table, level, strict=True):
        cells = "".join(
            f'<td class="{look(shade)}">{_number(value)}</td>'
            for value, shade in zip(line, shades, strict=True)
        )
        rows.append(f"<tr>{cells}</tr>")
    cut = "" if table.size == whole.size else f" ({table.size} of {whole.size:,})"
    return f'<table class="heat"><caption>{caption}{cut}</caption>{"".join(rows)}</table>'


def _number(value: float) -> str:
    if np.isnan(value):
        return "–"
    return f"{value:.4g}".replace("-", "−")


def _witness(report: Report) -> Iterator[str]:
    if not report.curve:
        return
    rows = "".join(f"<tr><td>{step:.0e}</td><td>{gap:.1e}</td></tr>" for step, gap in report.curve)
    yield (
        "<h2>The second witness</h2><p>Central differences of the loss, along one direction: how "
        "far they are from the true gradient at each step. They fall with the step until rounding "
        'shows.</p><table class="heat"><tr><th>step</th><th>deviation</th></tr>'
        f"{rows}</table>"
    )
