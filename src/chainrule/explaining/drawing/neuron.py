"""One unit after another, taken apart: weights on their edges, each bias a node, arrows back."""

from typing import TYPE_CHECKING

from chainrule.explaining.drawing.canvas import Box, Canvas, width_of
from chainrule.explaining.drawing.network import (
    Connection,
    Network,
    place_of,
    told_gradient,
    told_value,
    weight_name,
)
from chainrule.explaining.story import NOT_YET
from chainrule.notation import Quantity
from chainrule.tex import figure

if TYPE_CHECKING:
    pass

RADIUS, SIZE = 23.0, 13.0
MOST_INPUTS, MOST_LEVELS, MOST_SAMPLES = 8, 4, 1
ROW = 104.0  # between inputs


def is_chain(network: Network) -> bool:
    """Whether one unit follows another, so that there is room for every number."""
    first, *rest = network.columns
    joined = all(c.source[0] == c.target[0] - 1 for c in network.connections)
    return (
        bool(rest)
        and joined
        and first.quantity.kind == "input"
        and first.size <= MOST_INPUTS
        and all(column.size == 1 for column in rest)
        and len(rest) <= MOST_LEVELS
        and network.samples <= MOST_SAMPLES
        and all(c.weight is not None for c in network.connections)
    )


def draw_chain(network: Network, after: int) -> Canvas:
    canvas = Canvas(
        f"{network.story.title}: every part of the computation",
        "From the inputs on the left through weighted sums (Σ) and functions to the loss on the "
        "right. Solid arrows carry values forward; dashed arrows underneath carry gradients back.",
        after,
    )
    _Drawer(network, canvas).draw()
    return canvas


