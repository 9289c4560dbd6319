"""The operations of a story's formulas: what the computation graph is drawn of.

Each operation has one result. Numbers stand within the operations that they belong to.
"""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from chainrule.explaining import expression as ex
from chainrule.explaining.drawing import layering
from chainrule.explaining.expression import Expr
from chainrule.explaining.printing import Printer
from chainrule.explaining.story import Step
from chainrule.explaining.text import shape_text
from chainrule.explaining.words import called, function_name
from chainrule.ops.loop import Result
from chainrule.ops.map import Map
from chainrule.tex import figure, plain

if TYPE_CHECKING:
    from chainrule.explaining.story import Story

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
        self.results: dict[Operation, int] = {}  # of loops, how many are read

    def read(self) -> tuple[list[Operation], list[Operation]]:
        passes = []
        for backward in (False, True):
            self.found, self.known, self.same, self.results = [], {}, {}, {}
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
        if node.symbol or node in self.results:  # two quantities with one formula, or one loop
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
        loop = _loop_of(expr)
        if loop is not None and loop in self.same:  # one box for all its results
            found = self.same[expr] = self.same[loop]
            self.results[found] += 1
            found.result = f"{self.results[found]} results"
            return found
        name, args = _operator(expr)
        inputs: list[layering.Box] = [self.operation(arg, place, backward, key) for arg in args]
        node = Operation(name, inputs, not inputs, result=_told(self.story.numbers.of(expr)))
        self.same[expr] = self.add(node, place, backward, key)
        if loop is not None:
            self.same[loop] = node
            self.results[node] = 1
        return node


def _loop_of(expr: Expr) -> Expr | None:
    """The loop that a formula is one of the results of."""
    is_result = expr.head == "apply" and isinstance(getattr(expr.data, "op", None), Result)
    return expr.args[0] if is_result else None


def _operator(expr: Expr) -> tuple[str, list[Expr]]:
    """What stands in the box of an operation, and what it reads: numbers are part of the box."""
    loop = _loop_of(expr)
    if loop is not None:
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
