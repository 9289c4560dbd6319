"""What the loss would be, had one weight been a little different: computed, not estimated."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from chainrule.explaining.entries import Array, Index
from chainrule.graph import Graph

if TYPE_CHECKING:
    from chainrule.explaining.story import Story

SIZES = (0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0)
OFFSETS = (*(-size for size in reversed(SIZES)), 0.0, *SIZES)
ALL_OF = 64  # so many weights are all nudged; of more, those with the largest gradients
FEW, MOST = 3, 24  # of each parameter, and altogether
LARGE = 20_000  # from so many weights on, one of each parameter


@dataclass(frozen=True)
class Nudged:
    """One weight, and the loss at its value plus each of `OFFSETS`."""

    key: str
    index: Index
    losses: tuple[float, ...]

    @property
    def name(self) -> str:
        return f"{self.key}[{','.join(map(str, self.index))}]"


def chosen_weights(story: "Story") -> list[tuple[str, Index]]:
    """All weights of a small network; of a large one, those with the largest gradients."""
    shapes = {
        q.key: q.shape
        for q in story.quantities
        if q.kind == "parameter" and q.key in story.gradients
    }
    sizes = {key: prod(shape) for key, shape in shapes.items()}
    if sum(sizes.values()) <= ALL_OF:
        return [(key, index) for key, shape in shapes.items() for index in np.ndindex(*shape)]
    each = 1 if sum(sizes.values()) > LARGE else FEW
    found = []
    for key, shape in shapes.items():
        order = largest_places(np.abs(story.gradients[key]).ravel(), each)
        found += [(key, tuple(int(i) for i in np.unravel_index(p, shape))) for p in order]
    return found[:MOST]


def largest_places(sizes: Array, count: int) -> Array:
    """Where the largest numbers stand, largest first; of equal ones, the first."""
    sizes = np.nan_to_num(sizes, nan=-1.0)
    if count >= sizes.size:
        return np.argsort(-sizes, kind="stable")
    edge = np.partition(sizes, sizes.size - count)[sizes.size - count]
    places = np.flatnonzero(sizes >= edge)
    return places[np.argsort(-sizes[places], kind="stable")][:count]


def nudge(story: "Story", weights: list[tuple[str, Index]]) -> Iterator[Nudged]:
    """The loss of the whole pass for every nudge, by the engine that computed the story."""
    record = story.record
    if record.graph is None or record.run is None:
        return
    graph = Graph(record.graph.name, record.graph.inputs, (record.roots.loss,))
    run = record.run(graph)
    places = {node: place for place, node in enumerate(graph.inputs)}
    arrays = [record.values[node] for node in graph.inputs]
    for key, index in weights:
        place = places[record.roots.parameters[key]]
        losses = []
        for offset in OFFSETS:
            changed = np.array(arrays[place])
            changed[index] += offset
            given = [*arrays[:place], changed, *arrays[place + 1 :]]
            with np.errstate(all="ignore"):
                losses.append(float(np.asarray(run(given)[record.roots.loss])))
        yield Nudged(key, index, tuple(losses))
