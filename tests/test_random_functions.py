"""Explanations of random NumPy functions: matrix formulas, vectors, names on every path."""

from math import prod
from pathlib import Path

import numpy as np
import pytest
from latex_numbers import Unknown, evaluate, symbols_of
from random_functions import BENDS, HEADS, draw

import chainrule as cr
from chainrule.explaining.nested import PASSING
from chainrule.explaining.story import Story
from chainrule.graph import Node
from chainrule.ops.map import Map
from chainrule.ops.products import Contract
from chainrule.tex import parse

BATCHES, EACH = 4, 30


def drawn(batch: int, folder: Path) -> list[tuple[str, Story]]:
    found = []
    for number in range(EACH):
        rng = np.random.default_rng([batch, number])
        given = draw(rng, folder / f"drawn_{batch}_{number}.py")
        found.append((given.text, cr.explain(given.function, *given.arguments)))
    return found


@pytest.mark.parametrize("batch", range(BATCHES))
def test_matrix_formulas_are_right(batch: int, tmp_path: Path) -> None:
    """Evaluated as they are printed, with every vector standing as is written underneath."""
    evaluated = constant = 0
    for text, story in drawn(batch, tmp_path):
        names = symbols_of(story)
        for name, gradient in story.gradients.items():
            derivation = story.derivation(name)
            for section in derivation.sections:
                parse(section.latex)
            for line in derivation.section("matrices").lines:
                symbol = line.left.partition(" = ")[0]
                try:
                    value = evaluate(line.right, names=names)
                except Unknown:
                    continue
                truth = names[symbol]
                evaluated += 1
                constant += r"\mathbf{1}" in line.right
                where = f"{line.left} = {line.right} in\n{text}"
                np.testing.assert_allclose(
                    value.ravel(), truth.ravel(), rtol=1e-6, atol=1e-9, err_msg=where
                )
                if truth.size > 1:
                    vector = truth.ndim == 1
                    shapes = [(1, *truth.shape), (*truth.shape, 1)] if vector else [truth.shape]
                    assert value.shape in shapes, where
            for line in derivation.section("numbers").lines:
                shown, _, result = line.right.rpartition(" = ")
                try:
                    value, size = evaluate(shown or result), evaluate(shown or result, size=True)
                except Unknown:  # dots
                    continue
                off = np.abs(value.ravel() - evaluate(result).ravel())
                assert np.all(off <= 5e-3 * size.ravel() + 1e-12), f"{line.right} in\n{text}"
            last = evaluate(derivation.section("numbers").lines[-1].right.rpartition(" = ")[2])
            np.testing.assert_allclose(last.ravel(), gradient.ravel(), rtol=1e-3, atol=1e-12)
    assert evaluated > 4 * EACH
    assert constant > EACH / 3


@pytest.mark.parametrize("batch", range(BATCHES))
def test_vectors_stand_alike_in_a_story(batch: int, tmp_path: Path) -> None:
    """A symbol is a row everywhere, or a column everywhere, and so is its gradient."""
    for text, story in drawn(batch, tmp_path):
        written: dict[str, set[bool]] = {}
        for step in story:
            for symbol in [] if step.expression is None else step.expression.symbols():
                written.setdefault(symbol.key, set()).add(symbol.column)
        for quantity in story.quantities:
            keys = (quantity.key, quantity.gradient_key)
            assert len({c for key in keys for c in written.get(key, ())}) <= 1, (quantity, text)


@pytest.mark.parametrize("batch", range(BATCHES))
def test_every_operation_on_a_path_has_a_name(batch: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(batch)
    for text, story in drawn(batch, tmp_path):
        nodes = {quantity.key: quantity.node for quantity in story.quantities}
        for name, gradient in story.gradients.items():
            entry = tuple(int(rng.integers(n)) for n in gradient.shape)
            paths = story.paths(name, entry, most=10_000)
            total = sum(path.value for path in paths)
            assert total == pytest.approx(gradient[entry], abs=1e-9 * max(1, paths.absolute)), text
            for path in paths:
                assert prod(factor.value for factor in path.factors) == pytest.approx(path.value)
                for factor in path.factors:
                    above, below = nodes[factor.of[0]], nodes[factor.wrt[0]]
                    assert operations(above, below, set(nodes.values())) <= 1, (str(factor), text)


def operations(above: Node, below: Node, named: set[Node]) -> int:
    """The most operations that a derivative crosses which another operation's result enters."""
    known: dict[Node, float] = {}

    def count(node: Node) -> float:
        if node is below:
            return 0
        if node in named and node is not above:
            return -np.inf
        if node not in known:
            own = isinstance(node.op, Contract) or (
                isinstance(node.op, Map) and node.op.name not in PASSING
            )
            known[node] = own + max(map(count, node.inputs), default=-np.inf)
        return known[node]

    return int(count(above))


def test_everything_is_drawn(tmp_path: Path) -> None:
    texts = "".join(
        draw(np.random.default_rng([batch, number]), tmp_path / "drawn.py").text
        for batch in range(BATCHES)
        for number in range(EACH)
    )
    for pattern in (*HEADS, *BENDS[:-1]):
        longest = max(pattern.replace("{h}", "{}").replace("{w}", "{}").split("{}"), key=len)
        assert longest in texts
    assert "; return" in texts
