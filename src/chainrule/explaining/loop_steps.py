"""The steps of a loop: what each computes, forward and backward, under what names.

The body of a loop is a graph of its own. One step is explained as everything else is: its nodes
get names (those of the lines that assign them, with t below), and its gradients are the nodes that
differentiation makes.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.explaining.entries import Array, Index
from chainrule.explaining.loops import CARRIES
from chainrule.explaining.marks import bracketed, scripted, signed
from chainrule.explaining.naming import Names, named_as
from chainrule.explaining.printing import Printer
from chainrule.explaining.reading import is_function
from chainrule.explaining.record import Record, backward
from chainrule.graph import Graph, Node, at_work, input_node
from chainrule.notation import Quantity, Roots, assigned, identifier
from chainrule.ops import rows
from chainrule.ops.layout import Slice
from chainrule.tracing.recording import recording
from chainrule.tracing.value import wrap

if TYPE_CHECKING:
    from chainrule.explaining.story import Story


def has_gradient(record: Record, loop: Node) -> bool:
    """Whether a gradient comes back into a loop."""
    return bool(adjoints_of(record, loop))


def adjoints_of(record: Record, loop: Node) -> dict[int, Array]:
    """The gradient of each result of a loop, by the result's number."""
    found: dict[int, Array] = {}
    for node in record.roots.forward:
        if node.op.name == "result" and node.inputs[0] is loop:
            gradient = record.gradient(node)
            if gradient is not None:
                place = node.params["index"]
                found[place] = found[place] + gradient if place in found else gradient
    return found


@dataclass(frozen=True)
class _Body:
    """One step with its backward pass.

    loss      a number whose gradients are those of the step: results times what comes back
    incoming  what comes back, by the number of the result
    adjoints  of the nodes of the body
    """

    loss: Node
    incoming: dict[int, Node]
    adjoints: dict[Node, Node]


