"""Training runs drawn at random, on which no threshold of the diagnosis was chosen."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from diagnosis_faults import leaking, stretched
from diagnosis_runs import MSE, Data, Training, dense, drawn, scaled
from sklearn import datasets

import chainrule as cr


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
        cr.SGD(0.01),
        cr.SGD(0.02),
        cr.SGD(0.005, momentum=0.9),
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
