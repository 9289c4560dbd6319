"""How long people wait for an explanation or for a check: seconds, beside what was promised.

    python bench/reading.py [--rounds 5] [--out docs/results/reading.md]

Prints the table and writes it to a file; exits with 1 where a median is above its limit. Each row
is run once beforehand, and then `rounds` times; the rows take turns.
"""

import argparse
import statistics
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np

import chainrule as cr

SCRIPT = """
import numpy as np
rng = np.random.default_rng(0)
X = rng.normal(size=(200, 5))
y = (X.sum(axis=1, keepdims=True) > 0).astype(float)
W1, b1 = rng.normal(size=(5, 16)) * 0.4, np.zeros((1, 16))
W2, b2 = rng.normal(size=(16, 1)) * 0.4, np.zeros((1, 1))
for epoch in range(1000):
    h = np.tanh(X @ W1 + b1)
    p = 1 / (1 + np.exp(-(h @ W2 + b2)))
    loss = np.mean((p - y) ** 2)
    dz2 = 2 * (p - y) / len(X)
    dW2, db2 = h.T @ dz2, dz2.sum(axis=0, keepdims=True)
    dz1 = (dz2 @ W2.T) * (1 - h ** 2)
    dW1, db1 = X.T @ dz1, dz1.sum(axis=0, keepdims=True)
    W1, b1, W2, b2 = W1 - 0.5 * dW1, b1 - 0.5 * db1, W2 - 0.5 * dW2, b2 - 0.5 * db2
"""


@dataclass
class Row:
    what: str
    limit: float
    run: Callable[[], object]


def large() -> cr.Model:
    """784-512-512-10, as for images of digits."""
    net = cr.Sequential(cr.Dense(512), cr.ReLU(), cr.Dense(512), cr.ReLU(), cr.Dense(10))
    return cr.Model(net, "cross_entropy").build((784,))


def three_layers() -> Callable[[], object]:
    """A check of a network of three layers, whose first bias has a mean for its sum."""
    rng = np.random.default_rng(0)
    sizes = [(8, 20), (20, 12), (12, 1)]
    params = {f"W{n}": rng.normal(size=size) * 0.5 for n, size in enumerate(sizes)}
    params |= {f"b{n}": rng.normal(size=size[1]) * 0.1 for n, size in enumerate(sizes)}
    x, y = rng.normal(size=(32, 8)), rng.normal(size=(32, 1))

    def forward(p, x):  # type: ignore[no-untyped-def]  # as a user would write it
        first = np.tanh(x @ p["W0"] + p["b0"])
        second = np.tanh(first @ p["W1"] + p["b1"])
        return first, second, second @ p["W2"] + p["b2"]

    def loss(p, x, y):  # type: ignore[no-untyped-def]
        return np.mean((forward(p, x)[2] - y) ** 2)

    def grads(p, x, y):  # type: ignore[no-untyped-def]
        first, second, out = forward(p, x)
        d2 = 2 * (out - y) / len(x)
        d1 = (d2 @ p["W2"].T) * (1 - second**2)
        d0 = (d1 @ p["W1"].T) * (1 - first**2)
        weights = {"W2": second.T @ d2, "W1": first.T @ d1, "W0": x.T @ d0}
        return weights | {"b2": d2.sum(axis=0), "b1": d1.sum(axis=0), "b0": d0.mean(axis=0)}

    return lambda: cr.check(loss=loss, params=params, data=(x, y), grads=grads)


def rows(folder: Path) -> list[Row]:
    model, rng = large(), np.random.default_rng(1)
    x, targets = rng.uniform(size=(64, 784)), rng.integers(0, 10, 64)
    batch = cr.explain(model, x, targets)
    script = folder / "training.py"
    script.write_text(SCRIPT, encoding="utf-8")

    def told() -> None:
        story = cr.explain(model, x[:1], targets[:1])
        story.text(80)
        story.paths("0.weight", (100, 7))

    def shown() -> None:
        cr.explain(model, x[:1], targets[:1]).html(folder / "page.html")

    return [
        Row("one sample of 784-512-512-10: story, its text, paths of one weight", 1, told),
        Row("the page of that sample, written", 3, shown),
        Row("paths of one weight in a batch of 64", 3, lambda: batch.paths("0.weight", (300, 7))),
        Row("a check of a network of three layers with one mistake", 2, three_layers()),
        Row("a check of a script of 1,000 iterations", 10, lambda: cr.check_script(script)),
    ]


def measured(found: list[Row], rounds: int) -> list[list[float]]:
    """Seconds of each row in each round."""
    for row in found:
        row.run()
    seconds: list[list[float]] = [[] for _ in found]
    for _ in range(rounds):
        for times, row in zip(seconds, found, strict=True):
            begun = perf_counter()
            row.run()
            times.append(perf_counter() - begun)
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("docs/results/reading.md"))
    given = parser.parse_args()
    lines, late = [], []
    with tempfile.TemporaryDirectory() as name:
        found = rows(Path(name))
        for row, times in zip(found, measured(found, given.rounds), strict=True):
            median = statistics.median(times)
            lines.append(f"| {row.what} | {median:.2f} s | {max(times):.2f} s | {row.limit:g} s |")
            if median > row.limit:
                late.append(row.what)
        size = (Path(name) / "page.html").stat().st_size / 1e6
    text = "\n".join(
        [
            "# How long explanations and checks take",
            "",
            "Written by `python bench/reading.py`, on two cores. The page of the large network has "
            f"{size:.1f} MB.",
            "",
            "| what | median | longest | limit |",
            "|---|---:|---:|---:|",
            *lines,
            "",
        ]
    )
    print(text)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(text, encoding="utf-8")
    if late:
        sys.exit("too long: " + "; ".join(late))


if __name__ == "__main__":
    main()
