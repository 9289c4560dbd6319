"""From a record to steps: what is told, in which order, and which entry stands for the rest."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from chainrule.explaining import expression as ex
from chainrule.explaining import sentences
from chainrule.explaining.changes import largest
from chainrule.explaining.entries import Array, Index
from chainrule.explaining.expression import Expr, Symbol
from chainrule.explaining.loop_steps import has_gradient
from chainrule.explaining.loops import loops_in
from chainrule.explaining.marks import entry_of
from chainrule.explaining.naming import Names, target_symbol
from chainrule.explaining.printing import Printer
from chainrule.explaining.record import is_leaf
from chainrule.explaining.unrolling import Unrolled
from chainrule.graph import Node, constant_value, dependents
from chainrule.notation import LOSS, Quantity

if TYPE_CHECKING:
    from chainrule.explaining.story import Phase, Step, Story


def steps(story: "Story") -> Iterator["Step"]:
    teller = _Teller(story)
    yield from teller.given()
    yield from teller.forward()
    yield from teller.backward()
    yield from teller.update()


class _Teller:
    def __init__(self, story: "Story") -> None:
        self.story, self.names, self.record = story, story.names, story.record
        self.symbolic = Printer()
        self.numeric = Printer(story.numbers)
        self.sample = story.sample
        self.told: set[Unrolled] = set()  # whose way back has been told

    # --- phases ---

    def given(self) -> Iterator["Step"]:
        for kind in ("input", "parameter"):
            for quantity in self.names.quantities:
                if quantity.kind == kind:
                    yield self.step("given", quantity, quantity.node, None)

    def forward(self) -> Iterator["Step"]:
        for quantity in self.names.quantities:
            if is_leaf(quantity.node):
                continue
            phase: Phase = "loss" if quantity.scope == LOSS else "forward"
            if quantity.kind == "loss":
                phase = "loss"
            yield self.step(phase, quantity, quantity.node, self.formula(quantity.node))

    def backward(self) -> Iterator["Step"]:
        found = []
        beyond = dependents(self.record.roots.forward, list(self.names.short))
        for place, quantity in enumerate(self.names.quantities):
            node = self.record.adjoints.get(quantity.node)
            if node is None or quantity.kind == "loss":
                continue
            if quantity.kind == "auxiliary" and quantity.node in beyond - set(self.names.short):
                continue
            if node.role is None and quantity.kind != "parameter" and not node.inputs:
                continue
            # In the order of computation; of what is one and the same node, the later first.
            found.append((node.serial, quantity.kind == "parameter", -place, quantity, node))
        found += [(q.node.serial, False, 0, q, q.node) for q in self.names.between]
        for _, _, _, quantity, node in sorted(found, key=lambda item: item[:3]):
            yield self.step("backward", quantity, node, self.gradient_formula(quantity, node))

    def update(self) -> Iterator["Step"]:
        """Parameter by parameter: what the optimizer remembers of it, then its new value."""
        by_node = {quantity.node: quantity for quantity in self.names.quantities}
        for name, node in self.record.updates.items():
            quantity = by_node.get(self.record.roots.parameters[name])
            if quantity is None:
                continue
            for slot in self.record.slots:
                kept = slot.after in self.names.symbols and slot.after is not slot.before
                if slot.parameter == name and kept:
                    yield self.step("update", quantity, slot.after, self.formula(slot.after))
            yield self.step("update", quantity, node, self.formula(node))

    # --- formulas ---

    def formula(self, node: Node) -> Expr:
        return self.names.reader.read(node)

    def gradient_formula(self, quantity: Quantity, node: Node) -> Expr:
        if quantity.node in self.names.short:
            return short_formula(self.names, quantity.node)
        own = self.names.symbols.get(node)
        if quantity.node is node:
            return self.formula(node)
        if own is not None and own.key != quantity.gradient_key and constant_value(node) is None:
            return ex.symbol(own)  # handed on unchanged
        return self.formula(node)

    # --- one step ---

    def step(self, phase: "Phase", quantity: Quantity, node: Node, formula: Expr | None) -> "Step":
        from chainrule.explaining.story import Step

        value = self.record.value(node)
        symbol = self.symbol(phase, quantity, node)
        index = self.telling_entry(symbol, value)
        if phase == "update" and node in self.record.updates.values() and value.size:
            index = largest(value - self.record.value(quantity.node))  # what moves most
        numbers = ""
        if formula is not None and value.size and value.dtype.kind == "f":
            entry = self.story.numbers.entry(formula, index)
            if phase == "loss":
                entry = self.story.numbers.settled(entry)
            numbers = self.numeric.show(self.story.numbers.brief(entry))
        shown = "" if formula is None else self.in_symbols(quantity, formula, symbol)
        loop = self.story.shared_loop(quantity.node) if phase == "backward" else None
        if loop is not None:
            shown, numbers = loop[0].sum_over_time(loop[1]), ""
        reads = [] if formula is None else list(dict.fromkeys(formula.symbols()))
        lines = tuple(self.lines(phase, node, loop and loop[0]))
        meaning = ""
        if phase == "backward" and symbol.latex.startswith(r"\delta"):
            meaning = rf"\frac{{\partial L}}{{\partial {quantity.latex}}}"
        return Step(
            phase=phase,
            key=quantity.key,
            quantity=quantity,
            symbol=symbol.latex,
            meaning=meaning,
            formula=shown,
            entry=entry_of(symbol, index),
            index=index,
            numbers=numbers,
            value=value,
            shapes=tuple((s.latex, s.shape) for s in [symbol, *reads]),
            uses=tuple(s.key for s in reads),
            sentence=sentences.sentence(self.story, phase, quantity, node, formula, value, index),
            layer="optimizer" if phase == "update" else quantity.scope,
            node=node,
            slopes=tuple(self.slopes(formula)) if formula is not None else (),
            expression=formula,
            is_memory=phase == "update" and node not in self.record.updates.values(),
            lines=lines,
        )

    def lines(
        self, phase: "Phase", node: Node, shared: "Unrolled | None"
    ) -> Iterator[tuple[str, str]]:
        """What each step of a loop computes, where the loop is told for the first time."""
        if phase in ("forward", "loss"):
            for loop in loops_in(node, self.names.symbols):
                if has_gradient(self.record, loop):
                    for left, right, _ in self.story.unrolled(loop).forward_lines():
                        yield left, right
        elif shared is not None and shared not in self.told:
            self.told.add(shared)
            for left, right, _ in (*shared.end_lines(), *shared.backward_lines()):
                yield left, right

    def in_symbols(self, quantity: Quantity, formula: Expr, symbol: Symbol) -> str:
        if symbol.key == quantity.key and quantity.kind == "loss" and self.record.loss_latex:
            return self.record.loss_latex
        if not formula.shape and formula.head != "contract":
            return self.symbolic.show_indexed(formula, ())
        return self.symbolic.show(formula, symbol.column)

    def symbol(self, phase: "Phase", quantity: Quantity, node: Node) -> Symbol:
        shape, batch = node.shape, self.names.is_batch(node) and quantity.kind != "parameter"
        column = quantity.node in self.names.columns
        if phase == "backward" and quantity.node is node:  # a step between
            return self.names.symbols[node]
        if phase == "backward":
            latex = quantity.gradient_latex
            return Symbol(quantity.gradient_key, latex, shape, batch, column)
        if phase == "update":
            own = self.names.symbols.get(node)
            if own is not None and own.key != quantity.key:
                return own
            return Symbol(f"new:{quantity.key}", _new(quantity.latex), shape, column=column)
        return Symbol(quantity.key, quantity.latex, shape, batch, column)

    def telling_entry(self, symbol: Symbol, value: Array) -> Index:
        """The entry that is worked out: of the sample that errs most, the largest."""
        if not value.size:
            return ()
        size = np.abs(np.nan_to_num(value.astype(float), nan=np.inf))
        if symbol.batch and value.ndim:
            inner = np.unravel_index(int(np.argmax(size[self.sample])), size.shape[1:])
            return (self.sample, *(int(i) for i in inner))
        return tuple(int(i) for i in np.unravel_index(int(np.argmax(size)), size.shape))

    def slopes(self, formula: Expr) -> Iterator[tuple[str, Array]]:
        if formula.head == "derivative":
            yield self.symbolic.show(formula), self.story.numbers.of(formula)
        for arg in formula.args:
            yield from self.slopes(arg)


def short_formula(names: Names, node: Node) -> Expr:
    """scale · (prediction − target)."""
    short = names.short[node]
    target = target_symbol(names, short)
    if short.shown is not None and short.shown in names.symbols:
        prediction = ex.symbol(names.symbols[short.shown])
    else:
        inner = names.symbols[node]
        key = f"{short.name}_{inner.key}"
        names.arrays[key] = np.asarray(short.prediction_value)
        latex = short.latex.format(inner.latex)
        prediction = ex.symbol(replace(inner, key=key, latex=latex))
    difference = ex.plus(prediction, ex.negative(ex.symbol(target)))
    return ex.times(ex.number(short.scale), difference)


def _new(latex: str) -> str:
    """W⁽¹⁾ after the step."""
    base, mark, level = latex.partition("^{")
    if mark:
        return rf"{base}^{{{level[:-1]}\,\mathrm{{new}}}}"
    return rf"{latex}^{{\mathrm{{new}}}}"
