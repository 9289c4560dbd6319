"""Gradients beside finite differences: the loss is computed anew on both sides of a weight."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from chainrule.explaining.changes import entry_name
from chainrule.explaining.doubled import LossOfParameters
from chainrule.explaining.entries import Array, Index
from chainrule.tex import figure

if TYPE_CHECKING:
    from chainrule.explaining.story import Story

STEP = {"float64": 1e-5, "float32": 1e-2}  # near the cube root of the rounding, which is best
WORK = 3_000_000  # numbers that may be computed for all differences
OVERHEAD = 4_000  # numbers that could be computed in the time of a pass, where each is alone
CHUNK = 2_000_000  # numbers of one run over many values of a parameter
FEW = 24  # weights that are compared in any case


@dataclass(frozen=True)
class Differences:
    """Central differences (L(w + h) − L(w − h)) / 2h.

    slopes     by (parameter, flat place)
    total      how many weights there are
    worst      (parameter, flat place) of the largest distance from the gradient
    distance   this distance
    largest    the largest gradient, by size
    """

    slopes: dict[tuple[str, int], float]
    total: int
    step: float
    precision: str
    worst: tuple[str, int]
    distance: float
    largest: float


def differences(story: "Story", loss: LossOfParameters | None) -> Differences | None:
    """All weights where that is quick, else as many as are drawn by lot from all."""
    if loss is None:
        return None
    keys = [key for key in loss.here if loss.here[key].dtype.kind == "f"]
    sizes = [loss.here[key].size for key in keys]
    total = sum(sizes)
    if not total:
        return None
    most = max(FEW, WORK // (2 * (loss.cost + OVERHEAD * (not loss.in_one))))
    chosen: Array = np.arange(total)
    if total > most:
        chosen = np.sort(np.random.default_rng(0).choice(total, most, replace=False))
    ends = np.cumsum(sizes)
    step = STEP.get(loss.precision, 1e-2)
    slopes: dict[tuple[str, int], float] = {}
    distances: dict[tuple[str, int], float] = {}
    for key, size, end in zip(keys, sizes, ends, strict=True):
        places = chosen[(chosen >= end - size) & (chosen < end)] - (end - size)
        at_once = max(1, CHUNK // (size + loss.cost)) if loss.in_one else 1
        for begin in range(0, len(places), at_once):
            block = places[begin : begin + at_once]
            for place, slope in zip(block, _slopes(loss, key, block, step), strict=True):
                gradient = float(story.gradients[key].flat[place])
                slopes[key, int(place)] = float(slope)
                distances[key, int(place)] = abs(float(slope) - gradient)
    worst = max(distances, key=lambda where: np.nan_to_num(distances[where], nan=np.inf))
    largest = max(float(np.abs(story.gradients[key]).max(initial=0.0)) for key in keys)
    return Differences(slopes, total, step, loss.precision, worst, distances[worst], largest)


def _slopes(loss: LossOfParameters, key: str, places: Array, step: float) -> Array:
    """The differences for some entries of a parameter, all of them in one run."""
    array, count = loss.here[key], len(places)
    moved = np.repeat(array[None], 2 * count, axis=0).reshape(2 * count, -1)
    rows = np.arange(count)
    moved[rows, places] += step
    moved[count + rows, places] -= step
    values = moved.reshape(2 * count, *array.shape)
    if loss.in_one:
        found = loss.at(key, values)
    else:
        found = np.array([loss({**loss.here, key: value}) for value in values])
    slopes: Array = (found[:count] - found[count:]) / (2 * step)
    return slopes


def told(story: "Story", found: Differences) -> str:
    """The line that compares all gradients with finite differences."""
    key, place = found.worst
    quantity = story.quantity(key)
    index: Index = tuple(int(i) for i in np.unravel_index(place, quantity.shape))
    which = "the one weight" if found.total == 1 else f"all {found.total:,} weights"
    if len(found.slopes) < found.total:
        which = f"{len(found.slopes):,} of {found.total:,} weights, drawn by lot"
    if not np.isfinite(found.distance):
        return f"Gradient and finite difference cannot be compared: {key} is not finite."
    numbers = (found.distance, found.largest, found.step)
    distance, top, step = (figure(value, 3) for value in numbers)
    return (
        f"Largest difference between gradient and finite difference over {which}: {distance}, at "
        f"{entry_name(story, quantity, index)} ({key}); the largest gradient is {top}. Finite "
        f"difference: (L(w + h) − L(w − h)) / 2h with h = {step}, the loss computed anew in "
        f"{found.precision}."
    )
