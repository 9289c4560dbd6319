"""The computation graph: every operation of the story's formulas, with values on the edges.

The forward pass goes from left to right, and below it the backward pass from right to left, back
from the loss. Each operation has one result, told on the edge that leaves it, in room of its own,
so that labels cannot meet. Numbers stand within the operations that they belong to.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from chainrule.explaining import expression as ex
from chainrule.explaining.drawing import layering
from chainrule.explaining.drawing.canvas import Box, Canvas, width_of
from chainrule.explaining.expression import Expr
from chainrule.explaining.printing import Printer
from chainrule.explaining.story import NOT_YET, Step
from chainrule.explaining.text import shape_text
from chainrule.explaining.words import called, function_name
from chainrule.ops.loop import Result
from chainrule.ops.map import Map
from chainrule.tex import figure, plain

if TYPE_CHECKING:
    from chainrule.explaining.story import Story

SIZE, HIGH, ROW, GAP = 12.0, 30.0, 56.0, 30.0
HALVES = 58.0  # between the two passes
MOST_OPERATIONS = 140
MOST_TOLD = 2  # numbers of a value; of a larger one its shape is told
SIGNS = {"plus": "+", "times": "×", "over": "÷", "contract": "·", "sum": "Σ", "transpose": "ᵀ"}


@dataclass(eq=False)
class Operation(layering.Box):
    """A node of the drawing: given, or an operation whose result has a value.

    name    the sign in it; of what is given, its symbol
    result  what is told behind it
    step    the step that it belongs to; None of what is given
    """

    result: str = ""
    step: int | None = None
    backward: bool = False
    key: str = ""
    symbol: str = ""

    def copy(self) -> "Operation":
        return Operation(
            self.name,
            is_given=True,
            result=self.result,
            backward=self.backward,
            key=self.key,
            symbol=self.symbol,
        )


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


# --- reading -------------------------------------------------------------------------------------


def read_operations(story: "Story") -> tuple[list[Operation], list[Operation]]:
    """The operations of the forward and of the backward pass, in order."""
    whole = _Reader(story, single=False).read()
    if sum(map(len, whole)) <= MOST_OPERATIONS:
        return whole
    return _Reader(story, single=True).read()


class _Reader:
    """single  whether a whole formula is one operation: for stories with very many"""

    def __init__(self, story: "Story", single: bool) -> None:
        self.story, self.single = story, single
        self.known: dict[str, Operation] = {}
        self.same: dict[Expr, Operation] = {}
        self.found: list[Operation] = []

    def read(self) -> tuple[list[Operation], list[Operation]]:
        passes = []
        for backward in (False, True):
            self.found, self.known, self.same = [], {}, {}
            for place, step in enumerate(self.story.steps):
                inside = step.phase == "backward" if backward else step.phase in ("forward", "loss")
                if inside and step.expression is not None:
                    self.step(step, place, backward)
            passes.append(self.found)
        return passes[0], passes[1]

    def step(self, step: Step, place: int, backward: bool) -> None:
        assert step.expression is not None
        own = step.key if not backward else step.quantity.gradient_key
        bare = step.expression
        while bare.head == "layout" and bare.data is None:  # the same numbers in another shape
            bare = bare.args[0]
        if bare.head in ("symbol", "number") or self.single:
            node = self.add(Operation("ƒ" if self.single else "="), place, backward, step.key)
            symbols = dict.fromkeys(step.expression.symbols())
            node.inputs = [self.given(s.key, s.latex) for s in symbols]
            if bare.head == "number":
                node.name = plain(Printer().show(bare))
        else:
            node = self.operation(bare, place, backward, step.key)
        if node.symbol:  # two quantities with one formula
            same, node = node, self.add(Operation("="), place, backward, step.key)
            node.inputs = [same]
        node.symbol, node.step = plain(step.symbol), place
        node.result = f"{node.symbol} {_told(step.value)}"
        self.known[own] = node
        between = self.story.names.symbols.get(step.node)
        if between is not None:
            self.known.setdefault(between.key, node)

    def add(self, node: Operation, place: int, backward: bool, key: str) -> Operation:
        node.step, node.backward, node.key = place, backward, key
        self.found.append(node)
        return node

    def given(self, key: str, latex: str) -> Operation:
        if key not in self.known:
            value = self.story.names.value(
                next(
                    s
                    for step in self.story.steps
                    if step.expression is not None
                    for s in step.expression.symbols()
                    if s.key == key
                )
            )
            name = plain(latex)
            node = Operation(name, is_given=True, result=_told(value), key=key, symbol=name)
            self.known[key] = node
            self.found.append(node)
        return self.known[key]

    def operation(self, expr: Expr, place: int, backward: bool, key: str) -> Operation:
        if expr.head == "symbol":
            return self.given(expr.data.key, expr.data.latex)
        if expr.head == "layout" and expr.data is None:
            return self.operation(expr.args[0], place, backward, key)
        if expr in self.same:
            return self.same[expr]
        name, args = _operator(expr)
        inputs: list[layering.Box] = [self.operation(arg, place, backward, key) for arg in args]
        node = Operation(name, inputs, not inputs, result=_told(self.story.numbers.of(expr)))
        self.same[expr] = self.add(node, place, backward, key)
        return node


def _operator(expr: Expr) -> tuple[str, list[Expr]]:
    """What stands in the box of an operation, and what it reads: numbers are part of the box."""
    if expr.head == "apply" and isinstance(getattr(expr.data, "op", None), Result):
        (loop,) = expr.args
        params = loop.data.params
        name = params["body"].name.replace("<lambda>", "step")
        return f"{name} × {params['length']}", [a for a in loop.args if a.head != "number"]
    numbers = [arg for arg in expr.args if arg.head == "number"]
    args = [arg for arg in expr.args if arg.head != "number"]
    if expr.head == "plus":
        signs, inside = zip(*map(_signed, args), strict=True)
        if numbers:
            sign = "−" if signs == (-1,) else "+"
            return f"{_text(numbers[0])} {sign}", list(inside)
        if signs == (1, -1):
            return "−", list(inside)
        return "+", args
    if expr.head == "times" and numbers:
        alone = len(args) == 1 and numbers[0].data == -1
        return ("−" if alone else f"{_text(numbers[0])} ×"), args
    if numbers and isinstance(expr.data, Map):
        shown = [_text(arg) if arg.head == "number" else "·" for arg in expr.args]
        return f"{_sign(expr)}({', '.join(shown)})", args
    if expr.head == "number":
        return _text(expr), []
    return _sign(expr), args


def _signed(expr: Expr) -> tuple[int, Expr]:
    """A term as its sign and the rest."""
    value, factors = ex.coefficient_of(expr)
    if value == -1:
        return -1, ex.times(*factors, shape=expr.shape)
    return 1, expr


def _text(expr: Expr) -> str:
    return plain(Printer().show(expr))


def _sign(expr: Expr) -> str:
    if expr.head in SIGNS:
        return SIGNS[expr.head]
    if expr.head == "derivative":
        return f"{called(expr.data[0])}′"
    op = expr.data if isinstance(expr.data, Map) else getattr(expr.data, "op", None)
    if isinstance(op, Map):
        return re.sub(r"\(x(,y)?\)$| x$", "", function_name(op))
    return getattr(op, "name", expr.head).replace("_", " ")


def _told(value: object) -> str:
    array = np.asarray(value)
    if 0 < array.size <= MOST_TOLD:
        return ", ".join(figure(entry) for entry in array.ravel())
    return shape_text(array.shape)


# --- drawing -------------------------------------------------------------------------------------


class _Half:
    """One pass, drawn from left to right or from right to left.

    Each column has first the operations, in the middle, and then room for their results.
    """

    def __init__(self, operations: Sequence[Operation]) -> None:
        placed, rows = layering.layered(operations)
        self.operations = [box for box in placed if isinstance(box, Operation)]
        self.height = rows * ROW + 2 * HIGH if placed else 0.0
        columns = max((o.column for o in self.operations), default=0) + 1
        self.wide, self.room = [0.0] * columns, [0.0] * columns
        for operation in self.operations:
            place = operation.column
            self.wide[place] = max(self.wide[place], _width(operation))
            self.room[place] = max(self.room[place], _room(operation))
        self.left = [0.0]
        for wide, room in zip(self.wide, self.room, strict=True):
            self.left.append(self.left[-1] + wide + room + GAP)

    @property
    def width(self) -> float:
        return self.left[-1] - GAP

    def draw(self, canvas: Canvas, top: float, width: float, look: str) -> None:
        self.canvas, self.top, self.look = canvas, top + HIGH, look
        # The backward pass is the same in a mirror.
        self.origin, self.way = (width, -1) if look == "back" else (0.0, 1)
        for operation in self.operations:
            for child in dict.fromkeys(operation.inputs):
                self.wire(child, operation)
        for operation in self.operations:
            self.operation(operation)

    def x(self, along: float) -> float:
        return self.origin + self.way * along

    def y(self, box: layering.Box) -> float:
        return self.top + box.row * ROW

    def middle(self, box: layering.Box) -> float:
        return self.left[box.column] + self.wide[box.column] / 2

    def end(self, column: int) -> float:
        return self.left[column] + self.wide[column] + self.room[column]

    def wire(self, child: layering.Box, operation: Operation) -> None:
        """Straight under the label, then through the columns between, to the reader."""
        assert isinstance(child, Operation)
        begin = self.middle(child) + _width(child) / 2
        d = f"M{self.x(begin):.1f} {self.y(child):.1f}H{self.x(self.end(child.column)):.1f}"
        x, y = self.end(child.column), self.y(child)
        for place in range(child.column + 1, operation.column):
            passing = self.y(child.passes[place])
            d += self.curve(x, y, self.left[place], passing) + f"H{self.x(self.end(place)):.1f}"
            x, y = self.end(place), passing
        arrival = self.middle(operation) - _width(operation) / 2
        d += self.curve(x, y, arrival, self.y(operation))
        self.canvas.path(d, self.look, data_step=operation.step)
        tip = f"M{self.x(arrival):.1f} {self.y(operation):.1f}l{-8 * self.way} -4v8z"
        self.canvas.path(tip, "backtip" if self.look == "back" else "tip", style=self.filled)

    @property
    def filled(self) -> str:
        return f"fill:var(--cr-{'back' if self.look == 'back' else 'soft'})"

    def curve(self, x1: float, y1: float, x2: float, y2: float) -> str:
        bend = (x2 - x1) / 2
        points = ((x1 + bend, y1), (x2 - bend, y2), (x2, y2))
        return "C" + " ".join(f"{self.x(x):.1f} {y:.1f}" for x, y in points)

    def operation(self, operation: Operation) -> None:
        x, y, half = self.x(self.middle(operation)), self.y(operation), _width(operation) / 2
        box = Box(x - half, y - HIGH / 2, x + half, y + HIGH / 2)
        name = f"{operation.name} {operation.result}".strip()
        look = "node frame" if operation.is_given else "node"
        with self.canvas.group("unit", name, data_keys=operation.key, data_place=operation.step):
            self.canvas.rectangle(box, look, 8)
            self.canvas.label(x, y + 5, operation.name, look="inside", size=14)
        if operation.result:
            self.canvas.label(
                x + self.way * (half + 7),
                y - 6,
                operation.result,
                anchor="start" if self.way > 0 else "end",
                size=SIZE,
                look="gradient" if operation.backward else "value",
                step=operation.step,
                before=_before(operation),
            )


def _before(operation: Operation) -> str:
    if operation.backward and operation.symbol:
        return f"{operation.symbol} {NOT_YET}"
    return operation.symbol


def _width(operation: Operation) -> float:
    return max(HIGH, width_of(operation.name, 14) + 14)


def _room(operation: Operation) -> float:
    return max(width_of(text, SIZE) for text in (operation.result, _before(operation))) + 14
