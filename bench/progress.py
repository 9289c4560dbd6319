"""What the progress display costs: the share of a run that is spent in it, on a real terminal.

    python bench/progress.py [--out docs/results/progress.md]

Prints the table and writes it to a file; exits with 1 where a share reaches 1 %. It takes half a
minute. A difference of two runs would drown in the noise of the machine, so the time inside of the
display's own methods is added up, on a pseudo-terminal that another process reads.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

import chainrule as cr
from chainrule.progress import Progress

LIMIT = 0.01
METHODS = ("__enter__", "report", "epoch", "__exit__")


def xor() -> tuple[cr.Model, Any, Any, dict[str, Any]]:
    """Epochs of one tiny step each: the most calls of the display for the least work."""
    x = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    net = cr.Sequential(cr.Dense(4), cr.Sigmoid(), cr.Dense(1), cr.Sigmoid())
    model = cr.Model(net, loss="half_squared_error", optimizer=cr.SGD(0.5))
    return model, x, np.array([0, 1, 1, 0]), {"epochs": 30_000, "batch_size": None}


def table() -> tuple[cr.Model, Any, Any, dict[str, Any]]:
    """Batches of 32 and validation after every epoch."""
    x = np.random.default_rng(0).normal(size=(2000, 20))
    net = cr.Sequential(cr.Dense(100), cr.ReLU(), cr.Dense(1))
    model = cr.Model(net, loss="mean_squared_error")
    return model, x, x.sum(axis=1), {"epochs": 1000, "validation_split": 0.2}


def images() -> tuple[cr.Model, Any, Any, dict[str, Any]]:
    """Steps of a few milliseconds: a network for 28 x 28 images."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(20_000, 784)), rng.integers(0, 10, size=20_000)
    net = cr.Sequential(cr.Dense(512), cr.ReLU(), cr.Dense(10))
    return cr.Model(net, loss="cross_entropy"), x, y, {"epochs": 12, "batch_size": 128}


def measured(make: Callable[[], Any]) -> tuple[float, float]:
    """Seconds of a run, and those of them inside of the display."""
    model, x, y, settings = make()
    model.fit(x, y, progress=True, **(settings | {"epochs": 1}))  # compiles, and loads rich
    inside = 0.0
    plain = {name: getattr(Progress, name) for name in METHODS}

    def timed(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            nonlocal inside
            begun = perf_counter()
            try:
                return method(*arguments)
            finally:
                inside += perf_counter() - begun

        return call

    for name, method in plain.items():
        setattr(Progress, name, timed(method))
    begun = perf_counter()
    try:
        model.fit(x, y, progress=True, **settings)
    finally:
        for name, method in plain.items():
            setattr(Progress, name, method)
    return perf_counter() - begun, inside


def on_a_terminal(action: Callable[[], Any]) -> Any:
    """The result of `action` with standard error on a pseudo-terminal."""
    ours, theirs = os.openpty()
    with subprocess.Popen(["cat"], stdin=ours, stdout=subprocess.DEVNULL) as reader:
        before, sys.stderr = sys.stderr, os.fdopen(theirs, "w")
        try:
            return action()
        finally:
            sys.stderr.close()
            sys.stderr = before
            os.close(ours)
            reader.terminate()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("docs/results/progress.md"))
    given = parser.parse_args()
    lines = ["| run | seconds | in the display | share |", "|---|---|---|---|"]
    worst = 0.0
    for make in (xor, table, images):
        seconds, inside = on_a_terminal(lambda make=make: measured(make))
        worst = max(worst, inside / seconds)
        what = (make.__doc__ or "").split(":")[0].rstrip(".")
        lines.append(f"| {what} | {seconds:.1f} | {inside:.3f} s | {inside / seconds:.2%} |")
    text = "\n".join(
        [
            "# What the progress display costs",
            "",
            "Written by `python bench/progress.py`. The display is drawn by the training loop, and "
            "not again before 300 times as long has passed as drawing took, so that it stays below "
            "1 % on a machine of any speed. Loading rich, once in a process, is not part of it "
            "(0.1 s).",
            "",
            *lines,
            "",
        ]
    )
    print(text)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(text, encoding="utf-8")
    if worst >= LIMIT:
        sys.exit(f"the display takes {worst:.2%} of a run")


if __name__ == "__main__":
    main()
