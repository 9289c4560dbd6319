"""What is true of the user's loss: its value, every gradient and every step between, in float64.

The loss is traced, stabilised and differentiated. Central differences of the plain Python function
stand beside it as a second witness, and alone where the function cannot be recorded.
"""

import copy
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

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
from chainrule.tracing.function import trace_call
from chainrule.tracing.value import Traced, copied
from chainrule.trees import Tree, flatten, paths, unflatten

STEPS = (1e-3, 1e-4, 1e-5, 1e-6, 1e-7)  # of the central differences: the curve
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
    differences: dict[str, Array]  # by central differences with the best step
    curve: tuple[tuple[float, float], ...]  # (step, relative distance from `gradients`)
    graph: Graph | None


@dataclass(frozen=True, eq=False)
class Point:
    """The parameters and data of one check, in float64."""

    params: Tree
    data: tuple[Any, ...]

    @property
    def names(self) -> list[str]:
        return [short(name) for name in paths(self.params, "")]

    @property
    def leaves(self) -> dict[str, Array]:
        return dict(zip(self.names, map(np.asarray, flatten(self.params)[0]), strict=True))

    def call(self, function: Function, *more: Any) -> Any:
        """The user's function on copies, so that what it changes in place stays here as it is."""
        with np.errstate(all="ignore"):
            return function(copy.deepcopy(self.params), *copy.deepcopy(self.data), *more)

    def moved(self, params: Tree) -> "Point":
        return Point(params, self.data)


def short(path: str) -> str:
    """`['layer']['W']` as `layer.W`, `['W'][0]` as `W[0]`."""
    name = path.replace("['", ".").replace('["', ".").replace("']", "").replace('"]', "")
    return name.lstrip(".")


def at(params: Tree, data: Sequence[Any]) -> Point:
    """A point in float64: arrays converted, plain numbers made floats."""
    return Point(_doubled(params, number=float), tuple(_doubled(part) for part in data))


def _doubled(tree: Tree, number: Callable[[Any], Any] | None = None) -> Tree:
    def convert(leaf: Any) -> Any:
        if isinstance(leaf, np.ndarray):
            return leaf.astype(np.float64) if leaf.dtype.kind == "f" or number else leaf.copy()
        if isinstance(leaf, float | np.floating) or (number and isinstance(leaf, int)):
            return float(leaf)
        return leaf

    leaves, structure = flatten(tree)
    return unflatten(structure, [convert(leaf) for leaf in leaves])


# --- recording -----------------------------------------------------------------------------------


class _Math:
    """The module `math` where a traced value may come: NumPy's functions of the same names."""

    def __getattr__(self, name: str) -> Any:
        plain = getattr(math, name)
        if not callable(plain) or not callable(getattr(np, name, None)):
            return plain

        def function(*arguments: Any) -> Any:
            found = any(isinstance(argument, Traced) for argument in arguments)
            return getattr(np, name)(*arguments) if found else plain(*arguments)

        return function


class _FloatType(type):
    def __instancecheck__(cls, value: Any) -> bool:
        return isinstance(value, float)


class _Number(metaclass=_FloatType):
    """`float`, which leaves a traced number as it is; as a dtype it is float64."""

    dtype = np.dtype(np.float64)

    def __new__(cls, value: Any = 0.0) -> Any:
        if isinstance(value, Traced):
            return rows.reshape(value, shape=()) if value.node.ndim else value
        return float(value)


class _NumPy:
    """The module NumPy, whose `array` also joins traced numbers."""

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)

    def array(self, value: Any, *arguments: Any, **settings: Any) -> Any:
        if isinstance(value, Traced):
            return copied(value)
        if isinstance(value, list | tuple) and any(isinstance(v, Traced) for v in _deep(value)):
            return np.stack([self.array(part) for part in value])
        return np.array(value, *arguments, **settings)

    def asarray(self, value: Any, *arguments: Any, **settings: Any) -> Any:
        if isinstance(value, Traced):
            return value
        return self.array(value, *arguments, **settings)


def _deep(value: Any) -> Iterator[Any]:
    if isinstance(value, list | tuple):
        for part in value:
            yield from _deep(part)
    else:
        yield value


