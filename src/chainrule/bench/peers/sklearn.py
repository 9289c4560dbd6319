"""scikit-learn's MLP, given the same first weights and no penalty.

Its squared error is half of the mean over samples of the sum over outputs. Where the row's is
another multiple of that, Adam takes the same steps if its epsilon is scaled alike.
"""

import warnings
from typing import Any

import numpy as np
from sklearn.neural_network import MLPClassifier, MLPRegressor

from chainrule.bench.peers import LeftOut
from chainrule.bench.rows import RATES, Row, samples, weights

ACTIVATIONS = {"relu": "relu", "sigmoid": "logistic", "tanh": "tanh"}
EPSILON = 1e-8


def network(row: Row) -> Any:
    """The estimator of a dense row with its first weights; LeftOut where there is none."""
    widths = [part[1] for part in row.parts if part[0] == "dense"]
    acts = {part[0] for part in row.parts} - {"dense"}
    dense = all(part[0] in ("dense", *ACTIVATIONS) for part in row.parts)
    if not dense or len(acts) > 1:
        raise LeftOut("dense networks of one activation only")
    if row.parts[-1][0] != "dense":
        raise LeftOut("no activation behind the last layer")
    if row.optimizer != "adam":
        raise LeftOut("written for Adam only")
    classify = row.loss == "cross_entropy"
    multiple = 1.0 if classify else _multiple(row)
    made = (MLPClassifier if classify else MLPRegressor)(
        hidden_layer_sizes=tuple(widths[:-1]),
        activation=ACTIVATIONS[acts.pop()],
        solver="adam",
        alpha=0.0,
        batch_size=row.batch,
        learning_rate_init=RATES["adam"],
        epsilon=EPSILON / multiple,
        shuffle=False,
        tol=0.0,
        n_iter_no_change=10**9,
        max_iter=1,
        warm_start=True,
    )
    return made


def _multiple(row: Row) -> float:
    """The row's loss over scikit-learn's."""
    outputs: int = row.shapes()[-1][-1]
    return 2 / outputs if row.loss == "mean_squared_error" else 1.0


def _data(row: Row) -> tuple[Any, Any]:
    x, y = samples(row)
    return x, y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y


class Training:
    def __init__(self, row: Row) -> None:
        warnings.simplefilter("ignore")
        self.unit, self._row = row.batches, row
        self._x, self._y = _data(row)
        self._network = network(row)
        if row.loss == "cross_entropy" and len(np.unique(self._y)) != row.shapes()[-1][0]:
            raise LeftOut("it counts the classes in the data, and one of them does not occur")
        self._network.fit(self._x, self._y)  # makes the arrays
        self.restart()

    def restart(self) -> None:
        found = weights(self._row)
        names = sorted({int(name.partition(".")[0]) for name in found})
        self._network.coefs_ = [found[f"{name}.weight"] for name in names]
        self._network.intercepts_ = [found[f"{name}.bias"] for name in names]

    def run(self, steps: int) -> None:
        self._network.max_iter = steps // self.unit
        self._network.fit(self._x, self._y)

    def parity(self, steps: int) -> list[float]:
        self.restart()
        self.run(steps)
        scale = 1.0
        if self._row.loss == "mean_squared_error":  # it reports half of the mean
            scale = 2.0
        epochs = steps // self.unit  # the curve goes on from the run before
        return [scale * float(loss) for loss in self._network.loss_curve_[-epochs:]]


class Prediction:
    unit = 1

    def __init__(self, row: Row) -> None:
        warnings.simplefilter("ignore")
        self._x, y = _data(row)
        self._network = network(row)
        count = min(len(self._x), row.batch, 100)
        self._network.batch_size = count
        self._network.fit(self._x[:count], y[:count])
        found = weights(row)
        names = sorted({int(name.partition(".")[0]) for name in found})
        self._network.coefs_ = [found[f"{name}.weight"] for name in names]
        self._network.intercepts_ = [found[f"{name}.bias"] for name in names]

    def restart(self) -> None: ...

    def run(self, steps: int) -> Any:
        for _ in range(steps):
            result = self._network.predict(self._x)
        return result

    def parity(self, steps: int) -> list[float]:
        found: list[float] = self.run(1)[:5].tolist()
        return found


def train(row: Row, threads: int, way: str) -> Training:
    return Training(row)


def predict(row: Row, threads: int, way: str) -> Prediction:
    return Prediction(row)
