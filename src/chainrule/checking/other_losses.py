"""Usual losses, and whether a coded gradient is exactly that of one of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.checking.search import EXACT, distance
from chainrule.checking.steps import Array, from_graph, values_of
from chainrule.differentiate import gradients
from chainrule.graph import Graph, Node, at_work, constant_node, dependents
from chainrule.stabilise import stabilise
from chainrule.tracing import wrap
from chainrule.tracing.recording import recording
from chainrule.trees import flatten

CANDIDATES = 8  # how many values near the loss may be the prediction


@dataclass(frozen=True)
class UsualLoss:
    """A row: a name in words, and the sum over all outputs as NumPy code of prediction, target."""

    name: str
    formula: Callable[[Any, Any], Any]
    probability: bool = False


ROWS = (
    UsualLoss("½(ŷ - y)²", lambda p, y: 0.5 * np.sum((p - y) ** 2)),
    UsualLoss("(ŷ - y)²", lambda p, y: np.sum((p - y) ** 2)),
    UsualLoss("|ŷ - y|", lambda p, y: np.sum(np.abs(p - y))),
    UsualLoss(
        "binary cross-entropy",
        lambda p, y: -np.sum(y * np.log(p) + (1 - y) * np.log(1 - p)),
        probability=True,
    ),
    UsualLoss("cross-entropy", lambda p, y: -np.sum(y * np.log(p)), probability=True),
)


def losses_of(
    mine: Mapping[str, Array],
    graph: Graph,
    arrays: list[Array],
    names: list[str],
    data: tuple[Any, ...],
) -> dict[str, float]:
    """The usual losses of which `mine` is the exact gradient, and the largest deviation."""
    params = graph.inputs[: len(names)]
    relevant = dependents(graph.outputs, params)
    floating = [n for n in graph.nodes if n in relevant and n.dtype.kind == "f" and n.ndim]
    values = values_of(graph, floating, arrays)
    found: dict[str, float] = {}
    targets = [np.asarray(part, float) for part in flatten(data[1:] or data)[0] if np.ndim(part)]
    for target in targets:
        shaped = [node for node in floating if node.shape == target.shape]
        for node in shaped[-CANDIDATES:]:
            value = values[node]
            for row in ROWS:
                if row.probability and not (np.all(value > 0) and np.all(value < 1)):
                    continue
                if row.name == "|ŷ - y|" and abs(np.sign(value - target).sum()) == value.size > 1:
                    continue  # on one side of the target it is a sum of ŷ, whatever y is
                true = _gradients(row, node, target, graph, params, arrays, names)
                for name, constant in reductions(target).items():
                    error = max(distance(mine[k], constant * true[k]) for k in names)
                    if error <= EXACT:
                        found[f"{row.name}, {name}"] = error
    return found


def reductions(array: Array) -> dict[str, float]:
    """Sum and means over an array; where two are the same number the first name counts."""
    found: dict[str, float] = {}
    for name, constant in (
        ("summed", 1.0),
        ("averaged over the samples", 1 / max(len(np.atleast_1d(array)), 1)),
        ("averaged over all numbers", 1 / max(array.size, 1)),
    ):
        if constant not in found.values():
            found[name] = constant
    return found


def _gradients(
    row: UsualLoss,
    node: Node,
    target: Array,
    graph: Graph,
    params: tuple[Node, ...],
    arrays: list[Array],
    names: list[str],
) -> dict[str, Array]:
    with recording(row.name):
        output = row.formula(wrap(node), wrap(constant_node(target))).node
    stable = stabilise(Graph(graph.name, graph.inputs, (output,)))
    with at_work():
        results = gradients(stable.outputs[0], params)
    program = from_graph(Graph(graph.name, graph.inputs, tuple(results)), names, arrays)
    return program.values()
