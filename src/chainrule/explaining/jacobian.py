"""Local derivatives between quantities: the sparse Jacobian of one with respect to another.

Everything between two quantities is taken together. The Jacobian is made by this library's own
chain rule: its rows by carrying unit adjoints back, or its columns by carrying unit changes forward
(which is the gradient of the former, as a pullback is linear in what it carries), whichever are
fewer.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from chainrule.differentiate import adjoints
from chainrule.errors import SettingError
from chainrule.explaining.entries import Array
from chainrule.explaining.record import Record
from chainrule.graph import (
    INPUT,
    Graph,
    Node,
    at_work,
    constant_node,
    input_node,
    ordered,
    substitute,
)
from chainrule.ops import rows
from chainrule.tracing.recording import recording
from chainrule.tracing.value import Traced, wrap
from chainrule.vectorise import batched

CHUNK = 4_000_000  # numbers of a Jacobian that are computed at a time
MOST = 400_000_000  # and altogether


@dataclass(frozen=True)
class Edges:
    """The entries of ∂above/∂below that are not 0: flat places in both, and values."""

    above: Array
    below: Array
    values: Array


def read_directly(node: Node, known: Collection[Node]) -> list[Node]:
    """Those of `known` that a node is computed from without passing another of them."""
    found: dict[Node, None] = {}
    seen: set[Node] = set()
    stack = list(node.inputs)
    while stack:
        here = stack.pop()
        if here in seen:
            continue
        seen.add(here)
        if here in known:
            found[here] = None
        else:
            stack.extend(here.inputs)
    return list(found)


def jacobian(
    record: Record, above: Node, below: Node, known: Collection[Node], places: Array
) -> Edges:
    """∂above/∂below at some flat places of `below`, with the other known nodes held fixed."""
    size = prod(above.shape)
    if min(size, len(places)) * max(size, prod(below.shape)) > MOST:
        raise SettingError("these paths cross too many numbers; explain fewer samples, one at best")
    stage = _Stage(record, above, below, known)
    if size <= len(places):
        return stage.by_rows(places)
    return stage.by_columns(places)


class _Stage:
    """The part of the graph between two quantities."""

    def __init__(self, record: Record, above: Node, below: Node, known: Collection[Node]) -> None:
        self.record, self.above = record, above
        cut = read_directly(above, known)
        self.fresh = {node: input_node("cut", node.shape, node.dtype) for node in cut}
        (self.result,) = substitute([above], self.fresh, roles_follow=False)
        self.below = self.fresh[below]
        self.values: dict[Node, Any] = {new: record.value(old) for old, new in self.fresh.items()}

    @recording("jacobian")
    @at_work()
    def by_rows(self, places: Array) -> Edges:
        """Unit adjoints of `above`, carried back."""
        unit = input_node("unit", self.above.shape, self.above.dtype)
        (back,) = adjoints([self.result], [wrap(unit)], [self.below])
        rows_found = self._sweep(unit, back.node, np.arange(prod(self.above.shape)))
        parts = []
        for begin, block in rows_found:
            block = block[:, places]
            row, column = np.nonzero(block)
            parts.append((row + begin, places[column], block[row, column]))
        return _joined(parts)

    @recording("jacobian")
    @at_work()
    def by_columns(self, places: Array) -> Edges:
        """Unit changes of `below`, carried forward."""
        unit = input_node("unit", self.above.shape, self.above.dtype)
        change = input_node("change", self.below.shape, self.below.dtype)
        (back,) = adjoints([self.result], [wrap(unit)], [self.below])
        product: Traced = rows.multiply(back, wrap(change))
        total = rows.sum(product, axes=tuple(range(len(self.below.shape))))
        seed = wrap(constant_node(1, total.node.dtype))
        (forward,) = adjoints([total.node], [seed], [unit])
        self.values[unit] = np.zeros(unit.shape, unit.dtype)
        parts = []
        for begin, block in self._sweep(change, forward.node, places):
            column, row = np.nonzero(block)
            parts.append((row, places[column + begin], block[column, row]))
        return _joined(parts)

    def _sweep(self, unit: Node, result: Node, places: Array) -> list[tuple[int, Array]]:
        """The result for a unit at each place, in blocks: (first, array of one row a place)."""
        size, wide = prod(unit.shape), prod(result.shape)
        at_once = max(1, min(len(places), CHUNK // max(size, wide, 1)))
        found: list[tuple[int, Array]] = []
        programs: dict[int, tuple[Graph, list[Node], bool]] = {}
        for begin in range(0, len(places), at_once):
            chosen = places[begin : begin + at_once]
            count = len(chosen)
            if count not in programs:
                programs[count] = self._over(unit, result, count)
            graph, inputs, depends = programs[count]
            units = np.zeros((count, size), unit.dtype)
            units[np.arange(count), chosen] = 1
            given = {**self.values, inputs[0]: units.reshape(count, *unit.shape)}
            arrays = [self._value(node, given) for node in graph.inputs]
            run = self.record.run
            assert run is not None
            block = np.asarray(run(graph, arrays)[graph.outputs[0]], dtype=np.float64)
            if not depends:
                block = np.broadcast_to(block, (count, *result.shape))
            found.append((begin, block.reshape(count, wide)))
        return found

    def _over(self, unit: Node, result: Node, count: int) -> tuple[Graph, list[Node], bool]:
        """The result over a batch of units, as a graph."""
        many = input_node("units", (count, *unit.shape), unit.dtype)
        ((value, depends),) = batched([result], {unit: _handle(many)}, count)
        inputs = [node for node in ordered([value.node]) if node.op is INPUT and node is not many]
        return Graph("jacobian", (many, *inputs), (value.node,)), [many], depends

    def _value(self, node: Node, given: Mapping[Node, Any]) -> Any:
        return given[node] if node in given else self.record.value(node)


def _handle(node: Node) -> Traced:
    return wrap(node)


def _joined(parts: Sequence[tuple[Array, Array, Array]]) -> Edges:
    if not parts:
        empty = np.zeros(0, np.int64)
        return Edges(empty, empty, np.zeros(0))
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    return Edges(*columns)
