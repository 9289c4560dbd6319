"""What is true of the user's loss: its value, every gradient and every step between, in float64.

The loss is traced, stabilised and differentiated. Central differences of the plain Python function
stand beside it as a second witness, and alone where the function cannot be recorded.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.checking.differences import Curve, curve, differences
from chainrule.checking.point import Point
from chainrule.checking.recording import graph_of
from chainrule.checking.steps import Array, from_graph
from chainrule.differentiate import adjoints
from chainrule.errors import ChainruleError
from chainrule.graph import Graph, Node, Role, dependents, playing
from chainrule.graph import constant_node as constant
from chainrule.ops import rows
from chainrule.ops.map import Map
from chainrule.ops.registry import numerics
from chainrule.stabilise import stabilise
from chainrule.tracing import wrap

Function = Callable[..., Any]


@dataclass(frozen=True)
class Quantity:
    """A number or array that has a meaning in the true computation.

    role   "forward" (a value of the loss), "adjoint" (the gradient of the loss with respect to
           one), "local" (an activation's derivative), "parameter" or "data"
    op     the op of the forward value; line: where the user wrote it
    """

    role: str
    op: str
    value: Array
    line: int = 0
    name: str = ""
    origin: Array | None = None  # of a local derivative: the point where it is taken,
    result: Array | None = None  # and the activation's value there


@dataclass(frozen=True, eq=False)
class Truth:
    """The gradients by parameter name, and the quantities that a right computation meets."""

    value: float
    gradients: dict[str, Array]
    quantities: tuple[Quantity, ...]
    curve: Curve  # of central differences over their step; empty where they are the truth
    graph: Graph | None


# --- the truth -----------------------------------------------------------------------------------


def truth(loss: Function, point: Point) -> Truth:
    """The true gradients of `loss`; raises what the user's own function raises on plain arrays."""
    value = float(np.asarray(point.call(loss)).reshape(()))
    try:
        graph, arrays = graph_of(loss, point)
        (output,) = graph.outputs
        if output.shape != ():
            with _working():
                output = rows.reshape(wrap(output), shape=()).node
            graph = Graph(graph.name, graph.inputs, (output,))
        graph = stabilise(graph)
        gradients, quantities = _differentiated(graph, arrays, point)
    except (ChainruleError, TypeError, ValueError, AttributeError):
        graph, gradients, quantities = None, {}, []
    if not gradients:
        return Truth(value, differences(loss, point), (), (), None)
    return Truth(value, gradients, tuple(quantities), curve(loss, point, gradients), graph)


def _working() -> Any:
    return playing(None)


def _differentiated(
    graph: Graph, arrays: Sequence[Array], point: Point
) -> tuple[dict[str, Array], list[Quantity]]:
    names = point.names
    params = list(graph.inputs[: len(names)])
    relevant = dependents(graph.outputs, params)
    forward = [n for n in graph.nodes if n in relevant and n.dtype.kind == "f" and n not in params]
    wanted = [*params, *forward]
    (output,) = graph.outputs
    with playing(Role("seed", output)):
        seed = wrap(constant(1.0, output.dtype))
    found = [a.node for a in adjoints([output], [seed], wanted)]
    everything = [*graph.nodes, *found]
    whole = Graph(graph.name, graph.inputs, tuple(everything)).check()
    parts = _contributions(whole.nodes)
    whole = Graph(graph.name, graph.inputs, (*everything, *parts))
    labels = [str(index) for index in range(len(everything) + len(parts))]
    program = from_graph(whole, labels, arrays)
    values = program.values()
    of_node = {n: values[str(i)] for i, n in enumerate(graph.nodes)}
    of_adjoint = [values[str(len(graph.nodes) + i)] for i in range(len(found))]
    gradients = dict(zip(names, of_adjoint, strict=False))
    quantities = [
        Quantity("parameter", "", value, name=name) for name, value in point.leaves.items()
    ]
    for place, node in enumerate(graph.inputs[len(names) :]):
        quantities.append(
            Quantity("data", "", np.asarray(arrays[len(names) + place]), name=_input_name(node))
        )
    for node in graph.nodes:
        if node in relevant and node not in params and node.dtype.kind == "f":
            line = node.source.line if node.source else 0
            quantities.append(Quantity("forward", node.op.name, of_node[node], line))
            quantities += _locals(node, of_node, line, relevant)
    for place, node in enumerate(parts, len(everything)):
        quantities.append(Quantity("contribution", node.op.name, values[str(place)]))
    for node, value in zip(forward, of_adjoint[len(names) :], strict=True):
        line = node.source.line if node.source else 0
        quantities.append(Quantity("adjoint", node.op.name, value, line))
    return gradients, quantities


def _contributions(nodes: Sequence[Node]) -> list[Node]:
    """What adjoints are sums of: one term for each use of a value."""
    found: dict[Node, None] = {}
    for node in nodes:
        if node.role is not None and node.role.term == "sum":
            found |= dict.fromkeys(node.inputs)
    return list(found)


def _input_name(node: Node) -> str:
    return str(node.params.get("name", ""))


LINEAR = {"add", "subtract", "multiply", "divide", "negative", "cast"}


def _locals(
    node: Node, values: Mapping[Node, Array], line: int, relevant: set[Node]
) -> Iterator[Quantity]:
    """The derivatives of an elementwise function, by the formula in its row."""
    if not isinstance(node.op, Map) or node.op.derivative is None:
        return
    if node.op.name in LINEAR:
        return
    xs = [values.get(child) for child in node.inputs]
    if any(x is None for x in xs):
        return
    with np.errstate(all="ignore"):
        partials = node.op.derivative(numerics, values[node], *xs, **node.params)
    for child, x, partial in zip(node.inputs, xs, partials, strict=True):
        if partial is None or child not in relevant or child.shape != node.shape:
            continue
        slope = np.asarray(np.broadcast_to(partial, node.shape), float)
        yield Quantity("local", node.op.name, slope, line, origin=x, result=values[node])
