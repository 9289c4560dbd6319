"""What is told of a single number when its cell in a heat map is pointed at.

Of a unit: its value and gradient, the inputs that move it most, and where its gradient comes from;
from unit to unit this leads up to the loss along the largest path. All of it is looked up in the
page, so it is kept short: of a large array only the cells that are drawn, and the largest terms.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.errors import SettingError
from chainrule.explaining.differences import Differences
from chainrule.explaining.drawing.network import place_of
from chainrule.explaining.entries import Array, Index
from chainrule.explaining.jacobian import read_directly
from chainrule.explaining.page.shares import SENTENCES, shares
from chainrule.explaining.page.weights import Namer, drawn, entries_of
from chainrule.explaining.samples import MOST_UNITS, shown_quantities, told_samples
from chainrule.notation import Quantity
from chainrule.tex import figure

if TYPE_CHECKING:
    from chainrule.explaining.story import Story

MOST_TERMS, FEW_TERMS = 5, 3  # of a unit; and where there are many units
MANY = 1000
MOST_SLOPES = 40_000_000  # numbers that are computed for the slopes between two layers

# A term: (key, place) of the other unit, the slope between the two, and the product.
Term = tuple[str, int, float, float]


@dataclass
class Layer:
    """The units of a quantity, for one sample.

    values, gradients  flat; gradients may be missing
    inputs, readers    of each unit: the terms of its value and of its gradient, largest first
    bound              the size of the largest path from the loss to each unit
    product            the product of its slopes, with its sign
    total, absolute    of all paths to each unit: their sum, and that of their sizes
    """

    quantity: Quantity
    first: int
    values: Array
    gradients: Array | None
    inputs: dict[int, list[Term]] = field(default_factory=dict)
    readers: dict[int, list[Term]] = field(default_factory=dict)
    bound: Array = field(default_factory=lambda: np.zeros(0))
    product: Array = field(default_factory=lambda: np.zeros(0))
    total: Array = field(default_factory=lambda: np.zeros(0))
    absolute: Array = field(default_factory=lambda: np.zeros(0))
    best: dict[int, tuple[str, int, float]] = field(default_factory=dict)


def cell_data(
    story: "Story", compared: Differences | None, chosen: Collection[tuple[str, Index]] = ()
) -> dict[str, Any]:
    """For the script: units by sample and key, and the entries of parameters by key.

    chosen  entries that are told whether their cells are drawn or not
    """
    units = {}
    for sample in told_samples(story):
        layers = _layers(story, sample)
        units[str(sample)] = {key: _told(story, layer, layers) for key, layer in layers.items()}
    return {
        "units": units,
        "sentences": SENTENCES,
        "entries": entries_of(story, compared, chosen),
    }


# --- reading -------------------------------------------------------------------------------------


def _layers(story: "Story", sample: int) -> dict[str, Layer]:
    record = story.record
    if record.roots.prediction is None:
        return {}
    layers: dict[str, Layer] = {}
    for quantity in shown_quantities(story):
        value, gradient = record.value(quantity.node), record.gradient(quantity.node)
        size = value.size
        first = 0
        if story.names.is_batch(quantity.node):
            size = value.size // value.shape[0]
            first = sample * size
        part = slice(first, first + size)
        flat = None if gradient is None else gradient.ravel()[part]
        layers[quantity.key] = Layer(quantity, first, value.ravel()[part], flat)
    _connect(story, layers)
    return layers


def _connect(story: "Story", layers: dict[str, Layer]) -> None:
    """Terms between all layers that read one another, last first, with the largest paths."""
    record = story.record
    loss = next(q for q in story.quantities if q.kind == "loss")
    by_node = {layer.quantity.node: layer for layer in layers.values()}
    ends = [*reversed(by_node.values())]
    known = {*by_node, loss.node}
    for layer in ends:
        layer.bound, layer.product, layer.total, layer.absolute = np.zeros((4, layer.values.size))
    top = Layer(loss, 0, np.array([story.loss]), np.ones(1))
    top.bound = top.product = top.total = top.absolute = np.ones(1)
    order = {node: place for place, node in enumerate(record.roots.forward)}
    above = sorted([top, *ends], key=lambda layer: -order[layer.quantity.node])
    for upper in above:
        for node in read_directly(upper.quantity.node, known):
            lower = by_node.get(node)
            if lower is not None:
                slopes = _slopes(story, upper, lower, known)
                if slopes is not None:
                    _note(upper, lower, slopes)


def _slopes(story: "Story", upper: Layer, lower: Layer, known: Any) -> Array | None:
    """The local derivatives of the sample's units, (above, below); None of too many."""
    above, below = upper.quantity.node, lower.quantity.node
    rows, columns = upper.values.size, lower.values.size
    if min(rows, columns) * max(prod(above.shape), prod(below.shape)) > MOST_SLOPES:
        return None
    try:
        places = np.arange(lower.first, lower.first + columns)
        edges = story.jacobians(above, below, known, places)
    except SettingError:
        return None
    own = (edges.above >= upper.first) & (edges.above < upper.first + rows)
    slopes = np.zeros((rows, columns))
    slopes[edges.above[own] - upper.first, edges.below[own] - lower.first] = edges.values[own]
    return slopes


