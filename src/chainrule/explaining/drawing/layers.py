"""A network layer by layer: what each layer makes and holds, as shapes and heat maps."""

from typing import TYPE_CHECKING

import numpy as np

from chainrule.explaining.drawing.canvas import LINE, Box, Canvas, width_of
from chainrule.explaining.drawing.heat import draw_heat, grid, height_of
from chainrule.explaining.drawing.network import place_of
from chainrule.explaining.entries import Array
from chainrule.explaining.story import NOT_YET
from chainrule.explaining.text import about, shape_text
from chainrule.explaining.words import low_to_high
from chainrule.notation import Quantity
from chainrule.tex import figure, plain

if TYPE_CHECKING:
    from chainrule.explaining.story import Story

WIDE, HEAT, PAD, GAP = 336.0, 118.0, 14.0, 44.0
IN_A_ROW = 3
SIZE = 12.0
MOST_READ_OUT = 40


def draw_layers(story: "Story", after: int) -> Canvas:
    sample = story.sample
    many = story.names.samples
    canvas = Canvas(
        f"{story.title}: layer by layer",
        "One card a layer, in the order of the forward pass. On the left of each card what the "
        "layer makes and holds, on the right the gradient of the loss by it. Blue is above zero, "
        "orange below; each picture has its own scale. Of large arrays a cell shows the largest of "
        "several numbers." + (f" Sample {sample + 1} of {many} is shown." if many > 1 else ""),
        after,
    )
    _Drawer(story, canvas, sample).draw()
    return canvas


