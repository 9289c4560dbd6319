"""A loop unrolled over time, as equations: one step forward, one backward, and the sum over all.

What arrives from the step behind is the same formula one step later. The gradient of what all
steps share is the sum of what each step adds.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from chainrule.explaining import expression as ex
from chainrule.explaining.expression import Expr
from chainrule.explaining.loop_steps import Steps, has_gradient, shifted
from chainrule.explaining.marks import signed
from chainrule.explaining.naming import Names
from chainrule.explaining.printing import MOST_SHOWN, Printer
from chainrule.explaining.record import is_leaf
from chainrule.graph import Node, dependents, ordered
from chainrule.ops.loop import Loop

if TYPE_CHECKING:
    from chainrule.explaining.story import Story


MOST_WRITTEN = 4  # steps of a sum that are written out; of a longer one, the first and the last
Line = tuple[str, str, str]  # left, right, relation


def loops_between(story: "Story", node: Node) -> list["Unrolled"]:
    """The loops that lie between a node and the loss, first to last."""
    record = story.record
    between = dependents([record.roots.loss], [node])
    found = [n for n in ordered([record.roots.loss]) if isinstance(n.op, Loop) and n in between]
    return [story.unrolled(loop) for loop in found if has_gradient(record, loop)]


class Unrolled(Steps):
    """A loop and its equations."""

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        """One step forward, where the way back begins, and one step backward."""
        return (*self.forward_lines(), *self.end_lines(), *self.backward_lines())

    def forward_lines(self) -> Iterator[Line]:
        names, printer = self.names("t"), Printer()
        for quantity in names.quantities:
            if is_leaf(quantity.node) or quantity.node not in set(self.body.nodes):
                continue
            yield quantity.latex, printer.show(names.reader.read(quantity.node)), "="
        for k in self.step.incoming:
            own = names.symbols[self.body.outputs[k]].latex
            if k not in self.carries and own != self._given_out(k, "t"):
                yield self._given_out(k, "t"), own, "="

    def backward_lines(self) -> Iterator[Line]:
        """The gradient of what a step computes, last first."""
        names, printer = self.names("t"), Printer()
        inside = [q for q in names.quantities if not is_leaf(q.node)] + names.between
        found = []
        for quantity in inside:
            node = self.step.adjoints.get(quantity.node, quantity.node)
            if quantity.node in self.step.adjoints or quantity in names.between:
                found.append((node.serial, quantity, node))
        for _, quantity, node in sorted(found, key=lambda item: item[0]):
            left = quantity.latex if node is quantity.node else quantity.gradient_latex
            right = printer.show(self._arrived(names.reader.read(node), names))
            if left != right:
                yield left, right, "="

    def _arrived(self, expr: Expr, names: Names) -> Expr:
        """A formula in which what comes back from the next step is written out."""
        following = self.names(shifted("t", -1 if self.reverse else 1))
        for k in self.carries:
            node = self.step.incoming.get(k)
            back = self.step.adjoints.get(self.body.inputs[self.constants + k])
            if node is not None and back is not None:
                later = following.reader.read(back)
                expr = _replaced(expr, names.symbols[node].key, later)
        return expr

    def end_lines(self) -> Iterator[Line]:
        """The gradient of what the last step carries on, to which no further step adds."""
        names = self.names(str(1 if self.reverse else self.length))
        for k in self.carries:
            node = self.body.outputs[k]
            adjoint = self.step.adjoints.get(node)
            if adjoint is None or node not in names.symbols:
                continue
            expr = names.reader.read(adjoint)
            for other in self.carries:
                seed = self.step.incoming.get(other)
                if seed is not None and other not in self.gradients:
                    nothing = ex.number(0, seed.shape)
                    expr = _replaced(expr, names.symbols[seed].key, nothing)
            latex = names.symbols[node].latex
            right = Printer().show(expr)
            yield rf"\frac{{\partial L}}{{\partial {latex}}}", right, "="

    def sum_lines(self, place: int, left: str, digits: int) -> Iterator[Line]:
        """The gradient of a constant: the sum over time, written out, and with its numbers."""
        yield left, self.sum_over_time(place), "="
        times = _written(self.length)
        yield "", signed([self._part(place, time) for time in times]), "="
        shape = self.body.inputs[place].shape
        if max(shape, default=1) <= MOST_SHOWN and len(shape) <= 2:
            parts = self.added(place)
            printer = Printer(None, digits)
            shown = [r"\cdots" if t is None else printer.array(parts[t])[0] for t in times]
            yield "", signed(shown), "="
            yield "", printer.array(np.sum(parts, axis=0))[0], "="

    def sum_over_time(self, place: int) -> str:
        names = self.names("t")
        expr = names.reader.read(self.step.adjoints[self.body.inputs[place]])
        shown = Printer().show(expr)
        if expr.head == "plus":
            shown = rf"\left( {shown} \right)"
        return rf"\sum_{{t=1}}^{{{self.length}}} {shown}"

    def _part(self, place: int, time: int | None) -> str:
        if time is None:
            return r"\cdots"
        names = self.names(str(time + 1))
        return Printer().show(names.reader.read(self.step.adjoints[self.body.inputs[place]]))


def _written(length: int) -> list[int | None]:
    """The times of a sum that are written out; None stands for those left out."""
    if length <= MOST_WRITTEN:
        return list(range(length))
    return [0, 1, None, length - 1]


def _replaced(expr: Expr, key: str, by: Expr) -> Expr:
    """The formula with another one in place of a symbol."""
    if expr.head == "symbol":
        return by if expr.data.key == key else expr
    if not any(symbol.key == key for symbol in expr.symbols()):
        return expr
    args = [_replaced(arg, key, by) for arg in expr.args]
    if expr.head == "plus":
        return ex.plus(*args)
    if expr.head == "times":
        return ex.times(*args, shape=expr.shape)
    return replace(expr, args=tuple(args))