@contextmanager
def _recordable(function: Function) -> Iterator[None]:
    """Inside, `float` and `math` of the function's module let traced numbers through."""
    space = getattr(function, "__globals__", {})
    changed: dict[str, Any] = {"float": _Number}
    changed |= {name: _Math() for name, value in space.items() if value is math}
    changed |= {name: _NumPy() for name, value in space.items() if value is np}
    before = {name: space[name] for name in changed if name in space}
    space.update(changed)
    try:
        yield
    finally:
        for name in changed:
            del space[name]
        space.update(before)


def recorded(function: Function, point: Point, *more: Any) -> tuple[Graph, list[Array], Tree]:
    """The graph of a function, the arrays of its inputs, and the structure of its result.

    Data are recorded as inputs where that goes, so that what is made of them is seen; else they
    are read as they are. Raises what recording raises.
    """
    failure: Exception | None = None
    for with_data in (True, False):
        data = copy.deepcopy(point.data)

        def call(params: Tree, *given: Any, fixed: Any = data) -> Any:
            return function(params, *(given or fixed), *more)

        def floating(part: Any) -> bool:
            return isinstance(part, np.ndarray) and part.dtype.kind == "f"

        traced_data = with_data and all(floating(part) for part in data)
        if with_data and not traced_data:

            def call(params: Tree, *given: Any, fixed: Any = data) -> Any:
                kept = iter(given)
                parts = [next(kept) if floating(part) else part for part in fixed]
                return function(params, *parts, *more)

        arguments = [copy.deepcopy(point.params)]
        if with_data:
            arguments += [part for part in data if floating(part)]
        try:
            with _recordable(function), np.errstate(all="ignore"):
                found = trace_call(call, arguments)
        except Exception as error:
            failure = failure or error
            continue
        arrays = [np.asarray(leaf) for leaf in flatten(tuple(arguments))[0]]
        return found.graph, arrays, found.graph.output_structure
    assert failure is not None
    raise failure


# --- the truth -----------------------------------------------------------------------------------


def truth(loss: Function, point: Point) -> Truth:
    """The true gradients of `loss`; raises what the user's own function raises on plain arrays."""
    value = float(np.asarray(point.call(loss)).reshape(()))
    try:
        graph, arrays, _ = recorded(loss, point)
        (output,) = graph.outputs
        if output.shape != ():
            with _working():
                output = rows.reshape(wrap(output), shape=()).node
            graph = Graph(graph.name, graph.inputs, (output,))
        graph = stabilise(graph)
        gradients, quantities = _differentiated(graph, arrays, point)
    except (ChainruleError, TypeError, ValueError, AttributeError):
        graph, gradients, quantities = None, {}, []
    curve, witness = _differences(loss, point, gradients)
    return Truth(value, gradients or witness, tuple(quantities), witness, curve, graph)


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


def _differences(
    loss: Function, point: Point, gradients: Mapping[str, Array]
) -> tuple[tuple[tuple[float, float], ...], dict[str, Array]]:
    """Central differences: along single coordinates where there are few, else along directions.

    Returns the curve of their distance from the gradient over the step, and the differences
    themselves with the best step (of every coordinate only where nothing else is known).
    """
    leaves, structure = flatten(point.params)

    def ends(moves: Sequence[Any], step: float) -> float:
        values = []
        for sign in (1, -1):
            moved = [a + sign * step * m for a, m in zip(leaves, moves, strict=True)]
            result = point.moved(unflatten(structure, moved)).call(loss)
            values.append(float(np.asarray(result).reshape(())))
        return (values[0] - values[1]) / (2 * step)

    if gradients:
        generator = np.random.default_rng(0)
        moves = [generator.normal(size=np.shape(leaf)) for leaf in leaves]
        slope = sum(float(np.sum(g * m)) for g, m in zip(gradients.values(), moves, strict=True))
        size = max(abs(slope), 1e-12)
        curve = tuple((step, abs(ends(moves, step) - slope) / size) for step in STEPS)
        return curve, {}
    found = {}
    for place, name in enumerate(point.names):
        gradient = np.zeros(np.shape(leaves[place]))
        for index in np.ndindex(gradient.shape):
            moves = [np.zeros(np.shape(leaf)) for leaf in leaves]
            moves[place][index] = 1.0
            gradient[index] = ends(moves, 1e-5)
        found[name] = gradient
    return (), found
