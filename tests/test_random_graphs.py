"""Hypothesis builds graphs of all kinds, up to twelve steps deep; differences judge them.

`python tests/random_graphs.py 10000` judges more of them; `results/random_graphs.md` has its table.
"""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, reject, settings
from random_graphs import Tally, Verdict, judge, judge_second_order, report
from strategies import DEPTH, KINDS, TRACED, Program, programs

from chainrule.pipeline import value_and_grad, vmap

COUNT = 500
# The same programs every time; how long one takes does not matter.
FIXED = settings(derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))


def test_gradients():
    tally = Tally()

    @settings(FIXED, max_examples=COUNT)
    @given(programs())
    def each(program):
        verdict = judge(program)
        if verdict.outcome == "undecided":
            reject()
        tally.add(program, verdict)
        assert verdict.outcome == "right", verdict

    each()
    assert tally.outcomes["right"] >= COUNT
    assert min(tally.kinds[kind] for kind in KINDS) >= COUNT / 20
    assert set(tally.depths) == set(range(1, DEPTH + 1))
    assert min(tally.dtypes.values()) >= COUNT / 20


@settings(FIXED, max_examples=100)
@given(programs())
def test_second_derivatives(program):
    program.inputs = tuple(x.astype(np.float64) for x in program.inputs)
    verdict = judge_second_order(program)
    if verdict.outcome == "undecided":
        reject()
    assert verdict.outcome == "right", verdict


@settings(FIXED, max_examples=100)
@given(programs())
def test_batches(program):
    """A batch of values and gradients is what a loop over the samples gives."""
    inputs = [x.astype(np.float64) for x in program.inputs]
    function = value_and_grad(program.function(TRACED), tuple(range(len(inputs))))
    samples = [[x * scale for x in inputs] for scale in (1.0, 0.9, -0.5)]
    values, gradients = vmap(function)(*[np.stack(column) for column in zip(*samples, strict=True)])
    for number, sample in enumerate(samples):
        value, gradient = function(*sample)
        np.testing.assert_allclose(values[number], value, rtol=1e-10, atol=1e-12)
        for batch, alone in zip(gradients, gradient, strict=True):
            size = 1 + np.max(np.abs(alone), initial=0)
            np.testing.assert_allclose(batch[number], alone, rtol=1e-8, atol=1e-10 * size)


JUDGED = {
    "a right one": (["v = np.sin(x0) * x0"], [1.0, 2.0], "right"),
    "no gradient at all": (["v = np.floor(x0)"], [0.3, 1.7], "right"),
    "another value": (["v = x0 + hasattr(cr, '__name__')"], [1.0, 2.0], "wrong"),
    "half of a product's": (["v = rows.stop_gradient(x0) * x0"], [1.0, 2.0], "wrong"),
    "a gradient of 0": (["v = rows.stop_gradient(x0 * x0)"], [1.0, 2.0], "wrong"),
    "a thousandth too little": (
        ["v = x0 * x0", "v = 0.999 * v + 0.001 * rows.stop_gradient(v)"],
        [1.0, 2.0],
        "wrong",
    ),
    "a kink": (["v = np.abs(x0)"], [1e-9, 1.0], "undecided"),
    "a jump": (["v = np.floor(x0)"], [1.0, 1.5], "undecided"),
}


@pytest.mark.parametrize("name", JUDGED)
def test_the_judge(name):
    lines, x, outcome = JUDGED[name]
    assert judge(Program((np.array(x),), lines, ["Map"], "v")).outcome == outcome


def test_the_table():
    program = Program((np.ones(3, np.float32),), ["v = np.sin(x0)"], ["Map"], "v")
    tally = Tally()
    tally.add(program, judge(program))
    tally.add(program, Verdict("undecided", 0.5))
    text = report(tally, number=0, seconds=120)
    for line in (
        "| graphs | 2 |",
        "| gradient right | 1 |",
        "| undecided: at a kink, or too steep for differences | 1 |",
        "| with a step of kind Map | 2 |",
        "| 1 steps deep | 2 |",
    ):
        assert line in text
    assert "in 2 minutes" in text
