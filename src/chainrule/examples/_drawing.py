"""A network as circles and lines, with its numbers: what the examples draw.

Black is what the network computes with, blue what it computes, orange what comes back: the slope
of the loss.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from chainrule.plots import BLUE, FAINT, GREY, INK, ORANGE

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Unit(NamedTuple):
    """A circle: what stands in it, and the number below it."""

    name: str
    value: str = ""


class Label(NamedTuple):
    """What stands on a line: the weight, and its gradient."""

    upper: str
    lower: str = ""


BIAS = Unit("1")

_RADIUS = 0.2
_GAP = 1.4  # from one unit of a layer to the next


def labels(weights: Any, gradients: Any = None, digits: int = 3) -> list[list[Label]]:
    """Labels for all lines between two layers, from arrays (units, units of the next layer)."""
    weights = np.asarray(weights)
    slopes = None if gradients is None else np.asarray(gradients)
    return [
        [
            Label(
                f"{weights[row, column]:.{digits}f}",
                "" if slopes is None else f"{slopes[row, column]:+.{digits}f}",
            )
            for column in range(weights.shape[1])
        ]
        for row in range(weights.shape[0])
    ]


def draw_network(
    axes: "Axes",
    layers: Sequence[Sequence[Unit]],
    lines: Sequence[Sequence[Sequence[Label]]],
    step: float = 2.8,
) -> None:
    """Draw layers from left to right, joined by lines with labels; no line enters a bias.

    lines  for each pair of layers: a row for each unit, an entry for each unit that it feeds
    step   from one layer to the next, where units of one layer stand 1.4 apart
    """
    axes.set_axis_off()
    axes.set_aspect("equal")
    places = [
        [(step * layer, _GAP * ((len(units) - 1) / 2 - unit)) for unit in range(len(units))]
        for layer, units in enumerate(layers)
    ]
    for layer, rows in enumerate(lines):
        for row, entries in enumerate(rows):
            for column, label in enumerate(entries):
                # Before lines cross in the middle, each has a place of its own.
                share = 0.5 if len(entries) == 1 else 0.3
                _line(axes, places[layer][row], places[layer + 1][column], label, share)
    for units, own in zip(layers, places, strict=True):
        for unit, place in zip(units, own, strict=True):
            _unit(axes, unit, place)
    tall = max(y for layer in places for _, y in layer)
    axes.set_xlim(-0.3, step * (len(layers) - 1) + 0.3)
    axes.set_ylim(-tall - 0.55, tall + 0.3)


def _unit(axes: "Axes", unit: Unit, place: tuple[float, float]) -> None:
    from matplotlib.patches import Circle

    ink = GREY if unit == BIAS else INK
    axes.add_patch(
        Circle(place, _RADIUS, facecolor="white", edgecolor=ink, linewidth=1.4, zorder=3)
    )
    x, y = place
    axes.text(x, y, unit.name, ha="center", va="center", color=ink, zorder=4)
    below = y - _RADIUS - 0.05
    axes.text(x, below, unit.value, ha="center", va="top", color=BLUE, fontsize=10, zorder=4)


def _line(
    axes: "Axes",
    start: tuple[float, float],
    end: tuple[float, float],
    label: Label,
    share: float,
) -> None:
    """A connection, and its label at this share of the way."""
    axes.plot(*zip(start, end, strict=True), color=GREY, linewidth=1, zorder=1)
    place = (start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1]))
    paper = {"facecolor": "white", "edgecolor": FAINT, "boxstyle": "round,pad=0.25"}
    both = "\n".join(filter(None, label))
    common: dict[str, Any] = {"ha": "center", "fontsize": 9, "zorder": 5, "linespacing": 1.3}
    # The paper is cut to both lines; they are then written one by one, for they differ in colour.
    axes.text(*place, both, va="center", color="none", bbox=paper, **common)
    if label.lower:
        axes.text(*place, f"{label.upper}\n ", va="center", color=INK, **common)
        axes.text(*place, f" \n{label.lower}", va="center", color=ORANGE, **common)
    else:
        axes.text(*place, label.upper, va="center", color=INK, **common)
