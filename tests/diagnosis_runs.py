"""Healthy training runs, and what they are made of: data, networks, settings."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn import datasets
from sklearn.preprocessing import StandardScaler

import chainrule as cr
from chainrule import initializers, random

Data = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class drawn(initializers.Initializer):
    """Normally distributed numbers, whatever the fans: how weights should not begin."""

    std: float = 1.0

    def fill(self, key: Any, shape: tuple[int, ...], fan_in: Any, fan_out: Any) -> np.ndarray:
        return self.std * np.asarray(random.normal(key, shape), np.float64)


@dataclass(frozen=True)
class Training:
    """One run: a task, a network for it, and how it is trained."""

    data: Callable[[], Data]
    net: Callable[[], cr.Layer]
    loss: str = "cross_entropy"
    optimizer: Any = "adam"
    epochs: int = 60
    batch_size: int | None = 32
    seed: int = 0
    params: Callable[[], dict] | None = None  # weights to begin with, set by hand

    def run(self) -> tuple[cr.Model, np.ndarray, np.ndarray]:
        X, y = self.data()
        model = cr.Model(self.net(), self.loss, self.optimizer, seed=self.seed)
        if self.params is not None:
            model.build(X.shape[1:])
            model.set_params(self.params())
        with suppress(cr.NotFiniteError):  # of a wild run the weights before that are kept
            model.fit(X, y, epochs=self.epochs, batch_size=self.batch_size, progress=False)
        return model, X, y


# --- data ----------------------------------------------------------------------------------------


def scaled(X: np.ndarray) -> np.ndarray:
    return StandardScaler().fit_transform(X)


def packaged(name: str) -> Callable[[], Data]:
    def load() -> Data:
        X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
        if name == "digits":
            return X / 16, y
        return scaled(X), (y - y.mean()) / y.std() if name == "diabetes" else y

    return load


def raw(name: str) -> Callable[[], Data]:
    return lambda: getattr(datasets, f"load_{name}")(return_X_y=True)


def moons() -> Data:
    X, y = datasets.make_moons(400, noise=0.2, random_state=0)
    return scaled(X), y


def circles() -> Data:
    X, y = datasets.make_circles(400, noise=0.1, factor=0.5, random_state=0)
    return scaled(X), y


def blobs() -> Data:
    X, y = datasets.make_blobs(300, centers=3, n_features=4, cluster_std=3.0, random_state=1)
    return scaled(X), y


def clusters() -> Data:
    X, y = datasets.make_classification(400, 20, n_informative=5, flip_y=0.03, random_state=0)
    return scaled(X), y


def noisy() -> Data:
    X, y = datasets.make_classification(400, 10, n_informative=4, flip_y=0.3, random_state=0)
    return scaled(X), y


def friedman() -> Data:
    X, y = datasets.make_friedman1(400, noise=1.0, random_state=0)
    return scaled(X), (y - y.mean()) / y.std()


def linear() -> Data:
    random = np.random.default_rng(0)
    X = random.normal(size=(300, 5))
    return X, X @ [1.0, -2.0, 0.5, 0.0, 1.0] + 0.3 * random.normal(size=300)


def wave() -> Data:
    X = np.linspace(-3, 3, 200)[:, None]
    return X, np.sin(2 * X[:, 0])


def shells() -> Data:
    X, y = datasets.make_gaussian_quantiles(n_samples=400, n_features=4, random_state=0)
    return scaled(X), y


def xor() -> Data:
    return np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0.0, 1, 1, 0])


def images() -> Data:
    X, y = packaged("digits")()
    return X.reshape(-1, 8, 8, 1), y


# --- networks ------------------------------------------------------------------------------------


def dense(
    *units: int,
    activation: Any = cr.ReLU,
    end: tuple = (),
    everywhere: bool = False,
    **settings: Any,
) -> Any:
    """Dense layers with activations between them; the settings are those of the hidden ones, or of
    all."""

    def make() -> cr.Layer:
        layers: list[cr.Layer] = []
        for width in units[:-1]:
            layers += [cr.Dense(width, **settings), activation()]
        return cr.Sequential(*layers, cr.Dense(units[-1], **(settings if everywhere else {})), *end)

    return make


def convolved() -> cr.Layer:
    return cr.Sequential(cr.Flatten(), cr.Dense(64), cr.ReLU(), cr.Dense(10))


BINARY = "binary_cross_entropy_with_logits"
MSE = "mean_squared_error"
HALF = "half_squared_error"

# --- healthy runs --------------------------------------------------------------------------------

HEALTHY: dict[str, Training] = {
    "iris, defaults": Training(packaged("iris"), dense(100, 3)),
    "wine, defaults": Training(packaged("wine"), dense(100, 3)),
    "breast cancer, defaults": Training(packaged("breast_cancer"), dense(100, 2)),
    "digits, defaults": Training(packaged("digits"), dense(100, 10), epochs=30),
    "diabetes, defaults": Training(packaged("diabetes"), dense(100, 1), MSE),
    "digits, two hidden": Training(packaged("digits"), dense(64, 64, 10), epochs=30),
    "digits, tanh, SGD": Training(
        packaged("digits"), dense(64, 10, activation=cr.Tanh), optimizer=cr.SGD(0.1), epochs=30
    ),
    "digits as images": Training(images, convolved, epochs=20),
    "iris, sigmoid": Training(
        packaged("iris"), dense(10, 3, activation=cr.Sigmoid), optimizer=cr.Adam(0.01), epochs=100
    ),
    "wine, momentum": Training(packaged("wine"), dense(32, 3), optimizer=cr.SGD(0.02, 0.9)),
    "breast cancer, logits": Training(packaged("breast_cancer"), dense(32, 1), BINARY),
    "breast cancer, sigmoid end": Training(
        packaged("breast_cancer"), dense(32, 1, end=(cr.Sigmoid(),)), "binary_cross_entropy"
    ),
    "breast cancer, batch norm": Training(
        packaged("breast_cancer"),
        lambda: cr.Sequential(cr.Dense(32), cr.BatchNorm(), cr.ReLU(), cr.Dense(2)),
    ),
    "digits, dropout": Training(
        packaged("digits"),
        lambda: cr.Sequential(cr.Dense(100), cr.ReLU(), cr.Dropout(0.3), cr.Dense(10)),
        epochs=30,
    ),
    "moons, ReLU": Training(moons, dense(16, 16, 2), optimizer=cr.Adam(0.01)),
    "moons, tanh": Training(moons, dense(16, 2, activation=cr.Tanh), optimizer=cr.Adam(0.01)),
    "moons, GELU": Training(moons, dense(32, 2, activation=cr.GELU), optimizer=cr.Adam(0.01)),
    "circles": Training(circles, dense(32, 1), BINARY, cr.Adam(0.01)),
    "blobs": Training(blobs, dense(32, 3)),
    "blobs, softmax regression": Training(blobs, dense(3), optimizer=cr.SGD(0.1)),
    "clusters": Training(clusters, dense(64, 2)),
    "noisy labels": Training(noisy, dense(32, 2)),
    "shells": Training(shells, dense(64, 3), epochs=100),
    "Friedman": Training(friedman, dense(64, 1), MSE, epochs=100),
    "Friedman, ELU, RMSprop": Training(
        friedman, dense(32, 32, 1, activation=cr.ELU), MSE, cr.RMSprop(0.002)
    ),
    "Friedman, residual": Training(
        friedman,
        lambda: cr.Sequential(
            cr.Dense(32), *(cr.Residual(cr.Dense(32), cr.ReLU()) for _ in range(6)), cr.Dense(1)
        ),
        MSE,
    ),
    "linear, one layer": Training(linear, dense(1), MSE, cr.SGD(0.05)),
    "linear, huber": Training(linear, dense(16, 1), "huber"),
    "wave": Training(wave, dense(32, 32, 1, activation=cr.Tanh), MSE, cr.Adam(0.01), epochs=200),
    "XOR": Training(
        xor,
        dense(4, 1, activation=cr.Sigmoid, end=(cr.Sigmoid(),)),
        HALF,
        cr.SGD(1.0),
        epochs=10_000,
        batch_size=None,
        seed=1,
    ),
    "XOR, cross-entropy": Training(
        xor,
        dense(8, 1, activation=cr.Tanh, end=(cr.Sigmoid(),)),
        "binary_cross_entropy",
        cr.SGD(0.5),
        epochs=3000,
        batch_size=None,
    ),
    "deep ReLU": Training(packaged("digits"), dense(*[64] * 6, 10), epochs=20),
    "deep tanh, 6 layers": Training(
        moons, dense(*[24] * 6, 2, activation=cr.Tanh), optimizer=cr.Adam(0.005)
    ),
    "untrained": Training(packaged("digits"), dense(64, 10), epochs=0),
    "one epoch": Training(packaged("digits"), dense(64, 10), epochs=1),
}