class Steps:
    """The names of a loop at any time, and its numbers at every time.

    loop  the node, whose body has inputs for constants, carries and one time step of each series
    """

    def __init__(self, story: "Story", loop: Node) -> None:
        self.story, self.loop = story, loop
        params = loop.params
        self.body: Graph = params["body"]
        self.length: int = params["length"]
        self.reverse: bool = params["reverse"]
        self.constants: int = params["constants"]
        self.split: int = params["constants"] + params["carries"]
        self.gradients = adjoints_of(story.record, loop)
        self.step = self._step()
        self._known: dict[str, Names] = {}

    @property
    def carries(self) -> range:
        return range(self.split - self.constants)

    @property
    def order(self) -> range:
        """The times in the order in which they happen."""
        return range(self.length)[::-1] if self.reverse else range(self.length)

    # --- one step and its gradients ---

    def _step(self) -> _Body:
        outputs = self.body.outputs
        coming_back = [k for k in self.carries if outputs[k].dtype.kind == "f"]
        coming_back += [k for k in self.gradients if k not in self.carries]
        incoming = {
            k: input_node(f"incoming {k}", outputs[k].shape, outputs[k].dtype) for k in coming_back
        }
        with recording("one step"), at_work():
            parts = [
                rows.sum(
                    rows.multiply(wrap(outputs[k]), wrap(seed)),
                    axes=tuple(range(outputs[k].ndim)),
                )
                for k, seed in incoming.items()
            ]
            total = parts[0]
            for part in parts[1:]:
                total = rows.add(total, part)
        floats = [node for node in self.body.inputs if node.dtype.kind == "f"]
        return _Body(total.node, incoming, backward(total.node, floats))

    @cached_property
    def values(self) -> list[dict[Node, Any]]:
        """Of every node of a step, by time, counted from 0."""
        record, body, step = self.story.record, self.body, self.step
        given = [record.value(node) for node in self.loop.inputs]
        shared, carry, series = (
            given[: self.constants],
            given[self.constants : self.split],
            given[self.split :],
        )
        order = self.order
        before: dict[int, list[Any]] = {}
        assert record.run is not None
        step_forward = record.run(body)
        for time in order:
            before[time] = list(carry)
            here = [*shared, *carry, *(array[time] for array in series)]
            values = step_forward(here)
            carry = [values[body.outputs[k]] for k in self.carries]
        inputs = (*body.inputs, *step.incoming.values())
        ends = [step.loss, *step.adjoints.values(), *body.outputs]
        step_backward = record.run(Graph(body.name, inputs, tuple(dict.fromkeys(ends))))
        coming = {
            k: np.asarray(self.gradients.get(k, np.zeros(node.shape, node.dtype)))
            for k, node in step.incoming.items()
            if k in self.carries
        }
        found: list[dict[Node, Any]] = [{} for _ in range(self.length)]
        for time in reversed(order):
            seeds = [coming[k] if k in coming else self.gradients[k][time] for k in step.incoming]
            here = [*shared, *before[time], *(array[time] for array in series), *seeds]
            found[time] = dict(step_backward(here))
            for k in coming:
                node = step.adjoints.get(body.inputs[self.constants + k])
                if node is not None:
                    coming[k] = np.asarray(found[time][node])
        return found

    def added(self, place: int) -> list[Array]:
        """What each step adds to the gradient of a constant, by time."""
        node = self.step.adjoints[self.body.inputs[place]]
        return [np.asarray(values[node]) for values in self.values]

    # --- names ---

    @cached_property
    def _letters(self) -> tuple[dict[int, str], dict[Node, str]]:
        """The symbols of carries, and those of lines of the body, all without their time."""
        lines = {
            n: identifier(name)
            for n, name in assigned(self.body, self.story.record.outside).items()
        }
        free = iter(letter for letter in CARRIES if letter not in lines.values())
        carries: dict[int, str] = {}
        for k in self.carries:
            own = lines.get(self.body.outputs[k])
            carries[k] = own if own and own not in carries.values() else next(free, f"s_{{{k}}}")
        taken = set(carries.values())
        return carries, {n: latex for n, latex in lines.items() if latex not in taken}

    @cached_property
    def _weighted_sums(self) -> dict[Node, str]:
        """What functions such as tanh are taken of, where it has no name: z."""
        carries, lines = self._letters
        named = {*lines, *self.body.inputs, *self.body.outputs}
        found = [
            node.inputs[0]
            for node in self.body.nodes
            if is_function(node.op) and node.inputs[0].op.name in ("add", "contract")
        ]
        found = [node for node in dict.fromkeys(found) if node not in named]
        letter = next(x for x in "zqp" if x not in (*carries.values(), *lines.values()))
        if len(found) == 1:
            return {found[0]: letter}
        return {node: f"{letter}_{{{k}}}" for k, node in enumerate(found, 1)}

    @cached_property
    def _gates(self) -> dict[Node, str]:
        """Functions of a part of something, where they have no name: g₁, g₂, … part after part."""
        carries, lines = self._letters
        named = {*lines, *self.body.inputs, *self.body.outputs}
        found = {
            node: _first_part(node.inputs[0])
            for node in self.body.nodes
            if is_function(node.op) and node not in named
        }
        gates = sorted((part, node.serial, node) for node, part in found.items() if part)
        taken = (*carries.values(), *lines.values(), *self._weighted_sums.values())
        letter = next(x for x in "gqpr" if x not in taken)
        return {node: f"{letter}_{{{k}}}" for k, (_, _, node) in enumerate(gates, 1)}

    @cached_property
    def symbols(self) -> dict[Node, str]:
        """What a step computes and has a symbol for, without its time."""
        carries, lines = self._letters
        found = {self.body.outputs[k]: carries[k] for k in self.carries}
        for named in (lines, self._weighted_sums, self._gates):
            for node, latex in named.items():
                found.setdefault(node, latex)
        return found

    def names(self, now: str) -> Names:
        """Names for the nodes of the step at a time: `t`, `t+1`, `3`."""
        if now not in self._known:
            self._known[now] = self._names(now)
        return self._known[now]

    def _names(self, now: str) -> Names:
        known = self.story.names.symbols
        carries, _ = self._letters
        body, step = self.body, self.step
        earlier = shifted(now, 1 if self.reverse else -1)
        quantities: dict[Node, Quantity] = {}
        numbers = count()

        def add(node: Node, latex: str, kind: Any, scope: str = "") -> None:
            if node not in quantities:
                key = f"of a step {next(numbers)}"
                quantities[node] = Quantity(node, key, latex, kind, scope)

        for place, (inner, outer) in enumerate(zip(body.inputs, self.loop.inputs, strict=True)):
            own = known.get(outer)
            if place < self.constants:
                add(inner, own.latex if own else f"C_{{{place + 1}}}", "parameter")
            elif place < self.split:
                add(inner, scripted(carries[place - self.constants], earlier), "input")
            else:
                add(inner, scripted(own.latex if own else "x", now), "input")
        for node, latex in self.symbols.items():
            add(node, scripted(latex, now), "line")
        for k in range(len(self.carries), len(body.outputs)):
            add(body.outputs[k], self._given_out(k, now), "line")
        for k, node in step.incoming.items():
            add(node, self._incoming(k, now), "input")
        record = Record(
            Roots(step.loss, None, {str(k): n for k, n in enumerate(body.inputs)}, {}),
            step.adjoints,
        )
        mark = lambda latex: scripted(latex, now)
        return named_as(record, list(quantities.values()), mark)

    def _result_symbol(self, index: int) -> str:
        """The outer symbol of a result, where it has one."""
        for node, symbol in self.story.names.symbols.items():
            ours = node.op.name == "result" and node.inputs[0] is self.loop
            if ours and node.params["index"] == index:
                return symbol.latex
        return ""

    def _incoming(self, k: int, now: str) -> str:
        """The gradient that a result brings from outside."""
        outer = self._result_symbol(k)
        loss = self.story.names.symbols[self.story.record.roots.loss]
        if k in self.carries and outer == loss.latex:
            return "1"
        if k in self.carries and outer:
            return rf"\frac{{\partial L}}{{\partial {outer}}}"
        if k in self.carries:
            return self._coming_back(k)
        return rf"\frac{{\partial L}}{{\partial {self._given_out(k, now)}}}"

    def _coming_back(self, k: int) -> str:
        """The gradient of a result without a name, as the formula that it is."""
        story = self.story
        shown = [
            Printer().show(story.names.reader.read(story.record.adjoints[node]))
            for node in story.record.roots.forward
            if node.op.name == "result" and node.inputs[0] is self.loop
            if node.params["index"] == k and node in story.record.adjoints
        ]
        text = signed(shown) if shown else "0"
        return text if text.isalnum() else bracketed(text)

    def _given_out(self, k: int, now: str) -> str:
        """What each step gives to the outside, beside what it carries on."""
        several = len(self.body.outputs) - len(self.carries) > 1
        name = f"y_{{{k - len(self.carries) + 1}}}" if several else "y"
        return scripted(self._result_symbol(k) or name, now)

    def shares(self, node: Node) -> int | None:
        """Which constant of the loop a node is, if it is one and has a gradient."""
        for place, outer in enumerate(self.loop.inputs[: self.constants]):
            if outer is node and self.body.inputs[place] in self.step.adjoints:
                return place
        return None

    def has_all_of(self, node: Node) -> bool:
        """Whether nothing but this loop adds to the gradient of a constant."""
        readers = [n for n in self.story.record.roots.forward if node in n.inputs]
        return readers == [self.loop] and self.loop.inputs.count(node) == 1


def _first_part(node: Node) -> Index:
    """Where the part begins that a node is, or is a sum of; nothing of what is no part."""
    if isinstance(node.op, Slice) and node.shape != node.inputs[0].shape:
        return tuple(node.params["start"])
    if node.op.name == "add":
        return next(filter(None, map(_first_part, node.inputs)), ())
    return ()


def shifted(now: str, by: int) -> str:
    if now.isdigit():
        return str(int(now) + by)
    base, plus, more = now.partition("+")
    total = (int(more) if plus else 0) + by
    return base if total == 0 else f"{base}{total:+d}"
