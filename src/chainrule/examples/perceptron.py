"""The perceptron (Rosenblatt 1958): learning from mistakes, before there were gradients.

Its unit answers yes or no, and a step has the slope 0 wherever it has one. So the rule "after a
mistake, add the input or take it away" is not the gradient of the mistakes. It is the gradient of
another error, which counts how far a wrong answer lies on the wrong side; and then the perceptron
is gradient descent, one sample at a time.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

import chainrule as cr
from chainrule.examples import _page as page

TITLE = "The perceptron: what it learns, and why never XOR"

X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
ANSWERS = {  # 1 for yes, -1 for no
    "AND": np.array([-1.0, -1.0, -1.0, 1.0]),
    "OR": np.array([-1.0, 1.0, 1.0, 1.0]),
    "XOR": np.array([-1.0, 1.0, 1.0, -1.0]),
}
MOST_ROUNDS = 100

Weights = tuple[Any, Any]


def side(weights: Weights, x: Any) -> Any:
    """w·x + b: yes where it is positive, no where it is negative."""
    w, b = weights
    return w @ x + b


def error(weights: Weights, x: Any, answer: Any) -> Any:
    """How far a wrong answer lies on the wrong side; nothing for a right one."""
    margin = answer * side(weights, x)
    return np.where(margin <= 0, -margin, 0.0)


def mistake(weights: Weights, x: Any, answer: Any) -> Any:
    """1 for a mistake, 0 otherwise: what one would like to make smaller, and cannot descend."""
    return np.where(answer * side(weights, x) <= 0, 1.0, 0.0)


@dataclass
class Learning:
    """What happened: the last weights, the mistakes made, and the rounds through all samples."""

    weights: Weights
    mistakes: list[tuple[int, int, Weights]]  # round, sample, weights after it
    rounds: int
    learned: bool


def learn(answers: Any) -> Learning:
    """Go through the samples until a whole round passes without a mistake, or 100 are over."""
    slope = cr.compile(cr.grad(error))
    w, b = np.zeros(2), np.zeros(())
    mistakes: list[tuple[int, int, Weights]] = []
    for number in range(1, MOST_ROUNDS + 1):
        before = len(mistakes)
        for sample, (x, answer) in enumerate(zip(X, answers, strict=True)):
            dw, db = slope((w, b), x, answer)
            if np.any(dw) or db:
                w, b = w - dw, b - db
                mistakes.append((number, sample, (w, b)))
        if len(mistakes) == before:
            return Learning((w, b), mistakes, number, True)
    return Learning((w, b), mistakes, MOST_ROUNDS, False)


def cycle(learning: Learning) -> int:
    """After how many mistakes the weights are again what they have been; 0 where they never are."""
    seen: list[list[float]] = []
    for _, _, (w, b) in learning.mistakes:
        now = [*w, float(b)]
        if now in seen:
            return len(seen) - seen.index(now)
        seen.append(now)
    return 0


def run(console: Console, out_folder: Path | None = None) -> None:
    """Print the two slopes, every mistake on the way to AND, and what becomes of OR and XOR."""
    page.begin(console, TITLE)
    weights = (np.array([1.0, -1.0]), np.array(0.5))
    x, answer = X[3], ANSWERS["AND"][0]
    page.say(
        console,
        f"""A unit says yes where w₁x₁ + w₂x₂ + b is above 0. Take w = (1,~-1), b = 0.5 and the
        input (1,~1), to which it says yes; suppose that no is right. The number of mistakes does
        not change when a weight moves a little: its slope is
        {_tuple(cr.grad(mistake)(weights, x, answer))}. How far the answer lies on the wrong side
        does, with the slope {_tuple(cr.grad(error)(weights, x, answer))}: the input itself, and 1
        for the bias. A step downhill takes the input away. That is Rosenblatt's rule.""",
    )
    found = {name: learn(answers) for name, answers in ANSWERS.items()}
    page.say(console, "Learning AND from weights 0, mistake by mistake:")
    page.show(
        console,
        ["round", "input", "right answer", "w₁", "w₂", "b"],
        [
            [str(number), f"({X[sample][0]:g}, {X[sample][1]:g})", _yes(ANSWERS["AND"][sample])]
            + [f"{value:g}" for value in (*w, b)]
            for number, sample, (w, b) in found["AND"].mistakes
        ],
        texts=3,
    )
    page.say(console, "And all three tasks:")
    page.show(
        console,
        ["task", "mistakes", "rounds", "learned"],
        [
            [name, str(len(one.mistakes)), str(one.rounds), "yes" if one.learned else "never"]
            for name, one in found.items()
        ],
        strong=3,
    )
    page.say(
        console,
        f"""Of XOR, no straight line divides the yes from the no. The weights go round in a circle:
        after {cycle(found["XOR"])} mistakes they are what they were, so no patience helps. It takes
        a hidden layer: chainrule examples xor-2-4-1.""",
    )
    if out_folder is not None:
        page.save(console, figure(found), out_folder / "perceptron.png")


def figure(found: dict[str, Learning]) -> Any:
    """The inputs in the plane, and the line where each perceptron changes its mind."""
    from chainrule.plots import BLUE, GREY, ORANGE, new_figure

    with new_figure(12, 4.4, columns=3) as (drawn, panels):
        for axes, (name, learning) in zip(panels, found.items(), strict=True):
            for answer, color, label in ((1, BLUE, "yes"), (-1, ORANGE, "no")):
                points = X[ANSWERS[name] == answer]
                axes.plot(*points.T, "o", color=color, markersize=11, label=label, zorder=3)
            (w1, w2), b = learning.weights
            if learning.learned:
                center = -b * np.array([w1, w2]) / (w1 * w1 + w2 * w2)
                ends = center + np.array([[-9.0], [9.0]]) * np.array([w2, -w1])
                axes.plot(*ends.T, color=GREY)
            axes.set_xlim(-0.4, 1.4)
            axes.set_ylim(-0.4, 1.4)
            axes.set_aspect("equal")
            axes.set_xlabel("x₁")
            axes.set_ylabel("x₂")
            after = f"a line after {len(learning.mistakes)} mistakes"
            axes.set_title(f"{name}: {after if learning.learned else 'no line divides it'}")
        panels[0].legend(loc="lower left")
    return drawn


def _tuple(weights: Weights) -> str:
    w, b = weights
    return f"({', '.join(f'{value + 0.0:g}' for value in (*w, b))})"


def _yes(answer: float) -> str:
    return "yes" if answer > 0 else "no"
