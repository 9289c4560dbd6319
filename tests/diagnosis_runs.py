"""Training runs to diagnose: healthy ones, and ones with a single fault planted in them.

A fault is planted by changing one thing of a healthy run. `python tests/diagnosis_runs.py`
diagnoses all of them and writes the table tests/results/diagnosis.md; `tests/test_diagnosis.py`
takes the small ones.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
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


# --- runs with one fault -------------------------------------------------------------------------


def stretched(data: Callable[[], Data], factor: Any, offset: Any = 0.0) -> Callable[[], Data]:
    def load() -> Data:
        X, y = data()
        return X * factor + offset, y

    return load


def leaking(data: Callable[[], Data], noise: float = 0.0) -> Callable[[], Data]:
    """With the target itself, or nearly, as one more column."""

    def load() -> Data:
        X, y = data()
        more = y + noise * np.random.default_rng(0).normal(size=len(y))
        return np.column_stack([X, (more - more.mean()) / more.std()]), y

    return load


def of_seed_42() -> dict:
    numbers = np.random.RandomState(42)
    w1, w2 = numbers.randn(2, 2), numbers.randn(2, 1)
    b1, b2 = numbers.randn(1, 2), numbers.randn(1, 1)
    return {"0.weight": w1, "0.bias": b1[0], "2.weight": w2, "2.bias": b2[0]}


def xor_net() -> cr.Layer:
    return cr.Sequential(
        cr.Dense(2, weight=drawn(), initial_bias=drawn()),
        cr.Sigmoid(),
        cr.Dense(1, weight=drawn(), initial_bias=drawn()),
        cr.Sigmoid(),
    )


_LARGE = drawn(8.0)
_DEAD = cr.initializers.constant(-20.0)
_STUCK = Training(
    xor, xor_net, "binary_cross_entropy", cr.SGD(0.4), 10_000, None, params=of_seed_42
)

FAULTY: dict[str, tuple[str, Training]] = {
    "ten sigmoid layers": (
        "vanishing-gradients",
        Training(moons, dense(*[16] * 10, 2, activation=cr.Sigmoid)),
    ),
    "eight sigmoid layers, SGD": (
        "vanishing-gradients",
        Training(
            packaged("digits"),
            dense(*[32] * 8, 10, activation=cr.Sigmoid),
            optimizer=cr.SGD(0.1),
            epochs=10,
        ),
    ),
    "ten layers of small weights": (
        "vanishing-gradients",
        Training(
            friedman,
            dense(*[24] * 10, 1, activation=cr.Tanh, weight=drawn(0.02)),
            MSE,
        ),
    ),
    "eight ReLU layers of large weights": (
        "exploding-gradients",
        Training(
            friedman,
            dense(*[32] * 8, 1, activation=cr.ReLU, weight=drawn(1.0)),
            MSE,
            epochs=20,
        ),
    ),
    "twelve ReLU layers, Glorot times 4": (
        "exploding-gradients",
        Training(
            packaged("digits"),
            dense(*[48] * 12, 10, weight=drawn(0.8)),
            optimizer=cr.SGD(0.01),
            epochs=5,
        ),
    ),
    "a deep linear chain": (
        "exploding-gradients",
        Training(
            moons,
            dense(*[16] * 14, 2, activation=cr.Identity, weight=drawn(0.9)),
            epochs=10,
        ),
    ),
    "biases that kill every ReLU": (
        "dead-relus",
        Training(packaged("digits"), dense(64, 10, initial_bias=_DEAD), epochs=10),
    ),
    "a dead second layer": (
        "dead-relus",
        Training(
            friedman,
            lambda: cr.Sequential(
                cr.Dense(32), cr.ReLU(), cr.Dense(32, initial_bias=_DEAD), cr.ReLU(), cr.Dense(1)
            ),
            MSE,
            epochs=20,
        ),
    ),
    "most of a layer dead": (
        "dead-relus",
        Training(
            moons,
            lambda: cr.Sequential(
                cr.Dense(20, initial_bias=np.r_[np.full(16, -9.0), np.zeros(4)]),
                cr.ReLU(),
                cr.Dense(2),
            ),
            epochs=20,
        ),
    ),
    "sigmoids saturated from the start": (
        "saturated-units",
        Training(clusters, dense(32, 32, 2, activation=cr.Sigmoid, weight=_LARGE), epochs=20),
    ),
    "tanh saturated from the start": (
        "saturated-units",
        Training(
            packaged("breast_cancer"),
            dense(24, 2, activation=cr.Tanh, weight=_LARGE),
            epochs=5,
            optimizer=cr.SGD(0.01),
        ),
    ),
    "sigmoids saturated by their bias": (
        "saturated-units",
        Training(
            friedman,
            dense(32, 1, activation=cr.Sigmoid, initial_bias=cr.initializers.constant(12.0)),
            MSE,
            epochs=20,
        ),
    ),
    "Adam at 3": (
        "learning-rate-too-high",
        Training(packaged("digits"), dense(64, 10), optimizer=cr.Adam(3.0), epochs=10),
    ),
    "SGD at 30": (
        "learning-rate-too-high",
        Training(moons, dense(16, 2, activation=cr.Tanh), optimizer=cr.SGD(30.0)),
    ),
    "SGD at 2, squared error": (
        "learning-rate-too-high",
        Training(linear, dense(1), MSE, cr.SGD(2.0)),
    ),
    "Adam at 1, regression": (
        "learning-rate-too-high",
        Training(friedman, dense(64, 1), MSE, cr.Adam(1.0), epochs=40),
    ),
    "Adam at 1e-7": (
        "learning-rate-too-low",
        Training(packaged("digits"), dense(64, 10), optimizer=cr.Adam(1e-7), epochs=20),
    ),
    "SGD at 1e-6": (
        "learning-rate-too-low",
        Training(linear, dense(1), MSE, cr.SGD(1e-6), epochs=100),
    ),
    "SGD at 1e-5, moons": (
        "learning-rate-too-low",
        Training(moons, dense(16, 2, activation=cr.Tanh), optimizer=cr.SGD(1e-5), epochs=100),
    ),
    "wine as it comes": ("unscaled-inputs", Training(raw("wine"), dense(32, 3))),
    "breast cancer as it comes, SGD": (
        "unscaled-inputs",
        Training(raw("breast_cancer"), dense(32, 2), optimizer=cr.SGD(0.01), epochs=20),
    ),
    "inputs a thousand times too small": (
        "unscaled-inputs",
        Training(stretched(moons, 1e-3), dense(16, 2)),
    ),
    "years": (
        "unscaled-inputs",
        Training(stretched(friedman, 1.0, 2000.0), dense(32, 1), MSE, epochs=20),
    ),
    "weights all zero": (
        "symmetric-start",
        Training(
            moons,
            dense(16, 2, activation=cr.Tanh, weight="zeros", everywhere=True),
            optimizer=cr.Adam(0.01),
        ),
    ),
    "weights all 0.1": (
        "symmetric-start",
        Training(
            packaged("iris"),
            dense(16, 3, weight=cr.initializers.constant(0.1), everywhere=True),
            epochs=30,
        ),
    ),
    "ones in two layers": (
        "symmetric-start",
        Training(
            xor,
            lambda: cr.Sequential(
                cr.Dense(4, weight="ones"), cr.Sigmoid(), cr.Dense(1, weight="ones"), cr.Sigmoid()
            ),
            HALF,
            cr.SGD(1.0),
            epochs=5000,
            batch_size=None,
        ),
    ),
    "XOR from seed 42": ("stuck-start", _STUCK),
    "XOR from seed 42, squared error": (
        "stuck-start",
        replace(_STUCK, loss=HALF, optimizer=cr.SGD(1.0)),
    ),
    "XOR with two ReLU units": (
        "stuck-start",
        Training(
            xor,
            lambda: cr.Sequential(cr.Dense(2), cr.ReLU(), cr.Dense(1)),
            MSE,
            cr.SGD(0.1),
            epochs=5000,
            batch_size=None,
            seed=1,
        ),
    ),
    "the target among the features": (
        "leaking-labels",
        Training(leaking(packaged("breast_cancer")), dense(32, 2)),
    ),
    "the target with a little noise": (
        "leaking-labels",
        Training(leaking(friedman, 0.02), dense(32, 1), MSE),
    ),
    "class numbers among the features": (
        "leaking-labels",
        Training(leaking(packaged("wine"), 0.01), dense(32, 3)),
    ),
    "a sigmoid for numbers beyond 1": (
        "loss-mismatch",
        Training(friedman, dense(32, 1, end=(cr.Sigmoid(),)), MSE),
    ),
    "a ReLU before the softmax of the loss": (
        "loss-mismatch",
        Training(packaged("iris"), dense(32, 3, end=(cr.ReLU(),))),
    ),
    "a ReLU for negative numbers": (
        "loss-mismatch",
        Training(linear, dense(16, 1, end=(cr.ReLU(),)), MSE),
    ),
    "a tanh as logit": (
        "loss-mismatch",
        Training(packaged("breast_cancer"), dense(32, 1, end=(cr.Tanh(),)), BINARY),
    ),
}


# --- runs drawn at random, on which no threshold was chosen ----------------------------------------


def _task(random: np.random.Generator) -> tuple[Callable[[], Data], int, str]:
    """(data, outputs, loss) of scikit-learn's generators, scaled."""
    seed, rows = int(random.integers(1_000_000)), int(random.choice([120, 300, 800]))
    makers: list[tuple[Callable[..., Data], int]] = [
        (lambda **k: datasets.make_moons(rows, noise=0.25, **k), 2),
        (lambda **k: datasets.make_circles(rows, noise=0.12, factor=0.5, **k), 2),
        (lambda **k: datasets.make_blobs(rows, 6, centers=4, cluster_std=4.0, **k), 4),
        (lambda **k: datasets.make_gaussian_quantiles(n_samples=rows, n_features=3, **k), 3),
        (lambda **k: datasets.make_classification(rows, 12, n_informative=5, **k), 2),
        (
            lambda **k: datasets.make_classification(
                rows, 8, n_informative=5, n_classes=3, flip_y=0.2, **k
            ),
            3,
        ),
        (lambda **k: datasets.make_friedman1(rows, noise=1.0, **k), 1),
        (lambda **k: datasets.make_friedman2(rows, noise=50.0, **k), 1),
        (lambda **k: datasets.make_friedman3(rows, noise=0.1, **k), 1),
        (lambda **k: datasets.make_regression(rows, 10, n_informative=5, noise=30.0, **k), 1),
    ]
    make, outputs = makers[random.integers(len(makers))]

    def load() -> Data:
        X, y = make(random_state=seed)
        return scaled(X), (y - y.mean()) / y.std() if outputs == 1 else y

    return load, outputs, MSE if outputs == 1 else "cross_entropy"


