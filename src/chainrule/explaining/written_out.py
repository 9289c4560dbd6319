"""A pass whose loops are written out step after step, so that paths go through time.

Every step of a small loop becomes nodes of its own, h₁, h₂, …, as if the network had been written
without a loop. What is known of networks without loops then holds for it: paths above all.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from chainrule.explaining.marks import scripted
from chainrule.explaining.record import Record, backward, evaluated
from chainrule.graph import Graph, Node, Shape, at_work, ordered, originating, rewrite
from chainrule.notation import Roots
from chainrule.ops import rows
from chainrule.ops.loop import Loop, Result
from chainrule.tracing.recording import recording
from chainrule.tracing.value import as_node, wrap

if TYPE_CHECKING:
    from chainrule.explaining.story import Story
    from chainrule.explaining.unrolling import Unrolled

MOST_NODES = 3000  # of all loops written out; longer ones stay one function


def written_out(story: "Story") -> Record | None:
    """The record without its loops; None where it has none, or they are too long."""
    record = story.record
    roots = record.roots
    loops = [node for node in roots.forward if isinstance(node.op, Loop)]
    nested = any(isinstance(n.op, Loop) for loop in loops for n in loop.params["body"].nodes)
    size = sum(loop.params["length"] * len(loop.params["body"].nodes) for loop in loops)
    if not loops or nested or size > MOST_NODES or record.graph is None or record.run is None:
        return None
    writer = _Writer({id(loop.params["body"]): story.unrolled(loop) for loop in loops})
    ends = [roots.loss, *([] if roots.prediction is None else [roots.prediction]), *roots.lines]
    with recording("loops written out"), at_work():
        moved = rewrite(ends, writer.rule)
    present = set(ordered(moved[end] for end in ends))
    whole = Roots(
        moved[roots.loss],
        None if roots.prediction is None else moved[roots.prediction],
        roots.parameters,
        roots.data,
        logits=roots.logits,
        lines={moved[node]: name for node, name in roots.lines.items()},
        steps={node: latex for node, latex in writer.named.items() if node in present},
    )
    found = backward(whole.loss, list(roots.parameters.values()))
    inputs = record.graph.inputs
    arrays = [record.values[node] for node in inputs]
    graph = Graph(record.graph.name, inputs, (whole.loss,))
    everything = [*(moved[end] for end in ends), *writer.named, *found.values()]
    graph, values = evaluated(graph, arrays, everything, record.run)
    return Record(
        whole, found, values=values, title=record.title, loss_latex=record.loss_latex,
        loss_name=record.loss_name, graph=graph, run=record.run,
    )  # fmt: skip


class _Writer:
    """Writes loops out. `named` are the nodes of steps that have a name, with their symbols."""

    def __init__(self, loops: "dict[int, Unrolled]") -> None:
        self.loops = loops
        self.named: dict[Node, str] = {}
        self.results: dict[Node, list[Node]] = {}

    def rule(self, node: Node) -> Node:
        """What stands in place of a node whose inputs are written out already."""
        if not isinstance(node.op, Result):
            return node
        (loop,) = node.inputs
        if loop not in self.results:
            with originating(loop):
                self.results[loop] = list(self.steps(loop))
        return self.results[loop][node.params["index"]]

    def steps(self, loop: Node) -> Iterator[Node]:
        """The results of a loop: what is carried at the end, then the others over time."""
        unrolled = self.loops[id(loop.params["body"])]
        body, split = unrolled.body, unrolled.split
        shared, carry = loop.inputs[: unrolled.constants], loop.inputs[unrolled.constants : split]
        names = unrolled.symbols
        given_out: dict[int, list[Node]] = {}
        for time in unrolled.order:
            series = [wrap(node)[time].node for node in loop.inputs[split:]]
            known = dict(zip(body.inputs, (*shared, *carry, *series), strict=True))
            moved = rewrite([*body.outputs, *names], lambda node: node, known)
            for node, latex in names.items():
                if node not in known:
                    self.named.setdefault(moved[node], scripted(latex, str(time + 1)))
            results = [moved[node] for node in body.outputs]
            carry = tuple(results[: len(unrolled.carries)])
            given_out[time] = results[len(unrolled.carries) :]
        yield from carry
        for place in range(len(body.outputs) - len(unrolled.carries)):
            yield _stacked([given_out[time][place] for time in sorted(given_out)])


def _stacked(nodes: list[Node]) -> Node:
    shape: Shape = (1, *nodes[0].shape)
    parts = [rows.reshape(wrap(node), shape=shape) for node in nodes]
    return as_node(np.concatenate(parts))