class _Drawer:
    def __init__(self, network: Network, canvas: Canvas) -> None:
        self.network, self.canvas, self.story = network, canvas, network.story
        self.x = 0.0

    def draw(self) -> None:
        inputs = self.network.columns[0].size
        self.spread = ROW * (inputs - 1) / 2
        names = [told_value(self.story, self.network.columns[0].quantity, i) for i in range(inputs)]
        self.x = max(width_of(told.texts[0], SIZE) for told in names) / 2 + RADIUS
        start = self.x
        for place, column in enumerate(self.network.columns[1:], 1):
            entering = [c for c in self.network.connections if c.target[0] == place]
            self.weighted_sum(place, column.owners[-1], entering)
            if column.inner is not None:
                self.function(column.function, column.inner, column.quantity)
        for unit, told in enumerate(names):
            y = self.row(unit)
            with self.canvas.group("unit", told.texts[0], data_keys=told.key):
                self.canvas.circle(start, y, RADIUS, "node")
                self.canvas.label(start, y + 5, told.name, look="inside", size=14)
                self.canvas.label(start, y - RADIUS - 8, told.texts, mark=told.key)
        self.loss(self.network.columns[-1].quantity)

    def row(self, unit: int) -> float:
        return ROW * unit - self.spread

    # --- parts ---

    def weighted_sum(self, place: int, quantity: Quantity, entering: list[Connection]) -> None:
        weights = [c for c in entering if c.source[1] >= 0]
        biases = [c for c in entering if c.source[1] < 0]
        start = self.x
        before = self.network.columns[place - 1]
        said = [self.parameter(c) for c in weights]
        widest = max(self._widest(up, down) for up, down, _ in said)
        passing = 0.0
        if place > 1:  # what arrives is told before the weight multiplies it
            passing = self.between(before.quantity, start)
        many = len(weights) > 1
        length = passing + widest + (80 if many else 30)
        x = start + RADIUS + length + RADIUS
        for connection, (up, down, backward) in zip(weights, said, strict=True):
            y = self.row(connection.source[1]) if place == 1 else 0.0
            self.edge(connection, start + RADIUS + passing, y, x - RADIUS, (up, down, backward))
        for connection in biases:
            self.bias(connection, x)
        with self.canvas.group("unit", f"Weighted sum {quantity.text}", data_keys=quantity.key):
            self.canvas.circle(x, 0, RADIUS, "node")
            self.canvas.label(x, 6, "Σ", look="inside", size=17)
        self.x = x

    def parameter(self, connection: Connection) -> tuple[str, str, int | None]:
        """The weight, its gradient, and the step that makes the gradient known."""
        assert connection.weight is not None
        key, index = connection.weight
        name = weight_name(self.story, key, index)
        gradient = figure(self.story.gradients[key][index])
        backward = place_of(self.story, key, "backward")
        up = f"{name} {figure(connection.value)}"
        return up, f"∂L/∂{name} {gradient}", backward

    def edge(
        self,
        connection: Connection,
        left: float,
        y: float,
        right: float,
        said: tuple[str, str, int | None],
    ) -> None:
        up, down, backward = said
        name = self.marks(connection, up, down)
        wide = self._widest(up, down)
        with self.canvas.group("way", name, **self.attributes(connection, up, down, backward)):
            look = "plus" if connection.value > 0 else "minus" if connection.value < 0 else ""
            flat = left + wide + 30 if y else right - 9
            d = f"M{left:.1f} {y:.1f}H{flat:.1f}"
            if y:
                middle = (flat + right) / 2
                d += f"C{middle:.1f} {y:.1f} {middle - 12:.1f} 0 {right - 9:.1f} 0"
            self.canvas.path(d, "hit")
            self.canvas.path(d, f"edge {look}", style="stroke-width:2.2px")
            self.head(right, 0.0, left, 0.0, "tip")
            at = (left + flat) / 2 if y else (left + right) / 2
            self.canvas.label(at, y - 9, up, look="head")
            self.returning(at, y + 20, down, backward)

    def bias(self, connection: Connection, x: float) -> None:
        up, down, backward = self.parameter(connection)
        assert connection.weight is not None
        y = -max(92.0, self.spread + 30)
        with self.canvas.group(
            "way unit",
            self.marks(connection, up, down),
            **self.attributes(connection, up, down, backward),
        ):
            self.canvas.line(x, y, x, -RADIUS - 9, "edge wire")
            self.head(x, -RADIUS, x, y, "tip")
            self.canvas.circle(x, y, 18, "node")
            symbol = weight_name(self.story, *connection.weight)
            self.canvas.label(x, y + 4.5, symbol, look="inside", size=12)
            self.canvas.label(x, y - 44, up, look="head")
            before = self._before(down)
            self.canvas.label(x, y - 26, down, look="gradient", step=backward, before=before)
            self.canvas.line(x + 12, -RADIUS + 4, x + 12, y + 26, "back", data_step=backward)
            self.head(x + 12, y + 16, x + 12, 0, "backtip")

    def function(self, name: str, inner: Quantity, result: Quantity) -> None:
        start = self.x
        length = self.between(inner, start)
        x = start + 2 * RADIUS + length
        self.canvas.line(start + RADIUS, 0, x - RADIUS - 9, 0, "wire")
        self.head(x - RADIUS, 0, start, 0, "tip")
        with self.canvas.group("unit", f"{name} makes {result.text}", data_keys=result.key):
            self.canvas.circle(x, 0, RADIUS, "node")
            size = min(17.0, 15.0 * (2 * RADIUS - 8) / width_of(name, 15.0))
            self.canvas.label(x, size * 0.36, name, look="inside", size=size)
        self.x = x

    def loss(self, prediction: Quantity) -> None:
        start = self.x
        length = self.between(prediction, start)
        quantity = next(q for q in self.story.quantities if q.kind == "loss")
        x = start + RADIUS + length + 28
        self.canvas.line(start + RADIUS, 0, x - 37, 0, "wire")
        self.head(x - 28, 0, start, 0, "tip")
        text = f"{quantity.text} {figure(self.story.loss)}"
        target = next((q for q in self.story.quantities if q.key == "y"), None)
        with self.canvas.group("unit", f"The loss, {text}", data_keys=quantity.key):
            if target is not None:
                self.canvas.line(x, 78, x, 35, "wire")
                self.head(x, 26, x, 78, "tip")
                self.canvas.circle(x, 92, 16, "node")
                self.canvas.label(x, 97, "y", look="inside", size=14)
                value = float(self.story.values["y"].reshape(-1)[0])
                self.canvas.label(x, 127, f"target {figure(value)}")
            self.canvas.rectangle(Box(x - 28, -24, x + 28, 24), "node", 8)
            self.canvas.label(x, 6, quantity.text, look="inside", size=17)
            step = place_of(self.story, quantity.key, "loss")
            self.canvas.label(x, -34, text, look="head", step=step, before=quantity.text)

    # --- pieces ---

    def between(self, quantity: Quantity, start: float) -> float:
        """The value that goes on, and the gradient that comes back; the room that they take."""
        value = told_value(self.story, quantity, 0)
        gradient = told_gradient(self.story, quantity, 0)
        before = f"{gradient.name} {NOT_YET}" if gradient else ""
        said = [*value.texts, before, *(gradient.texts if gradient else ())]
        length = max(width_of(text, SIZE) for text in said) + 22
        x = start + RADIUS + length / 2
        self.canvas.line(start + RADIUS, 0, start + RADIUS + length, 0, "wire")
        self.canvas.label(
            x, -9, value.texts, step=value.step, before=value.name, mark=value.key, look="head"
        )
        if gradient is not None:
            self.returning(x, 20, gradient.texts[0], gradient.step, gradient.key)
        return length

    def returning(self, x: float, y: float, text: str, step: int | None, mark: str = "") -> None:
        """A gradient over a dashed arrow that goes back."""
        self.canvas.label(
            x, y, text, look="gradient", step=step, before=self._before(text), mark=mark
        )
        half = max(width_of(text, SIZE), width_of(self._before(text), SIZE)) / 2
        self.canvas.line(x + half, y + 11, x - half + 8, y + 11, "back", data_step=step)
        self.head(x - half, y + 11, x + half, y + 11, "backtip")

    def _widest(self, up: str, down: str) -> float:
        return max(width_of(text, SIZE) for text in (up, down, self._before(down)))

    @staticmethod
    def _before(text: str) -> str:
        return f"{text.partition(' ')[0]} {NOT_YET}"

    def head(self, x: float, y: float, from_x: float, from_y: float, look: str) -> None:
        """The head of an arrow that points at x, y."""
        dx, dy = x - from_x, y - from_y
        length = (dx * dx + dy * dy) ** 0.5 or 1.0
        ux, uy = dx / length * 9, dy / length * 9
        self.canvas.path(
            f"M{x:.1f} {y:.1f}L{x - ux + uy / 2:.1f} {y - uy - ux / 2:.1f}"
            f"L{x - ux - uy / 2:.1f} {y - uy + ux / 2:.1f}Z",
            look,
            style=f"fill:var(--cr-{'back' if look == 'backtip' else 'soft'})",
        )

    def marks(self, connection: Connection, up: str, down: str) -> str:
        _, _, backward = self.parameter(connection)
        known = backward is not None and backward < self.canvas.after
        return f"{up}, gradient {down.rpartition(' ')[2] if known else NOT_YET}"

    def attributes(
        self, connection: Connection, up: str, down: str, backward: int | None
    ) -> dict[str, object]:
        assert connection.weight is not None
        key, index = connection.weight
        return {
            "role": "button",
            "data_weight": f"{key}[{','.join(map(str, index))}]",
            "data_step": backward,
            "data_name": up,
            "data_gradient": down.rpartition(" ")[2],
        }