def at_random(seed: int) -> tuple[Training, dict[str, Any]]:
    """A sensible run, and what its network was made from."""
    random = np.random.default_rng(seed)
    data, outputs, loss = _task(random)
    activations = [cr.ReLU, cr.Tanh, cr.GELU, cr.ELU, cr.SiLU, cr.LeakyReLU, cr.Sigmoid]
    activation = activations[random.integers(len(activations))]
    depth = 1 if activation is cr.Sigmoid else int(random.integers(1, 4))
    units = [int(random.choice([8, 16, 32, 64])) for _ in range(depth)]
    optimizers = [
        cr.Adam(0.001),
        cr.Adam(0.003),
        cr.Adam(0.01),
        cr.SGD(0.05),
        cr.SGD(0.1),
        cr.SGD(0.02, momentum=0.9),
        cr.RMSprop(0.001),
        cr.AdamW(0.003),
        cr.NAdam(0.002),
    ]
    optimizer = optimizers[random.integers(len(optimizers))]
    parts = {"units": (*units, outputs), "activation": activation}
    training = Training(
        data,
        dense(*parts["units"], activation=activation),
        loss,
        optimizer,
        epochs=int(random.choice([5, 30, 100])),
        batch_size=int(random.choice([16, 32, 64])),
        seed=seed,
    )
    return training, parts


