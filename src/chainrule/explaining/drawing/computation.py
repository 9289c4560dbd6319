"""The computation graph: every operation of the story's formulas, with values on the edges.

The forward pass goes from left to right, and below it the backward pass from right to left, back
from the loss. The result of each operation is told on the edge that leaves it, in room of its own,
so that labels cannot meet.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from chainrule.explaining.drawing import layering
from chainrule.explaining.drawing.canvas import Box, Canvas, width_of
from chainrule.explaining.story import NOT_YET

if TYPE_CHECKING:
    from chainrule.explaining.story import Story

from chainrule.explaining.drawing.operations import Operation, read_operations

SIZE, HIGH, ROW, GAP = 12.0, 30.0, 56.0, 30.0
HALVES = 58.0  # between the two passes
WIDEST = 1260.0  # of a band: what a page shows without scrolling, at a size that can be read
EDGE = 12.0  # how far a wire goes out of a band


def draw_operations(story: "Story", after: int) -> Canvas:
    canvas = Canvas(
        f"{story.title}: computation graph",
        "Every operation with the value it makes. The upper part is the forward pass from inputs "
        "and parameters to the loss; the lower part, dashed, is the backward pass from the loss to "
        "the gradient of every parameter, from right to left.",
        after,
    )
    forward, backward = map(_Half, read_operations(story))
    width = max(forward.width, backward.width)
    canvas.label(0, -8, "forward", anchor="start", size=14, look="head")
    forward.draw(canvas, 0.0, width, "wire")
    if backward.operations:
        top = forward.height + HALVES
        canvas.label(width, top - 8, "backward", anchor="end", size=14, look="head")
        backward.draw(canvas, top, width, "back")
    return canvas


@dataclass
class _Band:
    """Neighbouring columns, one line of a drawing that would be too wide in a single one.

    columns  from this one up to that one
    entry    room on the left for the names of what comes from the band before
    width    with all of that
    low      the highest row of anything in it, and `high` the lowest
    top      where its first row stands
    """

    columns: range
    entry: float = 0.0
    width: float = 0.0
    low: float = 0.0
    high: float = 0.0
    top: float = 0.0


class _Half:
    """One pass, drawn from left to right or from right to left, in as many bands as it needs.

    Each column has first the operations, in the middle, and then room for their results. What goes
    on in another band leaves this one at its edge and enters that one under its name.
    """

    def __init__(self, operations: Sequence[Operation]) -> None:
        placed, _ = layering.layered(operations)
        self.operations = [box for box in placed if isinstance(box, Operation)]
        columns = max((o.column for o in self.operations), default=0) + 1
        self.wide, self.room = [0.0] * columns, [0.0] * columns
        for operation in self.operations:
            place = operation.column
            self.wide[place] = max(self.wide[place], _width(operation))
            self.room[place] = max(self.room[place], _room(operation))
        self.bands = self._bands()
        self.band_of = {c: band for band in self.bands for c in band.columns}
        self._enter()
        self.left = [0.0] * columns
        self.height = 0.0
        for band in self.bands:
            x = band.entry
            for column in band.columns:
                self.left[column] = x
                x += self.wide[column] + self.room[column] + GAP
            band.width = x - GAP
            self._measure(band)

    def _bands(self) -> list[_Band]:
        """Lines of whole columns: as few as there must be, and then as short as they can be."""
        lengths = [w + r + GAP for w, r in zip(self.wide, self.room, strict=True)]
        fewest = len(_lines(lengths, max(WIDEST, *lengths)))
        parts = (lengths[i:j] for i in range(len(lengths)) for j in range(i + 1, len(lengths) + 1))
        limits = sorted(total for total in map(sum, parts) if total >= max(lengths))
        limit = next(n for n in limits if len(_lines(lengths, n)) <= fewest)
        return [_Band(columns) for columns in _lines(lengths, limit)]

    def _enter(self) -> None:
        """Room for the names of what comes from a band before, and for what is given there."""
        self.entering: list[tuple[_Band, Operation, float]] = []
        self.moved: dict[layering.Box, _Band] = {}
        for operation in self.operations:
            own = self.band_of[operation.column]
            for child in dict.fromkeys(operation.inputs):
                assert isinstance(child, Operation)
                if child.is_given and self.band_of[child.column] is not own:
                    self.moved[child] = own
                    own.entry = max(own.entry, _width(child) + _room(child) + GAP)
                    continue
                for (column, row), (place, _) in pairwise(self.way(child, operation)):
                    band = self.band_of[place]
                    entry = band, child, row
                    if band is not self.band_of[column] and entry not in self.entering:
                        self.entering.append(entry)
                        band.entry = max(band.entry, width_of(_carried(child), SIZE) + 14 + GAP)

    def way_of(self, child: layering.Box, operation: Operation) -> list[layering.Box]:
        between = range(child.column + 1, operation.column)
        return [child, *(child.passes[place] for place in between), operation]

    def way(self, child: layering.Box, operation: Operation) -> list[tuple[int, float]]:
        """The columns and rows that a wire goes through."""
        return [(box.column, box.row) for box in self.way_of(child, operation)]

    def _measure(self, band: _Band) -> None:
        rows = [operation.row for operation in self.operations if self.band(operation) is band]
        rows += [row for other, _, row in self.entering if other is band]
        for operation in self.operations:
            for child in operation.inputs:
                rows += [b.row for b in self.way_of(child, operation) if self.band(b) is band]
        band.low, band.high = min(rows, default=0.0), max(rows, default=0.0)
        band.top = self.height + HIGH
        self.height += (band.high - band.low) * ROW + 2 * HIGH

    @property
    def width(self) -> float:
        return max(band.width for band in self.bands)

    def draw(self, canvas: Canvas, top: float, width: float, look: str) -> None:
        self.canvas, self.top, self.look = canvas, top, look
        # The backward pass is the same in a mirror.
        self.origin, self.along = (width, -1) if look == "back" else (0.0, 1)
        for operation in self.operations:
            for child in dict.fromkeys(operation.inputs):
                self.wire(child, operation)
        for operation in self.operations:
            self.operation(operation)
        for band, child, row in self.entering:
            name = _carried(child)
            known = "" if child.backward else name  # a gradient's name stands where it is made
            self.result(child, name, self.x(7), self.y(row, band), known)

    def x(self, along: float) -> float:
        return self.origin + self.along * along

    def y(self, row: float, band: _Band) -> float:
        return self.top + band.top + (row - band.low) * ROW

    def band(self, box: layering.Box) -> _Band:
        return self.moved.get(box) or self.band_of[box.column]

    def middle(self, box: layering.Box) -> float:
        if box in self.moved:
            return _width(box) / 2
        return self.left[box.column] + self.wide[box.column] / 2

    def end(self, column: int) -> float:
        return self.left[column] + self.wide[column] + self.room[column]

    def wire(self, child: layering.Box, operation: Operation) -> None:
        """Straight under the label, then through the columns between, to the reader."""
        assert isinstance(child, Operation)
        band = self.band(child)
        x = band.entry - GAP if child in self.moved else self.end(child.column)
        y = self.y(child.row, band)
        begin = self.middle(child) + _width(child) / 2
        d = f"M{self.x(begin):.1f} {y:.1f}H{self.x(x):.1f}"
        arrival = self.middle(operation) - _width(operation) / 2
        for (_, row), (column, following) in pairwise(self.way(child, operation)):
            if self.band_of[column] is not band:
                edge = band.width + EDGE
                d += f"H{self.x(edge):.1f}"
                self.tip(edge, y, operation.step)
                band = self.band_of[column]
                x, y = band.entry - GAP, self.y(row, band)
                d += f"M{self.x(0):.1f} {y:.1f}H{self.x(x):.1f}"
            last = column == operation.column
            target = arrival if last else self.left[column]
            d += self.curve(x, y, target, self.y(following, band))
            x, y = (arrival if last else self.end(column)), self.y(following, band)
            d += "" if last else f"H{self.x(x):.1f}"
        self.canvas.path(d, self.look, data_step=operation.step)
        self.tip(arrival, y, None)

    def tip(self, along: float, y: float, step: int | None) -> None:
        tip = f"M{self.x(along):.1f} {y:.1f}l{-8 * self.along} -4v8z"
        look = "backtip" if self.look == "back" else "tip"
        self.canvas.path(tip, look, style=self.filled, data_step=step)
        self.canvas.extend(self.x(along), y)

    @property
    def filled(self) -> str:
        return f"fill:var(--cr-{'back' if self.look == 'back' else 'soft'})"

    def curve(self, x1: float, y1: float, x2: float, y2: float) -> str:
        bend = (x2 - x1) / 2
        points = ((x1 + bend, y1), (x2 - bend, y2), (x2, y2))
        return "C" + " ".join(f"{self.x(x):.1f} {y:.1f}" for x, y in points)

    def operation(self, operation: Operation) -> None:
        x, half = self.x(self.middle(operation)), _width(operation) / 2
        y = self.y(operation.row, self.band(operation))
        box = Box(x - half, y - HIGH / 2, x + half, y + HIGH / 2)
        name = f"{operation.name} {operation.result}".strip()
        look = "node frame" if operation.is_given else "node"
        with self.canvas.group("unit", name, data_keys=operation.key, data_place=operation.step):
            self.canvas.rectangle(box, look, 8)
            self.canvas.label(x, y + 5, operation.name, look="inside", size=14)
        if operation.result:
            beside = x + self.along * (half + 7)
            self.result(operation, operation.result, beside, y, _before(operation))

    def result(self, operation: Operation, text: str, x: float, y: float, known: str) -> None:
        """What is told on a wire; `known` before it has been computed."""
        self.canvas.label(
            x,
            y - 6,
            text,
            anchor="start" if self.along > 0 else "end",
            size=SIZE,
            look="gradient" if operation.backward else "value",
            step=operation.step,
            before=known,
        )


def _lines(lengths: Sequence[float], limit: float) -> list[range]:
    """Neighbours together, as many as fit into a line."""
    found, begin = [], 0
    for place in range(1, len(lengths) + 1):
        if place == len(lengths) or sum(lengths[begin : place + 1]) > limit:
            found.append(range(begin, place))
            begin = place
    return found


def _carried(operation: Operation) -> str:
    """What a wire is called that comes from another band."""
    return operation.symbol or operation.result or operation.name


def _before(operation: Operation) -> str:
    if operation.backward and operation.symbol:
        return f"{operation.symbol} {NOT_YET}"
    return operation.symbol


def _width(operation: layering.Box) -> float:
    return max(HIGH, width_of(operation.name, 14) + 14)


def _room(operation: Operation) -> float:
    return max(width_of(text, SIZE) for text in (operation.result, _before(operation))) + 14
