"""Local derivatives between quantities: the sparse Jacobian of one with respect to another.

Everything between two quantities is taken together. The Jacobian is made by this library's own
chain rule: its rows by carrying unit adjoints back, or its columns by carrying unit changes forward
(which is the gradient of the former, as a pullback is linear in what it carries), whichever are
fewer. Where samples do not meet, one sweep serves all of them (Curtis, Powell and Reid 1974).
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from chainrule.differentiate import adjoints
from chainrule.errors import SettingError
from chainrule.explaining.entries import Array
from chainrule.explaining.many import Many
from chainrule.explaining.record import Record
from chainrule.graph import Node, at_work, constant_node, input_node, substitute
from chainrule.ops import rows
from chainrule.tracing.recording import recording
from chainrule.tracing.value import Traced, wrap

CHUNK = 4_000_000  # numbers of a Jacobian that are computed at a time
MOST = 400_000_000  # and altogether
WHOLE = 100_000  # numbers of a Jacobian that is computed once for all places
WORTH_PROBING = 1_000_000  # where sweeps together save more than it takes to find which

Units = Callable[[int, int], Array]  # the units from one number up to another


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
    stage = _Stage(record, above, below, known)
    size, wide = prod(above.shape), prod(below.shape)
    if min(size * wide, len(places) * size) > WORTH_PROBING:
        stage.probe()
    by_row, by_column = stage.colours(above.shape), stage.colours(below.shape)
    reached = np.unique(by_column[places])
    rows, columns = int(by_row.max(initial=0)) + 1, len(reached)
    if min(rows * wide, columns * size) > MOST:
        raise SettingError("these paths cross too many numbers; explain fewer samples, one at best")
    if rows * wide <= columns * size:
        return stage.by_rows(by_row, places)
    return stage.by_columns(by_column, reached, places)


class Jacobians:
    """Those of one record; small ones are computed once, for all places."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._whole: dict[tuple[Node, Node, frozenset[Node]], Edges] = {}

    def __call__(self, above: Node, below: Node, known: Collection[Node], places: Array) -> Edges:
        """∂above/∂below at some flat places of `below`, with the other known nodes held fixed."""
        wide = prod(below.shape)
        if prod(above.shape) * wide > WHOLE:
            return jacobian(self._record, above, below, known, places)
        key = above, below, frozenset(read_directly(above, known))
        if key not in self._whole:
            self._whole[key] = jacobian(self._record, above, below, known, np.arange(wide))
        whole = self._whole[key]
        if len(places) == wide:
            return whole
        kept = np.isin(whole.below, places)
        return Edges(whole.above[kept], whole.below[kept], whole.values[kept])


