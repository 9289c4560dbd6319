"""Usual losses, and whether a coded gradient is exactly that of one of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.checking.search import EXACT, distance
from chainrule.checking.steps import Array, always, from_graph, values_of
from chainrule.differentiate import adjoints, gradients
from chainrule.graph import Graph, Node, at_work, constant_node, dependents
from chainrule.stabilise import stabilise
from chainrule.tracing import wrap
from chainrule.tracing.function import trace_call
from chainrule.tracing.recording import recording
from chainrule.trees import flatten

CANDIDATES = 8  # how many values near the loss may be the prediction
ROUGHLY = 1e-3  # a gradient that is further from a row's is not the row's, however it is computed


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
            pulled = _Pulled(node, Graph(graph.name, graph.inputs, (node,)), arrays, names)
            for row in ROWS:
                if row.probability and not (np.all(value > 0) and np.all(value < 1)):
                    continue
                if row.name == "|ŷ - y|" and abs(np.sign(value - target).sum()) == value.size > 1:
                    continue  # on one side of the target it is a sum of ŷ, whatever y is
                if not pulled.may_be(mine, row, value, target):
                    continue
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


class _Pulled:
    """What a gradient with respect to a value is with respect to the parameters.

    The value is differentiated once for all losses of it. Only where a loss fits roughly it is
    differentiated as it is written, and stabilised.
    """

    def __init__(
        self, node: Node, graph: Graph, arrays: Sequence[Array], names: Sequence[str]
    ) -> None:
        seed = constant_node(np.random.default_rng(0).normal(size=node.shape), node.dtype)
        self.names, params = names, graph.inputs[: len(names)]
        results = [adjoint.node for adjoint in adjoints([node], [wrap(seed)], params)]
        whole = Graph(graph.name, graph.inputs, (*results, seed))
        self.program = from_graph(whole, [*names, ""], arrays)
        self.seed = self.program.steps[self.program.outputs[""]].inputs[0]

    def may_be(
        self, mine: Mapping[str, Array], row: UsualLoss, value: Array, target: Array
    ) -> bool:
        """Whether a coded gradient may be that of a loss, in any reduction."""
        slope = _slope(row, value, target)
        with np.errstate(all="ignore"):
            found = self.program.edited({self.seed: always(slope)}).values()
        for constant in reductions(target).values():
            gaps = [distance(mine[name], constant * found[name]) for name in self.names]
            if not np.isfinite(gaps).all() or max(gaps) <= ROUGHLY:
                return True
        return False


def _slope(row: UsualLoss, value: Array, target: Array) -> Array:
    """The derivative of a loss with respect to its prediction."""
    graph = trace_call(lambda prediction: row.formula(prediction, target), [value]).graph
    results = gradients(graph.outputs[0], graph.inputs)
    graph = Graph(graph.name, graph.inputs, tuple(results))
    return from_graph(graph, ["slope"], [value]).values()["slope"]


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