def with_a_fault(seed: int) -> tuple[str, Training]:
    """A sensible run with one thing changed for the worse, and the symptom that should be named."""
    training, parts = at_random(seed)
    random = np.random.default_rng([seed, 1])
    units, activation = parts["units"], parts["activation"]
    width, outputs = units[0], units[-1]
    two = (width, width, outputs)
    squashing = [cr.Sigmoid, cr.Tanh][random.integers(2)]
    faults: list[tuple[str, dict[str, Any]]] = [
        (
            "vanishing-gradients",
            {"net": dense(*[width] * int(random.integers(8, 13)), outputs, activation=cr.Sigmoid)},
        ),
        (
            "exploding-gradients",
            {"net": dense(*[32] * 9, outputs, activation=cr.ReLU, weight=drawn(0.9))},
        ),
        (
            "dead-relus",
            {"net": dense(*two, initial_bias=cr.initializers.constant(-30.0))},
        ),
        (
            "saturated-units",
            {"net": dense(*two, activation=squashing, weight=drawn(10.0))},
        ),
        ("learning-rate-too-high", {"optimizer": cr.Adam(float(random.choice([1.0, 3.0, 10.0])))}),
        ("learning-rate-too-high", {"optimizer": cr.SGD(float(random.choice([20.0, 100.0])))}),
        ("learning-rate-too-low", {"optimizer": cr.SGD(float(random.choice([1e-6, 1e-7])))}),
        ("learning-rate-too-low", {"optimizer": cr.Adam(float(random.choice([1e-7, 1e-8])))}),
        ("unscaled-inputs", {"data": stretched(training.data, float(random.choice([50, 1000])))}),
        ("unscaled-inputs", {"data": stretched(training.data, 1.0, 500.0)}),
        ("unscaled-inputs", {"data": stretched(training.data, 1e-3)}),
        (
            "symmetric-start",
            {
                "net": dense(
                    *two,
                    activation=activation,
                    everywhere=True,
                    weight=cr.initializers.constant(float(random.choice([0.0, 0.1, 0.5]))),
                )
            },
        ),
        ("leaking-labels", {"data": leaking(training.data, float(random.choice([0.0, 0.01])))}),
        (
            "loss-mismatch",
            {"net": dense(*units, activation=activation, end=(cr.Tanh(),))}
            if outputs > 1
            else {"net": dense(*units, activation=activation, end=(cr.Sigmoid(),))},
        ),
    ]
    symptom, change = faults[random.integers(len(faults))]
    return symptom, replace(training, **change)