class _Stage:
    """The part of the graph between two quantities.

    aligned  axes along which no place of `above` depends on another place of `below`: samples that
             do not meet, and all axes of an elementwise function
    """

    def __init__(self, record: Record, above: Node, below: Node, known: Collection[Node]) -> None:
        self.record, self.above = record, above
        cut = read_directly(above, known)
        self.fresh = {node: input_node("cut", node.shape, node.dtype) for node in cut}
        (self.result,) = substitute([above], self.fresh, roles_follow=False)
        self.below = self.fresh[below]
        self.values: dict[Node, Any] = {new: record.value(old) for old, new in self.fresh.items()}
        self.aligned: tuple[int, ...] = ()
        self.unit, self.back = self._back()

    @recording("jacobian")
    @at_work()
    def _back(self) -> tuple[Node, Node]:
        """Adjoints of `above`, and what they are carried back to."""
        unit = input_node("unit", self.above.shape, self.above.dtype)
        (back,) = adjoints([self.result], [wrap(unit)], [self.below])
        return unit, back.node

    def probe(self) -> None:
        """Find the aligned axes.

        Random adjoints on one half of an axis must come back to that half alone. The halves are
        the digits of the places in base 2, and their opposites, so that any two places are on
        different sides of one of them. Random numbers do not cancel, so nothing is overlooked.
        """
        shapes = zip(self.above.shape, self.below.shape, strict=False)
        axes = [axis for axis, (n, m) in enumerate(shapes) if n == m > 1]
        draws = np.random.default_rng(0)
        found = []
        for axis in axes:
            length = self.above.shape[axis]
            digits = [np.arange(length) >> k & 1 == 1 for k in range((length - 1).bit_length())]
            halves = np.array([*digits, *(~half for half in digits)])
            units = draws.normal(size=(len(halves), *self.above.shape)).astype(self.unit.dtype)
            units = np.moveaxis(units, axis + 1, 1)
            units[~halves] = 0
            units = np.moveaxis(units, 1, axis + 1)
            given = lambda begin, end, units=units: units[begin:end]
            (block,) = self._sweep(self.unit, self.back, len(units), given, blocks=1)
            back = np.moveaxis(block[1].reshape(-1, *self.below.shape), axis + 1, 1)
            if not back[~halves].any():
                found.append(axis)
        self.aligned = tuple(found)

    def colours(self, shape: Sequence[int]) -> Array:
        """A number for each flat place; places with one number have no place in common that they
        are read by, and can be swept together."""
        free = [axis for axis in range(len(shape)) if axis not in self.aligned]
        numbers = np.arange(prod(shape[axis] for axis in free)).reshape(
            [n if axis in free else 1 for axis, n in enumerate(shape)]
        )
        return np.broadcast_to(numbers, shape).ravel()

    def by_rows(self, colours: Array, places: Array) -> Edges:
        """Unit adjoints of `above`, carried back."""
        wanted = np.unique(places)
        number = int(colours.max(initial=0)) + 1
        parts = []
        for begin, block in self._sweep(self.unit, self.back, number, self._units(colours)):
            block = block[:, wanted]
            colour, place = np.nonzero(block)
            column = wanted[place]
            row = self._met(colour + begin, column, self.below.shape, self.above.shape)
            parts.append((row, column, block[colour, place]))
        return _joined(parts)

    @recording("jacobian")
    @at_work()
    def by_columns(self, colours: Array, reached: Array, places: Array) -> Edges:
        """Unit changes of `below`, carried forward."""
        wanted = np.zeros(prod(self.below.shape), bool)
        wanted[places] = True
        change = input_node("change", self.below.shape, self.below.dtype)
        product: Traced = rows.multiply(wrap(self.back), wrap(change))
        total = rows.sum(product, axes=tuple(range(len(self.below.shape))))
        seed = wrap(constant_node(1, total.node.dtype))
        (forward,) = adjoints([total.node], [seed], [self.unit])
        self.values[self.unit] = np.zeros(self.unit.shape, self.unit.dtype)
        parts = []
        units = self._units(colours, reached)
        for begin, block in self._sweep(change, forward.node, len(reached), units):
            colour, row = np.nonzero(block)
            column = self._met(reached[colour + begin], row, self.above.shape, self.below.shape)
            kept = wanted[column]
            parts.append((row[kept], column[kept], block[colour[kept], row[kept]]))
        return _joined(parts)

    def _units(self, colours: Array, chosen: Array | None = None) -> Units:
        """Arrays that are 1 at the places of each colour."""

        def units(begin: int, end: int) -> Array:
            numbers = np.arange(begin, end) if chosen is None else chosen[begin:end]
            return np.equal(colours, numbers[:, None])

        return units

    def _met(
        self, colour: Array, place: Array, shape: Sequence[int], other: Sequence[int]
    ) -> Array:
        """The flat place of a colour in an array of shape `other` that goes with a place in
        `shape`: along aligned axes the same."""
        if not self.aligned:
            return colour
        own = np.unravel_index(place, shape)
        free = [axis for axis in range(len(other)) if axis not in self.aligned]
        rest = np.unravel_index(colour, [other[axis] for axis in free]) if free else ()
        index = dict(zip(free, rest, strict=True)) | {axis: own[axis] for axis in self.aligned}
        found = np.ravel_multi_index([index[axis] for axis in range(len(other))], other)
        return np.asarray(found)

    def _sweep(
        self, unit: Node, result: Node, number: int, units: Units, blocks: int | None = None
    ) -> list[tuple[int, Array]]:
        """The result for each unit, in blocks: (first, array of one row a unit)."""
        size, wide = prod(unit.shape), prod(result.shape)
        at_once = max(1, min(number, CHUNK // max(size, wide, 1)))
        at_once = at_once if blocks is None else -(-number // blocks)
        found: list[tuple[int, Array]] = []
        programs: dict[int, Many] = {}
        for begin in range(0, number, at_once):
            chosen = np.asarray(units(begin, min(begin + at_once, number)), unit.dtype)
            count = len(chosen)
            if count not in programs:
                programs[count] = Many(self.record, result, unit, count)
            block = programs[count](chosen.reshape(count, *unit.shape), self.values)
            found.append((begin, block.reshape(count, wide)))
        return found


def _joined(parts: Sequence[tuple[Array, Array, Array]]) -> Edges:
    if not parts:
        empty = np.zeros(0, np.int64)
        return Edges(empty, empty, np.zeros(0))
    above, below, values = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Edges(above, below, values.astype(np.float64))
