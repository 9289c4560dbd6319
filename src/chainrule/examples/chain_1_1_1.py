"""A chain of three: one input, one hidden sigmoid unit, one linear output.

Small enough to follow all four gradients with a pencil, and long enough to have a hidden unit
through which the error must pass on its way back.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

import chainrule as cr
from chainrule.examples import _page as page

TITLE = "A chain of three: four gradients, and sixty epochs"

X = np.array([[0.5]])  # one sample of one feature
TARGET = np.array([[0.6]])
EPOCHS = 60
NAMES = {"w1": "0.weight", "b1": "0.bias", "w2": "2.weight", "b2": "2.bias"}
START = {"w1": 0.4, "b1": 0.1, "w2": 0.3, "b2": 0.2}


def network() -> cr.Model:
    """h = σ(w1 x + b1), y = w2 h + b2, loss ½(y - t)²; parameters are named by layer."""
    net = cr.Sequential(cr.Dense(1), cr.Sigmoid(), cr.Dense(1))
    model = cr.Model(net, "half_squared_error", cr.SGD(0.1), dtype="float64").build((1,))
    shapes = {name: array.shape for name, array in model.params.items()}
    model.set_params({NAMES[name]: np.full(shapes[NAMES[name]], START[name]) for name in START})
    return model


def hidden() -> float:
    """What the hidden unit computes at the start: σ(0.3)."""
    return float(1 / (1 + np.exp(-(START["w1"] * X.item() + START["b1"]))))


def scalars(arrays: dict[str, Any]) -> dict[str, float]:
    """Parameters or gradients by their names of old: w1, b1, w2, b2."""
    return {short: float(arrays[name].item()) for short, name in NAMES.items()}


@dataclass
class Training:
    """The trained model, its history, and the output before each epoch and at the end."""

    model: cr.Model
    history: cr.History
    outputs: list[float]

    @property
    def table(self) -> list[tuple[int, str, str]]:
        """Every fifth epoch: its number, its loss, and the output that had that loss."""
        return [
            (epoch, f"{self.history.loss[epoch]:.4f}", f"{self.outputs[epoch]:.4f}")
            for epoch in range(0, EPOCHS, 5)
        ]


def train() -> Training:
    """Full-batch gradient descent, which for one sample is the only kind."""
    model = network()
    outputs = [float(model.predict(X).item())]

    def remember(model: cr.Model, epoch: int, logs: dict[str, float]) -> None:
        outputs.append(float(model.predict(X).item()))

    history = model.fit(X, TARGET, epochs=EPOCHS, callbacks=[remember], progress=False)
    return Training(model, history, outputs)


def run(console: Console, out_folder: Path | None = None) -> None:
    """Print the first gradient, the table of epochs, and what was learned."""
    page.begin(console, TITLE)
    model = network()
    h, y = hidden(), float(model.predict(X).item())
    error, slope = f"{y - TARGET.item():.4f}", f"{h * (1 - h):.4f}"
    page.say(
        console,
        f"""The input is x = 0.5, the target t = 0.6. The hidden unit computes h = σ(w1~x~+~b1) =
        {h:.4f}, the output is y = w2 h + b2 = {y:.4f}, and the loss ½(y~-~t)² =
        {0.5 * (y - 0.6) ** 2:.4f}.""",
    )
    page.say(
        console,
        """On the way back the output's parameters see the error y - t directly. The hidden unit's
        see it through w2 and through the slope of the sigmoid, σ' = h(1~-~h), so theirs are
        smaller:""",
    )
    slopes = scalars(model.gradients(X, TARGET))
    product = {
        "w2": ("(y - t) · h", f"{error} · {h:.4f}"),
        "b2": ("(y - t)", error),
        "w1": ("(y - t) · w2 · σ' · x", f"{error} · 0.3 · {slope} · 0.5"),
        "b1": ("(y - t) · w2 · σ'", f"{error} · 0.3 · {slope}"),
    }
    page.show(
        console,
        ["", "the chain rule", "in numbers", "gradient"],
        [[name, *texts, f"{slopes[name]:.8f}"] for name, texts in product.items()],
        strong=3,
        texts=3,
    )
    found = train()
    page.say(console, f"{EPOCHS} epochs with the learning rate 0.1:")
    page.show(
        console,
        ["epoch", "loss", "output"],
        [[str(epoch), loss, output] for epoch, loss, output in found.table],
    )
    learned = scalars(found.model.params)
    page.show(
        console,
        ["", "at first", "learned"],
        [[name, f"{START[name]:.8f}", f"{learned[name]:.8f}"] for name in START],
        strong=2,
    )
    norm = found.history.gradient_norm
    page.say(
        console,
        f"""The output is {found.outputs[-1]:.4f}. The length of the gradient fell from
        {norm[0]:.5f} to {norm[-1]:.2e}: near the bottom the ground is flat, and the steps become
        small by themselves.""",
    )
    if out_folder is not None:
        page.save(console, found.history.plot(), out_folder / "training.png")
        page.save(console, figure(), out_folder / "network.png")


def figure() -> Any:
    """The network at the start, each weight with its gradient."""
    from chainrule.examples._drawing import BIAS, Label, Unit, draw_network
    from chainrule.plots import new_figure

    model = network()
    slopes = scalars(model.gradients(X, TARGET))
    label = {name: Label(f"{name} = {START[name]}", f"{slopes[name]:+.4f}") for name in START}
    with new_figure(8, 3.4) as (drawn, axes):
        draw_network(
            axes,
            [
                [Unit("x", "0.5"), BIAS],
                [Unit("h", f"{hidden():.4f}"), BIAS],
                [Unit("y", f"{model.predict(X).item():.4f}")],
            ],
            [[[label["w1"]], [label["b1"]]], [[label["w2"]], [label["b2"]]]],
        )
    return drawn
