"""What is explained: one graph of forward pass, loss, backward pass and update, and its numbers."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainrule.differentiate import adjoints
from chainrule.errors import SettingError
from chainrule.graph import (
    VOID,
    Graph,
    Leaf,
    Node,
    Role,
    at_work,
    constant_node,
    dependents,
    ordered,
    playing,
)
from chainrule.notation import Roots
from chainrule.tracing.recording import recording
from chainrule.tracing.value import wrap

Array = np.ndarray[Any, Any]
# For a graph, what gives the value of each of its nodes, inputs among them.
Run = Callable[[Graph], Callable[[Sequence[Any]], Mapping[Node, Any]]]


@dataclass(frozen=True)
class Slot:
    """What an optimizer remembers of one parameter, such as its momentum: before and after."""

    name: str
    parameter: str
    before: Node
    after: Node


@dataclass(frozen=True)
class Record:
    """A pass through a network or function: nodes, and the value of each.

    roots     loss, prediction, parameters and data, as nodes
    adjoints  for forward nodes that the loss and a parameter are connected by: their gradient
    updates   the new value of each parameter, by name; empty where nothing is updated
    slots     what the optimizer remembers
    values    of every node; of a loop, a list of results
    title     what it is, in one line
    rule      the optimizer's update, one LaTeX formula a line
    settings  what the letters of the rule are, where they are settings: (LaTeX, value)
    loss_latex  the loss as its textbook formula, where it has one
    columns   what the columns of the input are called, where that was said
    classes   and the classes
    rows      of a step of a training: the places of its samples among those trained on
    at        the record of any step of the training
    outside   lines of code, (file, number), that are not part of what is explained
    """

    roots: Roots
    adjoints: Mapping[Node, Node]
    updates: Mapping[str, Node] = field(default_factory=dict)
    slots: Sequence[Slot] = ()
    values: Mapping[Node, Any] = field(default_factory=dict)
    title: str = ""
    rule: Sequence[str] = ()
    settings: Sequence[tuple[str, float]] = ()
    loss_latex: str = ""
    loss_name: str = ""
    rate: float | None = None
    graph: Graph | None = None
    run: Run | None = None
    columns: Sequence[str] = ()
    classes: Sequence[str] = ()
    rows: Array | None = None
    at: "Callable[[int], Record] | None" = None
    outside: Collection[tuple[str, int]] = ()

    def value(self, node: Node) -> Array:
        return np.asarray(self.values[node])

    def gradient(self, node: Node) -> Array | None:
        """∂L/∂node, or None where the loss does not depend on it through a parameter."""
        found = self.adjoints.get(node)
        return None if found is None else self.value(found)


@recording("backward")
@at_work()
def backward(loss: Node, parameters: Collection[Node]) -> dict[Node, Node]:
    """The gradient of every node that lies between a parameter and the loss.

    These are the nodes that `differentiate.gradients` makes on its way to the parameters, no more.
    """
    if loss.shape != ():
        raise SettingError(
            f"what is explained ends in one number, the loss, and this has shape {loss.shape}; "
            "take its sum or mean"
        )
    between = dependents([loss], parameters)
    wanted = [n for n in ordered([loss]) if n in between and n.dtype.kind == "f"]
    wanted = [n for n in wanted if n.dtype != VOID]
    wanted += [node for node in parameters if node not in set(wanted)]
    with playing(Role("seed", loss)):
        seed = wrap(constant_node(1, loss.dtype))
    found = adjoints([loss], [seed], wanted)
    return {node: adjoint.node for node, adjoint in zip(wanted, found, strict=True)}


def evaluated(
    graph: Graph, arrays: Sequence[Any], ends: Sequence[Node], run: Run
) -> tuple[Graph, dict[Node, Any]]:
    """The graph with these results, and the value of each of its nodes."""
    whole = Graph(graph.name, graph.inputs, tuple(dict.fromkeys(ends)))
    return whole, dict(run(whole)(arrays))


def is_leaf(node: Node) -> bool:
    return isinstance(node.op, Leaf)
