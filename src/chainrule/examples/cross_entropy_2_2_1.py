"""Two inputs, two hidden units, one output and the binary cross-entropy, in plain NumPy.

Samples are columns here, as in much of the literature: W x + b. chainrule differentiates the NumPy
code as it stands, so the hand-written backward pass can be held against it. The popular mistake is
a factor σ' too many at the output, and the loss falls all the same.
"""

from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

import chainrule as cr
from chainrule.examples import _page as page

TITLE = "The loss falls, and yet the gradient is wrong"

X = np.array([[0.5], [0.1]])  # samples are columns
Y = np.array([[1.0]])
RATE = 0.1
START = {
    "w1": np.array([[0.2, 0.8], [0.5, 0.1]]),
    "b1": np.array([[0.1], [0.2]]),
    "w2": np.array([[0.4, 0.2]]),
    "b2": np.array([[0.3]]),
}

Params = dict[str, Any]


def sigmoid(z: Any) -> Any:
    return 1 / (1 + np.exp(-z))


def forward(params: Params, x: Any) -> tuple[Any, Any]:
    """The hidden layer's activation, and the output: a probability."""
    a1 = sigmoid(params["w1"] @ x + params["b1"])
    return a1, sigmoid(params["w2"] @ a1 + params["b2"])


def cross_entropy(params: Params, x: Any, y: Any) -> Any:
    """-(y log ŷ + (1 - y) log(1 - ŷ)), averaged over the samples."""
    _, y_hat = forward(params, x)
    return -np.mean(y * np.log(y_hat) + (1 - y) * np.log(1 - y_hat))


def half_squared_error(params: Params, x: Any, y: Any) -> Any:
    """½(ŷ - y)², averaged over the samples."""
    return np.mean(0.5 * (forward(params, x)[1] - y) ** 2)


def backward_by_hand(params: Params, x: Any, y: Any, factors: int) -> Params:
    """The backward pass as one writes it, with σ'(z2) multiplied in `factors` times.

    None is right: the slope of the cross-entropy by ŷ has σ'(z2) below the line, which cancels the
    σ'(z2) of the sigmoid, and ŷ - y is left.
    """
    a1, y_hat = forward(params, x)
    dz2 = (y_hat - y) * (y_hat * (1 - y_hat)) ** factors / x.shape[1]
    dz1 = (params["w2"].T @ dz2) * a1 * (1 - a1)
    return {
        "w1": dz1 @ x.T,
        "b1": dz1.sum(axis=1, keepdims=True),
        "w2": dz2 @ a1.T,
        "b2": dz2.sum(axis=1, keepdims=True),
    }


def true_gradient() -> Params:
    """Of the cross-entropy, from its graph."""
    gradient: Params = cr.grad(cross_entropy)(START, X, Y)
    return gradient


def gradient_of_another_loss() -> Params:
    """Of half the squared error, from its graph."""
    gradient: Params = cr.grad(half_squared_error)(START, X, Y)
    return gradient


def loss_after(gradient: Params) -> float:
    """The cross-entropy after one step against a gradient."""
    moved = {name: START[name] - RATE * gradient[name] for name in START}
    return float(cross_entropy(moved, X, Y))


def run(console: Console, out_folder: Path | None = None) -> None:
    """Print the loss, the two gradients, and the loss after a step against each."""
    page.begin(console, TITLE)
    a1, y_hat = forward(START, X)
    page.say(
        console,
        f"""The input is (0.5,~0.1) and the right answer is 1. The hidden units give
        {a1[0, 0]:.8f} and {a1[1, 0]:.8f}, the output is {y_hat.item():.8f}: a probability of
        yes. Its loss is -log ŷ = {cross_entropy(START, X, Y):.10f}.""",
    )
    true, wrong = true_gradient(), backward_by_hand(START, X, Y, factors=1)
    page.say(
        console,
        """The gradient from the graph of the loss, by hand, and by hand with the mistake: ŷ - y
        taken for the slope by ŷ, and multiplied by σ' once more.""",
    )
    right = backward_by_hand(START, X, Y, factors=0)
    page.show(
        console,
        ["", "cr.grad", "by hand", "σ' too many", "ratio"],
        [
            [
                f"{name}{list(place)}",
                f"{true[name][place]:.8f}",
                f"{right[name][place]:.8f}",
                f"{wrong[name][place]:.8f}",
                f"{wrong[name][place] / true[name][place]:.8f}",
            ]
            for name in START
            for place in np.ndindex(START[name].shape)
        ],
        strong=1,
    )
    other = gradient_of_another_loss()
    gap = max(float(np.max(np.abs(wrong[name] - other[name]))) for name in START)
    page.say(
        console,
        f"""The mistaken numbers are not noise. They are the exact gradient of another loss, half
        the squared error ½(ŷ~-~y)²: the two differ by {gap:.0e}. So the loss does fall, only
        more slowly, and nobody notices:""",
    )
    page.show(
        console,
        ["", "cross-entropy"],
        [
            ["before", f"{cross_entropy(START, X, Y):.10f}"],
            ["after a step against the true gradient", f"{loss_after(true):.10f}"],
            ["after a step against the mistaken one", f"{loss_after(wrong):.10f}"],
        ],
        strong=1,
    )
    if out_folder is not None:
        page.save(console, figure(), out_folder / "network.png")


def figure() -> Any:
    """The network with its values, each weight with the gradient of the cross-entropy."""
    from chainrule.examples._drawing import BIAS, Unit, draw_network, labels
    from chainrule.plots import new_figure

    slopes = true_gradient()
    a1, y_hat = forward(START, X)
    with new_figure(9, 5.4) as (drawn, axes):
        draw_network(
            axes,
            [
                [Unit("x₁", "0.5"), Unit("x₂", "0.1"), BIAS],
                [Unit("h₁", f"{a1[0, 0]:.4f}"), Unit("h₂", f"{a1[1, 0]:.4f}"), BIAS],
                [Unit("ŷ", f"{y_hat.item():.4f}")],
            ],
            [labels(_lines(START, layer), _lines(slopes, layer), digits=4) for layer in ("1", "2")],
        )
    return drawn


def _lines(arrays: Params, layer: str) -> Any:
    """Weights and biases of a layer as (units, units of the next layer); the bias is a unit."""
    return np.hstack([arrays[f"w{layer}"], arrays[f"b{layer}"]]).T