class _Drawer:
    def __init__(self, story: "Story", canvas: Canvas, sample: int) -> None:
        self.story, self.canvas, self.sample = story, canvas, sample

    def cards(self) -> list[tuple[Quantity, list[Quantity]]]:
        """What is shown, each with the parameters that it is the first to read."""
        shown = []
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
                shown.append((quantity, held))
            elif quantity.kind == "input" and quantity.key not in ("y",):
                shown.append((quantity, []))
        return shown

    def draw(self) -> None:
        cards = self.cards()
        top = 0.0
        for begin in range(0, len(cards), IN_A_ROW):
            row = cards[begin : begin + IN_A_ROW]
            heights = [self.height(q, held) for q, held in row]
            for place, (quantity, held) in enumerate(row):
                left = place * (WIDE + GAP)
                self.card(quantity, held, left, top, heights[place])
                if begin + place + 1 < len(cards) or place + 1 < len(row):
                    self.arrow(left + WIDE, top + 30, wraps=place + 1 == IN_A_ROW)
            top += max(heights) + GAP
        self.loss(top)

    def arrow(self, x: float, y: float, wraps: bool) -> None:
        length = 16 if wraps else GAP - 8
        self.canvas.line(x + 4, y, x + length - 4, y, "wire")
        tip = x + length + 4
        self.canvas.path(f"M{tip} {y}l-9 -5v10z", "tip", style="fill:var(--cr-soft)")
        self.canvas.extend(tip, y)

    def rows(self, quantity: Quantity, held: list[Quantity]) -> list[tuple[Quantity, Array]]:
        values = [(quantity, self.of_sample(quantity, self.story.values[quantity.key]))]
        return values + [(q, self.story.values[q.key]) for q in held]

    def of_sample(self, quantity: Quantity, array: Array) -> Array:
        batch = self.story.names.is_batch(quantity.node)
        return array[self.sample] if batch and array.ndim > 1 else array

    def height(self, quantity: Quantity, held: list[Quantity]) -> float:
        return 44 + sum(self.row_height(array) for _, array in self.rows(quantity, held))

    @staticmethod
    def row_height(array: Array) -> float:
        return 3 * SIZE * LINE + 14 + height_of(array, (WIDE - 3 * PAD) / 2, HEAT)

    def card(
        self, quantity: Quantity, held: list[Quantity], left: float, top: float, high: float
    ) -> None:
        canvas = self.canvas
        given = quantity.kind == "input"
        title = "input" if given else quantity.scope or quantity.text
        keys = " ".join(q.key for q in (quantity, *held))
        with canvas.group("unit", f"Layer {title}", data_keys=keys):
            canvas.rectangle(Box(left, top, left + WIDE, top + high), "node frame", 10)
            half = (WIDE - 3 * PAD) / 2
            canvas.label(
                left + PAD,
                top + 24,
                self.fitting(title, WIDE - 2 * PAD, 14),
                anchor="start",
                size=14,
                look="card head",
            )
            y = top + 44
            for shown, array in self.rows(quantity, held):
                self.array(shown, array, left + PAD, y, half)
                y += self.row_height(array)

    def array(self, quantity: Quantity, array: Array, x: float, y: float, wide: float) -> None:
        story = self.story
        name = f"{quantity.text}  {shape_text(array.shape)}"
        step = None
        if quantity.kind not in ("input", "parameter"):
            step = place_of(story, quantity.key, "forward")
        self.picture(name, array, x, y, wide, step, quantity.key, quantity.text)
        gradient = story.record.gradient(quantity.node)
        backward = place_of(story, quantity.key, "backward")
        if gradient is None or backward is None:
            return
        name = plain(quantity.gradient_latex)
        if quantity.kind != "parameter":
            gradient = self.of_sample(quantity, gradient)
        right = x + wide + PAD
        self.picture(name, gradient, right, y, wide, backward, quantity.key, name)

    def picture(
        self,
        name: str,
        array: Array,
        x: float,
        y: float,
        wide: float,
        step: int | None,
        key: str,
        short: str,
    ) -> None:
        canvas = self.canvas
        known = step is None or step < canvas.after
        cells, places = grid(array, x, y + SIZE * LINE * 2 + 8, wide, HEAT)
        said = self.fitting(name, wide, SIZE)
        canvas.label(x, y + SIZE, said, anchor="start", size=SIZE, look="card head", mark=key)
        below = y + SIZE * LINE * 2
        spread = range_of(array)
        canvas.label(
            x, below + 1, self.fitting(spread, wide, SIZE - 1), anchor="start", size=SIZE - 1,
            look="card soft", step=step, before=NOT_YET,
        )  # fmt: skip
        with canvas.group(
            "heat" if known else "heat later",
            f"{short}: {about(array)}" if known else f"{short}: {NOT_YET}",
            data_step=step,
            data_name=f"{short}: {about(array)}",
            data_short=short,
            data_parameter=key if key in self.story.record.roots.parameters else None,
            data_key=key,
            data_grid=cells,
            data_places=places or None,
        ):
            draw_heat(canvas, array, x, below + 8, wide, HEAT)

    @staticmethod
    def fitting(text: str, wide: float, size: float) -> str:
        if width_of(text, size) <= wide:
            return text
        while text and width_of(text + "…", size) > wide:
            text = text[:-1]
        return text + "…"

    def loss(self, top: float) -> None:
        canvas, story = self.canvas, self.story
        quantity = next(q for q in story.quantities if q.kind == "loss")
        step = place_of(story, quantity.key, "loss")
        text = f"{quantity.text} = {figure(story.loss)}"
        name = story.record.loss_name.replace("_", " ")
        said = f"{text}  {name}".rstrip()
        wide = width_of(said, 14) + 2 * PAD
        with canvas.group("unit", f"The loss, {text}", data_keys=quantity.key):
            canvas.rectangle(Box(0, top, wide, top + 40), "node", 10)
            canvas.label(
                PAD, top + 25.5, said, anchor="start", size=14, look="card head", step=step,
                before=quantity.text,
            )  # fmt: skip


def range_of(array: Array) -> str:
    flat = np.asarray(array, dtype=float).ravel()
    flat = flat[np.isfinite(flat)]
    if not flat.size:
        return "no finite number"
    return low_to_high(flat, 3)
