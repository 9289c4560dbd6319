"""The page: time line, drawings, what happens at each step, and a weight looked into.

All of it is in the HTML, so that it reads without its script, and printed. The script only says
what is shown: it computes nothing that the story does not hold.
"""

from collections.abc import Iterator
from html import escape
from importlib.resources import files
from json import dumps
from typing import TYPE_CHECKING, Any

from chainrule.explaining.differences import Differences, differences
from chainrule.explaining.doubled import LossOfParameters
from chainrule.explaining.drawing.network import read_network
from chainrule.explaining.drawing.style import EMBEDDED, THEMES
from chainrule.explaining.page import figures
from chainrule.explaining.page.cells import cell_data
from chainrule.explaining.page.inspector import derivations, inspector, weight_data
from chainrule.explaining.page.nudges import OFFSETS, Nudged, chosen_weights, nudge
from chainrule.explaining.page.overview import overview
from chainrule.explaining.page.steps import glossary, steps_of
from chainrule.explaining.story import NOT_YET, PHASES
from chainrule.tex import figure, plain

if TYPE_CHECKING:
    from chainrule.explaining.story import Story


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
    drawings = list(figures.drawings_of(story, network))
    wide = " wide" if figures.needs_all_the_width(drawings) else ""
    yield f'<main><div class="stage{wide}"><div class=left>'
    yield '<section id="now" class="card" aria-live="polite" aria-label="This step"></section>'
    yield from figures.show(story, network, drawings)
    yield '</div><div class="aside">'
    yield (
        '<section id="cell" class="card" aria-live="polite" aria-label="One number" hidden="">'
        "</section>"
    )
    yield from inspector(story, weights, network is not None)
    yield "</div></div>"
    yield from steps_of(story)
    yield from glossary(story)
    yield "</main>"
    yield from derivations(story, weights)
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


# --- data for the script -------------------------------------------------------------------------


def _data(story: "Story", weights: list[Nudged], compared: Differences | None) -> dict[str, Any]:
    """What the script looks up. Numbers are written here, in the one way of the library."""
    return {
        "steps": [[step.phase, step.key, plain(step.symbol)] for step in story.steps],
        "given": len(story.phase("given")),
        "notYet": NOT_YET,
        "sample": story.sample,
        "offsets": OFFSETS,
        "weights": {weight.name: weight_data(story, weight) for weight in weights},
        **cell_data(story, compared, [(weight.key, weight.index) for weight in weights]),
    }
