"""What a right computation meets: the values of the loss, their adjoints, the slopes between them.

An *activation* is a stretch of elementwise operations from one value to another, whatever it is
written in: ELU in three operations of NumPy is one, and has one derivative.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from chainrule.checking.point import Point
from chainrule.checking.steps import Array, Program, always, computing, from_graph, values_of
from chainrule.differentiate import adjoints
from chainrule.graph import CAPTURED, CONSTANT, INPUT, Graph, Leaf, Node, Role, dependents, playing
from chainrule.graph import constant_node as constant
from chainrule.ops.map import Map
from chainrule.ops.registry import numerics
from chainrule.tracing import wrap

# What an activation may be written as in several operations, by its values.
KNOWN: dict[str, Callable[[Array], Array]] = {
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0),
    "softplus": lambda z: np.log1p(np.exp(z)),
}
DERIVATIVES = ("local", "part")  # roles
LINEAR = {"add", "subtract", "multiply", "divide", "negative", "cast"}


@dataclass(frozen=True)
class Quantity:
    """A number or array that has a meaning in the true computation.

    role      "forward" (a value of the loss), "adjoint" (the gradient of the loss with respect to
              one), "local" (an activation's derivative), "part" (that of an operation inside of
              one), "contribution" (one use's share of an adjoint), "parameter" or "data"
    op        the op of the forward value; line: where the user wrote it
    origin    of a local derivative the point where it is taken, `result` the value there
    variants  a local derivative's formula at wrong points: of the output at the input, the reverse
    loss      whether it belongs to the loss behind the network's output, or to a penalty
    """

    role: str
    op: str
    value: Array
    line: int = 0
    name: str = ""
    origin: Array | None = None
    result: Array | None = None
    variants: tuple[Array, ...] = ()
    loss: bool = False


@dataclass(frozen=True, eq=False)
class Activation:
    """Elementwise operations from `start` to `end`, and the node of the derivative.

    sign  -1 where it is one of the negative of `start`: 1 / (1 + exp(start)) with start = -x @ W
    """

    start: Node
    end: Node
    slope: Node
    name: str
    sign: int = 1


def gradient_program(graph: Graph, arrays: Sequence[Array], point: Point) -> Program:
    """The true gradients, step by step."""
    params = graph.inputs[: len(point.names)]
    found = _adjoints(graph, params)
    return from_graph(Graph(graph.name, graph.inputs, tuple(found)), point.names, arrays)


def _adjoints(graph: Graph, wanted: Sequence[Node]) -> list[Node]:
    (output,) = graph.outputs
    with playing(Role("seed", output)):
        seed = wrap(constant(1.0, output.dtype))
    return [adjoint.node for adjoint in adjoints([output], [seed], wanted)]


def quantities_of(graph: Graph, arrays: Sequence[Array], point: Point) -> list[Quantity]:
    """All quantities on the way from the data to the gradients."""
    names = point.names
    params = list(graph.inputs[: len(names)])
    relevant = dependents(graph.outputs, params)
    forward = [n for n in graph.nodes if n in relevant and n.dtype.kind == "f" and n not in params]
    found = _adjoints(graph, [*params, *forward])
    numbers = values_of(graph, graph.nodes, arrays)
    activations = list(_activations(graph, relevant, numbers))
    whole = Graph(graph.name, graph.inputs, (*graph.nodes, *found)).check()
    parts = _contributions(whole.nodes)
    wanted = dict.fromkeys([*graph.nodes, *found, *parts, *(a.slope for a in activations)])
    everything = computing(graph, list(wanted), arrays)
    places = dict(zip(wanted, everything.outputs.values(), strict=True))
    values = {node: everything.steps[place].value for node, place in places.items()}

    quantities = [Quantity("parameter", "", v, name=name) for name, v in point.leaves.items()]
    quantities += _data(graph, arrays, values, len(names))
    quantities += _made_of_data(graph, relevant, values)
    loss_part = _loss_part(graph, params)
    negated = {a.start for a in activations if a.sign < 0}
    slopes = [_slope(a, everything, places, a.end in loss_part) for a in activations]
    quantities += sorted(slopes, key=lambda slope: slope.loss)
    for node in graph.nodes:
        if node in relevant and node not in params and node.dtype.kind == "f":
            line = _line(node)
            quantities.append(
                Quantity("forward", node.op.name, values[node], line, loss=node in loss_part)
            )
            quantities += _locals(node, values, line, relevant, node in loss_part)
    quantities += [Quantity("contribution", node.op.name, values[node]) for node in parts]
    for node, adjoint in zip(forward, found[len(names) :], strict=True):
        quantities.append(Quantity("adjoint", node.op.name, values[adjoint], _line(node)))
        if node in negated:  # what is propagated is the gradient with respect to x @ W
            quantities.append(Quantity("adjoint", node.op.name, -values[adjoint], _line(node)))
    return quantities


def _line(node: Node) -> int:
    return node.source.line if node.source else 0


def _data(
    graph: Graph, arrays: Sequence[Array], values: Mapping[Node, Array], first: int
) -> Iterator[Quantity]:
    """Inputs that are no parameters, and arrays that the function reads from around it."""
    for place, node in enumerate(graph.inputs[first:], first):
        name = str(node.params.get("name", ""))
        yield Quantity("data", "", np.asarray(arrays[place]), name=name)
    for node in graph.nodes:
        if node.op is CAPTURED or (node.op is CONSTANT and node.ndim):
            yield Quantity("data", "", np.asarray(values[node], float))


def _made_of_data(
    graph: Graph, relevant: set[Node], values: Mapping[Node, Array]
) -> Iterator[Quantity]:
    """What is computed from data alone and meets a parameter: patches of an image, powers."""
    meeting = {child for node in graph.nodes if node in relevant for child in node.inputs}
    for node in graph.nodes:
        if node in relevant or node not in meeting or not node.inputs:
            continue
        if node.ndim and node.dtype.kind == "f":
            yield Quantity("data", node.op.name, np.asarray(values[node]), _line(node))


def _contributions(nodes: Sequence[Node]) -> list[Node]:
    """What adjoints are sums of: one term for each use of a value."""
    found: dict[Node, None] = {}
    for node in nodes:
        if node.role is not None and node.role.term == "sum":
            found |= dict.fromkeys(node.inputs)
    return list(found)


def _loss_part(graph: Graph, params: Sequence[Node]) -> set[Node]:
    """What belongs to the loss itself: what depends on targets, and penalties without data."""
    data = [node for node in graph.inputs if node not in params]
    if not data:
        return set()
    relevant = dependents(graph.outputs, params)
    of_data = dependents(graph.outputs, [*data, *(n for n in graph.nodes if n.op is CAPTURED)])
    of_targets = dependents(graph.outputs, data[1:]) if data[1:] else set()
    found = {n for n in of_targets if n in relevant and not isinstance(n.op, Leaf)}
    # A penalty is made of parameters alone, and meets the rest only in the last sum.
    inner = {child for n in graph.nodes if n in of_data and n.ndim for child in n.inputs}
    alone = {n for n in graph.nodes if n in relevant and n not in of_data}
    return found | {n for n in alone if not isinstance(n.op, Leaf) and n not in inner}


def _locals(
    node: Node,
    values: Mapping[Node, Array],
    line: int,
    relevant: set[Node],
    loss: bool,
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
        yield Quantity("part", node.op.name, slope, line, origin=x, result=values[node], loss=loss)


def _activations(
    graph: Graph, relevant: set[Node], values: Mapping[Node, Array]
) -> Iterator[Activation]:
    """The elementwise stretches that end where something else reads their value, or are known."""
    start: dict[Node, Node] = {}
    readers: dict[Node, list[Node]] = {}
    for node in graph.nodes:
        for child in node.inputs:
            readers.setdefault(child, []).append(node)
        if node not in relevant:
            continue
        inputs = [child for child in node.inputs if child in relevant]
        meets_data = any(
            child.ndim and child not in relevant and child.op in (INPUT, CAPTURED)
            for child in node.inputs
        )
        starts = {start.get(child, child) for child in inputs}
        same = len(starts) == 1 and all(child.shape == node.shape for child in inputs)
        if isinstance(node.op, Map) and same and not meets_data:
            start[node] = starts.pop()
        else:
            start[node] = node
    for end, begin in start.items():
        if begin is end or isinstance(begin.op, Leaf) or begin.op is INPUT:
            continue
        if end.dtype.kind != "f" or begin.dtype.kind != "f" or begin.shape != end.shape:
            continue
        name, sign = "", 1
        if end.ndim == begin.ndim:
            name = _known(values[begin], values[end])
            if not name:
                name = _known(-values[begin], values[end])
                sign = -1 if name else 1
        behind = readers.get(end, [])
        inside = bool(behind) and all(start.get(reader) is begin for reader in behind)
        if not name and (inside or _is_linear(end, begin, start)):
            continue
        with playing(Role("seed", end)):
            seed = wrap(constant(np.ones(end.shape), end.dtype))
        (slope,) = adjoints([end], [seed], [begin])
        single = begin in end.inputs
        name = name or (end.op.name if single else "activation")
        yield Activation(begin, end, slope.node, name, sign)


def _known(origin: Array, result: Array) -> str:
    if not np.any(result):
        return ""
    with np.errstate(all="ignore"):
        for name, formula in KNOWN.items():
            if np.allclose(result, formula(origin), rtol=1e-12, atol=1e-14):
                return name
    return ""


def _is_linear(end: Node, begin: Node, start: Mapping[Node, Node]) -> bool:
    stack, seen = [end], set[Node]()
    while stack:
        node = stack.pop()
        if node is begin or node in seen:
            continue
        seen.add(node)
        inner = [child for child in node.inputs if start.get(child) is begin or child is begin]
        if node.op.name not in LINEAR or len(inner) > 1:
            return False
        stack += inner
    return True


def _slope(
    activation: Activation, program: Program, places: Mapping[Node, int], loss: bool
) -> Quantity:
    """An activation's derivative, and what its formula gives at the wrong points."""
    begin, end = places.get(activation.start), places[activation.end]
    slope = places[activation.slope]
    value, sign = activation.sign * program.steps[slope].value, activation.sign
    variants = []
    if begin is not None:
        origin, result = sign * program.steps[begin].value, program.steps[end].value
        # `places` are steps of their own that pass a value on; what is exchanged is what they read.
        here, there = program.steps[begin].inputs[0], program.steps[end].inputs[0]
        for place, exchanged in ((here, sign * result), (there, origin)):
            with np.errstate(all="ignore"):
                after = program.edited({place: always(exchanged)})
            variants.append(sign * after.steps[slope].value)
    else:
        origin, result = None, program.steps[end].value
    return Quantity(
        "local",
        activation.name,
        value,
        _line(activation.end),
        origin=origin,
        result=result,
        variants=tuple(variants),
        loss=loss,
    )
