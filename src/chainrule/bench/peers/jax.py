"""JAX: the whole loop inside `lax.scan`, or one jitted step a call; Adam written out.

Arrays of the state are donated, so that updates happen in place.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from chainrule.bench import functions
from chainrule.bench.peers import LeftOut
from chainrule.bench.rows import RATES, Row, flops, samples, weights

SCAN_FLOPS = 2e9  # of one call, about; more steps per call would amortise nothing more
STEP_FROM = 2e7  # FLOP of a step from which a call of its own may be the faster way

ACTIVATIONS: dict[str, Any] = {"relu": jax.nn.relu, "sigmoid": jax.nn.sigmoid, "tanh": jnp.tanh}


def forward(row: Row, params: dict[str, Any], x: Any) -> Any:
    for place, part, _ in row.layers():
        own = {
            name.partition(".")[2]: value
            for name, value in params.items()
            if name.partition(".")[0] == str(place)
        }
        match part:
            case ("dense", _):
                x = x @ own["weight"] + own["bias"]
            case ("flatten",):
                x = x.reshape(x.shape[0], -1)
            case ("conv", *_):
                layout = ("NHWC", "HWIO", "NHWC")
                x = lax.conv_general_dilated(
                    x, own["weight"], (1, 1), "VALID", dimension_numbers=layout
                )
                x = x + own["bias"]
            case ("pool", size):
                window = (1, size, size, 1)
                x = lax.reduce_window(x, -jnp.inf, lax.max, window, window, "VALID")
            case ("embedding", *_):
                x = own["weight"][x]
            case ("lstm", units):
                x = _lstm(own, x, units)
            case (name,):
                x = ACTIVATIONS[name](x)
    return x


def _lstm(own: dict[str, Any], x: Any, units: int) -> Any:
    driven = x.swapaxes(0, 1) @ own["weight_x"] + own["bias"]

    def advance(carry: Any, drive: Any) -> Any:
        h, cell = carry
        i, f, g, o = jnp.split(drive + h @ own["weight_h"], 4, axis=-1)
        cell = jax.nn.sigmoid(f) * cell + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(cell)
        return (h, cell), h

    start = jnp.zeros((x.shape[0], units), x.dtype)
    _, outputs = lax.scan(advance, (start, start), driven)
    return outputs.swapaxes(0, 1)


def loss(row: Row, params: dict[str, Any], x: Any, y: Any) -> Any:
    prediction = forward(row, params, x)
    if row.loss == "cross_entropy":
        chosen = jnp.take_along_axis(jax.nn.log_softmax(prediction), y[..., None], axis=-1)
        return -chosen.mean()
    squares = jnp.square(prediction - y)
    return squares.mean() if row.loss == "mean_squared_error" else 0.5 * squares.sum(-1).mean()


def update(row: Row, state: Any, gradient: Any) -> Any:
    params, first, second, count = state
    rate, each = RATES[row.optimizer], jax.tree.map
    if row.optimizer == "sgd":
        return each(lambda w, g: w - rate * g, params, gradient), first, second, count
    count = count + 1
    first = each(lambda m, g: 0.9 * m + 0.1 * g, first, gradient)
    second = each(lambda v, g: 0.999 * v + 0.001 * g * g, second, gradient)
    size, root = rate / (1 - 0.9**count), jnp.sqrt(1 - 0.999**count)
    params = each(lambda w, m, v: w - size * m / (jnp.sqrt(v) / root + 1e-8), params, first, second)
    return params, first, second, count


class Training:
    def __init__(self, row: Row, way: str) -> None:
        if way == "step" and flops(row) < STEP_FROM:
            raise LeftOut("a call costs more than the step")
        self._row, self._way = row, way
        epochs = max(1, int(SCAN_FLOPS / (flops(row) * row.batches)))
        epochs = min(epochs, max(1, 2000 // row.batches))
        self._per_call = row.batches * epochs if way == "scan" else 1
        self.unit = max(self._per_call, row.batches)
        x, y = samples(row)
        self._x = jnp.asarray(x.reshape(row.batches, row.batch, *x.shape[1:]))
        self._y = jnp.asarray(y.reshape(row.batches, row.batch, *y.shape[1:]))
        self._batches = list(zip(self._x, self._y, strict=True))
        self._scan = jax.jit(self._epochs, donate_argnums=0, static_argnums=3)
        self._step = jax.jit(self._one, donate_argnums=0)
        self.restart()

    def restart(self) -> None:
        params = {name: jnp.asarray(w) for name, w in weights(self._row).items()}
        zeros = [{name: jnp.zeros_like(w) for name, w in params.items()} for _ in range(2)]
        self._state = (params, *zeros, jnp.zeros((), jnp.float32))

    def _one(self, state: Any, x: Any, y: Any) -> Any:
        value, gradient = jax.value_and_grad(lambda p: loss(self._row, p, x, y))(state[0])
        return update(self._row, state, gradient), value

    def _epochs(self, state: Any, xs: Any, ys: Any, epochs: int) -> Any:
        def step(state: Any, batch: Any) -> Any:
            return self._one(state, *batch)

        if self._row.batches == 1:  # then the batch is no slice of anything
            return lax.scan(lambda s, _: self._one(s, xs[0], ys[0]), state, None, length=epochs)

        def epoch(state: Any, _: Any) -> Any:
            return lax.scan(step, state, (xs, ys))

        state, losses = lax.scan(epoch, state, None, length=epochs)
        return state, losses.reshape(-1)

    def run(self, steps: int) -> Any:
        if self._way == "scan":
            for _ in range(steps // self._per_call):
                self._state, losses = self._scan(
                    self._state, self._x, self._y, self._per_call // self._row.batches
                )
        else:
            for _ in range(steps // self._row.batches):
                for x, y in self._batches:
                    self._state, losses = self._step(self._state, x, y)
        jax.block_until_ready(self._state)
        return losses

    def parity(self, steps: int) -> list[float]:
        self.restart()
        epochs = steps // self._row.batches
        self._state, losses = self._scan(self._state, self._x, self._y, epochs)
        return [float(loss) for loss in losses.reshape(epochs, -1).mean(axis=1)]


class Prediction:
    unit = 1

    def __init__(self, row: Row) -> None:
        self._x, _ = samples(row)
        self._params = {name: jnp.asarray(w) for name, w in weights(row).items()}
        self._forward = jax.jit(lambda params, x: forward(row, params, x))

    def restart(self) -> None: ...

    def run(self, steps: int) -> Any:
        for _ in range(steps):
            result = np.asarray(self._forward(self._params, self._x))
        return result

    def parity(self, steps: int) -> list[float]:
        found: list[float] = self.run(1)[:5, 0].tolist()
        return found


class Value:
    """`jax.jit(jax.value_and_grad(f))` of the same formula over jax.numpy."""

    unit = 1

    def __init__(self, row: Row) -> None:
        function, arguments = functions.find(row.name)
        self._arguments = jax.tree.map(jnp.asarray, arguments)
        self._both = jax.jit(jax.value_and_grad(functions.rebound(function, jnp, lax.scan)))

    def restart(self) -> None: ...

    def run(self, steps: int) -> Any:
        both, arguments = self._both, self._arguments
        for _ in range(steps):
            result = jax.block_until_ready(both(*arguments))
        return result

    def parity(self, steps: int) -> list[float]:
        value, gradient = self.run(1)
        return [float(value), *functions.norms(gradient, np)]


def train(row: Row, threads: int, way: str) -> Training:
    return Training(row, way)


def predict(row: Row, threads: int, way: str) -> Prediction:
    if way == "step":
        raise LeftOut("the same as JAX")
    return Prediction(row)


def function(row: Row, threads: int, way: str) -> Value:
    if way == "step":
        raise LeftOut("the same as JAX")
    return Value(row)
