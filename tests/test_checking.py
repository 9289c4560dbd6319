"""Hand-written gradients under check: right ones pass, and the mistakes of tutorials are named."""

import json

import numpy as np
import pytest
from check_suite.suite import Program, programs
from check_suite.verify import namespace, quiet

from chainrule.checking.front import check

X = np.array([[0.5, 0.1], [0.2, -0.7], [-0.4, 0.9]])
Y = np.array([[1.0], [0.0], [1.0]])
PARAMS = {
    "W1": np.array([[0.1, 0.3], [0.2, 0.4]]),
    "b1": np.array([0.25, 0.35]),
    "W2": np.array([[0.5], [0.6]]),
    "b2": np.array([0.05]),
}


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def forward(params, x):
    z1 = x @ params["W1"] + params["b1"]
    a1 = sigmoid(z1)
    return z1, a1, sigmoid(a1 @ params["W2"] + params["b2"])


def cross_entropy(params, x, y):
    _, _, out = forward(params, x)
    return -np.mean(y * np.log(out) + (1 - y) * np.log(1 - out))


def half_squares(params, x, y):
    return 0.5 * np.sum((forward(params, x)[2] - y) ** 2)


def backward(params, x, delta2, slope=lambda z, a: a * (1 - a)):
    z1, a1, _ = forward(params, x)
    delta1 = (delta2 @ params["W2"].T) * slope(z1, a1)
    return {
        "W1": x.T @ delta1,
        "b1": delta1.sum(axis=0),
        "W2": a1.T @ delta2,
        "b2": delta2.sum(axis=0),
    }


def slope_twice(params, x, y):
    out = forward(params, x)[2]
    delta2 = (out - y) / len(y)
    delta2 = delta2 * out * (1 - out)
    return backward(params, x, delta2)


def no_mean(params, x, y):
    return backward(params, x, forward(params, x)[2] - y)


def no_slope(params, x, y):
    return backward(params, x, forward(params, x)[2] - y)


def slope_of_input(params, x, y):
    out = forward(params, x)[2]
    return backward(params, x, (out - y) / len(y), lambda z, a: z * (1 - z))


def ascent(params, x, y):
    out = forward(params, x)[2]
    return backward(params, x, (y - out) * out * (1 - out))


MISTAKES = [
    (cross_entropy, slope_twice, "activation-derivative-twice"),
    (cross_entropy, no_mean, "missing-mean"),
    (half_squares, no_slope, "missing-activation-derivative"),
    (cross_entropy, slope_of_input, "derivative-at-wrong-point"),
    (half_squares, ascent, "wrong-sign"),
]


@pytest.mark.parametrize(("loss", "grads", "kind"), MISTAKES)
def test_mistakes_of_the_seeds_are_named_and_proved(loss, grads, kind):
    report = check(loss=loss, grads=grads, params=PARAMS, data=(X, Y))
    (finding,) = report.findings
    assert finding.kind == kind
    assert finding.evidence < 1e-9
    assert set(finding.hints) == {"where", "kind", "formula", "fix"}
    assert kind.replace("-", " ") in report.text()
    assert json.loads(report.to_json())["findings"][0]["kind"] == kind


def test_the_gradient_of_another_loss_is_recognised():
    report = check(loss=half_squares, grads=no_slope, params=PARAMS, data=(X, Y))
    assert "binary cross-entropy, summed" in report.also_gradient_of


def test_one_constant_everywhere_is_a_scale():
    report = check(loss=cross_entropy, grads=no_mean, params=PARAMS, data=(X, Y))
    assert report.findings[0].severity == "scale"


def _gradients(category: str) -> list[Program]:
    return [p for p in programs(category) if "def step(" not in p.source]


@pytest.mark.parametrize("program", _gradients("correct"), ids=lambda p: p.id)
def test_correct_programs_pass(program):
    space = namespace(program, program.source)
    with quiet():
        report = check(
            loss=space["loss"], grads=space["grads"], params=space["params"], data=space["data"]
        )
    assert report.ok, report.text()
