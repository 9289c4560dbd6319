"""Diagrams of a story, as SVG: derived from its steps, whatever the network."""

from typing import TYPE_CHECKING, Literal

from chainrule.errors import UnknownNameError
from chainrule.explaining.drawing.canvas import Canvas
from chainrule.explaining.drawing.computation import draw_operations
from chainrule.explaining.drawing.layers import draw_layers
from chainrule.explaining.drawing.network import read_network
from chainrule.explaining.drawing.neuron import draw_chain, is_chain
from chainrule.explaining.drawing.style import STYLE
from chainrule.explaining.drawing.units import draw_units

if TYPE_CHECKING:
    from chainrule.explaining.story import Story

Kind = Literal["network", "layers", "operations"]
KINDS: tuple[Kind, ...] = ("network", "layers", "operations")


def draw(story: "Story", kind: Kind, after: int) -> Canvas:
    """See `Story.svg`."""
    if kind not in KINDS:
        raise UnknownNameError("diagram", kind, KINDS)
    steps = story.moment(after)
    if kind == "operations":
        return draw_operations(story, steps)
    network = read_network(story) if kind == "network" else None
    if network is None:
        return draw_layers(story, steps)
    return draw_chain(network, steps) if is_chain(network) else draw_units(network, steps)


def svg(story: "Story", kind: Kind, after: int) -> str:
    return draw(story, kind, after).svg(STYLE)
