"""PyTorch, eager and compiled: modules, losses and optimizers of its own, denormals flushed.

Eager takes the fused Adam and SGD, which are the faster ones. Compiled are the loss of a batch and
the optimizer's step, with default settings.
"""

from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import nn

from chainrule.bench.peers import LeftOut
from chainrule.bench.rows import RATES, Row, samples, weights

Array = np.ndarray[Any, Any]


# The types are checked where PyTorch is not installed: there every nn.Module is Any.
class Recurrent(nn.Module):  # type: ignore[misc]
    """nn.LSTM returning all steps. Its second bias, which other libraries do not have, stays 0."""

    def __init__(self, inputs: int, units: int) -> None:
        super().__init__()
        self.inner = nn.LSTM(inputs, units, batch_first=True)
        nn.init.zeros_(self.inner.bias_hh_l0)
        self.inner.bias_hh_l0.requires_grad = False

    def forward(self, x: Any) -> Any:
        return self.inner(x)[0]


def network(row: Row) -> Any:
    """The row as an nn.Sequential with the first weights, in PyTorch's layouts."""
    found = weights(row)
    parts: list[Any] = []
    image: tuple[int, ...] = ()  # the shape that was flattened, channels last
    for place, part, shape in row.layers():
        layer: Any
        given: list[tuple[Any, Array]] = []
        own = {name: found[key] for name, key in _names(place) if key in found}
        match part:
            case ("dense", units):
                layer = nn.Linear(shape[-1], units)
                weight = own["weight"]
                if image:  # PyTorch flattens with the channels first
                    weight = weight.reshape(*image, units).transpose(2, 0, 1, 3)
                    weight, image = weight.reshape(-1, units), ()
                given = [(layer.weight, weight.T), (layer.bias, own["bias"])]
            case ("conv", filters, size):
                layer = nn.Conv2d(shape[-1], filters, size)
                given = [(layer.weight, own["weight"].transpose(3, 2, 0, 1))]
                given.append((layer.bias, own["bias"]))
            case ("pool", size):
                layer = nn.MaxPool2d(size)
            case ("flatten",):
                layer, image = nn.Flatten(), shape
            case ("embedding", words, width):
                layer = nn.Embedding(words, width)
                given = [(layer.weight, own["weight"])]
            case ("lstm", units):
                layer = Recurrent(shape[-1], units)
                given = [(layer.inner.weight_ih_l0, own["weight_x"].T)]
                given.append((layer.inner.weight_hh_l0, own["weight_h"].T))
                given.append((layer.inner.bias_ih_l0, own["bias"]))
            case (name,):
                layer = {"relu": nn.ReLU, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh}[name]()
        with torch.no_grad():
            for parameter, value in given:
                parameter.copy_(torch.tensor(np.ascontiguousarray(value)))
        parts.append(layer)
    return nn.Sequential(*parts)


def _names(place: int) -> list[tuple[str, str]]:
    return [(name, f"{place}.{name}") for name in ("weight", "bias", "weight_x", "weight_h")]


def loss_of(row: Row) -> Any:
    if row.loss == "cross_entropy":
        entropy = nn.CrossEntropyLoss()
        if row.shapes()[-1][:-1]:  # of sequences: time is one more axis of samples
            return lambda z, y: entropy(z.flatten(0, 1), y.flatten())
        return entropy
    squared = nn.MSELoss()
    if row.loss == "half_squared_error":
        outputs = row.shapes()[-1][-1]
        return lambda z, y: 0.5 * outputs * squared(z, y)
    return squared


class Training:
    def __init__(self, row: Row, threads: int, way: str) -> None:
        torch.set_num_threads(threads)
        torch.set_flush_denormal(True)
        self.unit, self._row, self._compiled = row.batches, row, way == "compile"
        x, y = samples(row)
        if x.ndim == 4:
            x = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
        data = torch.from_numpy(np.ascontiguousarray(x)), torch.from_numpy(np.ascontiguousarray(y))
        self._data = list(zip(*(t.split(row.batch) for t in data), strict=True))
        self._network, self._loss = network(row), loss_of(row)
        self._first = {name: w.clone() for name, w in self._network.state_dict().items()}
        self._value: Any = lambda x, y: self._loss(self._network(x), y)
        if self._compiled:
            self._value = torch.compile(self._value)
        self._optimizer = self._new_optimizer()
        self._update: Any = self._optimizer.step
        if self._compiled:
            self._update = torch.compile(self._optimizer.step)

    def _new_optimizer(self) -> Any:
        kinds = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}
        wanted = [p for p in self._network.parameters() if p.requires_grad]
        settings: dict[str, Any] = {} if self._compiled else {"fused": True}
        return kinds[self._row.optimizer](wanted, lr=RATES[self._row.optimizer], **settings)

    def restart(self) -> None:
        self._network.load_state_dict(self._first)
        with torch.no_grad():  # in place, or what was compiled would be compiled anew
            for state in self._optimizer.state.values():
                for value in state.values():
                    value.zero_()

    def run(self, steps: int) -> list[Any]:
        optimizer, value, update = self._optimizer, self._value, self._update
        for _ in range(steps // self.unit):
            losses = []
            for x, y in self._data:
                optimizer.zero_grad()
                loss = value(x, y)
                loss.backward()
                update()
                losses.append(loss)
        return losses

    def parity(self, steps: int) -> list[float]:
        self.restart()
        return [self._mean(self.run(self.unit)) for _ in range(steps // self.unit)]

    def _mean(self, losses: list[Any]) -> float:
        return float(torch.stack([loss.detach() for loss in losses]).mean())


class Prediction:
    unit = 1

    def __init__(self, row: Row, threads: int, way: str) -> None:
        torch.set_num_threads(threads)
        torch.set_flush_denormal(True)
        self._x, _ = samples(row)
        self._network: Any = network(row).eval()
        if way == "compile":
            self._network = torch.compile(self._network)

    def restart(self) -> None: ...

    def run(self, steps: int) -> Any:
        x, network = self._x, self._network
        with torch.inference_mode():
            for _ in range(steps):
                result = network(torch.from_numpy(x)).numpy()
        return result

    def parity(self, steps: int) -> list[float]:
        found: list[float] = [float(v) for v in islice(self.run(1)[:, 0], 5)]
        return found


class Product:
    """The largest product of matrices that PyTorch's BLAS makes of a core."""

    unit = 1

    def __init__(self, threads: int) -> None:
        torch.set_num_threads(threads)
        values = np.random.default_rng(0).standard_normal((1024, 1024), np.float32)
        self._a = torch.from_numpy(values)
        self._out = torch.empty_like(self._a)

    def restart(self) -> None: ...

    def run(self, steps: int) -> None:
        for _ in range(steps):
            torch.mm(self._a, self._a, out=self._out)

    def parity(self, steps: int) -> list[float]:
        self.run(1)
        return [float(v) for v in self._out[0, :3]]


def train(row: Row, threads: int, way: str) -> Training:
    return Training(row, threads, way)


def predict(row: Row, threads: int, way: str) -> Prediction:
    return Prediction(row, threads, way)


def peak(row: Row, threads: int, way: str) -> Product:
    if way == "compile":
        raise LeftOut("the same as PyTorch")
    return Product(threads)
