"""Explanations of random networks, held against the engine: the table in `tests/results`.

    python tests/random_stories.py 200

draws that many networks from all layers, losses and optimizers that are registered, explains each,
and compares: every gradient with the engine's, bit by bit; the sum over all paths to a parameter
with its gradient; the numbers in the LaTeX, evaluated, with what they should give. It writes what
it found to `tests/results/random_stories.md`. `test_random_stories.py` does the same with a few.
"""

import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from latex_numbers import Unknown, evaluate, symbols_of
from test_every_layer import CASES
from test_every_loss import draw

import chainrule as cr
from chainrule.errors import ShapeError
from chainrule.explaining.derivation import Derivation
from chainrule.explaining.story import Story
from chainrule.loss import Loss
from chainrule.losses import LOSSES
from chainrule.optimizers import OPTIMIZERS
from chainrule.tex import parse

RESULTS = Path(__file__).parent / "results" / "random_stories.md"
PATHS = 1e-9  # relative to the sizes of all paths
PRINTED = 5e-3  # relative to the sizes of all terms, at four digits
EXACT = 1e-8  # and at twelve
MATRICES = 1e-5  # of formulas of matrices: constants in them have six digits


@dataclass
class Network:
    """A model with samples and targets."""

    layers: list[str]
    model: cr.Model
    x: Any
    y: Any
    training: bool

    def __str__(self) -> str:
        names = " ".join(self.layers)
        return f"{names}, {self.model.loss.name}, {self.model.optimizer!r}, {self.training=}"


@dataclass
class Findings:
    """What was looked at, and what was wrong."""

    counts: Counter[str] = field(default_factory=Counter)
    layers: Counter[str] = field(default_factory=Counter)
    worst: dict[str, float] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def error(self, kind: str, value: float, limit: float, where: object) -> None:
        self.counts[kind] += 1
        self.worst[kind] = max(self.worst.get(kind, 0.0), value)
        if not value <= limit:
            self.faults.append(f"{kind}: {value:.2g} in {where}")


def network(rng: np.random.Generator) -> Network:
    """One to three layers that are registered, each between dense ones, and a loss that fits."""
    first = rng.integers(len(CASES))
    chosen = [CASES[first]]
    floating = [case for case in CASES if not case.whole]
    chosen += [floating[rng.integers(len(floating))] for _ in range(rng.integers(0, 3))]
    samples = [flat(case) if rng.integers(2) else case.sample for case in chosen]
    layers: list[Any] = []
    for place, (case, sample) in enumerate(zip(chosen, samples, strict=True)):
        if place:
            layers += [cr.Dense(prod(sample)), cr.Reshape(sample)]
        layers += [case.layer, cr.Flatten()]
    loss: Loss = list(LOSSES.values())[rng.integers(len(LOSSES))]
    outputs = int(rng.integers(2, 4)) if loss.task == "multiclass" else int(rng.integers(1, 3))
    layers.append(cr.Dense(outputs))
    if loss.prediction == "probabilities":
        layers.append(cr.Softmax() if loss.task == "multiclass" else cr.Sigmoid())
    count = int(rng.integers(2, 5))
    x = rng.normal(size=(count, *samples[0]))
    if chosen[0].whole:
        x = rng.integers(-1, 3, size=x.shape)
    _, y = draw(loss, (count, outputs), int(rng.integers(1000)))
    optimizer = list(OPTIMIZERS.values())[rng.integers(len(OPTIMIZERS))]()
    model = cr.Model(
        cr.Sequential(*layers),
        loss,
        optimizer,
        engine="numpy",
        seed=int(rng.integers(1000)),
        dtype="float64",
    ).build(samples[0])
    moved = {k: v + 0.3 * rng.normal(size=v.shape) for k, v in model.params.items()}
    model.set_params(moved)
    names = [type(case.layer).__name__ for case in chosen]
    return Network(names, model, x, y, bool(rng.integers(2)))


def flat(case: Any) -> tuple[int, ...]:
    """The case's sample with a single axis, where its layer takes such: all is matrices then."""
    shape = (prod(case.sample),)
    try:
        case.layer(*case.layer.init(shape), np.zeros((2, *shape)), key=cr.random.key(0))
    except (ShapeError, ValueError, IndexError):
        shape = case.sample
    return shape


def examine(given: Network, rng: np.random.Generator, found: Findings) -> None:
    """Explain a network, and hold every number that can be held."""
    model, training = given.model, given.training
    story = cr.explain(model, given.x, given.y, training=training)
    found.layers.update(given.layers)
    gradients = model.gradients(given.x, given.y, training=training)
    for name, gradient in gradients.items():
        # Engines take what repeats out of loops, which sums in another order.
        loops = any(node.op.name == "loop" for node in story.record.roots.forward)
        equal = np.allclose(story.gradients[name], gradient, rtol=1e-11, atol=1e-13)
        same = np.array_equal(story.gradients[name], gradient, equal_nan=True) or (loops and equal)
        found.error("gradients, bit by bit", 0.0 if same else np.inf, 0.0, f"{name} of {given}")
    if not training:
        prediction = story.record.value(story.record.roots.prediction)
        same = np.array_equal(prediction, model.predict(given.x))
        found.error("predictions, bit by bit", 0.0 if same else np.inf, 0.0, given)
        off = abs(story.loss - model.evaluate(given.x, given.y)["loss"])
        found.error("losses", off / max(1.0, abs(story.loss)), 1e-12, given)
    for step in story:
        for latex in (f"{step.symbol} = {step.formula}", f"{step.entry} = {step.numbers}"):
            parse(latex)
            found.counts["formulas read"] += 1
    lines = story.text(80).splitlines()
    found.error("lines of text that fit", 0.0 if max(map(len, lines)) <= 80 else 1.0, 0.0, given)
    chosen = rng.permutation(list(gradients))[:3]
    for name in chosen:
        entry = tuple(int(rng.integers(n)) for n in gradients[name].shape)
        examine_paths(story, name, entry, found, f"{name}{list(entry)} of {given}")
        examine_latex(story, name, entry, found, f"{name} of {given}")


