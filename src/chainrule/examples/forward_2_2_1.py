"""Two inputs, two hidden units, one output: the way forward, and the way back under two losses.

A backward pass that starts from "output minus target" is often written down for the squared error.
It is the gradient of the cross-entropy: for the squared error, a factor is still missing.
"""

from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

import chainrule as cr
from chainrule.examples import _page as page

TITLE = "One backward pass, and the two losses it may belong to"

X = np.array([[0.5, 0.1]])  # samples are rows
TARGET = np.array([[1.0]])
RATE = 0.1
START = {
    "0.weight": np.array([[0.2, 0.8], [0.5, 0.3]]),
    "0.bias": np.array([0.1, 0.2]),
    "2.weight": np.array([[0.7], [0.9]]),
    "2.bias": np.array([0.3]),
}
LOSSES = ("half_squared_error", "binary_cross_entropy")


def network(loss: str) -> cr.Model:
    """Two Dense layers, a sigmoid after each, with the weights of `START`."""
    net = cr.Sequential(cr.Dense(2), cr.Sigmoid(), cr.Dense(1), cr.Sigmoid())
    model = cr.Model(net, loss, cr.SGD(RATE), dtype="float64").build((2,))
    model.set_params(START)
    return model


def forward() -> list[tuple[str, Any]]:
    """Every quantity of the forward pass, in order."""
    z1 = X @ START["0.weight"] + START["0.bias"]
    a1 = 1 / (1 + np.exp(-z1))
    z2 = a1 @ START["2.weight"] + START["2.bias"]
    a2 = 1 / (1 + np.exp(-z2))
    return [("z1 = x W1 + b1", z1), ("a1 = σ(z1)", a1), ("z2 = a1 W2 + b2", z2), ("a2 = σ(z2)", a2)]


def gradients() -> dict[str, dict[str, Any]]:
    """The gradient of each loss, by parameter."""
    return {loss: network(loss).gradients(X, TARGET) for loss in LOSSES}


def after_one_step(loss: str) -> dict[str, Any]:
    """The parameters after one step of gradient descent."""
    model = network(loss)
    model.fit(X, TARGET, epochs=1, progress=False)
    return model.params


def run(console: Console, out_folder: Path | None = None) -> None:
    """Print the forward pass, and the gradients of the two losses beside each other."""
    page.begin(console, TITLE)
    steps = forward()
    page.say(console, "The input is (0.5, 0.1). Forward, layer by layer:")
    page.show(
        console,
        ["", "unit 1", "unit 2"],
        [[name, *_numbers(array)] for name, array in steps],
    )
    output = float(network(LOSSES[0]).predict(X).item())
    page.say(
        console,
        f"""The network answers {output:.8f}, and the target is 1. Backward, for two losses of the
        same answer, half the squared error and the binary cross-entropy:""",
    )
    squared, entropy = gradients().values()
    page.show(
        console,
        ["", "half squared", "cross-entropy", "ratio"],
        [
            [
                f"{name}{list(place)}",
                f"{squared[name][place]:.8f}",
                f"{entropy[name][place]:.8f}",
                f"{entropy[name][place] / squared[name][place]:.8f}",
            ]
            for name in START
            for place in np.ndindex(START[name].shape)
        ],
    )
    slope = output * (1 - output)
    page.say(
        console,
        f"""The ratio is the same everywhere: 1/σ'(z2) = 1/{slope:.8f} = {1 / slope:.8f}. The slope
        of the cross-entropy by a2 is (a2~-~t)/(a2(1~-~a2)); times σ'(z2) = a2(1~-~a2), only
        a2 - t = {output - 1:.8f} is left. So a backward pass that begins with δ = a2 - t is right
        for the cross-entropy. For the squared error it must begin with (a2~-~t) σ'(z2).""",
    )
    page.say(
        console,
        f"""Both point the same way here, for there is one sample. One step with the learning rate
        {RATE} moves the answer to {_answer(LOSSES[0]):.6f} under the squared error and to
        {_answer(LOSSES[1]):.6f} under the cross-entropy.""",
    )
    if out_folder is not None:
        page.save(console, figure(), out_folder / "network.png")


def figure() -> Any:
    """The network with its values, and with the gradients of half the squared error."""
    from chainrule.examples._drawing import BIAS, Unit, draw_network, labels
    from chainrule.plots import new_figure

    slopes = gradients()["half_squared_error"]
    (_, (hidden,)), (_, (output,)) = forward()[1], forward()[3]
    with new_figure(9, 5.4) as (drawn, axes):
        draw_network(
            axes,
            [
                [Unit("x₁", "0.5"), Unit("x₂", "0.1"), BIAS],
                [Unit("h₁", f"{hidden[0]:.4f}"), Unit("h₂", f"{hidden[1]:.4f}"), BIAS],
                [Unit("y", f"{output[0]:.4f}")],
            ],
            [
                labels(_with_bias(START, layer), _with_bias(slopes, layer), digits=4)
                for layer in ("0", "2")
            ],
        )
    return drawn


def _with_bias(arrays: dict[str, Any], layer: str) -> Any:
    """The weights of a layer, and its biases as the weights of a unit that is always 1."""
    return np.vstack([arrays[f"{layer}.weight"], arrays[f"{layer}.bias"]])


def _answer(loss: str) -> float:
    model = network(loss)
    model.fit(X, TARGET, epochs=1, progress=False)
    return float(model.predict(X).item())


def _numbers(array: Any) -> list[str]:
    cells = [f"{value:.8f}" for value in array.ravel()]
    return cells + [""] * (2 - len(cells))
