"""Networks whose drawings and pages are tested: small and large, of all shapes that are drawn."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import recurrent
from numpy.lib.stride_tricks import sliding_window_view

import chainrule as cr
from chainrule.explaining.story import Story

XOR = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])


def chain() -> Story:
    """One input, one sigmoid unit, one linear output, with the numbers of many tutorials."""
    net = cr.Sequential(cr.Dense(1), cr.Sigmoid(), cr.Dense(1))
    model = cr.Model(net, "half_squared_error", cr.SGD(0.1), dtype="float64").build((1,))
    start = {"0.weight": [[0.4]], "0.bias": [0.1], "2.weight": [[0.3]], "2.bias": [0.2]}
    model.set_params(start)
    return cr.explain(model, [[0.5]], [[0.6]])


def _story(*layers, sizes: int, loss: str, samples: int = 1, optimizer=None) -> Story:
    model = cr.Model(cr.Sequential(*layers), loss, optimizer or cr.SGD(0.1), dtype="float64").build(
        (sizes,)
    )
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (samples, sizes))
    if loss == "cross_entropy":
        return cr.explain(model, x, rng.integers(0, layers[-1].units, samples))
    outputs = next(layer.units for layer in reversed(layers) if isinstance(layer, cr.Dense))
    return cr.explain(model, x, rng.uniform(0, 1, (samples, outputs)).round(1))


def neuron() -> Story:
    return _story(cr.Dense(1), cr.Sigmoid(), sizes=2, loss="half_squared_error")


def xor() -> Story:
    net = cr.Sequential(cr.Dense(4), cr.Sigmoid(), cr.Dense(1), cr.Sigmoid())
    model = cr.Model(net, "binary_cross_entropy", cr.SGD(0.1), dtype="float64").build((2,))
    return cr.explain(model, XOR, [0, 1, 1, 0])


def two_outputs() -> Story:
    layers = (cr.Dense(2), cr.Sigmoid(), cr.Dense(2), cr.Sigmoid())
    return _story(*layers, sizes=2, loss="half_squared_error", optimizer=cr.Adam(0.01))


def classes() -> Story:
    return _story(cr.Dense(5), cr.ReLU(), cr.Dense(3), sizes=4, loss="cross_entropy", samples=3)


def deep() -> Story:
    layers = [part for _ in range(6) for part in (cr.Dense(3), cr.Tanh())]
    return _story(*layers, cr.Dense(1), sizes=3, loss="half_squared_error")


def eight_wide() -> Story:
    layers = (cr.Dense(12), cr.GELU(), cr.Dense(1))
    return _story(*layers, sizes=8, loss="half_squared_error", samples=2)


def many_inputs() -> Story:
    return _story(cr.Dense(1), cr.Softplus(), sizes=8, loss="half_squared_error")


def digits() -> Story:
    return _story(cr.Dense(100), cr.ReLU(), cr.Dense(10), sizes=64, loss="cross_entropy")


def large() -> Story:
    layers = (cr.Dense(512), cr.ReLU(), cr.Dense(512), cr.ReLU(), cr.Dense(10))
    return _story(*layers, sizes=784, loss="cross_entropy")


def by_hand() -> Story:
    """A NumPy function: there is no network to draw, but a computation."""

    def loss(params, X, y):
        z = X @ params["w"] + params["b"]
        return np.mean((np.tanh(z) - y) ** 2)

    params = {"w": np.array([0.5, -0.25]), "b": 0.1}
    return cr.explain(loss, params, XOR * 1.0, np.array([0.0, 1.0, 1.0, 0.0]))


@dataclass(frozen=True, repr=False)
class Convolution(cr.Layer):
    """Three filters of 3 × 3, channels last."""

    def make(self, shape, key, dtype, after):
        filters = cr.random.normal(key, (3, 3, shape[-1], 3)) / 3
        return {"weight": filters.astype(dtype), "bias": np.zeros(3, dtype)}, {}

    def __call__(self, params, state, x, *, training=False, key=None):
        parts = sliding_window_view(x, (3, 3), axis=(1, 2))
        return np.einsum("nhwcij,ijcf->nhwf", parts, params["weight"]) + params["bias"], state


def pictures() -> Story:
    """Images through filters, a normalisation and a maximum over neighbours."""

    def pool(x):
        return sliding_window_view(x, (2, 2), axis=(1, 2))[:, ::2, ::2].max(axis=(-2, -1))

    net = cr.Sequential(
        *(Convolution(), cr.BatchNorm(), cr.ReLU(), cr.Lambda(pool), cr.Flatten(), cr.Dense(3))
    )
    model = cr.Model(net, "cross_entropy", cr.Adam(0.01), dtype="float64").build((8, 8, 1))
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 8, 8, 1)), rng.integers(0, 3, 2)
    return cr.explain(model, x, y, training=True)


def memory() -> Story:
    """A recurrent network with gates."""
    return cr.explain(*recurrent.model(recurrent.LSTM(2), times=3, last=True))


STORIES: dict[str, Callable[[], Story]] = {
    made.__name__: made
    for made in (
        *(chain, neuron, xor, two_outputs, classes, deep, eight_wide, many_inputs),
        *(digits, large, by_hand, pictures, memory),
    )
}
