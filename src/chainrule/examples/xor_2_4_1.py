"""XOR with four hidden units and no biases, then batches, epochs and stochastic gradient descent.

Two inputs, one output: yes where exactly one input is 1. No line divides these four points, so no
single unit can do it, and a hidden layer can.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

import chainrule as cr
from chainrule.examples import _page as page

TITLE = "XOR in batches: all samples, some, one at a time"

X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
Y = np.array([0.0, 1.0, 1.0, 0.0])
BATCHES = (4, 2, 1)


def network(rate: float, seed: int = 0) -> cr.Model:
    """No biases, and first weights between 0 and 1 from NumPy's generator of that seed."""
    net = cr.Sequential(
        cr.Dense(4, bias=False), cr.Sigmoid(), cr.Dense(1, bias=False), cr.Sigmoid()
    )
    model = cr.Model(net, "half_squared_error", cr.SGD(rate), dtype="float64", seed=seed)
    numbers = np.random.RandomState(seed)
    model.build((2,)).set_params(
        {"0.weight": numbers.uniform(size=(2, 4)), "2.weight": numbers.uniform(size=(4, 1))}
    )
    return model


def full_batch() -> Any:
    """10,000 epochs of one step each; the outputs for the four inputs.

    The loss is a mean over the samples. A step of 0.4 against the mean of four is one of 0.1
    against their sum.
    """
    model = network(rate=0.4)
    model.fit(X, Y, epochs=10_000, batch_size=None, progress=False)
    return model.predict(X)[:, 0]


@dataclass
class BatchRun:
    """Training with one batch size."""

    batch_size: int
    history: cr.History
    outputs: Any

    @property
    def steps(self) -> int:
        """Updates made: in each epoch as many as there are batches."""
        return len(self.history) * -(-len(X) // self.batch_size)


def batches(epochs: int = 2_500, rate: float = 1.0) -> list[BatchRun]:
    """The same start and the same rate, in batches of four, of two, and of one sample."""
    found = []
    for size in BATCHES:
        model = network(rate)
        history = model.fit(X, Y, epochs=epochs, batch_size=size, progress=False)
        found.append(BatchRun(size, history, model.predict(X)[:, 0]))
    return found


def run(console: Console, out_folder: Path | None = None) -> None:
    """Print what 10,000 full-batch steps learn, and then compare the batch sizes."""
    page.begin(console, TITLE)
    page.say(
        console,
        """Four hidden units, sigmoids, half the squared error. All four samples make one batch, so
        an epoch (every sample used once) is one step. After 10,000 epochs:""",
    )
    outputs = full_batch()
    page.show(
        console,
        ["input", "target", "output"],
        [
            [f"({a:g}, {b:g})", f"{target:g}", f"{output:.5f}"]
            for (a, b), target, output in zip(X, Y, outputs, strict=True)
        ],
        strong=2,
    )
    page.say(
        console,
        f"""Rounded, all four are right; the worst is off by {np.max(np.abs(outputs - Y)):.3f}.
        Without a bias the output for (0,~0) comes from hidden units that all stand at σ(0) = 0.5.
        """,
    )
    found = batches()
    page.say(
        console,
        f"""In mini-batches, an epoch makes several smaller steps, each against the gradient of a
        few samples only, in an order that is drawn anew each time: stochastic gradient descent.
        {len(found[0].history):,} epochs with the learning rate 1, from the same start:""",
    )
    page.show(
        console,
        ["samples per batch", "steps", "loss", "worst output"],
        [
            [
                str(one.batch_size),
                f"{one.steps:,}",
                f"{one.history.loss[-1]:.6f}",
                f"off by {np.max(np.abs(one.outputs - Y)):.3f}",
            ]
            for one in found
        ],
        strong=2,
    )
    page.say(
        console,
        """From this start, more and smaller steps learn more in the same number of epochs. Their
        way down is rougher, for a few samples know the slope of all four only roughly.""",
    )
    if out_folder is not None:
        page.save(console, figure(found), out_folder / "batches.png")


def figure(found: list[BatchRun]) -> Any:
    """The loss over the epochs for each batch size, averaged over 25 epochs against the noise."""
    from chainrule.plots import BLUE, GREY, ORANGE, new_figure

    with new_figure(8, 4.6) as (drawn, axes):
        for one, color in zip(found, (BLUE, GREY, ORANGE), strict=True):
            loss = np.reshape(one.history.loss, (-1, 25)).mean(axis=1)
            epochs = 25 * np.arange(len(loss)) + 13
            axes.plot(epochs, loss, color=color, label=f"batches of {one.batch_size}")
        axes.set_title("XOR, 2-4-1: the loss for three batch sizes")
        axes.set_xlabel("epoch")
        axes.set_ylabel("half squared error")
        axes.set_ylim(bottom=0)
        axes.legend()
    return drawn
