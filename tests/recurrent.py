"""Recurrent layers written with `cr.scan`, for tests of explanations."""

from dataclasses import dataclass

import numpy as np

import chainrule as cr


@dataclass(frozen=True, repr=False)
class Recurrent(cr.Layer):
    """Base: samples are (time, features), and so is what comes out."""

    units: int = 3
    gates = 1

    def make(self, shape, key, dtype, after):
        _, features = shape
        keys = cr.random.split(key)
        wide = self.gates * self.units
        return {
            "weight_x": (0.7 * cr.random.normal(keys[0], (features, wide))).astype(dtype),
            "weight_h": (0.7 * cr.random.normal(keys[1], (self.units, wide))).astype(dtype),
            "bias": np.full(wide, 0.1, dtype),
        }, {}

    def __call__(self, params, state, x, *, training=False, key=None):
        return self.over_time(params, x), state

    def start(self, x):
        return np.zeros((x.shape[0], self.units), x.dtype)


class RNN(Recurrent):
    def over_time(self, params, x):
        def step(h, x):
            h = np.tanh(x @ params["weight_x"] + h @ params["weight_h"] + params["bias"])
            return h, h

        _, all_h = cr.scan(step, self.start(x), np.swapaxes(x, 0, 1))
        return np.swapaxes(all_h, 0, 1)


class LSTM(Recurrent):
    gates = 4

    def over_time(self, params, x):
        n = self.units

        def sigmoid(a):
            return 1 / (1 + np.exp(-a))

        def step(carry, x):
            h, c = carry
            a = x @ params["weight_x"] + h @ params["weight_h"] + params["bias"]
            i = sigmoid(a[:, :n])
            f = sigmoid(a[:, n : 2 * n])
            g = np.tanh(a[:, 2 * n : 3 * n])
            o = sigmoid(a[:, 3 * n :])
            c = f * c + i * g
            h = o * np.tanh(c)
            return (h, c), h

        _, all_h = cr.scan(step, (self.start(x), self.start(x)), np.swapaxes(x, 0, 1))
        return np.swapaxes(all_h, 0, 1)


class GRU(Recurrent):
    gates = 3

    def over_time(self, params, x):
        n = self.units

        def sigmoid(a):
            return 1 / (1 + np.exp(-a))

        def step(h, x):
            u = x @ params["weight_x"] + params["bias"]
            v = h @ params["weight_h"]
            r = sigmoid(u[:, :n] + v[:, :n])
            z = sigmoid(u[:, n : 2 * n] + v[:, n : 2 * n])
            g = np.tanh(u[:, 2 * n :] + r * v[:, 2 * n :])
            h = (1 - z) * g + z * h
            return h, h

        _, all_h = cr.scan(step, self.start(x), np.swapaxes(x, 0, 1))
        return np.swapaxes(all_h, 0, 1)


class Both(Recurrent):
    """An RNN forwards and backwards with the same weights: two loops share them."""

    def over_time(self, params, x):
        ways = [RNN(self.units).over_time(params, part) for part in (x, x[:, ::-1])]
        return np.concatenate([ways[0], ways[1][:, ::-1]], axis=-1)


LAYERS = (RNN(), LSTM(2), GRU(2), Both(2))


def model(layer, samples=2, times=4, features=2, last=False):
    net = [layer, cr.Lambda(lambda a: a[:, -1]), cr.Dense(1)] if last else [layer, cr.Dense(1)]
    made = cr.Model(cr.Sequential(*net), "half_squared_error", cr.SGD(0.1), dtype="float64", seed=3)
    made.build((times, features))
    rng = np.random.default_rng(5)
    x = rng.normal(size=(samples, times, features))
    return made, x, rng.normal(size=(samples, 1) if last else (samples, times, 1))
