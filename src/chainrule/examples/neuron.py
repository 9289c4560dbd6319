"""One neuron with two inputs: a weighted sum, a sigmoid, an error, and the chain rule.

The smallest network there is. Each of its three gradients is a product of three factors, and each
factor belongs to one arrow of the diagram.
"""

from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

import chainrule as cr
from chainrule.examples import _page as page

TITLE = "One neuron: the chain rule, factor by factor"

X = np.array([0.6, 0.9])
TARGET = 1.0
RATE = 0.5
START = {"w": np.array([0.4, -0.2]), "b": np.array(0.1)}

Params = dict[str, Any]


def weighted_sum(params: Params, x: Any) -> Any:
    """Σ = w₁x₁ + w₂x₂ + b."""
    return params["w"] @ x + params["b"]


def output(params: Params, x: Any) -> Any:
    """y = σ(Σ), between 0 and 1."""
    return 1 / (1 + np.exp(-weighted_sum(params, x)))


def error(params: Params, x: Any, target: Any) -> Any:
    """E = ½(y - t)². With the ½, its derivative is simply y - t."""
    return 0.5 * (output(params, x) - target) ** 2


def factors(params: Params) -> dict[str, tuple[float, float, float]]:
    """The gradient by hand: for each parameter ∂E/∂y, ∂y/∂Σ, and the slope of Σ by it."""
    y = float(output(params, X))
    return {
        "w₁": (y - TARGET, y * (1 - y), X[0]),
        "w₂": (y - TARGET, y * (1 - y), X[1]),
        "b": (y - TARGET, y * (1 - y), 1.0),
    }


def gradient(params: Params) -> dict[str, float]:
    """The same three numbers from the graph of `error`."""
    found = cr.grad(error)(params, X, TARGET)
    return {"w₁": found["w"][0], "w₂": found["w"][1], "b": found["b"]}


def train(steps: int = 200) -> tuple[Params, Any]:
    """The parameters after gradient descent, and the error before each step."""

    def step(params: Params, data: Any) -> tuple[Params, Any]:
        x, target = data
        value, slope = cr.value_and_grad(error)(params, x[0], target[0])
        return {name: params[name] - RATE * slope[name] for name in params}, value

    return cr.run(step, START, (X[np.newaxis], np.array([TARGET])), steps)


def run(console: Console, out_folder: Path | None = None) -> None:
    """Print the forward pass, the factors of the gradient, and the training."""
    page.begin(console, TITLE)
    page.say(
        console,
        f"""The inputs are x₁ = {X[0]} and x₂ = {X[1]}. With w₁ = 0.4, w₂ = -0.2 and b = 0.1 their
        weighted sum is Σ = {weighted_sum(START, X):.2f}, of which the sigmoid makes
        y = {output(START, X):.6f}. The target is t = {TARGET:g}, so the error ½(y~-~t)² is
        {error(START, X, TARGET):.6f}.""",
    )
    page.say(
        console,
        """How does the error change with a weight? The error depends on y, y on the sum, the sum on
        the weight: multiply the three slopes. By hand and by chainrule:""",
    )
    found = gradient(START)
    page.show(
        console,
        ["", "∂E/∂y", "× ∂y/∂Σ", "× slope of Σ", "= by hand", "cr.grad"],
        [
            [
                name,
                *[f"{factor:.6f}" for factor in three],
                f"{np.prod(three):.8f}",
                f"{found[name]:.8f}",
            ]
            for name, three in factors(START).items()
        ],
        strong=5,
    )
    page.say(
        console,
        f"""All three slopes are negative: larger parameters make the error smaller. A step of
        gradient descent moves every parameter downhill, by {RATE} times its slope.""",
    )
    params, errors = train()
    shown = (0, 1, 2, 5, 10, 50, 100, 199)
    page.show(console, ["step", "error"], [[str(step), f"{errors[step]:.6f}"] for step in shown])
    page.say(
        console,
        f"""After {len(errors)} steps y = {output(params, X):.4f}, with w₁ = {params["w"][0]:.4f},
        w₂ = {params["w"][1]:.4f} and b = {params["b"]:.4f}.""",
    )
    if out_folder is not None:
        page.save(console, figure(), out_folder / "neuron.png")


def figure() -> Any:
    """The neuron with the numbers of the way forward and, in orange, of the way back."""
    from chainrule.examples._drawing import BIAS, Label, Unit, draw_network
    from chainrule.plots import new_figure

    found = gradient(START)
    weights = {"w₁": START["w"][0], "w₂": START["w"][1], "b": START["b"]}
    y = float(output(START, X))
    with new_figure(10, 4.4) as (drawn, axes):
        draw_network(
            axes,
            [
                [Unit("x₁", f"{X[0]}"), Unit("x₂", f"{X[1]}"), BIAS],
                [Unit("Σ", f"{weighted_sum(START, X):.3f}")],
                [Unit("y", f"{y:.3f}")],
                [Unit("E", f"{error(START, X, TARGET):.3f}")],
            ],
            [
                [
                    [Label(f"{name} = {weight:.3f}", f"∂E/∂{name} = {found[name]:+.3f}")]
                    for name, weight in weights.items()
                ],
                [[Label("y = σ(Σ)", f"∂y/∂Σ = {y * (1 - y):+.3f}")]],
                [[Label(f"E = ½(y - {TARGET:g})²", f"∂E/∂y = {y - TARGET:+.3f}")]],
            ],
        )
    return drawn
