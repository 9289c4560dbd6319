"""A network layer by layer: what each layer makes and holds, as shapes and heat maps."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from json import dumps
from typing import TYPE_CHECKING

import numpy as np

from chainrule.explaining.drawing.canvas import LINE, Box, Canvas, width_of
from chainrule.explaining.drawing.heat import cell_size, draw_heat, height_of, picture
from chainrule.explaining.drawing.network import place_of
from chainrule.explaining.entries import Array
from chainrule.explaining.samples import told_samples
from chainrule.explaining.story import NOT_YET
from chainrule.explaining.text import about, shape_text
from chainrule.explaining.words import low_to_high
from chainrule.notation import Quantity
from chainrule.tex import figure, plain

if TYPE_CHECKING:
    from chainrule.explaining.story import Story

WIDE, HEAT, PAD, GAP, BELOW = 336.0, 118.0, 14.0, 44.0, 30.0
COLUMNS = 3
LOSS_HIGH = 40.0
SIZE = 12.0


Shown = tuple[Quantity, list[Array]]  # its numbers: of each sample that is told, or the only ones


@dataclass
class Card:
    """What a layer makes, first to last, and what it holds."""

    title: str
    quantities: list[Quantity]
    held: list[Quantity]


def draw_layers(story: "Story", after: int) -> Canvas:
    sample = story.sample
    many = story.names.samples
    canvas = Canvas(
        f"{story.title}: layer by layer",
        "One card a layer, in the order of the forward pass, column after column. On the left of "
        "each card what the layer makes and holds, on the right the gradient of the loss by it. "
        "Blue is above zero, "
        "orange below; each picture has its own scale. Of large arrays a cell shows the largest of "
        "several numbers." + (f" Sample {sample + 1} of {many} is shown." if many > 1 else ""),
        after,
        sample,
    )
    _Drawer(story, canvas).draw()
    return canvas


class _Drawer:
    def __init__(self, story: "Story", canvas: Canvas) -> None:
        self.story, self.canvas = story, canvas
        self.told = told_samples(story)

    def cards(self) -> list[Card]:
        """What is shown, each with the parameters that it is the first to read."""
        found: list[Card] = []
        told: set[str] = set()
        for quantity in self.story.quantities:
            if quantity.kind in ("layer", "prediction", "line"):
                uses = self.story.step(quantity.key, "forward").uses
                held = [
                    q
                    for q in self.story.quantities
                    if q.kind == "parameter"
                    and q.key not in told
                    and (q.key in uses or (q.scope and q.scope == quantity.scope))
                ]
                told |= {q.key for q in held}
                if found and quantity.scope and found[-1].title == quantity.scope:
                    found[-1].quantities.append(quantity)
                    found[-1].held += held
                else:
                    found.append(Card(quantity.scope or quantity.text, [quantity], held))
            elif quantity.kind == "input" and quantity.key not in ("y",):
                found.append(Card("input", [quantity], []))
        return found

    def draw(self) -> None:
        cards = self.cards()
        heights = [self.height(card) for card in cards]
        places = flowing([*heights, LOSS_HIGH])
        for card, high, (left, top) in zip(cards, heights, places, strict=False):
            self.card(card, left, top, high)
        for (here, there), high in zip(pairwise(places), heights, strict=True):
            self.arrow(*here, high, *there)
        self.loss(*places[-1])

    def arrow(self, left: float, top: float, high: float, to_left: float, to_top: float) -> None:
        """Down to the next card, or over to the top of the next column."""
        canvas = self.canvas
        if left == to_left:
            x, y = left + WIDE / 2, to_top - 4
            canvas.line(x, top + high + 3, x, y - 8, "wire")
            canvas.path(f"M{x:.1f} {y:.1f}l-5 -9h10z", "tip", style="fill:var(--cr-soft)")
            return
        x, y = left + WIDE + 3, top + high / 2
        end, there = to_left - 4, to_top + min(30, LOSS_HIGH / 2)
        middle = (x + end) / 2
        canvas.path(
            f"M{x:.1f} {y:.1f}C{middle:.1f} {y:.1f} {middle - 6:.1f} {there:.1f} "
            f"{end - 8:.1f} {there:.1f}",
            "wire",
        )
        canvas.path(f"M{end:.1f} {there:.1f}l-9 -5v10z", "tip", style="fill:var(--cr-soft)")

    def rows(self, card: Card) -> list[Shown]:
        own = [(q, self.of_samples(q, self.story.values[q.key])) for q in card.quantities]
        return own + [(q, [self.story.values[q.key]]) for q in card.held]

    def of_samples(self, quantity: Quantity, array: Array) -> list[Array]:
        if self.story.names.is_batch(quantity.node) and array.ndim > 1:
            return [array[sample] for sample in self.told]
        return [array]

    def height(self, card: Card) -> float:
        return 44 + sum(self.row_height(arrays[0]) for _, arrays in self.rows(card))

    @staticmethod
    def row_height(array: Array) -> float:
        return 3 * SIZE * LINE + 14 + height_of(array.shape, (WIDE - 3 * PAD) / 2, HEAT)

    def card(self, card: Card, left: float, top: float, high: float) -> None:
        canvas = self.canvas
        keys = " ".join(q.key for q in (*card.quantities, *card.held))
        with canvas.group("unit", f"Layer {card.title}", data_keys=keys):
            canvas.rectangle(Box(left, top, left + WIDE, top + high), "node frame", 10)
            half = (WIDE - 3 * PAD) / 2
            canvas.label(
                left + PAD,
                top + 24,
                fitting(WIDE - 2 * PAD, 14, level_text(self.story, card), card.title),
                anchor="start",
                size=14,
                look="card head",
            )
            y = top + 44
            for shown, arrays in self.rows(card):
                self.pictures(shown, arrays, left + PAD, y, half)
                y += self.row_height(arrays[0])

    def pictures(
        self, quantity: Quantity, arrays: list[Array], x: float, y: float, wide: float
    ) -> None:
        """Its values, and beside them its gradient."""
        story = self.story
        shape = shape_text(arrays[0].shape)
        names = (f"{quantity.text}  {shape}", f"{quantity.text} {shape.replace(' × ', '×')}")
        step = None
        if quantity.kind not in ("input", "parameter"):
            step = place_of(story, quantity.key, "forward")
        self.picture(names, arrays, x, y, wide, step, quantity.key, quantity.text)
        gradient = story.record.gradient(quantity.node)
        backward = place_of(story, quantity.key, "backward")
        if gradient is None or backward is None:
            return
        name = plain(quantity.gradient_latex)
        slopes = [gradient]
        if quantity.kind != "parameter":
            slopes = self.of_samples(quantity, gradient)
        right = x + wide + PAD
        self.picture((name,), slopes, right, y, wide, backward, quantity.key, name)

    def picture(
        self,
        names: Sequence[str],
        arrays: list[Array],
        x: float,
        y: float,
        wide: float,
        step: int | None,
        key: str,
        short: str,
    ) -> None:
        """A heat map under its name; of several samples it holds what the page shows of each."""
        canvas = self.canvas
        known = step is None or step < canvas.after
        now = min(canvas.sample, len(arrays) - 1)
        said = fitting(wide, SIZE, *names)
        canvas.label(x, y + SIZE, said, anchor="start", size=SIZE, look="card head", mark=key)
        below = y + SIZE * LINE * 2
        spreads = [fitting(wide, SIZE - 1, range_of(a, 3), range_of(a, 2)) for a in arrays]
        canvas.label(
            x, below + 1, spreads, anchor="start", size=SIZE - 1,
            look="card soft", step=step, before=NOT_YET,
        )  # fmt: skip
        shown = [picture(array) for array in arrays]
        size = cell_size(arrays[0].shape, wide, HEAT)
        rows, columns = shown[0].places.shape
        told = [f"{short}: {about(array)}" for array in arrays]
        orders = list(dict.fromkeys(one.order for one in shown))
        with canvas.group(
            "heat" if known else "heat later",
            told[now] if known else f"{short}: {NOT_YET}",
            data_step=step,
            data_name=told[now],
            data_names=dumps(told, ensure_ascii=False) if len(told) > 1 else None,
            data_short=short,
            data_parameter=key if key in self.story.record.roots.parameters else None,
            data_key=key,
            data_grid=f"{x:.1f} {below + 8:.1f} {size:.3f} {columns} {rows}",
            data_places=("|".join(o.order for o in shown) if len(orders) > 1 else orders[0])
            or None,
            data_levels="|".join(one.code for one in shown) if len(shown) > 1 else None,
        ):
            draw_heat(canvas, shown[now], x, below + 8, size)

    def loss(self, left: float, top: float) -> None:
        canvas, story = self.canvas, self.story
        quantity = next(q for q in story.quantities if q.kind == "loss")
        step = place_of(story, quantity.key, "loss")
        text = f"{quantity.text} = {figure(story.loss)}"
        name = story.record.loss_name.replace("_", " ")
        said = fitting(WIDE - 2 * PAD, 14, f"{text}  {name}".rstrip(), text)
        with canvas.group("unit", f"The loss, {text}", data_keys=quantity.key):
            canvas.rectangle(Box(left, top, left + WIDE, top + LOSS_HIGH), "node", 10)
            canvas.label(
                left + PAD, top + 25.5, said, anchor="start", size=14, look="card head", step=step,
                before=quantity.text,
            )  # fmt: skip


def flowing(heights: Sequence[float]) -> list[tuple[float, float]]:
    """Where cards stand, (left, top): down one column and the next, in columns as short as can be.

    A card alone is never cut, and their order stays.
    """
    sums = [
        sum(heights[begin:end]) + BELOW * (end - begin - 1)
        for begin in range(len(heights))
        for end in range(begin + 1, len(heights) + 1)
    ]
    for most in sorted(sums):
        places = _in_columns(heights, most)
        if places[-1][0] <= (COLUMNS - 1) * (WIDE + GAP):
            return places
    raise AssertionError  # in one column they fit


def _in_columns(heights: Sequence[float], most: float) -> list[tuple[float, float]]:
    found: list[tuple[float, float]] = []
    column, y = 0, 0.0
    for high in heights:
        if found and y + high > most + 1e-6:
            column, y = column + 1, 0.0
        found.append((column * (WIDE + GAP), y))
        y += high + BELOW
    return found


def level_text(story: "Story", card: Card) -> str:
    """`0.Dense · level 1`: the layer's place in the network, and the number in its brackets."""
    level = card.quantities[-1].level
    return f"{card.title} · level {level}" if level else card.title


def fitting(wide: float, size: float, *texts: str) -> str:
    """The first of these texts that has room, or as much of the last as has."""
    for text in texts:
        if width_of(text, size) <= wide:
            return text
    text = texts[-1]
    while text and width_of(text + "…", size) > wide:
        text = text[:-1]
    return text + "…"


def range_of(array: Array, digits: int) -> str:
    flat = np.asarray(array, dtype=float).ravel()
    flat = flat[np.isfinite(flat)]
    if not flat.size:
        return "no finite number"
    return low_to_high(flat, digits)