def examine_paths(
    story: Story, name: str, entry: tuple[int, ...], found: Findings, where: str
) -> None:
    paths = story.paths(name, entry)
    gradient = float(story.gradients[name][entry])
    size = max(paths.absolute, 1e-300)
    found.error("sums over paths", abs(paths.gradient - gradient) / max(size, 1), PATHS, where)
    values = [path.value for path in paths]
    ordered = all(abs(a) >= abs(b) * (1 - 1e-12) for a, b in pairwise(values))
    found.error("paths, largest first", 0.0 if ordered else 1.0, 0.0, where)
    if paths.is_complete:
        off = abs(sum(values) - gradient) / max(size, 1)
        found.error("sums over listed paths", off, PATHS, where)
    for path in paths:
        off = abs(prod(factor.value for factor in path.factors) - path.value)
        found.error("products of factors", off / max(abs(path.value), 1e-300), 1e-12, where)


def examine_latex(
    story: Story, name: str, entry: tuple[int, ...], found: Findings, where: str
) -> None:
    names = symbols_of(story)
    for line in story.derivation(name, entry).section("matrices").lines:
        try:
            value = evaluate(line.right, names=names)
            size = evaluate(line.right, size=True, names=names)
        except Unknown:
            found.counts["formulas of whole arrays that are no matrices"] += 1
            continue
        truth = names[line.left.partition(" = ")[0]]
        off = np.max(np.abs(value.ravel() - truth.ravel()) / np.maximum(size.ravel(), 1e-6))
        found.error("formulas of matrices", float(off), MATRICES, f"{line.right} of {where}")
    for digits, limit in ((4, PRINTED), (12, EXACT)):
        derivation = story.derivation(name, entry, digits=digits)
        for section in derivation.sections:
            parse(section.latex)
            found.counts["derivations read"] += 1
        off = latex_error(derivation, entry, found)
        if off is not None:
            found.error(f"numbers in LaTeX, {digits} digits", off, limit, where)


def latex_error(derivation: Derivation, entry: tuple[int, ...], found: Findings) -> float | None:
    """How far the printed numbers are from the gradient, or None where they are not all there."""
    headings = [section.heading for section in derivation.sections]
    worst = 0.0
    if "numbers" in headings:
        lines = derivation.section("numbers").lines
        for line in lines:
            formula, _, result = line.right.rpartition(" = ")
            truth = derivation.value if line is lines[-1] else evaluate(result)
            try:
                worst = max(worst, distance(formula or result, truth))
                found.counts["lines of matrices evaluated"] += 1
            except Unknown:
                found.counts["lines of matrices that hold more than numbers"] += 1
    target = np.asarray(derivation.value[entry])
    lines = derivation.section("one entry").lines
    said = False
    for line in lines:
        if line.left or line.relation != "=":
            continue
        try:
            worst = max(worst, distance(line.right, target))
            said = True
        except Unknown:
            found.counts["entries with dots"] += 1
    return worst if said else None


def distance(latex: str, truth: Any) -> float:
    values, sizes = evaluate(latex).ravel(), evaluate(latex, size=True).ravel()
    wanted = np.asarray(truth).ravel()
    if values.size == 1:
        values = np.broadcast_to(values, wanted.shape)
    return float(np.max(np.abs(values - wanted) / np.maximum(sizes, 1e-12), initial=0.0))


def examine_many(count: int, seed: int = 0) -> Findings:
    found = Findings()
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        examine(network(rng), rng, found)
        found.counts["networks"] += 1
    return found


def report(found: Findings, seconds: float) -> str:
    rows = [
        f"| {name} | {number:,} | {_worst(found, name)} |".replace("|  |", "| |")
        for name, number in found.counts.items()
    ]
    layers = ", ".join(f"{name} {number}" for name, number in sorted(found.layers.items()))
    return "\n".join(
        [
            "# Explanations of random networks",
            "",
            f"Written by `python tests/random_stories.py {found.counts['networks']}` in "
            f"{seconds:.0f} seconds. Gradients and predictions must be the NumPy engine's, bit by",
            f"bit; sums over paths within {PATHS:g} of the gradient, relative to the sizes of all "
            "paths;",
            f"printed numbers within {PRINTED:g} (four digits) and {EXACT:g} (twelve), relative to "
            "the sizes",
            "of all terms.",
            "",
            "| what | how many | worst error |",
            "|---|---:|---:|",
            *rows,
            f"| faults | {len(found.faults)} | |",
            "",
            f"Layers drawn: {layers}.",
            "",
        ]
    )


def _worst(found: Findings, name: str) -> str:
    return f"{found.worst[name]:.2g}" if name in found.worst else ""


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    begun = time.perf_counter()
    found = examine_many(count)
    text = report(found, time.perf_counter() - begun)
    RESULTS.write_text(text, encoding="utf-8")
    print(text)
    for fault in found.faults[:10]:
        print(fault)
    sys.exit(bool(found.faults))


if __name__ == "__main__":
    main()
