"""The update of any weight, worked out: the optimizer's formulas with places for its numbers.

An update treats every number of a parameter alike, so its formulas are printed once for each
parameter. `@4` in them stands for the fifth thing that the page knows of a weight, and the script
puts it there. What a formula takes from more than the weight itself, such as the length of a whole
gradient, is there as its number.
"""

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from chainrule.explaining.entries import Array
from chainrule.explaining.expression import Expr
from chainrule.explaining.page.equations import equations
from chainrule.explaining.printing import Printer
from chainrule.notation import Quantity, remembered
from chainrule.ops.map import ATOM, Map

if TYPE_CHECKING:
    from chainrule.explaining.record import Slot
    from chainrule.explaining.story import Step, Story

# What is known of every weight, in this order; then what the optimizer remembers of it, before and
# after, and then what else its formulas read.
NAME, VALUE, GRADIENT, DIFFERENCE, AFTER, CHANGE, SUM, MEMORY = range(8)


@dataclass
class Worked:
    """The lines of a parameter's update, and the arrays that they read beside those known."""

    lines: list[tuple[str, str]] = field(default_factory=list)
    extras: list[Array] = field(default_factory=list)

    @property
    def mathml(self) -> str:
        return equations(self.lines) if self.lines else ""


def memory_of(story: "Story", quantity: Quantity) -> "list[Slot]":
    """What the optimizer remembers of each number of a parameter."""
    return [
        slot
        for slot in story.record.slots
        if slot.parameter == quantity.key and slot.after.shape == quantity.shape
    ]


def worked_update(story: "Story", quantity: Quantity) -> Worked:
    """The update of a parameter, memory first, in letters and with places for numbers."""
    return _Worker(story, quantity).work()


class _Worker:
    def __init__(self, story: "Story", quantity: Quantity) -> None:
        self.story, self.quantity, self.worked = story, quantity, Worked()
        self.slots = memory_of(story, quantity)
        symbols = story.names.symbols
        # Of a symbol the letter it has in the optimizer's rule, and where its number is.
        self.known = {quantity.key: (r"\theta", VALUE), quantity.gradient_key: ("g", GRADIENT)}
        gradient = symbols.get(story.record.adjoints.get(quantity.node, quantity.node))
        if gradient is not None:
            self.known.setdefault(gradient.key, ("g", GRADIENT))
        for place, slot in enumerate(self.slots):
            letter = remembered(slot.name, story.record.rule)
            own = (letter, rf"{letter}^{{\mathrm{{new}}}}")
            for which, node in enumerate((slot.before, slot.after)):
                if node in symbols:
                    at = MEMORY + 2 * place + which
                    self.known.setdefault(symbols[node].key, (own[which], at))

    def work(self) -> Worked:
        steps = [s for s in self.story.phase("update") if s.key == self.quantity.key]
        for step in steps:
            if step.expression is not None and step.value.shape == self.quantity.shape:
                self.lines(step, step.expression)
        return self.worked

    def lines(self, step: "Step", formula: Expr) -> None:
        """The formula in letters, with numbers, and what it comes to."""
        left, result = r"\theta^{\mathrm{new}}", AFTER
        if step.is_memory:
            symbol = self.story.names.symbols[step.node]
            if symbol.key not in self.known:
                return
            left, result = self.known[symbol.key]
        printer = Printer(self.story.numbers)
        self.worked.lines += [
            (left, Printer().show(self.in_letters(formula))),
            ("", printer.show(self.with_places(formula))),
            ("", _place(result)),
        ]
        if not step.is_memory:
            self.worked.lines.append((r"\theta^{\mathrm{new}} - \theta", _place(CHANGE)))

    def in_letters(self, expr: Expr) -> Expr:
        if expr.head == "symbol" and expr.data.key in self.known:
            return _printed(self.known[expr.data.key][0])
        if not self.is_entrywise(expr):
            return expr if expr.is_single else _printed(Printer().show(expr))
        args = tuple(self.in_letters(arg) for arg in expr.args)
        return replace(expr, args=args, shape=(), node=None)

    def with_places(self, expr: Expr) -> Expr:
        if expr.head == "symbol" and expr.data.key in self.known:
            return _printed(_place(self.known[expr.data.key][1]))
        if expr.head in ("number", "ones"):
            return expr if expr.head == "number" else Expr("number", (), (), 1.0)
        if self.is_entrywise(expr):
            args = tuple(self.with_places(arg) for arg in expr.args)
            return replace(expr, args=args, shape=(), node=None)
        values = self.story.numbers.of(expr)
        if values.size == 1:
            return Expr("measured", (), (), float(values.reshape(())))
        self.worked.extras.append(np.broadcast_to(values, self.quantity.shape))
        return _printed(_place(MEMORY + 2 * len(self.slots) + len(self.worked.extras) - 1))

    @staticmethod
    def is_entrywise(expr: Expr) -> bool:
        """Whether an entry of it is the same formula of entries, at every place."""
        if expr.head in ("plus", "times", "over"):
            return expr.data is None
        op = getattr(expr.data, "op", expr.data)
        return (
            expr.head == "apply"
            and isinstance(op, Map)
            and op.result != "bool"
            and op.name != "where"
        )


def _place(number: int) -> str:
    return rf"\text{{@{number}}}"


def _printed(latex: str) -> Expr:
    """A piece of a formula that is written already."""
    return Expr("printed", (), (), (latex, ATOM))
