"""The page: time line, drawings, what happens at each step, and a weight looked into.

All of it is in the HTML, so that it reads without its script, and printed. The script only says
what is shown: it computes nothing that the story does not hold.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from json import dumps
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.explaining import labels
from chainrule.explaining.changes import SUMMARY_HEAD, SUMMARY_NOTE, most_moved, rule, summary
from chainrule.explaining.derivation import Derivation, Line, Section
from chainrule.explaining.differences import Differences, differences
from chainrule.explaining.doubled import LossOfParameters
from chainrule.explaining.drawing import Kind, draw
from chainrule.explaining.drawing.network import (
    Network,
    place_of,
    read_network,
    weight_name,
)
from chainrule.explaining.drawing.neuron import is_chain
from chainrule.explaining.drawing.style import EMBEDDED, THEMES
from chainrule.explaining.page.cells import cell_data
from chainrule.explaining.page.glossary import Term, first_terms, terms_of
from chainrule.explaining.page.matrices import products_of
from chainrule.explaining.page.nudges import OFFSETS, Nudged, chosen_weights, nudge
from chainrule.explaining.page.overview import overview
from chainrule.explaining.samples import MOST_SAMPLES, told_samples
from chainrule.explaining.story import NOT_YET, PHASES
from chainrule.explaining.text import HEADINGS as PHASE_HEADINGS
from chainrule.explaining.text import rows_of, shape_text
from chainrule.tex import figure, inner_mathml, mathml, number, plain

if TYPE_CHECKING:
    from chainrule.explaining.story import Step, Story

SMALLEST = 0.64  # of a drawing's natural size: what its letters can be read at
BESIDE = 930.0  # pixels for a drawing that has another card beside it
COLUMNS = 84  # of numbers in a step
LONGEST = 1500  # letters of a formula in numbers; a longer one is told only as its result


def document(story: "Story") -> str:
    """The whole page."""
    return "".join(_document(story))


def _resource(name: str) -> str:
    return files("chainrule.explaining.page").joinpath(name).read_text(encoding="utf-8")


def _document(story: "Story") -> Iterator[str]:
    weights = list(nudge(story, chosen_weights(story)))
    yield (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"/>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>'
        f"<title>{escape(story.title)}</title>"
        f"<style>{THEMES}{EMBEDDED}{_resource('page.css')}</style></head><body>"
    )
    loss = None if story.record.run is None else LossOfParameters(story.record)
    compared = differences(story, loss)
    yield from _header(story)
    yield from overview(story, loss, compared)
    yield from _time_line(story)
    network = read_network(story)
    drawings = list(_drawings(story, network))
    wide = " wide" if _needs_all_the_width(drawings) else ""
    yield f'<main><div class="stage{wide}"><div class=left>'
    yield '<section id="now" class="card" aria-live="polite" aria-label="This step"></section>'
    yield from _shown_drawings(story, network, drawings)
    yield '</div><div class="aside">'
    yield (
        '<section id="cell" class="card" aria-live="polite" aria-label="One number" hidden="">'
        "</section>"
    )
    yield from _inspector(story, weights, network is not None)
    yield "</div></div>"
    yield from _steps(story)
    yield from _glossary(story)
    yield "</main>"
    yield from _derivations(story, weights)
    data = dumps(_data(story, weights, compared), ensure_ascii=False, separators=(",", ":"))
    data = data.replace("</", "<\\/")  # nothing in it may end the script
    yield f'<script type="application/json" id="data">{data}</script>'
    yield f"<script>{_resource('page.js')}</script></body></html>\n"


# --- the head ------------------------------------------------------------------------------------


def _header(story: "Story") -> Iterator[str]:
    loss = f"L = {figure(story.loss)}"
    yield (
        f"<header><div><h1>{escape(story.title)}</h1><p>Every number of one pass, and why. "
        f'<span class="badge">{loss}</span></p></div>'
        '<div class="switches"><label><input id="terms" type="checkbox" checked/> Explain the terms'
        '</label><button id="theme" type="button">Light / dark</button></div></header>'
    )


def _time_line(story: "Story") -> Iterator[str]:
    count = len(story.steps)
    yield '<nav class="time" aria-label="Time line"><div class="buttons">'
    for name, sign, said in (
        ("first", "|‹", "Before everything"),
        ("back", "‹", "One step back"),
        ("play", "▶ Play", "Play"),
        ("forward", "›", "One step forward"),
        ("last", "›|", "After everything"),
    ):
        yield (
            f'<button type="button" id="{name}" aria-label="{said}" title="{said}">{sign}</button>'
        )
    given = len(story.phase("given"))
    yield (
        '</div><div class="track"><div class="phases" aria-hidden="true">'
        + "".join(_phases(story))
        + f'</div><input id="time" type="range" min="{given}" max="{count}" '
        f'value="{min(given + 1, count)}" '
        'aria-label="How many steps have happened"/></div>'
        '<output id="when" for="time"></output></nav>'
    )


def _phases(story: "Story") -> Iterator[str]:
    for phase in PHASES[1:]:
        steps = story.phase(phase)
        if steps:
            yield f'<span class="{phase}" style="flex:{len(steps)}">{phase}</span>'


# --- drawings ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Drawing:
    """One drawing of a story: its kind, the name of its tab, its SVG, and its natural width."""

    kind: Kind
    name: str
    text: str
    width: float


def _drawings(story: "Story", network: Network | None) -> Iterator[Drawing]:
    kinds: dict[Kind, str] = {"network": "Network"} if network else {}
    if story.record.roots.prediction is not None:
        kinds["layers"] = "Layers"
    kinds["operations"] = "Computation graph"
    for kind, name in kinds.items():
        canvas = draw(story, kind, len(story.steps))
        text = canvas.svg("")
        yield Drawing(kind, name, text, canvas.width)


def _needs_all_the_width(drawings: list[Drawing]) -> bool:
    """Whether there is no room for anything beside what is drawn first."""
    return SMALLEST * drawings[0].width > BESIDE


def _shown_drawings(
    story: "Story", network: Network | None, drawings: list[Drawing]
) -> Iterator[str]:
    yield '<section class="card drawings" aria-label="Drawings"><div class="bar" role="tablist">'
    for place, drawing in enumerate(drawings):
        yield (
            f'<button type="button" role="tab" id="tab-{drawing.kind}" '
            f'data-tab="{drawing.kind}" aria-controls="figure-{drawing.kind}" '
            f'aria-selected="{str(not place).lower()}">{drawing.name}</button>'
        )
    yield '<span class="grow"></span>'
    by_unit = network is not None and not is_chain(network)
    if by_unit:
        yield (
            '<label>Lines show <select id="lines"><option value="weights">weights</option>'
            '<option value="gradients">gradients</option>'
            '<option value="changes">changes</option></select></label>'
        )
    count = story.names.samples
    if 1 < count <= MOST_SAMPLES and (by_unit or len(told_samples(story)) > 1):
        options = "".join(f'<option value="{i}">{i + 1}</option>' for i in range(count))
        yield f'<label>Sample <select id="sample">{options}</select></label>'
    yield "</div>"
    for place, drawing in enumerate(drawings):
        hidden = " hidden" if place else ""
        yield (
            f'<figure id="figure-{drawing.kind}" role="tabpanel" '
            f'aria-labelledby="tab-{drawing.kind}" '
            f'style="--natural:{drawing.width:.0f}px"{hidden}>{drawing.text}</figure>'
        )
    yield (
        '<p class="soft" id="pointing">Point at a cell to see its number, click to keep it; '
        "or move to a picture with Tab, and in it with the arrow keys.</p>"
        '<p class="key"><span class="plus">━ above 0</span> <span class="minus">━ below 0</span> '
        "<span>the wider or the stronger, the larger</span></p></section>"
    )


# --- steps ---------------------------------------------------------------------------------------


def _steps(story: "Story") -> Iterator[str]:
    yield '<section class="steps"><h2>All steps</h2>'
    terms = [found for _, found in first_terms(story)]
    place = 0
    for phase in PHASES:
        steps = story.phase(phase)
        if not steps:
            continue
        yield f'<h3 class="{phase}">{escape(PHASE_HEADINGS[phase])}</h3>'
        if phase == "given":
            yield _given(story, steps)
            yield _terms([term for found in terms[: len(steps)] for term in found])
            place += len(steps)
            continue
        if phase == "forward":
            yield f"<p>{labels.which_sample(story)}</p>"
        if phase == "update":
            yield _rule(story)
        for step in steps:
            yield _step(story, step, place, terms[place])
            place += 1
    yield f"{_summary(story)}</section>"


def _rule(story: "Story") -> str:
    """The optimizer's rule, where it is more than a step against the gradient."""
    told, lines = rule(story)
    shown = "".join(f'<div class="formula">{mathml(line, display=True)}</div>' for line in lines)
    return f"<p>{escape(told)}</p>{shown}" if lines else ""


