"""A network as columns of units, read off the story: who is connected to whom, by which weight."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from chainrule.explaining.entries import Array, Index
from chainrule.explaining.expression import Expr
from chainrule.explaining.jacobian import read_directly
from chainrule.explaining.marks import entry_of
from chainrule.explaining.words import called
from chainrule.notation import Quantity
from chainrule.ops.map import Map
from chainrule.ops.products import parts
from chainrule.tex import figure, plain

if TYPE_CHECKING:
    from chainrule.explaining.story import Phase, Step, Story

MOST_UNITS, MOST_IN_COLUMN, MOST_EDGES = 60, 12, 400


@dataclass(frozen=True)
class Told:
    """A number of a unit as it is told, one text a sample, and the step that makes it known."""

    name: str
    texts: tuple[str, ...]
    step: int | None
    key: str


@dataclass
class Column:
    """The units of one layer.

    quantity  what leaves it
    inner     what its function is applied to, z of a, where that is all that happens to z
    function  how this function is called
    """

    quantity: Quantity
    size: int
    inner: Quantity | None = None
    function: str = ""

    @property
    def owners(self) -> list[Quantity]:
        return [self.quantity] if self.inner is None else [self.quantity, self.inner]


@dataclass(frozen=True)
class Connection:
    """From a unit to a unit, by columns and places; (key, index) of its weight, if it has one.

    source -1 is the constant 1 that a bias multiplies.
    """

    source: tuple[int, int]
    target: tuple[int, int]
    weight: tuple[str, Index] | None
    value: float


@dataclass
class Network:
    story: "Story"
    columns: list[Column]
    connections: list[Connection] = field(default_factory=list)

    @property
    def samples(self) -> int:
        return self.story.names.samples

    def biases(self, column: int) -> list[Connection]:
        return [c for c in self.connections if c.target[0] == column and c.source[1] < 0]


def place_of(story: "Story", key: str, phase: "Phase") -> int | None:
    """The number of a step, from 0; None where there is none."""
    for place, step in enumerate(story.steps):
        if step.key == key and step.phase == phase and not step.is_memory:
            return place
    return None


def read_network(story: "Story") -> Network | None:
    """Columns of units, or None where the story is not about vectors, or about too many units."""
    roots = story.record.roots
    if roots.prediction is None or story.names.samples > 64:
        return None
    shown = [
        q
        for q in story.quantities
        if q.kind in ("layer", "prediction") or (q.kind == "input" and q.key == "x")
    ]
    if any(len(q.shape) != 2 or not story.names.is_batch(q.node) for q in shown):
        return None
    columns = _columns(story, shown)
    sizes = [column.size for column in columns]
    if not sizes or max(sizes) > MOST_IN_COLUMN or sum(sizes) > MOST_UNITS:
        return None
    network = Network(story, columns)
    network.connections = [c for place in range(len(columns)) for c in _into(network, place)]
    return network if len(network.connections) <= MOST_EDGES else None


def _columns(story: "Story", shown: list[Quantity]) -> list[Column]:
    readers: dict[str, set[str]] = {}
    for step in story.phase("forward"):
        for used in step.uses:
            readers.setdefault(used, set()).add(step.key)
    columns: list[Column] = []
    for quantity in shown:
        column = Column(quantity, quantity.shape[1])
        if quantity.kind != "input":
            formula = story.step(quantity.key, "forward").expression
            inner = _argument(formula)
            before = columns[-1] if columns else None
            if before is not None and inner == before.quantity.key and before.inner is None:
                alone = readers.get(inner, set()) <= {quantity.key}
                if alone and before.quantity.kind == "layer" and formula is not None:
                    columns.pop()
                    function = called(formula.data)
                    column = Column(quantity, column.size, before.quantity, function)
        columns.append(column)
    return columns


def _argument(formula: Expr | None) -> str:
    """The key of the only argument of an elementwise function, if the formula is one."""
    if formula is None or formula.head != "apply" or not isinstance(formula.data, Map):
        return ""
    if len(formula.args) != 1 or formula.args[0].head != "symbol":
        return ""
    return str(formula.args[0].data.key)


def _into(network: Network, place: int) -> Iterator[Connection]:
    """What arrives at a column."""
    column = network.columns[place]
    if column.quantity.kind == "input":
        return
    story = network.story
    entering = column.owners[-1]
    step = story.step(entering.key, "forward")
    assert step.expression is not None
    owners = {q.key: p for p, c in enumerate(network.columns[:place]) for q in c.owners}
    found = list(_weighted(story, step, owners, place))
    with_weights = {c.source[0] for c in found}
    yield from found
    yield from _biases(story, step, place)
    known = {q.node for c in network.columns for q in c.owners}
    sample = story.sample
    for below in read_directly(entering.node, known):
        source = next(p for p, c in enumerate(network.columns) for q in c.owners if q.node is below)
        if source in with_weights:
            continue
        wide = below.shape[1]
        places = np.arange(sample * wide, (sample + 1) * wide)
        edges = story.jacobians(entering.node, below, known, places)
        for above, under, value in zip(edges.above, edges.below, edges.values, strict=True):
            row, unit = divmod(int(above), column.size)
            if row == sample:
                yield Connection((source, int(under) % wide), (place, unit), None, float(value))


def _weighted(
    story: "Story", step: "Step", owners: dict[str, int], place: int
) -> Iterator[Connection]:
    """Products of a column and a parameter in the formula: each pair of units and its weight."""
    assert step.expression is not None
    parameters = story.record.roots.parameters
    for product in walk(step.expression):
        if product.head != "contract" or any(arg.head != "symbol" for arg in product.args):
            continue
        keys = [arg.data.key for arg in product.args]
        letters = parts(product.data)
        for side in (0, 1):
            if keys[side] not in owners or keys[1 - side] not in parameters:
                continue
            mine, theirs, out = letters[side], letters[1 - side], letters[2]
            if len(mine) != 2 or len(theirs) != 2 or len(out) != 2 or mine[0] != out[0]:
                continue
            if set(theirs) != {mine[1], out[1]}:
                continue
            value = story.values[keys[1 - side]]
            for index in np.ndindex(*value.shape):
                at = dict(zip(theirs, index, strict=True))
                yield Connection(
                    (owners[keys[side]], at[mine[1]]),
                    (place, at[out[1]]),
                    (keys[1 - side], index),
                    float(value[index]),
                )


def _biases(story: "Story", step: "Step", place: int) -> Iterator[Connection]:
    assert step.expression is not None
    if step.expression.head != "plus":
        return
    for term in step.expression.args:
        while term.head == "layout" and term.data is None:
            (term,) = term.args
        if term.head != "symbol" or term.data.key not in story.record.roots.parameters:
            continue
        value = story.values[term.data.key]
        if value.shape == step.value.shape[1:]:
            for unit in range(value.size):
                weight = (term.data.key, (unit,))
                yield Connection((place - 1, -1), (place, unit), weight, float(value[unit]))


def walk(expr: Expr) -> Iterator[Expr]:
    yield expr
    for arg in expr.args:
        yield from walk(arg)


# --- what is told of a unit ----------------------------------------------------------------------


def told_value(story: "Story", quantity: Quantity, unit: int) -> Told:
    symbol = replace(story.names.of(quantity), shape=quantity.shape[1:], batch=False)
    name = plain(entry_of(symbol, (unit,)))
    step = None if quantity.kind == "input" else place_of(story, quantity.key, "forward")
    return Told(name, _texts(name, story.values[quantity.key][:, unit]), step, quantity.key)


def told_gradient(story: "Story", quantity: Quantity, unit: int) -> Told | None:
    """Its gradient; None where the story tells none, as of inputs."""
    step = place_of(story, quantity.key, "backward")
    gradient = story.record.gradient(quantity.node)
    if step is None or gradient is None:
        return None
    symbol = replace(story.names.of(quantity), shape=quantity.shape[1:], batch=False)
    name = plain(entry_of(replace(symbol, latex=quantity.gradient_latex), (unit,)))
    return Told(name, _texts(name, gradient[:, unit]), step, quantity.key)


def _texts(name: str, values: Array) -> tuple[str, ...]:
    return tuple(f"{name} {figure(value)}" for value in values)


def weight_name(story: "Story", key: str, index: Index) -> str:
    return plain(entry_of(story.names.of(story.quantity(key)), index))


def change_of(story: "Story", key: str) -> Array | None:
    """What the update adds to a parameter."""
    after = story.record.updates.get(key)
    return None if after is None else story.record.value(after) - story.values[key]
