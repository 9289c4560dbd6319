"""Where the first NaN or infinity came from."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.graph import CONSTANT, Graph, Node, Source
from chainrule.ops.layout import Layout
from chainrule.ops.map import Map

Place = tuple[int, ...]
_LONGEST = 40  # links of a chain
# Of these a large input makes a large result; of the others one near 0 may do so too.
_LARGE_FROM_LARGE = {"add", "subtract", "multiply", "contract", "sum", "square", "exp"}


@dataclass(frozen=True)
class Link:
    """One number on the way from the inputs to the first that is not finite.

    what    the op, or the name of an input: `exp`, `x`, `0.weight`
    layer   where it stands, `1.Lambda`; "loss", "optimizer", or "" for an input
    phase   "input", "forward", "backward" or "update"
    value   the entry of the op's result that is followed
    place   where in the result that entry stands, counted from 0
    low, high  the smallest and the largest entry
    source  the user's line
    """

    what: str
    layer: str
    phase: str
    value: float
    place: Place
    shape: tuple[int, ...]
    dtype: str
    low: float
    high: float
    source: Source | None = None


@dataclass(frozen=True)
class Origin:
    """The first op that made a NaN or an infinity out of finite numbers.

    name      as `exp in layer 1.Lambda`
    chain     the numbers that led there, from an input to the result that is not finite
    operands  the entries of the op's inputs from which it made that result
    """

    name: str
    chain: tuple[Link, ...]
    operands: tuple[float, ...]


def all_finite(values: Iterable[Any]) -> bool:
    return not any(_has_not_finite(value) for value in values)


def _has_not_finite(value: Any) -> bool:
    if isinstance(value, list):  # the results of a loop
        return any(_has_not_finite(entry) for entry in value)
    return not is_finite(np.asarray(value))


def is_finite(array: Any) -> bool:
    """Whether an array holds no NaN and no infinity."""
    if array.dtype.kind != "f" or not array.size:
        return True
    # Both are NaN where there is one. A sum of squares would need one pass only, but BLAS computes
    # it with threads that then wait for more work, and slow down ours.
    return bool(np.isfinite(array.max()) and np.isfinite(array.min()))


def origin(graph: Graph, inputs: list[Any]) -> Origin | None:
    """Where the first NaN or infinity was made that reached a result; None where none was.

    The last two results, loss and gradient norm, are asked first. A value that is masked out
    before it reaches a result, such as log(0) under a `where`, is no fault.
    """
    from chainrule.engines.numpy import Program

    values = Program(graph).trace_values(inputs)
    node = _first_not_finite(graph, values)
    if node is None:
        return None
    place = _first(np.asarray(values[node]))
    operands = [values[child][entry] for child, entry in _entries(node, place, values)]
    chain = _chain(node, place, values)
    return Origin(describe(node), chain, tuple(float(value) for value in operands))


def _first_not_finite(graph: Graph, values: Mapping[Node, Any]) -> Node | None:
    """The first node that is not finite although its inputs are, on a way to a result."""
    bad = {node for node, value in values.items() if _has_not_finite(value)}
    reached = {node for node in graph.outputs[-2:] if node in bad} or {
        node for node in graph.outputs if node in bad
    }
    for node in reversed(graph.nodes):
        if node in reached:
            reached.update(child for child in node.inputs if child in bad)
    for node in graph.nodes:
        if node in reached and node.inputs and not any(child in bad for child in node.inputs):
            return node
    return None


def _first(array: Any) -> Place:
    """The place of the first entry that is not finite."""
    return tuple(np.argwhere(~np.isfinite(array))[0].tolist())


def _entries(node: Node, place: Place, values: Mapping[Node, Any]) -> list[tuple[Node, Place]]:
    """For each input of a node, the entry that has to do with this entry of the result.

    Elementwise, that is the one which stands there. Of sums and products of many it is the most
    extreme one of the same sample or the same unit.
    """
    return [
        (child, _entry(node, place, child, values))
        for child in node.inputs
        if child.dtype.kind == "f" and isinstance(values[child], np.ndarray | np.generic)
    ]


def _entry(node: Node, place: Place, child: Node, values: Mapping[Node, Any]) -> Place:
    array = np.asarray(values[child])
    if isinstance(node.op, Map):
        lined_up = place[len(place) - array.ndim :]
        pairs = zip(lined_up, array.shape, strict=True)
        return tuple(0 if length == 1 else entry for entry, length in pairs)
    if node.op.name == "gather" and np.ndim(values[node.inputs[1]]) == 1:
        return (int(values[node.inputs[1]][place[0]]), *place[1:])
    if isinstance(node.op, Layout):  # moves entries, and changes none
        with np.errstate(all="ignore"):
            distance = np.abs(array - np.asarray(values[node])[place])
        return _at(distance, int(np.argmin(distance)))
    candidates = np.zeros(array.shape, bool)
    if array.ndim and place and array.shape[0] == node.shape[0] and node.ndim:
        candidates[place[0]] = True
    elif array.ndim and place and array.shape[-1] == node.shape[-1]:
        candidates[..., place[-1]] = True
    else:
        candidates[...] = True
    return _at(array, int(np.argmax(np.where(candidates, _extremity(node, array), -1.0))))


def _at(array: Any, number: int) -> Place:
    return tuple(int(entry) for entry in np.unravel_index(number, np.shape(array)))


def _extremity(node: Node, array: Any) -> Any:
    """How far entries are from ordinary numbers, 0 or more."""
    with np.errstate(all="ignore"):
        size = np.abs(np.asarray(array, np.float64))
        return size if node.op.name in _LARGE_FROM_LARGE else np.abs(np.log(size))


def _chain(node: Node, place: Place, values: Mapping[Node, Any]) -> tuple[Link, ...]:
    """Backwards along the most extreme operand, until there is none; told forwards."""
    links = [_link(node, place, values)]
    while len(links) < _LONGEST:
        entries = [
            (child, entry)
            for child, entry in _entries(node, place, values)
            if child.op is not CONSTANT
        ]
        if not entries:
            break
        moved = isinstance(node.op, Layout)
        node, place = max(
            entries, key=lambda pair: float(_extremity(node, values[pair[0]][pair[1]]))
        )
        if not moved or not node.inputs:  # a value that was only moved need not be told twice
            links.append(_link(node, place, values))
        else:
            links[-1] = _link(node, place, values)
    return tuple(reversed(links))


def _link(node: Node, place: Place, values: Mapping[Node, Any]) -> Link:
    array = np.asarray(values[node])
    value = float(array[place])
    source = _forward(node).source
    layer = source.scope if source else ""
    if not node.inputs:
        path = str(node.params.get("name", "an array from outside"))  # as carry['params']['0.bias']
        name = path.split("'")[-2] if "'" in path else path
        return Link(
            name,
            "",
            "input",
            value,
            place,
            array.shape,
            array.dtype.name,
            float(array.min()),
            float(array.max()),
        )
    phase = "backward" if node.role else "update" if layer == "optimizer" else "forward"
    finite = array[np.isfinite(array)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (value, value)
    what = _forward(node).op.name if node.role else node.op.name
    return Link(what, layer, phase, value, place, array.shape, array.dtype.name, low, high, source)


def _forward(node: Node) -> Node:
    return node.role.of if node.role else node


def describe(node: Node) -> str:
    """`exp in layer 1.Lambda`, `the backward pass of divide in the loss`."""
    forward = _forward(node)
    name = f"the backward pass of {forward.op.name}" if node.role else node.op.name
    place = forward.source.scope if forward.source else ""
    if place in ("loss", "optimizer"):
        return f"{name} in the {place}"
    return f"{name} in layer {place}" if place else name
