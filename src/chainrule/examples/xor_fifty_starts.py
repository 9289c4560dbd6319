"""XOR with two hidden units from fifty different starts: some of them never learn it.

A network that does not learn has not always a mistake in its backward pass. Here the gradient is
right to the last digit, and one start in four ends where the ground is flat and the task is only
half done. All fifty networks are trained at once: `cr.vmap` turns the gradient of one network into
that of fifty, and `cr.run` repeats the step.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

import chainrule as cr
from chainrule.examples import _page as page

TITLE = "XOR from fifty starts: a right gradient may fail too"

X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
Y = np.array([[0.0], [1.0], [1.0], [0.0]])
RATE = 0.1
STEPS = 10_000
STARTS = 50
UNLUCKY = 42

Params = tuple[Any, Any, Any, Any]


def start(seed: int) -> Params:
    """Two weight matrices, then two biases, from NumPy's generator of that seed."""
    numbers = np.random.RandomState(seed)
    w1, w2 = numbers.randn(2, 2), numbers.randn(2, 1)
    return w1, numbers.randn(1, 2), w2, numbers.randn(1, 1)


def sigmoid(z: Any) -> Any:
    return 1 / (1 + np.exp(-z))


def output(params: Params, x: Any) -> Any:
    """The answers of one network, a row for each row of `x`."""
    w1, b1, w2, b2 = params
    return sigmoid(sigmoid(x @ w1 + b1) @ w2 + b2)


def cross_entropy(params: Params, x: Any, y: Any) -> Any:
    """Summed over the samples. At the output its slope is "output minus target"."""
    answer = output(params, x)
    return -np.sum(y * np.log(answer) + (1 - y) * np.log(1 - answer))


def half_squared_error(params: Params, x: Any, y: Any) -> Any:
    """Summed over the samples. At the output its slope has the factor σ' as well."""
    return np.sum(0.5 * (output(params, x) - y) ** 2)


@dataclass
class Runs:
    """What became of all starts: losses (steps, starts), outputs (starts, samples)."""

    params: Params
    losses: Any
    outputs: Any

    @property
    def solved(self) -> Any:
        """Which starts end with every output on the right side of one half."""
        return np.all(np.abs(self.outputs - Y[:, 0]) < 0.5, axis=1)


def train(loss: Any) -> Runs:
    """10,000 steps of full-batch gradient descent from the seeds 0 to 49."""
    params = tuple(np.stack(arrays) for arrays in zip(*map(start, range(STARTS)), strict=True))
    for_all = cr.vmap(cr.value_and_grad(loss), in_axes=(0, None, None))

    def step(params: Params, data: Any) -> tuple[Params, Any]:
        values, slopes = for_all(params, *data)
        return tuple(p - RATE * slope for p, slope in zip(params, slopes, strict=True)), values

    params, losses = cr.run(step, params, (X, Y), STEPS)
    outputs = cr.vmap(output, in_axes=(0, None))(params, X)
    return Runs(params, losses, outputs[..., 0])


def run(console: Console, out_folder: Path | None = None) -> None:
    """Print how many starts learn XOR under two losses, and what the seed 42 is stuck with."""
    page.begin(console, TITLE)
    page.say(
        console,
        f"""Two inputs, two hidden units, one output, sigmoids; {STEPS:,} steps with the learning
        rate {RATE}, from the normally distributed weights of the seeds 0 to {STARTS - 1}. A start
        has learned XOR when all four answers are on the right side of one half.""",
    )
    found = {"cross-entropy": train(cross_entropy), "half squared": train(half_squared_error)}
    page.show(
        console,
        ["loss", "learned", "not learned"],
        [
            [
                name,
                f"{runs.solved.sum()} of {STARTS}",
                f"{(~runs.solved).sum()} of {STARTS}",
            ]
            for name, runs in found.items()
        ],
        strong=1,
    )
    *others, last = np.flatnonzero(~found["cross-entropy"].solved)
    page.say(
        console,
        f"""Under the cross-entropy, the seeds {", ".join(map(str, others))} and {last} have not.
        {UNLUCKY}, which so many programs take, is one of them. Its network answers two of
        four questions, and says one half to the others:""",
    )
    page.show(
        console,
        ["input", "target", *found],
        [
            [f"({a:g}, {b:g})", f"{Y[row, 0]:g}"]
            + [f"{runs.outputs[UNLUCKY, row]:.8f}" for runs in found.values()]
            for row, (a, b) in enumerate(X)
        ],
    )
    unlucky = tuple(array[UNLUCKY] for array in found["cross-entropy"].params)
    slopes = cr.grad(cross_entropy)(unlucky, X, Y)
    length = np.sqrt(sum(np.sum(slope**2) for slope in slopes))
    page.say(
        console,
        f"""The gradient there is not wrong; it is almost nothing ({length:.4f} long). Its network
        stands on flat ground. More hidden units, or another start, help; another backward pass
        would not.""",
    )
    if out_folder is not None:
        page.save(console, figure(found["cross-entropy"]), out_folder / "starts.png")


def figure(runs: Runs) -> Any:
    """The loss of every start, and what two of them answer over the whole square."""
    from matplotlib.colors import LinearSegmentedColormap

    from chainrule.plots import BLUE, ORANGE, new_figure

    solved = runs.solved
    lucky = int(np.flatnonzero(solved)[0])
    sides = LinearSegmentedColormap.from_list("sides", [ORANGE, "white", BLUE])
    grid = np.linspace(-0.3, 1.3, 161)
    points = np.stack([axis.ravel() for axis in np.meshgrid(grid, grid)], axis=-1)
    with new_figure(13, 4.4, columns=3) as (drawn, (left, *squares)):
        steps = np.arange(0, STEPS, 20)
        for seed in np.argsort(~solved, kind="stable"):
            color = BLUE if solved[seed] else ORANGE
            left.plot(steps, runs.losses[::20, seed], color=color, linewidth=0.8, alpha=0.7)
        left.plot([], [], color=BLUE, label=f"learned: {solved.sum()}")
        left.plot([], [], color=ORANGE, label=f"not learned: {(~solved).sum()}")
        left.set_title(f"{STARTS} starts")
        left.set_xlabel("step")
        left.set_ylabel("cross-entropy")
        left.set_yscale("log")
        left.legend(loc="lower left")
        for axes, seed in zip(squares, (lucky, UNLUCKY), strict=True):
            params = tuple(array[seed] for array in runs.params)
            surface = np.asarray(output(params, points)).reshape(len(grid), len(grid))
            axes.pcolormesh(grid, grid, surface, cmap=sides, vmin=0, vmax=1, alpha=0.75)
            for (a, b), target in zip(X, Y[:, 0], strict=True):
                face = BLUE if target else ORANGE
                axes.plot(a, b, "o", color=face, markeredgecolor="white", markersize=12)
            axes.set_aspect("equal")
            axes.grid(False)
            axes.set_xlabel("x₁")
            axes.set_ylabel("x₂")
            axes.set_title(f"seed {seed}: {'learned' if solved[seed] else 'stuck'}")
    return drawn