def _note(upper: Layer, lower: Layer, slopes: Array) -> None:
    """The largest terms between two layers."""
    if upper.quantity.kind != "loss":
        moving = slopes * lower.values
        for unit, places in enumerate(_largest(moving)):
            found = upper.inputs.setdefault(unit, [])
            found += [
                (lower.quantity.key, int(k), float(slopes[unit, k]), float(moving[unit, k]))
                for k in places
                if slopes[unit, k]
            ]
    if upper.gradients is not None:
        coming = (slopes * upper.gradients[:, None]).T
        for unit, places in enumerate(_largest(coming)):
            found = lower.readers.setdefault(unit, [])
            found += [
                (upper.quantity.key, int(k), float(slopes[k, unit]), float(coming[unit, k]))
                for k in places
                if coming[unit, k]
            ]
    lower.total += upper.total @ slopes
    lower.absolute += upper.absolute @ np.abs(slopes)
    sizes = np.abs(slopes) * upper.bound[:, None]
    strongest = np.argmax(sizes, axis=0)
    for unit, row in enumerate(strongest):
        if sizes[row, unit] > lower.bound[unit]:
            lower.bound[unit] = sizes[row, unit]
            lower.product[unit] = slopes[row, unit] * upper.product[row]
            lower.best[unit] = (upper.quantity.key, int(row), float(slopes[row, unit]))


def _largest(table: Array) -> Array:
    """Of each row the places of the largest few, largest first."""
    size = np.abs(np.nan_to_num(table))
    few = min(MOST_TERMS, table.shape[1])
    chosen = np.argpartition(-size, few - 1, axis=1)[:, :few]
    order = np.argsort(-np.take_along_axis(size, chosen, 1), axis=1, kind="stable")
    return np.take_along_axis(chosen, order, 1)


# --- telling -------------------------------------------------------------------------------------


def _told(story: "Story", layer: Layer, layers: Mapping[str, Layer]) -> dict[str, Any]:
    quantity = layer.quantity
    total = sum(other.values.size for other in layers.values())
    units: Any = range(layer.values.size)
    if total > MOST_UNITS:
        units = sorted(set(drawn(layer.values.reshape(_shape(story, layer)))))
    name = Namer(story, quantity)
    most = FEW_TERMS if total > MANY else MOST_TERMS
    return {
        "layer": quantity.scope or "input",
        "step": place_of(story, quantity.key, "forward"),
        "back": None if layer.gradients is None else place_of(story, quantity.key, "backward"),
        "of": {str(unit): _unit(layer, unit, name(layer.first + unit), most) for unit in units},
    }


def _shape(story: "Story", layer: Layer) -> tuple[int, ...]:
    shape = layer.quantity.shape
    return shape[1:] if story.names.is_batch(layer.quantity.node) else shape


def _unit(layer: Layer, unit: int, name: str, most: int) -> list[Any]:
    """[name, value, gradient, inputs, readers, next of the largest path, what is said of it]."""
    gradient = "" if layer.gradients is None else figure(layer.gradients[unit], 6)
    return [
        name,
        figure(layer.values[unit], 6),
        gradient,
        _terms(layer.inputs.get(unit, []), most),
        _terms(layer.readers.get(unit, []), most),
        _way(layer.best.get(unit)),
        _said_of_path(layer, unit),
    ]


def _said_of_path(layer: Layer, unit: int) -> list[list[str]]:
    """What fills `SENTENCES`: its product, and where all paths are known, its share."""
    if unit not in layer.best:
        return []
    product = float(layer.product[unit])
    said = [[figure(product, 6)]]
    if layer.gradients is None:
        return said
    gradient, absolute = float(layer.gradients[unit]), float(layer.absolute[unit])
    # Where the paths followed here do not add up to the gradient, some are not among them.
    if not abs(float(layer.total[unit]) - gradient) <= 1e-3 * absolute:
        return said
    return said + shares(product, gradient, absolute)


def _way(best: tuple[str, int, float] | None) -> list[Any]:
    return [] if best is None else [best[0], best[1], figure(best[2], 6)]


def _terms(terms: list[Term], most: int) -> list[list[Any]]:
    best = sorted(terms, key=lambda term: -abs(term[3]))[:most]
    return [
        [key, place, figure(slope, 6), figure(product, 6)] for key, place, slope, product in best
    ]
