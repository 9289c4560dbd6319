"""A network unit by unit: values above, gradients below, edges by sign and size of the weight."""

from typing import TYPE_CHECKING

import numpy as np

from chainrule.explaining.drawing.canvas import LINE, Box, Canvas, width_of
from chainrule.explaining.drawing.network import (
    Connection,
    Network,
    Told,
    change_of,
    place_of,
    told_gradient,
    told_value,
    weight_name,
)
from chainrule.explaining.entries import Array
from chainrule.explaining.story import NOT_YET
from chainrule.tex import figure

if TYPE_CHECKING:
    pass

RADIUS, SIZE, GAP = 21.0, 13.0, 64.0
HEIGHT = SIZE * LINE + 1
THICKEST, THINNEST = 5.0, 0.8
MOST_TARGETS = 4


def draw_units(network: Network, after: int) -> Canvas:
    story = network.story
    several = f", sample {story.sample + 1} of {network.samples}"
    canvas = Canvas(
        f"{story.title}: unit by unit",
        "Columns of units from the input on the left to the loss on the right. Above each unit is "
        "its value, below it the gradient of the loss. Lines are weights: blue above zero, "
        f"orange below, the thicker the larger{several if network.samples > 1 else ''}.",
        after,
        story.sample,
    )
    _Drawer(network, canvas).draw()
    return canvas


