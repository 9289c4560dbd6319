"""Our own side: a model in its usual form, data in memory, nothing prepared."""

import os
from typing import Any

import numpy as np

from chainrule.bench import functions, layers
from chainrule.bench.peers import ENGINE
from chainrule.bench.rows import RATES, Row, samples, weights
from chainrule.history import History
from chainrule.layers import Dense, Flatten, Layer, ReLU, Sequential, Sigmoid, Tanh
from chainrule.model import Model
from chainrule.optimizers import SGD, Adam
from chainrule.pipeline import compile as compiled
from chainrule.pipeline import value_and_grad

# How each part of a row is written here.
PARTS: dict[str, Any] = {
    "dense": Dense,
    "relu": ReLU,
    "sigmoid": Sigmoid,
    "tanh": Tanh,
    "flatten": Flatten,
    "conv": layers.Convolution,
    "pool": layers.MaxPool,
    "embedding": layers.Embedding,
    "lstm": layers.LSTM,
}
OPTIMIZERS: dict[str, Any] = {"sgd": SGD, "adam": Adam}


def network(row: Row) -> Layer:
    return Sequential(*(PARTS[name](*settings) for name, *settings in row.parts))


def model(row: Row) -> Model:
    """The row's model with its first weights."""
    optimizer = OPTIMIZERS[row.optimizer](RATES[row.optimizer])
    engine = os.environ.get(ENGINE) or None
    made = Model(network(row), loss=row.loss, optimizer=optimizer, engine=engine)
    made.build(row.input)
    made.set_params(weights(row))
    return made


class Training:
    """`model.fit` for as many epochs as a block needs; like everyone, without shuffling."""

    def __init__(self, row: Row) -> None:
        self.unit, self._batch = row.batches, row.batch
        self._x, self._y = samples(row)
        self._first = weights(row)
        self._model = model(row)

    def restart(self) -> None:
        self._model.reset()
        self._model.set_params(self._first)

    def run(self, steps: int) -> History:
        return self._model.fit(
            self._x,
            self._y,
            epochs=steps // self.unit,
            batch_size=self._batch,
            shuffle=False,
            progress=False,
        )

    def parity(self, steps: int) -> list[float]:
        self.restart()
        return self.run(steps).loss


class Prediction:
    """`model.predict` of the same samples."""

    unit = 1

    def __init__(self, row: Row) -> None:
        self._x, _ = samples(row)
        self._model = model(row)

    def restart(self) -> None: ...

    def run(self, steps: int) -> Any:
        for _ in range(steps):
            result = self._model.predict(self._x)
        return result

    def parity(self, steps: int) -> list[float]:
        found: list[float] = self.run(1)[:5, 0].tolist()
        return found


class Value:
    """A compiled `value_and_grad` of a function of arrays."""

    unit = 1

    def __init__(self, row: Row) -> None:
        function, self._arguments = functions.find(row.name)
        self._both = compiled(value_and_grad(function), os.environ.get(ENGINE) or None)

    def restart(self) -> None: ...

    def run(self, steps: int) -> Any:
        both, arguments = self._both, self._arguments
        for _ in range(steps):
            result = both(*arguments)
        return result

    def parity(self, steps: int) -> list[float]:
        value, gradient = self.run(1)
        return [float(value), *functions.norms(gradient, np)]


def train(row: Row, threads: int, way: str) -> Training:
    return Training(row)


def predict(row: Row, threads: int, way: str) -> Prediction:
    return Prediction(row)


def function(row: Row, threads: int, way: str) -> Value:
    return Value(row)
