"""The computation graph: every operation of the story's formulas, with values on the edges.

Layered from left to right (Sugiyama, Tagawa and Toda 1981): an operation stands one column behind
the last of its inputs, and rows are sorted by the mean place of their neighbours. Each operation
has one result, told directly behind it in room of its own, so that labels cannot meet.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from chainrule.explaining.drawing.canvas import Box, Canvas, width_of
from chainrule.explaining.expression import Expr
from chainrule.explaining.printing import Printer
from chainrule.explaining.story import NOT_YET, Step
from chainrule.explaining.text import shape_text
from chainrule.explaining.words import called, function_name
from chainrule.ops.loop import Loop
from chainrule.ops.map import Map
from chainrule.tex import number, plain

if TYPE_CHECKING:
    from chainrule.explaining.story import Story

SIZE, HIGH, ROW, GAP = 12.0, 30.0, 58.0, 36.0
NARROW = 0.62  # rows from an operation down to an edge that passes it
MOST_OPERATIONS = 140
MOST_TOLD = 2  # numbers of a value; of a larger one its shape is told
SIGNS = {"plus": "+", "times": "×", "over": "÷", "contract": "·", "sum": "Σ", "transpose": "ᵀ"}


@dataclass(eq=False)
class Operation:
    """A node of the drawing: given, or an operation whose result has a value.

    name    the sign in it; of what is given, its symbol
    result  what is told behind it
    step    the step that it belongs to; None of what is given
    """

    name: str
    result: str
    step: int | None
    backward: bool
    key: str
    symbol: str = ""
    inputs: list["Operation"] = field(default_factory=list)
    column: int = 0
    row: float = 0.0
    passes: dict[int, "Operation"] = field(default_factory=dict)

    @property
    def is_pass(self) -> bool:
        """Whether it is only where a long edge crosses a column, so that nothing is in its way."""
        return not self.name


def draw_operations(story: "Story", after: int) -> Canvas:
    canvas = Canvas(
        f"{story.title}: computation graph",
        "Every operation with the value it makes. The upper part is the forward pass from inputs "
        "and parameters to the loss; the lower part, dashed, is the backward pass from the loss to "
        "the gradient of every parameter.",
        after,
    )
    forward, backward = read_operations(story)
    bottom = _place(forward, 0.0)
    _place(backward, bottom + 46)
    _Drawer(canvas).draw(forward, backward, bottom)
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
        self.found: list[Operation] = []

    def read(self) -> tuple[list[Operation], list[Operation]]:
        passes = []
        for backward in (False, True):
            self.found, self.known = [], {}
            for place, step in enumerate(self.story.steps):
                inside = step.phase == "backward" if backward else step.phase in ("forward", "loss")
                if inside and step.expression is not None:
                    self.step(step, place, backward)
            passes.append(self.found)
        return passes[0], passes[1]

    def step(self, step: Step, place: int, backward: bool) -> None:
        assert step.expression is not None
        own = step.key if not backward else step.quantity.gradient_key
        if step.expression.head in ("symbol", "number") or self.single:
            node = Operation("=" if not self.single else "ƒ", "", place, backward, step.key)
            symbols = dict.fromkeys(step.expression.symbols())
            node.inputs = [self.given(s.key, s.latex) for s in symbols]
            if step.expression.head == "number":
                node.name = plain(Printer().show(step.expression))
            self.found.append(node)
        else:
            node = self.operation(step.expression, place, backward, step.key)
        node.symbol = plain(step.symbol)
        node.result = f"{node.symbol} {_told(step.value)}"
        self.known[own] = node
        between = self.story.names.symbols.get(step.node)
        if between is not None:
            self.known.setdefault(between.key, node)

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
            self.known[key] = Operation(name, _told(value), None, False, key, name)
            self.found.append(self.known[key])
        return self.known[key]

    def operation(self, expr: Expr, place: int, backward: bool, key: str) -> Operation:
        if expr.head == "symbol":
            return self.given(expr.data.key, expr.data.latex)
        if expr.head == "layout" and expr.data is None:  # the same numbers in another shape
            return self.operation(expr.args[0], place, backward, key)
        if expr.head == "number":
            node = Operation(plain(Printer().show(expr)), "", None, backward, key)
        else:
            node = Operation(_sign(expr), "", place, backward, key)
            node.inputs = [self.operation(arg, place, backward, key) for arg in expr.args]
            several = isinstance(getattr(expr.data, "op", None), Loop)  # results, taken apart next
            node.result = "" if several else _told(self.story.numbers.of(expr))
        self.found.append(node)
        return node


def _sign(expr: Expr) -> str:
    if expr.head in SIGNS:
        return SIGNS[expr.head]
    if expr.head == "derivative":
        return f"{called(expr.data[0])}′"
    op = expr.data if isinstance(expr.data, Map) else getattr(expr.data, "op", None)
    if isinstance(op, Map):
        return function_name(op)
    return getattr(op, "name", expr.head).replace("_", " ")


def _told(value: object) -> str:
    import numpy as np

    array = np.asarray(value)
    if 0 < array.size <= MOST_TOLD:
        return ", ".join(plain(number(float(entry))) for entry in array.ravel())
    return shape_text(array.shape)


# --- placing -------------------------------------------------------------------------------------


def _place(operations: Sequence[Operation], top: float) -> float:
    """Columns by the longest way from what is given, rows by neighbours; the lower edge."""
    readers: dict[Operation, list[Operation]] = {}
    for operation in operations:
        operation.column = max((child.column + 1 for child in operation.inputs), default=0)
        for child in operation.inputs:
            readers.setdefault(child, []).append(operation)
    for operation in operations:  # what is given stands directly before its first reader
        if not operation.inputs and operation in readers:
            operation.column = max(0, min(r.column for r in readers[operation]) - 1)
    beside: dict[Operation, list[Operation]] = {}
    columns: dict[int, list[Operation]] = {}
    for operation in operations:
        columns.setdefault(operation.column, []).append(operation)
        for child in operation.inputs:
            line = [child, *_passes(child, operation.column), operation]
            for one, other in pairwise(line):
                beside.setdefault(one, []).append(other)
                beside.setdefault(other, []).append(one)
    for operation in operations:
        for column, passing in operation.passes.items():
            columns[column].append(passing)
    _sort(columns, beside)
    everything = [operation for members in columns.values() for operation in members]
    low = min((o.row for o in everything), default=0.0)
    for operation in everything:
        operation.row = top + (operation.row - low) * ROW + HIGH
    return max((o.row for o in everything), default=top) + HIGH


def _passes(child: Operation, column: int) -> list[Operation]:
    """Where the edges that leave an operation cross the columns on their way."""
    for between in range(child.column + 1, column):
        if between not in child.passes:
            child.passes[between] = Operation("", "", child.step, child.backward, child.key)
            child.passes[between].column = between
    return [child.passes[between] for between in range(child.column + 1, column)]


def _sort(
    columns: Mapping[int, list[Operation]], beside: Mapping[Operation, list[Operation]]
) -> None:
    for members in columns.values():
        for row, operation in enumerate(members):
            operation.row = row - (len(members) - 1) / 2
    for turn in range(12):
        for place in sorted(columns, reverse=turn % 2 == 1):
            members = columns[place]
            wanted = {o: _mean([n.row for n in beside.get(o, [])], o.row) for o in members}
            members.sort(key=lambda o: wanted[o])
            _spread(members, [wanted[o] for o in members])


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _spread(members: Sequence[Operation], wanted: Sequence[float]) -> None:
    """Rows apart from each other, about where they are wanted."""
    rows: list[float] = []
    for operation, place in zip(members, wanted, strict=True):
        apart = NARROW if operation.is_pass else 1.0
        rows.append(place if not rows else max(place, rows[-1] + apart))
    shift = _mean([w - r for w, r in zip(wanted, rows, strict=True)], 0.0)
    for operation, row in zip(members, rows, strict=True):
        operation.row = row + shift


# --- drawing -------------------------------------------------------------------------------------


class _Drawer:
    def __init__(self, canvas: Canvas) -> None:
        self.canvas = canvas

    def draw(
        self, forward: Sequence[Operation], backward: Sequence[Operation], bottom: float
    ) -> None:
        self.canvas.label(0, -8, "forward", anchor="start", size=14, look="head")
        _Half(self.canvas, forward, "wire").draw()
        if backward:
            self.canvas.label(0, bottom + 34, "backward", anchor="start", size=14, look="head")
            _Half(self.canvas, backward, "back").draw()


class _Half:
    """One pass. In each column first the operations, in the middle, then room for their results."""

    def __init__(self, canvas: Canvas, operations: Sequence[Operation], look: str) -> None:
        self.canvas, self.operations, self.look = canvas, operations, look
        columns = max((o.column for o in operations), default=0) + 1
        self.wide, self.room = [0.0] * columns, [0.0] * columns
        for operation in operations:
            place = operation.column
            self.wide[place] = max(self.wide[place], _width(operation))
            self.room[place] = max(self.room[place], _room(operation))
        self.left = [0.0]
        for wide, room in zip(self.wide, self.room, strict=True):
            self.left.append(self.left[-1] + wide + room + GAP)

    def draw(self) -> None:
        for operation in self.operations:
            for child in dict.fromkeys(operation.inputs):
                self.wire(child, operation)
        for operation in self.operations:
            self.operation(operation)

    def middle(self, operation: Operation) -> float:
        return self.left[operation.column] + self.wide[operation.column] / 2

    def end(self, column: int) -> float:
        return self.left[column] + self.wide[column] + self.room[column]

    def wire(self, child: Operation, operation: Operation) -> None:
        """Straight under the label, then through the columns between, to the reader."""
        begin = self.middle(child) + _width(child) / 2
        d = f"M{begin:.1f} {child.row:.1f}H{self.end(child.column):.1f}"
        x, y = self.end(child.column), child.row
        for place in range(child.column + 1, operation.column):
            passing = child.passes[place]
            d += _curve(x, y, self.left[place], passing.row) + f"H{self.end(place):.1f}"
            x, y = self.end(place), passing.row
        d += _curve(x, y, self.middle(operation) - _width(operation) / 2, operation.row)
        self.canvas.path(d, self.look, data_step=operation.step)

    def operation(self, operation: Operation) -> None:
        x, half = self.middle(operation), _width(operation) / 2
        box = Box(x - half, operation.row - HIGH / 2, x + half, operation.row + HIGH / 2)
        name = f"{operation.name} {operation.result}".strip()
        look = "node" if operation.step is not None else "node frame"
        with self.canvas.group("unit", name, data_keys=operation.key, data_place=operation.step):
            self.canvas.rectangle(box, look, 8)
            self.canvas.label(x, operation.row + 5, operation.name, look="inside", size=14)
        if operation.result:
            self.canvas.label(
                x + half + 8,
                operation.row - 5,
                operation.result,
                anchor="start",
                size=SIZE,
                look="gradient" if operation.backward else "value",
                step=operation.step,
                before=_before(operation),
            )


def _curve(x1: float, y1: float, x2: float, y2: float) -> str:
    bend = (x2 - x1) / 2
    return f"C{x1 + bend:.1f} {y1:.1f} {x2 - bend:.1f} {y2:.1f} {x2:.1f} {y2:.1f}"


def _before(operation: Operation) -> str:
    if operation.backward and operation.symbol:
        return f"{operation.symbol} {NOT_YET}"
    return operation.symbol


def _width(operation: Operation) -> float:
    return max(HIGH, width_of(operation.name, 14) + 14)


def _room(operation: Operation) -> float:
    return max(width_of(text, SIZE) for text in (operation.result, _before(operation))) + 14