class _Drawer:
    def __init__(self, network: Network, canvas: Canvas) -> None:
        self.network, self.canvas, self.story = network, canvas, network.story
        self.above = [[self.values(c, u) for u in range(s)] for c, s in self.sizes()]
        self.below = [[self.gradients(c, u) for u in range(s)] for c, s in self.sizes()]
        self.scales = _scales(network)
        self.arcs: list[Box] = []  # what goes around columns
        self.place_units()

    def sizes(self) -> list[tuple[int, int]]:
        return [(place, column.size) for place, column in enumerate(self.network.columns)]

    def values(self, column: int, unit: int) -> list[Told]:
        owners = self.network.columns[column].owners
        return [told_value(self.story, owner, unit) for owner in reversed(owners)]

    def gradients(self, column: int, unit: int) -> list[Told]:
        owners = self.network.columns[column].owners
        found = [told_gradient(self.story, owner, unit) for owner in owners]
        return [told for told in found if told is not None]

    # --- places ---

    def place_units(self) -> None:
        lines_above = max(len(told) for column in self.above for told in column)
        lines_below = max(len(told) for column in self.below for told in column)
        pitch = 2 * RADIUS + (lines_above + lines_below) * HEIGHT + 34
        columns = self.network.columns
        rows = [c.size + bool(self.network.biases(p + 1)) for p, c in enumerate(columns)]
        self.middle = max(rows) * pitch / 2
        self.x: list[float] = []
        right = 0.0
        for place in range(len(columns)):
            wide = max(2 * RADIUS, *(self._width(t) for u in self._labels(place) for t in u))
            wide = max(wide, *(width_of(text, SIZE) for text in self.heading(place)))
            self.x.append(right + wide / 2)
            right += wide + GAP + 6 * min(max(rows), 8)
        self.end = right
        self.y = [
            [self.middle + (row - (count - 1) / 2) * pitch for row in range(count)]
            for count in rows
        ]

    def heading(self, column: int) -> list[str]:
        """The layers of a column, and their level, the number in brackets."""
        owners = self.network.columns[column].owners
        if owners[0].kind == "input":
            return ["input"]
        names = [owner.scope for owner in reversed(owners) if owner.scope]
        level = owners[0].level
        return [*dict.fromkeys(names), *([f"level {level}"] if level else [])]

    def _labels(self, column: int) -> list[list[Told]]:
        return [*self.above[column], *self.below[column]]

    @staticmethod
    def _width(told: Told) -> float:
        before = f"{told.name} {NOT_YET}"
        return max(width_of(text, SIZE) for text in (*told.texts, before))

    def at(self, column: int, unit: int) -> tuple[float, float]:
        """The constant 1 of the biases is the last of its column."""
        return self.x[column], self.y[column][unit]

    # --- drawing ---

    def draw(self) -> None:
        for connection in self.network.connections:
            self.connection(connection)
        last = len(self.network.columns) - 1
        self.loss(last)
        self.headings()
        for place, column in enumerate(self.network.columns):
            for unit in range(column.size):
                self.unit(place, unit)
            if place < last and self.network.biases(place + 1):
                x, y = self.at(place, -1)
                with self.canvas.group("unit", "The constant 1 that the biases multiply"):
                    self.canvas.circle(x, y, RADIUS * 0.62, "node")
                    self.canvas.label(x, y + 4.5, "1", look="inside", size=SIZE)

    def headings(self) -> None:
        """Above each column what it is."""
        lines = max(len(told) for column in self.above for told in column)
        top = min(min(ys) for ys in self.y if ys) - RADIUS - 7 - lines * HEIGHT
        top = min([top, *(box.top for box in self.arcs)]) - 14
        for place in range(len(self.network.columns)):
            said = self.heading(place)
            for line, text in enumerate(said):
                y = top - (len(said) - 1 - line) * HEIGHT
                self.canvas.label(self.x[place], y, text, look="soft", size=SIZE - 1)

    def connection(self, connection: Connection) -> None:
        (x1, y1), (x2, y2) = self.at(*connection.source), self.at(*connection.target)
        bend = (x2 - x1) * 0.4
        if connection.target[0] - connection.source[0] > 1:  # around the columns between
            y0 = min(min(self.y[c]) for c in range(connection.source[0], connection.target[0] + 1))
            d = f"M{x1:.1f} {y1:.1f}C{x1 + bend:.1f} {y0 - 110:.1f} {x2 - bend:.1f} "
            d += f"{y0 - 110:.1f} {x2:.1f} {y2:.1f}"
            self.canvas.extend(x2, y0)
            self.arcs.append(Box(x1, y0 - 90, x2, y0))
        else:
            d = f"M{x1:.1f} {y1:.1f}C{x1 + bend:.1f} {y1:.1f} {x2 - bend:.1f} {y2:.1f} "
            d += f"{x2:.1f} {y2:.1f}"
        if connection.weight is None:
            look = "plus" if connection.value > 0 else "minus"
            self.canvas.path(d, f"edge {look}", style="stroke-width:1.4px")
            return
        key, index = connection.weight
        said = weight_name(self.story, key, index)
        value = figure(connection.value)
        gradient = self.story.gradients[key][index]
        backward = place_of(self.story, key, "backward")
        known = backward is not None and backward < self.canvas.after
        slope = figure(gradient) if known else NOT_YET
        widths = {}
        for kind, (array, scale) in self.scales[key].items():
            size = float(array[index])
            share = abs(size) / scale if scale else 0.0
            thick = THINNEST + (THICKEST - THINNEST) * min(share, 1.0)
            widths[f"data_{kind}"] = f"{thick:.2f},{(size > 0) - (size < 0)}"
        width, sign = widths["data_weights"].split(",")
        look = {"1": "edge plus", "-1": "edge minus"}.get(sign, "edge")
        name = f"{said} = {value}, gradient {slope}"
        entry = ",".join(map(str, index))
        with self.canvas.group(
            "way",
            name,
            role="button",
            data_weight=f"{key}[{entry}]",
            data_step=backward,
            data_name=f"{said} = {value}",
            data_gradient=figure(gradient),
        ):
            self.canvas.path(d, "hit")
            self.canvas.path(d, look, style=f"stroke-width:{width}px", **widths)

    def unit(self, column: int, unit: int) -> None:
        shown = self.network.columns[column]
        x, y = self.at(column, unit)
        above, below = self.above[column][unit], self.below[column][unit]
        name = ", ".join(told.texts[self.sample(told)] for told in above)
        keys = " ".join(quantity.key for quantity in shown.owners)
        with self.canvas.group("unit", name, data_keys=keys):
            self.canvas.circle(x, y, RADIUS, "node")
            inside = shown.function or ("Σ" if shown.quantity.kind != "input" else "")
            inside = inside or told_value(self.story, shown.quantity, unit).name
            room = 2 * RADIUS - 6
            size = min(15.0, 15.0 * room / width_of(inside, 15.0))
            self.canvas.label(x, y + size * 0.36, inside, look="inside", size=max(size, 7))
            for line, told in enumerate(above):
                up = y - RADIUS - 7 - (len(above) - 1 - line) * HEIGHT
                self.told(x, up, told, "value", told.name)
            for line, told in enumerate(below):
                down = y + RADIUS + 5 + (line + 0.85) * HEIGHT
                self.told(x, down, told, "gradient", f"{told.name} {NOT_YET}")

    def told(self, x: float, y: float, told: Told, look: str, before: str) -> None:
        self.canvas.label(
            x, y, told.texts, look=look, size=SIZE, step=told.step, before=before, mark=told.key
        )

    def sample(self, told: Told) -> int:
        return min(self.canvas.sample, len(told.texts) - 1)

    def loss(self, last: int) -> None:
        """The loss on the right, and the target that it compares with."""
        story, canvas = self.story, self.canvas
        quantity = next(q for q in story.quantities if q.kind == "loss")
        step = place_of(story, quantity.key, "loss")
        text = f"{quantity.text} {figure(story.loss)}"
        x = self.end - GAP / 2 + max(width_of(text, SIZE), 60) / 2
        for unit in range(self.network.columns[last].size):
            x1, y1 = self.at(last, unit)
            middle = (x1 + x) / 2
            canvas.path(
                f"M{x1:.1f} {y1:.1f}C{middle:.1f} {y1:.1f} {middle:.1f} {self.middle:.1f} "
                f"{x:.1f} {self.middle:.1f}",
                "wire",
            )
        with canvas.group("unit", f"The loss, {text}", data_keys=quantity.key):
            box = Box(x - 24, self.middle - 20, x + 24, self.middle + 20)
            target = self._target()
            if target:
                canvas.line(x, self.middle + 20, x, self.middle + 66, "wire")
            canvas.rectangle(box, "node", 8)
            canvas.label(x, self.middle + 5.5, quantity.text, look="inside", size=15)
            canvas.label(
                x, self.middle - 27, text, step=step, before=quantity.text, mark=quantity.key
            )
            if target:
                canvas.circle(x, self.middle + 66, 14, "node")
                canvas.label(x, self.middle + 70.5, "y", look="inside", size=13)
                canvas.label(x, self.middle + 98, target, look="value")

    def _target(self) -> list[str]:
        """What should have come out, one text a sample."""
        quantity = next((q for q in self.story.quantities if q.key == "y"), None)
        if quantity is None:
            return []
        rows = self.story.values["y"].reshape(quantity.shape[0], -1)
        if rows.shape[1] > MOST_TARGETS:
            return []
        joined = [", ".join(figure(v) for v in row) for row in rows]
        return [f"target {text}" for text in joined]


def _scales(network: Network) -> dict[str, dict[str, tuple[Array, float]]]:
    """What may be drawn of each parameter, and the largest size in the whole network."""
    story = network.story
    keys = dict.fromkeys(c.weight[0] for c in network.connections if c.weight)
    kinds: dict[str, dict[str, Array | None]] = {
        "weights": {key: story.values[key] for key in keys},
        "gradients": {key: story.gradients[key] for key in keys},
        "changes": {key: change_of(story, key) for key in keys},
    }
    found: dict[str, dict[str, tuple[Array, float]]] = {key: {} for key in keys}
    for kind, arrays in kinds.items():
        present = {key: array for key, array in arrays.items() if array is not None}
        top = max((float(np.abs(np.nan_to_num(a)).max()) for a in present.values()), default=0.0)
        for key, array in present.items():
            found[key][kind] = (array, top)
    return found
