"""What is told of a single number when its cell in a heat map is pointed at.

Of a unit: its value and gradient, the inputs that move it most, and where its gradient comes from;
from unit to unit this leads up to the loss along the largest path. All of it is looked up in the
page, so it is kept short: of a large array only the cells that are drawn, and the largest terms.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.errors import SettingError
from chainrule.explaining.changes import parameters
from chainrule.explaining.differences import Differences
from chainrule.explaining.drawing.heat import picture
from chainrule.explaining.drawing.network import place_of
from chainrule.explaining.entries import Array, Index
from chainrule.explaining.jacobian import read_directly
from chainrule.explaining.marks import entry_of
from chainrule.explaining.page.shares import SENTENCES, shares
from chainrule.explaining.page.equations import LONGEST
from chainrule.explaining.page.worked import memory_of, worked_update
from chainrule.explaining.printing import Printer
from chainrule.explaining.samples import MOST_UNITS, shown_quantities, told_samples
from chainrule.notation import Quantity, remembered
from chainrule.tex import figure, plain

if TYPE_CHECKING:
    from chainrule.explaining.story import Story

BELOW = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
MOST_TERMS, FEW_TERMS = 5, 3  # of a unit; and where there are many units
MANY = 1000
MOST_COLUMNS = 128  # whose lengths are told
MOST_SUMS = 600  # entries of parameters whose gradient is written out, on a page
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
    places = {q.key: _told_places(story, q, chosen) for q in parameters(story)}
    told = sum(map(len, places.values())) <= MOST_SUMS
    return {
        "units": units,
        "sentences": SENTENCES,
        "entries": {
            q.key: _entries(story, q, places[q.key], told, compared) for q in parameters(story)
        },
    }


def _told_places(
    story: "Story", quantity: Quantity, chosen: Collection[tuple[str, Index]]
) -> list[int]:
    """The entries of a parameter whose cells are drawn, and those that are chosen."""
    counted = np.arange(int(prod(quantity.shape))).reshape(quantity.shape)
    found = {int(counted[index]) for key, index in chosen if key == quantity.key}
    gradient = story.record.gradient(quantity.node)
    for array in (story.record.value(quantity.node), gradient):
        if array is not None:
            found |= set(_drawn(array))
    return sorted(found)


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


class _Namer:
    """Names of the entries of a quantity: one is read as a formula, the others follow it."""

    def __init__(self, story: "Story", quantity: Quantity) -> None:
        self.symbol, self.shape = story.names.of(quantity), quantity.shape
        first = plain(entry_of(self.symbol, (0,) * len(self.shape)))
        below = self.below((0,) * len(self.shape))
        self.stem = first.removesuffix(below) if below and first.endswith(below) else None

    def below(self, index: tuple[int, ...]) -> str:
        counted = zip(index, self.shape, strict=True)
        parts = [str(i + 1) for i, length in counted if length != 1]
        joiner = "," if max(map(len, parts), default=1) > 1 else ""
        return joiner.join(parts).translate(BELOW)

    def __call__(self, place: int) -> str:
        found = np.unravel_index(place, self.shape) if self.shape else ()
        index = tuple(int(i) for i in found)
        if self.stem is None:
            return plain(entry_of(self.symbol, index))
        return self.stem + self.below(index)


def _told(story: "Story", layer: Layer, layers: Mapping[str, Layer]) -> dict[str, Any]:
    quantity = layer.quantity
    total = sum(other.values.size for other in layers.values())
    units: Any = range(layer.values.size)
    if total > MOST_UNITS:
        units = sorted(set(_drawn(layer.values.reshape(_shape(story, layer)))))
    name = _Namer(story, quantity)
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


def _drawn(array: Array) -> Iterator[int]:
    yield from (k for k in picture(array).places.ravel().tolist() if k >= 0)


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


def _entries(
    story: "Story", quantity: Quantity, places: list[int], told: bool, compared: Differences | None
) -> dict[str, Any]:
    """Of a parameter: what is known of some of its entries, in the order of `worked`.

    told  whether the gradient of each is written out
    """
    record = story.record
    values = record.value(quantity.node)
    found = record.gradient(quantity.node)
    gradients = np.zeros(values.shape) if found is None else found
    after = record.updates.get(quantity.key)
    slots = memory_of(story, quantity)
    columns = [record.value(node) for slot in slots for node in (slot.before, slot.after)]
    columns += worked_update(story, quantity).extras
    slopes = {} if compared is None else compared.slopes
    name, added = _Namer(story, quantity), _Added(story, quantity)

    def entry(place: int) -> list[str]:
        slope = slopes.get((quantity.key, place))
        new = None if after is None else record.value(after).flat[place]
        return [
            name(place),
            figure(values.flat[place], 6),
            figure(gradients.flat[place], 6),
            "" if slope is None else figure(slope, 6),
            "" if new is None else figure(new, 6),
            "" if new is None else figure(new - values.flat[place], 6),
            added(place) if told else "",
            *(figure(column.flat[place], 6) for column in columns),
        ]

    return {
        "shape": quantity.shape,
        "columns": _lengths_of_columns(values, gradients),
        "back": place_of(story, quantity.key, "backward"),
        "update": place_of(story, quantity.key, "update"),
        "memory": [plain(remembered(slot.name, record.rule)) for slot in slots],
        "of": {str(k): entry(k) for k in places},
    }


def _lengths_of_columns(values: Array, gradients: Array) -> list[list[str]]:
    """Of each column of a matrix, and of its gradient, the root of the sum of squares."""
    if values.ndim != 2 or values.shape[0] < 2 or values.shape[1] > MOST_COLUMNS:
        return []
    lengths = (np.linalg.norm(array.astype(float), axis=0) for array in (values, gradients))
    return [[figure(length) for length in pair] for pair in zip(*lengths, strict=True)]


class _Added:
    """An entry of a gradient as the sum that it is, with the numbers in it."""

    def __init__(self, story: "Story", quantity: Quantity) -> None:
        self.story, self.quantity = story, quantity
        steps = [s for s in story.phase("backward") if s.key == quantity.key]
        looped = story.shared_loop(quantity.node) is not None
        self.formula = steps[-1].expression if steps and not looped else None

    def __call__(self, place: int) -> str:
        if self.formula is None:
            return ""
        index = tuple(int(i) for i in np.unravel_index(place, self.quantity.shape))
        numbers = self.story.numbers
        entry = numbers.brief(numbers.entry(self.formula, index))
        shown = Printer(numbers).show(entry)
        return plain(shown) if entry.weight() > 1 and len(shown) < LONGEST else ""