def _summary(story: "Story") -> str:
    """Every parameter in a line, and which number moves most."""
    head = "".join(f'<th scope="col">{name}</th>' for name in SUMMARY_HEAD)
    rows = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>"
        for row in summary(story, True, NOT_YET)
    )
    moved = most_moved(story)
    return (
        f'<h3>All parameters</h3><div class="scroll"><table class="summary"><thead><tr>{head}</tr>'
        f"</thead><tbody>{rows}</tbody></table></div><p class=soft>{escape(SUMMARY_NOTE)}</p>"
        + (f"<p>{escape(moved)}</p>" if moved else "")
    )


def _terms(found: list[Term]) -> str:
    """What the signs mean that stand here for the first time."""
    rows = "".join(
        f"<div><dt>{escape(shown)}</dt><dd>{escape(meaning)}</dd></div>" for shown, meaning in found
    )
    return f'<dl class="terms">{rows}</dl>' if rows else ""


def _given(story: "Story", steps: "list[Step]") -> str:
    rows = "".join(
        f"<tr><th scope=row>{mathml(step.symbol)}</th><td>{shape_text(step.value.shape)}</td>"
        f"<td><pre>{escape(_rows(step.value))}</pre>{_named(story, step)}</td><td class=soft>"
        f"{escape(step.key if step.layer else '')}</td></tr>"
        for step in steps
    )
    return f'<div class="scroll"><table class="given">{rows}</table></div>'


