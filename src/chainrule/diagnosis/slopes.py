"""The slope of an activation at each of its inputs, by its own gradient graph."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from chainrule.diagnosis.measure import Array, Passage
from chainrule.layers import Layer
from chainrule.layers.activations import Activation, Softmax
from chainrule.pipeline import compile, grad

_FAR = np.linspace(-1000.0, 1000.0, 4001)


@cache
def _derivative(layer: Activation) -> Callable[[Array], Array]:
    return compile(grad(lambda z: np.sum(layer.formula(z))), engine="numpy")


def slopes(passage: Passage) -> Array:
    """f′ at each input of an elementwise activation, as a table like `Passage.units`."""
    assert isinstance(passage.layer, Activation)
    assert passage.before is not None
    found = np.asarray(_derivative(passage.layer)(np.asarray(passage.before)))
    return found.reshape(-1, found.shape[-1])


@cache
def steepest(layer: Activation) -> float:
    """The largest |f′| that there is."""
    near = np.concatenate([_FAR, np.linspace(-10, 10, 4001)])
    return float(np.abs(np.asarray(_derivative(layer)(near))).max())


@cache
def reach(layer: Activation) -> tuple[float, float]:
    """The smallest and largest number that an activation gives; infinite where it has no bound."""
    if isinstance(layer, Softmax):
        return 0.0, 1.0
    with np.errstate(all="ignore"):
        values = np.asarray(layer.formula(_FAR))
    low, high = float(values.min()), float(values.max())
    grows = np.abs(_FAR).max() / 200  # a LeakyReLU's slope of 0.01 has no bound
    return (low if low > -grows else -np.inf), (high if high < grows else np.inf)


def is_bounded(layer: Layer) -> Any:
    """Whether it has two flat ends; a softmax is not elementwise and has no ends."""
    if not isinstance(layer, Activation) or isinstance(layer, Softmax):
        return False
    return all(np.isfinite(reach(layer)))
