"""Central differences of the plain Python function: the second witness, and its curve."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.checking.point import Point
from chainrule.checking.steps import Array
from chainrule.trees import flatten, unflatten

STEPS = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9)
BEST = 1e-5  # the step where nothing else is known
Curve = tuple[tuple[float, float], ...]


def slope(loss: Callable[..., Any], point: Point, moves: Sequence[Any], step: float) -> float:
    """The central difference along a direction, one array for each parameter."""
    leaves, structure = flatten(point.params)
    values = []
    for sign in (1, -1):
        moved = [a + sign * step * m for a, m in zip(leaves, moves, strict=True)]
        result = point.moved(unflatten(structure, moved)).call(loss)
        values.append(float(np.asarray(result).reshape(())))
    return (values[0] - values[1]) / (2 * step)


def curve(loss: Callable[..., Any], point: Point, gradients: Mapping[str, Array]) -> Curve:
    """(step, relative distance of the differences from the gradient) in one random direction."""
    leaves, _ = flatten(point.params)
    generator = np.random.default_rng(0)
    moves = [generator.normal(size=np.shape(leaf)) for leaf in leaves]
    true = sum(float(np.sum(g * m)) for g, m in zip(gradients.values(), moves, strict=True))
    size = max(abs(true), 1e-12)
    return tuple((step, abs(slope(loss, point, moves, step) - true) / size) for step in STEPS)


def differences(loss: Callable[..., Any], point: Point, step: float = BEST) -> dict[str, Array]:
    """The gradient, coordinate by coordinate."""
    leaves, _ = flatten(point.params)
    found = {}
    for place, name in enumerate(point.names):
        gradient = np.zeros(np.shape(leaves[place]))
        for index in np.ndindex(gradient.shape):
            moves = [np.zeros(np.shape(leaf)) for leaf in leaves]
            moves[place][index] = 1.0
            gradient[index] = slope(loss, point, moves, step)
        found[name] = gradient
    return found
