"""The one data structure: nodes, and a graph of them.

A `Node` is one application of an op to other nodes, with the shape and dtype of its result. Nodes
are immutable; whoever rewrites a graph makes new ones. A `Graph` is a choice of input and output
nodes; whatever lies between is found by walking back from the outputs. Everything else in
chainrule reads graphs: run them, differentiate them, explain them, compile them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import count
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import numpy as np

from chainrule.errors import GraphError, LeakedValueError, UnknownNameError
from chainrule.trees import LEAF, Structure

Shape = tuple[int, ...]
Params = Mapping[str, Any]
VOID = np.dtype("V")  # the dtype of a node that has several results (a Loop)
EMPTY: Params = MappingProxyType({})

_serials = count()


@dataclass(frozen=True, slots=True)
class Source:
    """The user's line that made a node, and the layer it belongs to (`0.Dense`), if any.

    instruction  the place in the function's bytecode: it tells calls in one line apart
    calls        the user's lines, (file, number), that this line was called from, innermost first
    """

    file: str
    line: int
    function: str
    scope: str = ""
    instruction: int = field(default=-1, compare=False)
    calls: tuple[tuple[str, int], ...] = field(default=(), compare=False)

    def __str__(self) -> str:
        place = f"{Path(self.file).name}:{self.line}"
        return f"{place} [{self.scope}]" if self.scope else place


Term = Literal["seed", "local", "product", "sum"]


@dataclass(frozen=True, slots=True)
class Role:
    """Which term of the chain rule a backward node is.

    seed     the gradient of the loss with respect to itself
    local    the local derivative ∂of/∂input[wrt]
    product  the adjoint of `of` carried to its input `wrt`: adjoint · local, summed to shape; a
             Loop carries it to all its inputs together, and `wrt` is None
    sum      the adjoint of `of`: the sum over all its uses
    """

    term: Term
    of: "Node"
    wrt: int | None = None


class Op:
    """One operation, the row of a table. Its kind (a subclass) knows what all its rows share.

    A row is callable on plain arrays and on whatever has the method `__chainrule_apply__`
    (traced values), so that rules and layers are written once for both.

    Not every kind has every rule: a leaf has no value of its own. Who asks for one that is missing
    is told which kind lacks it.
    """

    name: str

    def infer(self, inputs: Sequence["Node"], params: Params) -> tuple[Shape, np.dtype[Any]]:
        """Shape and dtype of the result; raises ShapeError where the inputs do not fit."""
        raise NotImplementedError(f"{type(self).__name__} states no shape rule")

    def evaluate(self, *arrays: Any, **params: Any) -> Any:
        """The result on NumPy arrays: the definition that every engine is held against."""
        raise NotImplementedError(f"{type(self).__name__} states no value")

    def prepare(self, inputs: Sequence["Node"]) -> list[tuple["Node", np.dtype[Any]]]:
        """The dtype that each input must have before the op applies (NumPy's promotion)."""
        return [(node, node.dtype) for node in inputs]

    def pullback(self, index: int, g: Any, y: Any, xs: Sequence[Any], params: Params) -> Any:
        """The adjoint `g` of the result carried to input `index`, or None where it is zero."""
        return None

    def batch(self, node: "Node", xs: Sequence[Any], batched: Sequence[bool], size: int) -> Any:
        """The op over inputs of which the batched ones carry a new first axis of length `size`."""
        raise NotImplementedError(f"{type(self).__name__} states no batching rule")

    def shortcut(self, inputs: Sequence["Node"], params: Params) -> "Node | None":
        """The input that the result equals whatever the numbers, where there is one."""
        return None

    def describe(self, params: Params) -> str:
        """The op with its settings, for listings: `sum[axes=(0,)]`."""
        shown = ", ".join(f"{key}={value}" for key, value in params.items())
        return f"{self.name}[{shown}]" if shown else self.name

    def __call__(self, *args: Any, **params: Any) -> Any:
        for arg in args:
            apply = getattr(type(arg), "__chainrule_apply__", None)
            if apply is not None:
                return apply(arg, self, args, params)
        return self.evaluate(*args, **params)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"


@dataclass(frozen=True, eq=False, slots=True, weakref_slot=True)
class Node:
    """One op applied to other nodes. Compared and hashed by identity."""

    op: Op
    inputs: tuple["Node", ...]
    params: Params
    shape: Shape
    dtype: np.dtype[Any]
    weak: bool = False  # a Python number: gives way to the dtype of whatever it meets
    source: Source | None = None
    role: Role | None = None
    serial: int = field(default_factory=lambda: next(_serials))

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def __repr__(self) -> str:
        return f"<{self.op.describe(self.params)} {type_text(self)}>"


# --- leaves ------------------------------------------------------------------------------------


class Leaf(Op):
    """A node without inputs: an argument, a captured array, or a constant."""

    def __init__(self, name: str) -> None:
        self.name = name

    def infer(self, inputs: Sequence[Node], params: Params) -> tuple[Shape, np.dtype[Any]]:
        raise GraphError(f"{self.name} is a leaf: it states its own shape")

    def describe(self, params: Params) -> str:
        if self is CONSTANT:
            return f"constant {np.array2string(params['value'], threshold=6, precision=8)}"
        return f"{self.name} {params.get('name', '')}".rstrip()


INPUT = Leaf("input")
CAPTURED = Leaf("captured")  # an array from outside the traced function, read at each call
CONSTANT = Leaf("constant")


def input_node(
    name: str, shape: Shape, dtype: Any, weak: bool = False, source: Source | None = None
) -> Node:
    params = MappingProxyType({"name": name})
    return Node(INPUT, (), params, tuple(shape), np.dtype(dtype), weak, source)


def captured_node(array: np.ndarray[Any, Any], source: Source | None = None) -> Node:
    params = MappingProxyType({"array": array})
    return Node(CAPTURED, (), params, array.shape, array.dtype, False, source)


def constant_node(value: Any, dtype: Any = None, weak: bool = False) -> Node:
    array = np.array(value, dtype)
    array.flags.writeable = False
    params = MappingProxyType({"value": array})
    return Node(CONSTANT, (), params, array.shape, array.dtype, weak, None, current_role())


def constant_value(node: Node) -> float | int | bool | None:
    """The number that this node always is, or None."""
    if node.op is CONSTANT and node.params["value"].ndim == 0:
        number: float | int | bool = node.params["value"].item()
        return number
    return None


# --- who is at work: the role and the scope that new nodes get -----------------------------------

_role: ContextVar[Role | None] = ContextVar("role", default=None)
_at_work: ContextVar[bool] = ContextVar("at_work", default=False)
_origin: ContextVar[Source | None] = ContextVar("origin", default=None)
_scope: ContextVar[str] = ContextVar("scope", default="")


def current_role() -> Role | None:
    return _role.get()


def is_at_work() -> bool:
    return _at_work.get()


def current_origin() -> Source | None:
    return _origin.get()


def current_scope() -> str:
    return _scope.get()


@contextmanager
def at_work() -> Iterator[None]:
    """A pass over a finished graph makes nodes inside, where nobody else may."""
    token = _at_work.set(True)
    try:
        yield
    finally:
        _at_work.reset(token)


@contextmanager
def playing(role: Role | None) -> Iterator[None]:
    """Nodes made inside are this term of the chain rule."""
    token = _role.set(role)
    try:
        yield
    finally:
        _role.reset(token)


@contextmanager
def originating(node: Node) -> Iterator[None]:
    """Nodes made inside replace this one, and keep its line."""
    token = _origin.set(node.source)
    try:
        yield
    finally:
        _origin.reset(token)


@contextmanager
def scope(name: str) -> Iterator[None]:
    """Nodes made inside belong to this layer; scopes nest with dots."""
    outer = _scope.get()
    token = _scope.set(f"{outer}.{name}" if outer else name)
    try:
        yield
    finally:
        _scope.reset(token)


# --- walking and rewriting ---------------------------------------------------------------------


def ordered(outputs: Iterable[Node]) -> list[Node]:
    """All nodes that the outputs need, every node after its inputs, in the order of creation."""
    seen: set[Node] = set()
    stack = list(outputs)
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            stack.extend(node.inputs)
    return sorted(seen, key=lambda node: node.serial)


def dependents(outputs: Iterable[Node], sources: Iterable[Node]) -> set[Node]:
    """The nodes among those of `outputs` whose value depends on one of `sources`."""
    found = set(sources)
    for node in ordered(outputs):
        if any(child in found for child in node.inputs):
            found.add(node)
    return found


def with_inputs(node: Node, inputs: tuple[Node, ...], of: Node | None = None) -> Node:
    """The same op on other inputs of the same shapes and dtypes; its role may name another node."""
    role = node.role
    if role is not None and of is not None and of is not role.of:
        role = replace(role, of=of)
    if role is node.role and inputs == node.inputs:  # nodes are equal where they are the same
        return node
    return Node(node.op, inputs, node.params, node.shape, node.dtype, node.weak, node.source, role)


def rewrite(
    outputs: Sequence[Node],
    rule: Callable[[Node], Node],
    known: Mapping[Node, Node] = MappingProxyType({}),
    roles_follow: bool = True,
) -> dict[Node, Node]:
    """Rebuild from the leaves up: each node gets its rewritten inputs, then `rule` may replace it.

    Returns where each old node went. `known` gives replacements that are taken as they are.
    A role that names a node names its replacement afterwards, unless `roles_follow` is false.
    """
    moved: dict[Node, Node] = dict(known)
    for node in ordered(outputs):
        if node not in moved:
            of = moved.get(node.role.of) if node.role and roles_follow else None
            inputs = tuple(moved[child] for child in node.inputs)
            moved[node] = rule(with_inputs(node, inputs, of))
    return moved


def substitute(
    outputs: Sequence[Node], known: Mapping[Node, Node], roles_follow: bool = True
) -> list[Node]:
    """The outputs with some nodes replaced by others of the same shape and dtype."""
    moved = rewrite(outputs, lambda node: node, known, roles_follow)
    return [moved[node] for node in outputs]


# --- the graph ---------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Graph:
    """Inputs, outputs, and how they fold back into the user's arguments and results.

    updates  (index of an input, node): inputs that the function changed in place.
    """

    name: str
    inputs: tuple[Node, ...]
    outputs: tuple[Node, ...]
    input_structure: Structure = LEAF
    output_structure: Structure = LEAF
    updates: tuple[tuple[int, Node], ...] = ()

    @cached_property
    def nodes(self) -> list[Node]:
        """Every node that the outputs need, in the order of creation."""
        return ordered(self.results)

    @property
    def results(self) -> tuple[Node, ...]:
        """The outputs, then the new values of inputs that were changed in place."""
        return (*self.outputs, *(node for _, node in self.updates))

    @cached_property
    def captured(self) -> tuple[Node, ...]:
        """The arrays from outside the function, as nodes."""
        return tuple(node for node in self.nodes if node.op is CAPTURED)

    def with_results(self, results: Sequence[Node]) -> "Graph":
        """The same signature over rewritten results."""
        split = len(self.outputs)
        updates = tuple(
            (index, node) for (index, _), node in zip(self.updates, results[split:], strict=True)
        )
        return Graph(
            self.name,
            self.inputs,
            tuple(results[:split]),
            self.input_structure,
            self.output_structure,
            updates,
        ).check()

    def check(self) -> "Graph":
        """Raise GraphError or LeakedValueError unless every rule of a graph holds; return self."""
        allowed = set(self.inputs)
        seen: set[Node] = set()
        for node in self.nodes:
            if node.op is INPUT and node not in allowed:
                raise LeakedValueError(
                    f"{self.name} uses {node.params['name']!r}"
                    f"{f' ({node.source})' if node.source else ''}, a value traced for another "
                    "function; pass it as an argument, and keep no traced value from one call "
                    "to the next"
                )
            if not seen.issuperset(node.inputs):
                raise GraphError(f"{node!r} stands before one of its inputs")
            seen.add(node)
            _check_types(node)
        return self

    def __str__(self) -> str:
        return listing(self)

    def show(self, stage: str = "traced") -> str:
        """The graph as text, as it is, or what later stages make of it.

        stage  "traced": as recorded · "simplified": as engines are given it · "native": as the
               native engine's code for this processor

        Raises UnknownNameError for another stage.
        """
        if stage not in STAGES:
            raise UnknownNameError("stage", stage, list(STAGES))
        return STAGES[stage](self)


def _check_types(node: Node) -> None:
    if isinstance(node.op, Leaf):
        return
    shape, dtype = node.op.infer(node.inputs, node.params)
    if (shape, dtype) != (node.shape, node.dtype):
        raise GraphError(f"{node!r} states {type_text(node)}; its op says {dtype}{list(shape)}")
    if any(not isinstance(length, int) for length in node.shape):
        raise GraphError(f"{node!r} has a length that is not a Python int")


# --- listing -----------------------------------------------------------------------------------


STAGES: dict[str, Callable[[Graph], str]] = {}
"""What `Graph.show` can show; modules that stand higher add theirs when they are loaded."""


def type_text(node: Node) -> str:
    """`float64[4,3]`, or `loop` for a node with several results."""
    if node.dtype == VOID:
        return "loop"
    return f"{node.dtype}[{','.join(map(str, node.shape))}]"


def listing(graph: Graph) -> str:
    """One line a node: name, op, inputs, type, the user's line, the term of the chain rule.

    The bodies of loops follow. A node outside the listing goes by its op.
    """
    names: dict[Node, str] = {}
    for node in graph.inputs:
        names[node] = node.params["name"]
    lines: list[tuple[str, str, str]] = []
    for node in graph.nodes:
        if node in names:
            continue
        value = constant_value(node)
        if value is not None:
            names[node] = repr(value)
            continue
        names[node] = f"%{len(lines)}"
        inputs = ", ".join(names[child] for child in node.inputs)
        text = f"{names[node]} = {node.op.describe(node.params)}"
        text = f"  {text}({inputs})" if inputs else f"  {text}"
        lines.append((text, type_text(node), _remarks(node, names)))
    width = max((len(text) for text, _, _ in lines), default=0)
    kinds = max((len(kind) for _, kind, _ in lines), default=0)
    body = [f"{text:<{width}}  {kind:<{kinds}}  {remark}".rstrip() for text, kind, remark in lines]
    arguments = ", ".join(f"{names[node]}: {type_text(node)}" for node in graph.inputs)
    results = ", ".join(names[node] for node in graph.outputs)
    updates = [f"  {names[graph.inputs[index]]} <- {names[node]}" for index, node in graph.updates]
    text = "\n".join([f"{graph.name}({arguments})", *body, *updates, f"  return {results}"])
    inner = dict.fromkeys(node.params["body"] for node in graph.nodes if "body" in node.params)
    return "\n\n".join([text, *map(listing, inner)])


STAGES["traced"] = listing


def _remarks(node: Node, names: Mapping[Node, str]) -> str:
    remark = f"# {node.source}" if node.source else ""
    if node.role is None:
        return remark
    forward, wrt = node.role.of, node.role.wrt
    of = names.get(forward, forward.op.describe(forward.params))
    carried = " to all inputs" if wrt is None else f" · ∂{of}/∂input {wrt}"
    text = {
        "seed": "seed",
        "local": f"∂{of}/∂input {wrt}",
        "product": f"adjoint of {of}{carried}",
        "sum": f"adjoint of {of}",
    }[node.role.term]
    return f"{remark}  {text}" if remark else f"# {text}"
