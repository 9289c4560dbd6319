"""Training runs with a single fault planted in them: one thing of a sensible run is changed."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from diagnosis_runs import (
    BINARY,
    HALF,
    MSE,
    Data,
    Training,
    clusters,
    dense,
    drawn,
    friedman,
    linear,
    moons,
    packaged,
    raw,
    xor,
)

import chainrule as cr
from chainrule.diagnosis import Finding


@dataclass(frozen=True)
class Fault:
    """A fault, and its cure.

    symptom  what should be named first
    sound    the run without the fault
    change   what is changed for the worse
    cure     what the finding's remedy says, applied to the run with the fault; by default that is
             the sound run
    """

    symptom: str
    sound: Training
    change: Mapping[str, Any]
    cure: Callable[["Fault", Finding], Training] = field(default=lambda fault, _: fault.sound)

    @property
    def training(self) -> Training:
        return replace(self.sound, **self.change)


def _at_the_rate_named(fault: Fault, finding: Finding) -> Training:
    rate = float(re.search(r"about ([\d.,e+-]+) instead", finding.remedy)[1].replace(",", ""))
    return replace(fault.training, optimizer=replace(fault.training.optimizer, lr=rate))


def _from_the_start_named(fault: Fault, finding: Finding) -> Training:
    seed = int(re.search(r"seed=(\d+)", finding.remedy)[1])
    return replace(fault.training, params=None, seed=seed)


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


def of_seed_42() -> dict[str, np.ndarray]:
    numbers = np.random.RandomState(42)
    w1, w2 = numbers.randn(2, 2), numbers.randn(2, 1)
    b1, b2 = numbers.randn(1, 2), numbers.randn(1, 1)
    return {"0.weight": w1, "0.bias": b1[0], "2.weight": w2, "2.bias": b2[0]}


def xor_net() -> cr.Layer:
    """Two hidden units, and every number drawn from the normal distribution."""
    return cr.Sequential(
        cr.Dense(2, weight=drawn(), initial_bias=drawn()),
        cr.Sigmoid(),
        cr.Dense(1, weight=drawn(), initial_bias=drawn()),
        cr.Sigmoid(),
    )


def two_relus() -> cr.Layer:
    return cr.Sequential(cr.Dense(2), cr.ReLU(), cr.Dense(1))


SIGMOID, TANH = {"activation": cr.Sigmoid}, {"activation": cr.Tanh}
LARGE = {"weight": drawn(8.0)}
DEAD = {"initial_bias": cr.initializers.constant(-20.0)}
ALIKE = {"weight": cr.initializers.constant(0.1), "everywhere": True}

_XOR = Training(xor, xor_net, "binary_cross_entropy", cr.SGD(0.4), 10_000, None)
_XOR_HALF = replace(_XOR, loss=HALF, optimizer=cr.SGD(1.0))
_XOR_RELU = Training(xor, two_relus, MSE, cr.SGD(0.1), epochs=5000, batch_size=None)

_DIGITS = packaged("digits")
_CANCER = packaged("breast_cancer")

FAULTY: dict[str, Fault] = {
    "ten sigmoid layers": Fault(
        "vanishing-gradients",
        Training(moons, dense(*[16] * 10, 2)),
        {"net": dense(*[16] * 10, 2, **SIGMOID)},
    ),
    "eight sigmoid layers, SGD": Fault(
        "vanishing-gradients",
        Training(_DIGITS, dense(*[32] * 8, 10, **TANH), optimizer=cr.SGD(0.1), epochs=10),
        {"net": dense(*[32] * 8, 10, **SIGMOID)},
    ),
    "ten layers of small weights": Fault(
        "vanishing-gradients",
        Training(friedman, dense(*[24] * 10, 1, **TANH), MSE),
        {"net": dense(*[24] * 10, 1, **TANH, weight=drawn(0.02))},
    ),
    "eight ReLU layers of large weights": Fault(
        "exploding-gradients",
        Training(friedman, dense(*[32] * 8, 1), MSE, epochs=20),
        {"net": dense(*[32] * 8, 1, weight=drawn(1.0))},
    ),
    "twelve ReLU layers of large weights, SGD": Fault(
        "exploding-gradients",
        Training(_DIGITS, dense(*[48] * 12, 10), optimizer=cr.SGD(0.01), epochs=5),
        {"net": dense(*[48] * 12, 10, weight=drawn(0.8))},
    ),
    "a deep linear chain": Fault(
        "exploding-gradients",
        Training(moons, dense(*[16] * 14, 2, activation=cr.Identity), epochs=10),
        {"net": dense(*[16] * 14, 2, activation=cr.Identity, weight=drawn(0.9))},
    ),
    "biases that kill every ReLU": Fault(
        "dead-relus",
        Training(_DIGITS, dense(64, 10), epochs=10),
        {"net": dense(64, 10, **DEAD)},
    ),
    "two dead layers": Fault(
        "dead-relus",
        Training(friedman, dense(32, 32, 1), MSE, epochs=20),
        {"net": dense(32, 32, 1, **DEAD)},
    ),
    "most of a layer dead": Fault(
        "dead-relus",
        Training(moons, dense(20, 2), epochs=20),
        {"net": dense(20, 2, initial_bias=np.r_[np.full(16, -9.0), np.zeros(4)])},
    ),
    "sigmoids saturated from the start": Fault(
        "saturated-units",
        Training(clusters, dense(32, 32, 2, **SIGMOID), epochs=20),
        {"net": dense(32, 32, 2, **SIGMOID, **LARGE)},
    ),
    "tanh saturated from the start": Fault(
        "saturated-units",
        Training(_CANCER, dense(24, 2, **TANH), optimizer=cr.SGD(0.01), epochs=5),
        {"net": dense(24, 2, **TANH, **LARGE)},
    ),
    "sigmoids saturated by their bias": Fault(
        "saturated-units",
        Training(friedman, dense(32, 1, **SIGMOID), MSE, epochs=20),
        {"net": dense(32, 1, **SIGMOID, initial_bias=cr.initializers.constant(12.0))},
    ),
    "Adam at 3": Fault(
        "learning-rate-too-high",
        Training(_DIGITS, dense(64, 10), epochs=10),
        {"optimizer": cr.Adam(3.0)},
        _at_the_rate_named,
    ),
    "SGD at 30": Fault(
        "learning-rate-too-high",
        Training(moons, dense(16, 2, **TANH)),
        {"optimizer": cr.SGD(30.0)},
        _at_the_rate_named,
    ),
    "SGD at 2, one layer": Fault(
        "learning-rate-too-high",
        Training(linear, dense(1), MSE),
        {"optimizer": cr.SGD(2.0)},
        _at_the_rate_named,
    ),
    "Adam at 1, regression": Fault(
        "learning-rate-too-high",
        Training(friedman, dense(64, 1), MSE, epochs=40),
        {"optimizer": cr.Adam(1.0)},
        _at_the_rate_named,
    ),
    "Adam at 1e-7": Fault(
        "learning-rate-too-low",
        Training(_DIGITS, dense(64, 10), epochs=20),
        {"optimizer": cr.Adam(1e-7)},
        _at_the_rate_named,
    ),
    "SGD at 1e-6, one layer": Fault(
        "learning-rate-too-low",
        Training(linear, dense(1), MSE, epochs=100),
        {"optimizer": cr.SGD(1e-6)},
        _at_the_rate_named,
    ),
    "SGD at 1e-5": Fault(
        "learning-rate-too-low",
        Training(moons, dense(16, 2, **TANH), epochs=100),
        {"optimizer": cr.SGD(1e-5)},
        _at_the_rate_named,
    ),
    "wine as it comes": Fault(
        "unscaled-inputs",
        Training(packaged("wine"), dense(32, 3)),
        {"data": raw("wine")},
    ),
    "breast cancer as it comes, SGD": Fault(
        "unscaled-inputs",
        Training(_CANCER, dense(32, 2), optimizer=cr.SGD(0.01), epochs=20),
        {"data": raw("breast_cancer")},
    ),
    "inputs a thousand times too small": Fault(
        "unscaled-inputs",
        Training(moons, dense(16, 2)),
        {"data": stretched(moons, 1e-3)},
    ),
    "years": Fault(
        "unscaled-inputs",
        Training(friedman, dense(32, 1), MSE, epochs=20),
        {"data": stretched(friedman, 1.0, 2000.0)},
    ),
    "weights all zero": Fault(
        "symmetric-start",
        Training(moons, dense(16, 2, **TANH), optimizer=cr.Adam(0.01)),
        {"net": dense(16, 2, **TANH, weight="zeros", everywhere=True)},
    ),
    "weights all 0.1": Fault(
        "symmetric-start",
        Training(packaged("iris"), dense(16, 3), epochs=150),
        {"net": dense(16, 3, **ALIKE)},
    ),
    "three layers of 0.1": Fault(
        "symmetric-start",
        Training(friedman, dense(16, 16, 1, **TANH), MSE, cr.Adam(0.01)),
        {"net": dense(16, 16, 1, **TANH, **ALIKE)},
    ),
    "XOR from seed 42": Fault("stuck-start", _XOR, {"params": of_seed_42}, _from_the_start_named),
    "XOR from seed 42, squared error": Fault(
        "stuck-start", _XOR_HALF, {"params": of_seed_42}, _from_the_start_named
    ),
    "XOR with two ReLUs from seed 1": Fault(
        "stuck-start", _XOR_RELU, {"seed": 1}, _from_the_start_named
    ),
    "the target among the features": Fault(
        "leaking-labels",
        Training(_CANCER, dense(32, 2)),
        {"data": leaking(_CANCER)},
    ),
    "the target with a little noise": Fault(
        "leaking-labels",
        Training(friedman, dense(32, 1), MSE),
        {"data": leaking(friedman, 0.02)},
    ),
    "class numbers among the features": Fault(
        "leaking-labels",
        Training(packaged("wine"), dense(32, 3)),
        {"data": leaking(packaged("wine"), 0.01)},
    ),
    "a sigmoid for numbers beyond 1": Fault(
        "loss-mismatch",
        Training(friedman, dense(32, 1), MSE),
        {"net": dense(32, 1, end=(cr.Sigmoid(),))},
    ),
    "a ReLU before the softmax of the loss": Fault(
        "loss-mismatch",
        Training(packaged("iris"), dense(32, 3)),
        {"net": dense(32, 3, end=(cr.ReLU(),))},
    ),
    "a ReLU for negative numbers": Fault(
        "loss-mismatch",
        Training(linear, dense(16, 1), MSE),
        {"net": dense(16, 1, end=(cr.ReLU(),))},
    ),
    "a tanh as logit": Fault(
        "loss-mismatch",
        Training(_CANCER, dense(32, 1), BINARY),
        {"net": dense(32, 1, end=(cr.Tanh(),))},
    ),
}
