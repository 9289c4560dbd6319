"""The drawings of a page, one behind the other, with what can be chosen of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chainrule.explaining.drawing import Kind, draw
from chainrule.explaining.drawing.network import Network
from chainrule.explaining.drawing.neuron import is_chain
from chainrule.explaining.samples import MOST_SAMPLES, told_samples

if TYPE_CHECKING:
    from chainrule.explaining.story import Story

SMALLEST = 0.64  # of a drawing's natural size: what its letters can be read at
BESIDE = 930.0  # pixels for a drawing that has another card beside it


@dataclass(frozen=True)
class Drawing:
    """One drawing of a story: its kind, the name of its tab, its SVG, and its natural width."""

    kind: Kind
    name: str
    text: str
    width: float


def drawings_of(story: "Story", network: Network | None) -> Iterator[Drawing]:
    kinds: dict[Kind, str] = {"network": "Network"} if network else {}
    if story.record.roots.prediction is not None:
        kinds["layers"] = "Layers"
    kinds["operations"] = "Computation graph"
    for kind, name in kinds.items():
        canvas = draw(story, kind, len(story.steps))
        text = canvas.svg("")
        yield Drawing(kind, name, text, canvas.width)


def needs_all_the_width(drawings: Sequence[Drawing]) -> bool:
    """Whether there is no room for anything beside what is drawn first."""
    return SMALLEST * drawings[0].width > BESIDE


def show(story: "Story", network: Network | None, drawings: Sequence[Drawing]) -> Iterator[str]:
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
