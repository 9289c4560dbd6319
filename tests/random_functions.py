"""NumPy functions drawn at random, as a user would write them: on lines of their own, or nested.

Their heads are such that gradients are often constant along an axis or everywhere, and that vectors
stand now in front of a matrix and now behind it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

SAMPLES, WIDEST = 4, 3

BENDS = ("np.tanh({})", "1 / (1 + np.exp(-{}))", "np.maximum({}, 0)", "{} ** 2", "np.exp({})", "{}")
# What is made of a matrix h (samples, features): {w} is a vector of its features, learned; v one
# that is given, y a vector of the samples.
HEADS = (
    "np.mean({h})",
    "np.sum({h})",
    "np.sum({h} @ {w})",
    "np.mean({h} @ {w} - y)",
    "np.mean(({h} @ {w} - y) ** 2)",
    "np.sum(np.sum({h}, axis=0) * v)",
    "np.sum(np.sum({h}, axis=1) * y)",
    "np.sum({h} * v)",
    "np.sum({h} * y[:, None])",
    "(np.mean({h}) - 0.5) ** 2",
    "np.sum(np.tanh({h} @ {w}) * y)",
    "np.sum(np.mean({h}, axis=0) @ {w})",
)
ALONE = ("np.sum({h})", "{h} @ {w}", "np.sum(np.tanh({w} * {h}) ** 2)", "({h} @ v - 0.5) ** 2")


@dataclass
class Drawn:
    """A function of (params, X, v, y), its text, and what it is called with."""

    text: str
    function: Callable[..., Any]
    arguments: tuple[Any, ...]


def draw(rng: np.random.Generator, file: Path) -> Drawn:
    """A function, written to a file so that its lines can be read again."""
    alone = rng.random() < 0.3  # a single sample, which is a vector
    params: dict[str, Any] = {}
    lines: list[str] = []
    h, width = "X", int(rng.integers(2, WIDEST + 1))
    X = rng.normal(size=width if alone else (SAMPLES, width))

    def parameter(letter: str, *shape: int) -> str:
        name = f"{letter}{len(params)}"
        params[name] = rng.normal(size=shape)
        return f"p[{name!r}]"

    def settled(expression: str, letter: str) -> str:
        """On a line of its own, or as a part of what comes next."""
        if rng.random() < 0.5:
            return f"({expression})"
        name = f"{letter}_{len(lines) + 1}"
        lines.append(f"{name} = {expression}")
        return name

    for _ in range(rng.integers(0, 3)):
        wide = int(rng.integers(2, WIDEST + 1))
        if alone and rng.random() < 0.5:
            product = f"{parameter('W', wide, width)} @ {h}"
        else:
            product = f"{h} @ {parameter('W', width, wide)}"
        if rng.random() < 0.5:
            product += f" + {parameter('b', wide)}"
        width = wide
        h = settled(product, "z")
        h = settled(BENDS[rng.integers(len(BENDS))].format(h), "a")
    heads = ALONE if alone else HEADS
    head = heads[rng.integers(len(heads))]
    if not params or "{w}" in head:
        w = parameter("w", width)
        head = head if "{w}" in head else f"np.sum({w} * v) * {head}"
        head = head.replace("{w}", w)
    lines.append(f"return {head.replace('{h}', h)}")
    joined = "; " if rng.random() < 0.2 else "\n    "
    text = f"import numpy as np\ndef loss(p, X, v, y):\n    {joined.join(lines)}\n"
    file.write_text(text, encoding="utf-8")
    space: dict[str, Any] = {}
    exec(compile(text, str(file), "exec"), space)
    v, y = rng.normal(size=width), rng.normal(size=SAMPLES)
    return Drawn(text, space["loss"], (params, X, v, y))
