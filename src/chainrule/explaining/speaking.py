"""What every sentence starts from: a step's formula, its numbers, and where its weights are."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from chainrule.explaining.entries import Index
from chainrule.explaining.expression import Expr
from chainrule.explaining.loop_steps import has_gradient
from chainrule.explaining.loops import loops_in, one_step
from chainrule.explaining.record import Array
from chainrule.explaining.words import count
from chainrule.graph import Node
from chainrule.notation import Quantity

if TYPE_CHECKING:
    from chainrule.explaining.story import Story


class Speaker:
    """One step of a story, about to be told."""

    def __init__(
        self,
        story: "Story",
        quantity: Quantity,
        node: Node,
        formula: Expr | None,
        value: Array,
        index: Index,
    ) -> None:
        self.story, self.quantity, self.node, self.index = story, quantity, node, index
        while formula is not None and formula.head == "layout" and formula.data is None:
            formula = formula.args[0]
        self.formula, self.value = formula, value
        self.parameters = {q.key: q for q in story.quantities if q.kind == "parameter"}
        self.samples = story.names.samples

    def repeated(self) -> str:
        """What a loop does in each of its steps."""
        known = self.story.names.symbols
        found = loops_in(self.node, known)
        if len(found) != 1:
            return ""
        told = has_gradient(self.story.record, found[0])  # then line by line, below
        step = "" if told else one_step(found[0], known)
        times = count(found[0].params["length"], "time")
        if told:
            return f"The same step {times}, for t = 1 to {found[0].params['length']}:"
        return f"The same step {times}, t after t{': ' + step if step else ''}."

    def term_keys(self) -> list[str]:
        """Symbols that stand alone as a term of a sum."""
        if self.formula is None or self.formula.head != "plus":
            return []
        return [arg.data.key for arg in self.formula.args if arg.head == "symbol"]

    def weights(self, product: Expr) -> Expr | None:
        """The factor of a product that is a parameter."""
        for arg in product.args:
            inner = arg
            while inner.head in ("transpose", "layout") and inner.args:
                inner = inner.args[0]
            if inner.head == "symbol" and inner.data.key in self.parameters:
                return inner
        return None


def find(expr: Expr, head: str) -> Expr | None:
    return next(every(expr, head), None)


def every(expr: Expr, head: str) -> Iterator[Expr]:
    if expr.head == head:
        yield expr
    for arg in expr.args:
        yield from every(arg, head)
