"""The computation graph: every operation of the story's formulas, with values on the edges.

Layered from left to right (Sugiyama, Tagawa and Toda 1981): an operation stands one column behind
the last of its inputs, and rows are sorted by the mean place of their neighbours. Each operation has
one result, told directly behind it in room of its own, so that labels cannot meet.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chainrule.explaining.drawing.canvas import Box, Canvas, width_of
from chainrule.explaining.expression import Expr
from chainrule.explaining.printing import Printer
from chainrule.explaining.story import NOT_YET, Step
from chainrule.explaining.text import shape_text
from chainrule.explaining.words import called, function_name
from chainrule.ops.map import Map
from chainrule.tex import number, plain

if TYPE_CHECKING:
    from chainrule.explaining.story import Story

SIZE, HIGH, ROW, GAP = 12.0, 30.0, 58.0, 36.0
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


def draw_operations(story: "Story", after: int) -> Canvas:
    canvas = Canvas(
        f"{story.title}: computation graph",
        "Every operation with the value it makes. The upper part is the forward pass from inputs "
        "and parameters to the loss; the lower part, dashed, is the backward pass from the loss to "
        "the gradient of every parameter.",
        after,
    )
    forward, backward = read_operations(story)
    bottom = _place(forward, 0.0, mirrored=False)
    _place(backward, bottom + 46, mirrored=True)
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
            node.result = _told(self.story.numbers.of(expr))
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


def _place(operations: Sequence[Operation], top: float, mirrored: bool) -> float:
    """Columns by the longest way from what is given, rows by neighbours; the lower edge."""
    inside = set(operations)
    for operation in operations:
        before = [i.column + 1 for i in operation.inputs if i in inside]
        operation.column = max(before, default=0)
    readers: dict[Operation, list[Operation]] = {}
    for operation in operations:
        for child in operation.inputs:
            readers.setdefault(child, []).append(operation)
    for operation in operations:  # what is given stands directly before its first reader
        if not operation.inputs and operation in readers:
            operation.column = max(0, min(r.column for r in readers[operation]) - 1)
    columns: dict[int, list[Operation]] = {}
    for operation in operations:
        columns.setdefault(operation.column, []).append(operation)
    for members in columns.values():
        for row, operation in enumerate(members):
            operation.row = row - (len(members) - 1) / 2
    for turn in range(8):
        for place in sorted(columns, reverse=turn % 2 == 1):
            members = columns[place]
            wanted = {
                o: _mean([n.row for n in (*o.inputs, *readers.get(o, []))], o.row) for o in members
            }
            members.sort(key=lambda o: wanted[o])
            _spread(members, [wanted[o] for o in members])
    low = min((o.row for o in operations), default=0.0)
    for operation in operations:
        operation.row = top + (operation.row - low) * ROW + HIGH
    return max((o.row for o in operations), default=top) + HIGH


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _spread(members: Sequence[Operation], wanted: Sequence[float]) -> None:
    """Rows at least 1 apart, about where they are wanted."""
    rows: list[float] = []
    for place in wanted:
        rows.append(place if not rows else max(place, rows[-1] + 1))
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
        self.graph(forward, "wire", mirrored=False)
        if backward:
            self.canvas.label(0, bottom + 34, "backward", anchor="start", size=14, look="head")
            self.graph(backward, "back", mirrored=False)

    def graph(self, operations: Sequence[Operation], wire: str, mirrored: bool) -> None:
        columns = max((o.column for o in operations), default=0) + 1
        wide = [0.0] * columns
        room = [0.0] * columns
        for operation in operations:
            column = operation.column
            wide[column] = max(wide[column], self.width(operation))
            room[column] = max(room[column], self.room(operation))
        left = [0.0]
        for column in range(columns):
            left.append(left[-1] + wide[column] + room[column] + GAP)
        for operation in operations:
            x = left[operation.column] + wide[operation.column]
            for child in dict.fromkeys(operation.inputs):
                begin = left[child.column] + (wide[child.column] + self.width(child)) / 2
                end = left[operation.column] + (
                    wide[operation.column] - self.width(operation)
                ) / 2
                self.wire(begin, child, room, left, wide, end, operation, wire)
        for operation in operations:
            middle = left[operation.column] + wide[operation.column] / 2
            self.operation(operation, middle)
            x = middle + self.width(operation) / 2 + 8
            if operation.result:
                known = operation.step is None or operation.step < self.canvas.after
                before = self.before(operation)
                self.canvas.label(
                    x, operation.row - 5, operation.result, anchor="start", size=SIZE,
                    look="gradient" if operation.backward and known else "value",
                    step=operation.step, before=before,
                )  # fmt: skip

    @staticmethod
    def before(operation: Operation) -> str:
        if operation.backward and operation.symbol:
            return f"{operation.symbol} {NOT_YET}"
        return operation.symbol

    @staticmethod
    def width(operation: Operation) -> float:
        return max(HIGH, width_of(operation.name, 14) + 14)

    def room(self, operation: Operation) -> float:
        said = (operation.result, self.before(operation))
        return max(width_of(text, SIZE) for text in said) + 14

    def wire(
        self,
        begin: float,
        child: Operation,
        room: Sequence[float],
        left: Sequence[float],
        wide: Sequence[float],
        end: float,
        operation: Operation,
        look: str,
    ) -> None:
        """Straight under the label, then over to the reader."""
        turn = left[child.column] + wide[child.column] + room[child.column]
        bend = max(24.0, (end - turn) * 0.5)
        self.canvas.path(
            f"M{begin:.1f} {child.row:.1f}H{turn:.1f}C{turn + bend:.1f} {child.row:.1f} "
            f"{end - bend:.1f} {operation.row:.1f} {end:.1f} {operation.row:.1f}",
            look,
            data_step=operation.step,
        )

    def operation(self, operation: Operation, x: float) -> None:
        half = self.width(operation) / 2
        box = Box(x - half, operation.row - HIGH / 2, x + half, operation.row + HIGH / 2)
        name = f"{operation.name} {operation.result}".strip()
        with self.canvas.group(
            "unit", name, data_keys=operation.key, data_place=operation.step
        ):
            self.canvas.rectangle(box, "node" if operation.step is not None else "node frame", 8)
            self.canvas.label(x, operation.row + 5, operation.name, look="inside", size=14)