def _named(story: "Story", step: "Step") -> str:
    named = labels.given(story, step)
    return f"<p>{escape(named)}</p>" if named else ""


def _rows(value: Any) -> str:
    return "\n".join(rows_of(value, COLUMNS))


def _step(story: "Story", step: "Step", place: int, terms: list[Term]) -> str:
    meaning = f" = {step.meaning}" if step.meaning else ""
    formula = mathml(f"{step.symbol}{meaning} = {step.formula}", display=True)
    single = step.value.size == 1
    result = (
        number(float(step.value[step.index])) if step.value.size and (step.index or single) else ""
    )
    numbers = ""
    if step.numbers and len(step.numbers) < LONGEST:
        end = "" if step.numbers == result else f" = {result}"
        numbers = mathml(f"{step.entry} = {step.numbers}{end}", display=True)
    shapes = "".join(
        f"<span>{mathml(latex)} {shape_text(shape) or 'one number'}</span>"
        for latex, shape in step.shapes
    )
    table = "" if single else f"<pre>{escape(_rows(step.value))}</pre>"
    products = "".join(products_of(story, step))
    if products:
        products = f"<details><summary>The product, cell by cell</summary>{products}</details>"
    what = "result" if step.phase != "backward" else "gradient"
    return (
        f'<article class="step {step.phase}" id="step-{place}" data-step="{place}">'
        f"<header><span class=count>{place + 1 - len(story.phase('given'))}</span>"
        f"<div class=formula>{formula}</div>"
        f"<span class=soft>{escape(step.place)}</span></header>"
        f"<p>{escape(step.sentence)}</p>{_terms(terms)}"
        f'<div class="known"><div class="formula">{numbers}</div>{table}{products}</div>'
        f'<p class="unknown" hidden>{what}: {NOT_YET}</p>'
        f'<p class="shapes">{shapes}</p></article>'
    )


def _glossary(story: "Story") -> Iterator[str]:
    yield (
        '<section><details class="glossary"><summary>What the signs mean, in one place</summary>'
        f"{_terms(terms_of(story))}</details></section>"
    )


# --- one weight ----------------------------------------------------------------------------------


def _inspector(story: "Story", weights: list[Nudged], has_lines: bool) -> Iterator[str]:
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
        "</p>"
        f'{note}</div><div id="derivation"></div></section>'
    )


def _derivations(story: "Story", weights: list[Nudged]) -> Iterator[str]:
    """What the inspector shows of each weight: of its parameter once, and of its entry."""
    told: set[str] = set()
    yield '<div class="store" hidden="">'
    for weight in weights:
        found = story.derivation(weight.key, weight.index)
        if weight.key not in told:
            told.add(weight.key)
            yield f'<div id="d-{escape(weight.key)}">{_whole(found)}</div>'
        entry = [s for s in found.sections if s.heading == "one entry"]
        yield f'<div id="d-{escape(weight.name)}">{"".join(map(_section, entry))}</div>'
    yield "</div>"


def _whole(found: Derivation) -> str:
    return "".join(_section(s) for s in found.sections if s.heading != "one entry")


def _section(section: Section) -> str:
    lines = "".join(_line(line) for line in section.lines if len(line.right) < 4 * LONGEST)
    heading = section.title.rstrip(":")
    return (
        f'<h4>{heading}</h4><div class="scroll"><math display="block">'
        f'<mtable class="lines">{lines}</mtable></math></div>'
    )


def _line(line: Line) -> str:
    left = inner_mathml(line.left) if line.left else ""
    return (
        f"<mtr><mtd>{left}</mtd><mtd><mo>{line.relation}</mo></mtd>"
        f"<mtd>{inner_mathml(line.right)}</mtd></mtr>"
    )


# --- data for the script -------------------------------------------------------------------------


def _data(story: "Story", weights: list[Nudged], compared: Differences | None) -> dict[str, Any]:
    """What the script looks up. Numbers are written here, in the one way of the library."""
    return {
        "steps": [[step.phase, step.key, plain(step.symbol)] for step in story.steps],
        "given": len(story.phase("given")),
        "notYet": NOT_YET,
        "sample": story.sample,
        "offsets": OFFSETS,
        "weights": {weight.name: _weight(story, weight) for weight in weights},
        **cell_data(story, compared),
    }


def _weight(story: "Story", weight: Nudged) -> dict[str, Any]:
    value = float(story.values[weight.key][weight.index])
    gradient = float(story.gradients[weight.key][weight.index])
    after = story.record.updates.get(weight.key)
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
        "value": figure(value, 6),
        "gradient": figure(gradient, 6),
        "slope": gradient if np.isfinite(gradient) else 0.0,
        "after": "" if after is None else figure(float(story.record.value(after)[weight.index]), 6),
        "backward": place_of(story, weight.key, "backward"),
        "update": place_of(story, weight.key, "update"),
        "rows": rows,
        "losses": [float(f"{loss:.6g}") if np.isfinite(loss) else None for loss in losses],
    }
