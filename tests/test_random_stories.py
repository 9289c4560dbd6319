"""Explanations of random networks over all layers, as `python tests/random_stories.py` in full."""

import numpy as np
import pytest
from latex_numbers import evaluate
from random_stories import RESULTS, Findings, examine, network, report
from test_every_layer import CASES

from chainrule.layers import LAYERS

BATCHES, EACH = 6, 5


@pytest.mark.parametrize("batch", range(BATCHES))
def test_numbers_paths_and_latex_are_those_of_the_engine(batch: int) -> None:
    found = Findings()
    for number in range(EACH):
        rng = np.random.default_rng([1, batch, number])
        examine(network(rng), rng, found)
    assert found.faults == []
    for kind in ("gradients, bit by bit", "sums over paths", "numbers in LaTeX, 4 digits"):
        assert found.counts[kind] >= EACH


def test_every_layer_can_be_drawn() -> None:
    assert {type(case.layer).__name__ for case in CASES} == set(LAYERS)


def test_the_table_holds_two_hundred_networks_without_a_fault() -> None:
    text = RESULTS.read_text(encoding="utf-8")
    assert "| networks | 200 | |" in text
    assert "| faults | 0 | |" in text
    drawn = text.partition("Layers drawn: ")[2]
    assert all(f"{name} " in drawn for name in LAYERS)


def test_tex_has_compiled_the_formulas_of_sixty() -> None:
    text = RESULTS.with_name("tex_stories.md").read_text(encoding="utf-8")
    assert "| networks | 60 |" in text
    assert "| compiled | all |" in text


def test_a_fault_is_found() -> None:
    """A number that is off in the fourth digit does not pass for the gradient."""
    found = Findings()
    truth = np.array([[0.5, -0.25]])
    for latex, faults in ((r"0.5 & -0.25", 0), (r"0.51 & -0.25", 1)):
        values = evaluate(rf"\begin{{pmatrix}} {latex} \end{{pmatrix}}")
        found.error("matrices", float(np.max(np.abs(values - truth))), 5e-3, latex)
        assert len(found.faults) == faults
    assert "| faults | 1 | |" in report(found, 1.0)


@pytest.mark.parametrize(
    ("latex", "value"),
    [
        (r"2 \cdot (-3) + 1", [-5]),
        (r"\begin{pmatrix} 1 & 2 \end{pmatrix} \, \begin{pmatrix} 3 \\ 4 \end{pmatrix}", [11]),
        (r"\frac{1}{4} \, \left( 3 - 1 \right)^2", [1]),
        (r"\sigma(0) \cdot \sqrt{16} - \ln 1", [2]),
        (r"\begin{pmatrix} 1 & 2 \end{pmatrix} \odot \begin{pmatrix} 3 & 4 \end{pmatrix}", [3, 8]),
        (r"1.5 \cdot 10^{-3}", [0.0015]),
        (r"\max(1, 2.5) - |-2|", [0.5]),
    ],
)
def test_the_evaluator(latex: str, value: list[float]) -> None:
    np.testing.assert_allclose(evaluate(latex).ravel(), value, rtol=1e-15)
