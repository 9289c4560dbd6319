"""Layers that explanations have never heard of: convolution, recurrence, attention, tables.

Nothing in `explaining` names a layer, so those of a user's own are explained like ours.
"""

from dataclasses import dataclass

import numpy as np
import pytest
from random_stories import Findings, Network, examine

import chainrule as cr

RNG = np.random.default_rng(5)


def drawn(dtype, **shapes):
    return {name: RNG.normal(size=shape).astype(dtype) for name, shape in shapes.items()}, {}


@dataclass(frozen=True, repr=False)
class Convolution(cr.Layer):
    def make(self, shape, key, dtype, after):
        return drawn(dtype, weight=(2, 2, shape[-1], 2), bias=(2,))

    def __call__(self, params, state, x, *, training=False, key=None):
        windows = np.lib.stride_tricks.sliding_window_view(x, (2, 2), axis=(1, 2))
        return np.einsum("nhwcij,ijco->nhwo", windows, params["weight"]) + params["bias"], state


@dataclass(frozen=True, repr=False)
class Pooling(cr.Layer):
    def __call__(self, params, state, x, *, training=False, key=None):
        windows = np.lib.stride_tricks.sliding_window_view(x, (2, 2), axis=(1, 2))
        return windows[:, ::2, ::2].max(axis=(-1, -2)), state


@dataclass(frozen=True, repr=False)
class Recurrence(cr.Layer):
    def make(self, shape, key, dtype, after):
        return drawn(dtype, weight_x=(shape[-1], 3), weight_h=(3, 3), bias=(3,))

    def __call__(self, params, state, x, *, training=False, key=None):
        def step(h, x):
            h = np.tanh(x + h @ params["weight_h"])
            return h, h

        inputs = x @ params["weight_x"] + params["bias"]
        _, states = cr.scan(step, np.zeros((x.shape[0], 3)), inputs.transpose(1, 0, 2))
        return states.transpose(1, 0, 2), state


@dataclass(frozen=True, repr=False)
class Attention(cr.Layer):
    def make(self, shape, key, dtype, after):
        size = (shape[-1], shape[-1])
        return drawn(dtype, weight_q=size, weight_k=size, weight_v=size)

    def __call__(self, params, state, x, *, training=False, key=None):
        q, k, v = (x @ params[f"weight_{name}"] for name in "qkv")
        scores = np.einsum("nti,nsi->nts", q, k) / np.sqrt(x.shape[-1])
        powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
        return powers / powers.sum(axis=-1, keepdims=True) @ v, state


@dataclass(frozen=True, repr=False)
class Table(cr.Layer):
    def make(self, shape, key, dtype, after):
        return drawn(dtype, weight=(5, 3))

    def __call__(self, params, state, x, *, training=False, key=None):
        return params["weight"][x.astype(np.int64)], state


CASES = {
    "images": ((Convolution(), cr.ReLU(), Pooling()), RNG.normal(size=(2, 5, 5, 1))),
    "sequences": ((Recurrence(),), RNG.normal(size=(3, 4, 2))),
    "attention": ((Attention(), cr.LayerNorm()), RNG.normal(size=(2, 3, 3))),
    "tables": ((Table(), cr.Tanh()), RNG.integers(0, 5, size=(4, 3))),
}


@pytest.mark.parametrize("name", CASES)
def test_numbers_paths_and_latex_are_those_of_the_engine(name: str) -> None:
    layers, x = CASES[name]
    net = cr.Sequential(*layers, cr.Flatten(), cr.Dense(2))
    model = cr.Model(net, "cross_entropy", cr.SGD(0.1), engine="numpy", dtype="float64")
    model.build(x.shape[1:])
    given = Network([name], model, x, np.arange(len(x)) % 2, False)
    found = Findings()
    examine(given, np.random.default_rng(0), found)
    assert found.faults == []
    assert found.counts["sums over paths"] == 3


def test_products_of_rows_and_loops_are_told() -> None:
    layers, x = CASES["sequences"]
    net = cr.Sequential(*layers, cr.Flatten(), cr.Dense(2))
    model = cr.Model(net, "cross_entropy", dtype="float64")
    story = cr.explain(model.build(x.shape[1:]), x, [0, 1, 1])
    assert story.step("inputs", "forward").text == "inputs = x W⁽¹⁾ₓ + b⁽¹⁾"
    assert story.step("h1", "forward").lines[:2] == (
        ("z_{t}", r"x_{t} + h_{t-1} \, W_{h}^{(1)}"),
        ("h_{t}", r"\tanh z_{t}"),
    )
    assert story.step("0.weight_x", "backward").text == "∂L/∂W⁽¹⁾ₓ = xᵀ (∂L/∂inputs)"
    assert "in the shape of h⁽¹⁾" in story.step("h1", "backward").sentence
