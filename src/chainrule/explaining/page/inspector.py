"""One weight looked into: its numbers, what a nudge does, its derivation, its paths."""

from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.explaining.changes import parameters
from chainrule.explaining.derivation import MOST_PATHS, Derivation, Section, few_crossed
from chainrule.explaining.drawing.network import weight_name
from chainrule.explaining.page.equations import equations
from chainrule.explaining.page.nudges import OFFSETS, Nudged
from chainrule.explaining.page.shares import told
from chainrule.explaining.page.worked import worked_update
from chainrule.tex import figure, number

if TYPE_CHECKING:
    from chainrule.explaining.story import Story


def inspector(story: "Story", weights: list[Nudged], has_lines: bool) -> Iterator[str]:
    if not weights:
        return
    lines = "<p class=soft>Or click a line of the network.</p>" if has_lines else ""
    options = []
    for key in dict.fromkeys(weight.key for weight in weights):
        inside = "".join(
            f'<option value="{escape(w.name)}">'
            f"{escape(weight_name(story, w.key, w.index))}</option>"
            for w in weights
            if w.key == key
        )
        options.append(f'<optgroup label="{escape(key)}">{inside}</optgroup>')
    total = sum(story.gradients[key].size for key in story.gradients)
    note = (
        ""
        if len(weights) >= total
        else f"<p class=soft>{len(weights)} of {total:,} weights: of each parameter those with the "
        "largest gradients. In Python: <code>story.latex(name, index)</code>.</p>"
    )
    yield (
        '<section id="inspector" class="card" aria-label="One weight"><div><div class="bar">'
        '<h2>One weight</h2><span class="grow"></span><label>Weight <select id="weight">'
        f"{''.join(options)}</select></label></div>"
        f"{lines}"
        '<dl class="facts"><div><dt>value</dt><dd id="w-value"></dd></div>'
        '<div><dt>gradient</dt><dd id="w-gradient"></dd></div>'
        '<div><dt>after the update</dt><dd id="w-after"></dd></div></dl>'
        '<p class="missing" id="w-missing" hidden=""></p><div id="nudging">'
        f'<label class="nudge">Nudge it <input id="nudge" type="range" min="0" '
        f'max="{len(OFFSETS) - 1}" value="{len(OFFSETS) // 2 + 1}" list="none"/></label>'
        '<div id="plot" aria-hidden="true"></div>'
        '<dl class="facts" aria-live="polite"><div><dt>nudge h</dt><dd id="n-offset"></dd></div>'
        '<div><dt>loss there</dt><dd id="n-loss"></dd></div>'
        '<div><dt>(L(w+h) − L(w)) / h</dt><dd id="n-forward"></dd></div>'
        '<div><dt>(L(w+h) − L(w−h)) / 2h</dt><dd id="n-central"></dd></div></dl>'
        "<p class=soft>The loss was computed anew at each of these "
        f"{len(OFFSETS)} places, by the engine, for this page; nothing is interpolated. The "
        "smaller the nudge, the nearer the quotient comes to the gradient, until rounding shows."
        "</p></div>"
        f'{note}</div><div><div id="worked"></div><div id="derivation"></div></div></section>'
    )


def derivations(story: "Story", weights: list[Nudged]) -> Iterator[str]:
    """What the inspector shows of each weight: of its parameter once, and of its entry."""
    seen: set[str] = set()
    yield '<div class="store" hidden="">'
    for weight in weights:
        found = story.derivation(weight.key, weight.index)
        if weight.key not in seen:
            seen.add(weight.key)
            whole = f"<h3>All of {escape(story.quantity(weight.key).text)}</h3>{_whole(found)}"
            yield f'<div id="d-{escape(weight.key)}">{whole}</div>'
        entry = [s for s in found.sections if s.heading == "one entry"]
        yield f'<div id="d-{escape(weight.name)}">{"".join(map(_section, entry))}'
        yield from _largest_path(story, weight)
        yield "</div>"
    for quantity in parameters(story):
        yield f'<div id="u-{escape(quantity.key)}">{worked_update(story, quantity).mathml}</div>'
    yield "</div>"


def _largest_path(story: "Story", weight: Nudged) -> Iterator[str]:
    """Of a gradient with too many paths for the equation above: the largest, with its numbers."""
    found = few_crossed(story, weight.key, weight.index)
    if found is None or found.count <= MOST_PATHS:
        return
    paths = found.paths(1)
    yield f"<h4>Its largest path, of {paths.number:,}</h4>"
    (path,) = paths
    names = r" \cdot ".join(factor.latex for factor in path.factors)
    values = [number(factor.value) for factor in path.factors]
    product = r" \cdot ".join(f"({v})" if v.startswith("-") else v for v in values)
    lines = ((number(path.value), names), ("", product))
    yield f'<div class="scroll">{equations(lines)}</div>'
    said = told(path.value, paths.gradient, paths.absolute)
    yield f'<p class="soft">{said}</p>'


def _whole(found: Derivation) -> str:
    return "".join(_section(s) for s in found.sections if s.heading != "one entry")


def _section(section: Section) -> str:
    heading = section.title.rstrip(":")
    shown = equations((line.left, line.right, line.relation) for line in section.lines)
    return f'<h4>{heading}</h4><div class="scroll">{shown}</div>'


def weight_data(story: "Story", weight: Nudged) -> dict[str, Any]:
    gradient = float(story.gradients[weight.key][weight.index])
    losses = weight.losses
    base = losses[len(OFFSETS) // 2]
    rows = []
    for place, offset in enumerate(OFFSETS):
        other = losses[len(OFFSETS) - 1 - place]
        forward = (losses[place] - base) / offset if offset else None
        central = (losses[place] - other) / (2 * offset) if offset else None
        rows.append(
            [
                figure(offset, 6),
                figure(losses[place], 6),
                "–" if forward is None else figure(forward, 6),
                "–" if central is None else figure(central, 6),
            ]
        )
    return {
        "key": weight.key,
        "name": weight_name(story, weight.key, weight.index),
        "slope": gradient if np.isfinite(gradient) else 0.0,
        "rows": rows,
        "losses": [float(f"{loss:.6g}") if np.isfinite(loss) else None for loss in losses],
    }
