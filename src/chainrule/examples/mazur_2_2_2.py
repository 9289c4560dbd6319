"""Mazur's network: two inputs, two hidden units, two outputs, and one step worked out in full.

The numbers are those of Matt Mazur, "A Step by Step Backpropagation Example" (2015), which many
have followed with a pencil. One step moves all eight weights; the biases stay as they are. Here the
network is used as a function, so that only the weights are differentiated.
"""

from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

import chainrule as cr
from chainrule.examples import _page as page

TITLE = "Mazur's network: one step by hand, then ten thousand"

X = np.array([[0.05, 0.10]])
TARGET = np.array([[0.01, 0.99]])
RATE = 0.5
NET = cr.Sequential(cr.Dense(2), cr.Sigmoid(), cr.Dense(2), cr.Sigmoid())
BIASES = {"0.bias": np.array([0.35, 0.35]), "2.bias": np.array([0.60, 0.60])}
START = {
    "0.weight": np.array([[0.15, 0.25], [0.20, 0.30]]),  # into h1: w1, w2; into h2: w3, w4
    "2.weight": np.array([[0.40, 0.50], [0.45, 0.55]]),  # into o1: w5, w6; into o2: w7, w8
}

Weights = dict[str, Any]


def outputs(weights: Weights, x: Any) -> Any:
    """What the network answers. A layer is a function of parameters, state and input."""
    y, _ = NET(weights | BIASES, {}, x)
    return y


def error(weights: Weights, x: Any, target: Any) -> Any:
    """½(t - o)², summed over the two outputs."""
    return np.sum(0.5 * (target - outputs(weights, x)) ** 2)


def step(weights: Weights, data: tuple[Any, Any]) -> tuple[Weights, Any]:
    """All weights against their gradients, and the error before."""
    value, gradient = cr.value_and_grad(error)(weights, *data)
    return {name: weights[name] - RATE * gradient[name] for name in weights}, value


def train(steps: int) -> tuple[Weights, Any]:
    """The weights after so many steps, and the error before each."""
    return cr.run(step, START, (X, TARGET), steps)


def named(arrays: Weights) -> dict[str, float]:
    """w1 … w8, in the order in which Mazur counts them: unit by unit of the next layer."""
    flat = np.concatenate([arrays["0.weight"].T.ravel(), arrays["2.weight"].T.ravel()])
    return {f"w{place + 1}": float(value) for place, value in enumerate(flat)}


def run(console: Console, out_folder: Path | None = None) -> None:
    """Print the first error, every weight before and after one step, and the way down."""
    page.begin(console, TITLE)
    o1, o2 = outputs(START, X)[0]
    page.say(
        console,
        f"""The inputs are 0.05 and 0.10, the targets 0.01 and 0.99. The network answers {o1:.9f}
        and {o2:.9f}; the error, half the sum of the squares, is {error(START, X, TARGET):.9f}.""",
    )
    after, _ = train(1)
    slopes = named(cr.grad(error)(START, X, TARGET))
    page.say(
        console,
        f"""Every weight takes {RATE} times its slope, all of them against the error of the weights
        before; none of them waits for another.""",
    )
    page.show(
        console,
        ["", "before", "slope", "after"],
        [
            [name, f"{before:.2f}", f"{slopes[name]:+.9f}", f"{named(after)[name]:.9f}"]
            for name, before in named(START).items()
        ],
        strong=3,
    )
    page.say(console, f"The error is now {error(after, X, TARGET):.9f}. And on:")
    last, errors = train(10_000)
    shown = (0, 1, 10, 100, 1_000, 9_999)
    page.show(console, ["step", "error"], [[f"{n:,}", f"{errors[n]:.9f}"] for n in shown])
    o1, o2 = outputs(last, X)[0]
    page.say(console, f"After 10,000 steps the outputs are {o1:.6f} and {o2:.6f}.")
    if out_folder is not None:
        page.save(console, figure(), out_folder / "network.png")


def figure() -> Any:
    """The network at the start, each weight with its slope; the biases are fixed."""
    from chainrule.examples._drawing import Unit, draw_network, labels
    from chainrule.plots import new_figure

    slopes = cr.grad(error)(START, X, TARGET)
    hidden = 1 / (1 + np.exp(-(X @ START["0.weight"] + BIASES["0.bias"])))
    layers = [("i", X[0]), ("h", hidden[0]), ("o", outputs(START, X)[0])]
    with new_figure(9, 3.8) as (drawn, axes):
        draw_network(
            axes,
            [
                [Unit(f"{letter}{unit + 1}", f"{value:.4f}") for unit, value in enumerate(values)]
                for letter, values in layers
            ],
            [labels(START[name], slopes[name], digits=4) for name in START],
        )
    return drawn
