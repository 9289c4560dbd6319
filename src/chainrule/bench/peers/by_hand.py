"""NumPy as a careful person writes it: dense networks, in place, nothing computed twice."""

from typing import Any

import numpy as np

from chainrule.bench.peers import LeftOut
from chainrule.bench.rows import RATES, Row, samples, weights

Array = np.ndarray[Any, Any]


def _sigmoid(z: Array) -> None:
    np.negative(z, out=z)
    np.exp(z, out=z)
    z += 1
    np.reciprocal(z, out=z)


# In place, and the derivative out of the result.
ACTIVATIONS: dict[str, tuple[Any, Any]] = {
    "relu": (lambda z: np.maximum(z, 0, out=z), lambda a: a > 0),
    "sigmoid": (_sigmoid, lambda a: a * (1 - a)),
    "tanh": (lambda z: np.tanh(z, out=z), lambda a: 1 - a * a),
}


class Network:
    """Weights of a dense row, its forward pass, and a training step."""

    def __init__(self, row: Row) -> None:
        if any(part[0] not in ("dense", *ACTIVATIONS) for part in row.parts):
            raise LeftOut("written for dense networks only")
        self._row = row
        self.restart()

    def restart(self) -> None:
        found = weights(self._row)
        parts = self._row.parts
        self._weights: list[Array] = []
        self._acts: list[str] = []
        for place, part in enumerate(parts):
            if part[0] == "dense":
                self._weights += [found[f"{place}.weight"], found[f"{place}.bias"]]
                behind = parts[place + 1][0] if place + 1 < len(parts) else "dense"
                self._acts.append("" if behind == "dense" else behind)
        self._first = [np.zeros_like(w) for w in self._weights]
        self._second = [np.zeros_like(w) for w in self._weights]
        self._scratch = [np.empty_like(w) for w in self._weights]
        self._steps = 0

    def forward(self, x: Array) -> list[Array]:
        """The values of all layers, the input first."""
        values = [x]
        for place, act in enumerate(self._acts):
            z = values[-1] @ self._weights[2 * place]
            z += self._weights[2 * place + 1]
            if act:
                ACTIVATIONS[act][0](z)
            values.append(z)
        return values

    def step(self, x: Array, y: Array) -> float:
        """One update; the loss before it."""
        values = self.forward(x)
        loss, back = self._loss(values[-1], y)
        gradients: list[Array] = []
        for place in reversed(range(len(self._acts))):
            if self._acts[place]:
                back *= ACTIVATIONS[self._acts[place]][1](values[place + 1])
            gradients += [back.sum(axis=0), values[place].T @ back]
            if place:
                back = back @ self._weights[2 * place].T
        self._update(gradients[::-1])
        return loss

    def _loss(self, prediction: Array, y: Array) -> tuple[float, Array]:
        """The loss, and its slope in the prediction's own memory or a new one."""
        count = len(y)
        if self._row.loss == "cross_entropy":
            picks = (np.arange(count), y)
            z = prediction - prediction.max(axis=1, keepdims=True)
            picked = z[picks]
            np.exp(z, out=z)
            sums = z.sum(axis=1, keepdims=True)
            loss = float(np.mean(np.log(sums[:, 0]) - picked))
            z /= sums
            z[picks] -= 1
            z /= count
            return loss, z
        error = prediction - y
        squares = float(np.vdot(error, error))
        if self._row.loss == "half_squared_error":
            error /= count
            return 0.5 * squares / count, error
        error *= 2 / error.size
        return squares / error.size, error

    def _update(self, gradients: list[Array]) -> None:
        rate = RATES[self._row.optimizer]
        if self._row.optimizer == "sgd":
            for w, g in zip(self._weights, gradients, strict=True):
                g *= rate
                w -= g
            return
        self._steps += 1
        size = rate / (1 - 0.9**self._steps)
        root = np.float32(np.sqrt(1 - 0.999**self._steps))
        each = zip(self._weights, gradients, self._first, self._second, self._scratch, strict=True)
        for w, g, m, v, s in each:
            m *= 0.9
            np.multiply(g, 0.1, out=s)
            m += s
            v *= 0.999
            g *= g
            g *= 0.001
            v += g
            np.sqrt(v, out=s)
            s /= root
            s += 1e-8
            np.divide(m, s, out=s)
            s *= size
            w -= s


class Training:
    def __init__(self, row: Row) -> None:
        self.unit = row.batches
        x, y = samples(row)
        size = row.batch
        self._data = [
            (x[k : k + size], y[k : k + size]) for k in range(0, size * row.batches, size)
        ]
        self._network = Network(row)

    def restart(self) -> None:
        self._network.restart()

    def run(self, steps: int) -> list[float]:
        step = self._network.step
        for _ in range(steps // self.unit):
            losses = [step(x, y) for x, y in self._data]
        return losses

    def parity(self, steps: int) -> list[float]:
        self.restart()
        return [float(np.mean(self.run(self.unit))) for _ in range(steps // self.unit)]


class Prediction:
    unit = 1
    CHUNK = 4096  # samples at a time stay in the cache

    def __init__(self, row: Row) -> None:
        self._network = Network(row)
        self._x, _ = samples(row)

    def restart(self) -> None: ...

    def run(self, steps: int) -> Any:
        x, forward = self._x, self._network.forward
        for _ in range(steps):
            if len(x) <= self.CHUNK:
                result = forward(x)[-1]
            else:
                result = np.empty((len(x), 1), np.float32)
                for k in range(0, len(x), self.CHUNK):
                    result[k : k + self.CHUNK] = forward(x[k : k + self.CHUNK])[-1]
        return result

    def parity(self, steps: int) -> list[float]:
        found: list[float] = self.run(1)[:5, 0].tolist()
        return found


class Product:
    """The largest product of matrices that NumPy's BLAS makes of a core."""

    unit = 1

    def __init__(self) -> None:
        self._a = np.random.default_rng(0).standard_normal((1024, 1024), np.float32)
        self._out = np.empty_like(self._a)

    def restart(self) -> None: ...

    def run(self, steps: int) -> None:
        for _ in range(steps):
            np.matmul(self._a, self._a, out=self._out)

    def parity(self, steps: int) -> list[float]:
        self.run(1)
        found: list[float] = self._out[0, :3].tolist()
        return found


def train(row: Row, threads: int, way: str) -> Training:
    return Training(row)


def predict(row: Row, threads: int, way: str) -> Prediction:
    return Prediction(row)


def peak(row: Row, threads: int, way: str) -> Product:
    return Product()
