"""Hand-written gradients under check: right ones pass, and the mistakes of tutorials are named."""

import json
import operator

import numpy as np
import pytest
from check_suite.opened import opened
from check_suite.score import judged
from check_suite.suite import programs

from chainrule import SettingError, check

NAME = operator.attrgetter("id")
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


@pytest.mark.parametrize("program", [*programs("correct"), *opened("correct")[::4]], ids=NAME)
def test_correct_programs_pass(program):
    found, said = judged(program)
    assert found == {"passed": True}, said


# Every sixth, so that all folders, styles and kinds have their share; all of them by the score.
@pytest.mark.parametrize("program", [*programs("single")[::6], *opened("single")[::6]], ids=NAME)
def test_wrong_programs_are_found(program):
    found, said = judged(program)
    assert found["found"], said


@pytest.mark.parametrize("program", opened("single")[::6], ids=NAME)
def test_mistakes_of_the_open_half_are_named(program):
    found, said = judged(program)
    assert found["named"], said


def descent(params, x, y, lr):
    gradients = no_slope(params, x, y)
    return {name: params[name] - lr * gradients[name] for name in params}


def climbing(params, x, y, lr):
    gradients = no_slope(params, x, y)
    for name in params:
        params[name] += lr * gradients[name]
    return params


def update_first(params, x, y, lr):
    _, a1, out = forward(params, x)
    params["W2"] -= lr * a1.T @ (out - y)
    params["b2"] -= lr * (out - y).sum(axis=0)
    delta1 = (out - y) @ params["W2"].T * a1 * (1 - a1)
    params["W1"] -= lr * x.T @ delta1
    params["b1"] -= lr * delta1.sum(axis=0)


def broken(params, x, y, lr):
    params["W2"] -= lr
    params["b1"] -= lr * np.ones((4, 2))


def summed_cross_entropy(params, x, y):
    return len(y) * cross_entropy(params, x, y)


def test_a_right_step_passes_and_its_rule_is_named():
    report = check(loss=summed_cross_entropy, step=descent, params=PARAMS, data=(X, Y), lr=0.2)
    assert report.ok
    assert "gradient descent" in report.notes[0]


@pytest.mark.parametrize(
    ("step", "kind"), [(climbing, "ascent-update"), (update_first, "update-before-propagate")]
)
def test_wrong_steps_are_named(step, kind):
    report = check(loss=summed_cross_entropy, step=step, params=PARAMS, data=(X, Y), lr=0.2)
    assert report.findings[0].kind == kind


def test_a_step_that_stops_half_way_says_what_it_has_changed():
    report = check(loss=summed_cross_entropy, step=broken, params=PARAMS, data=(X, Y), lr=0.2)
    (finding,) = report.findings
    assert finding.kind == "shape-error"
    assert "W2 had already been changed" in finding.explanation


def test_a_check_takes_a_gradient_or_a_step():
    with pytest.raises(SettingError, match="either `grads` or `step`"):
        check(loss=cross_entropy, params=PARAMS, data=(X, Y))


def kinked(params, x, y):
    return np.sum(np.where(params["W1"] > 0, params["W1"], 0)) + np.sum(params["b1"])


def kinked_slope(params, x, y):
    return {
        name: np.where(value > 0, 1.0, 0.0) if name == "W1" else np.ones_like(value)
        for name, value in params.items()
    }


def test_a_kink_is_said_to_be_one():
    at_zero = {"W1": np.zeros((2, 2)), "b1": np.zeros(2)}
    report = check(loss=kinked, grads=kinked_slope, params=at_zero, data=(X, Y))
    away = check(
        loss=kinked,
        grads=kinked_slope,
        params={"W1": np.ones((2, 2)), "b1": np.ones(2)},
        data=(X, Y),
    )
    assert away.ok
    assert not away.notes
    assert any("kink" in note for note in report.notes)


def half_precision(params, x, y):
    return {name: value.astype(np.float32) for name, value in slope_twice(params, x, y).items()}


def test_single_precision_is_said():
    report = check(loss=cross_entropy, grads=half_precision, params=PARAMS, data=(X, Y))
    assert any("float32" in note for note in report.notes)
    assert report.findings[0].kind == "activation-derivative-twice"


# --- near an optimum -----------------------------------------------------------------------------

NOISY = np.array([[0.3, 1.0], [-0.2, 0.4], [0.7, -0.9], [0.1, 0.2], [-0.6, 0.5]])
INPUTS = np.array([[0.5, 0.1], [0.2, -0.7], [-0.4, 0.9], [0.8, 0.3], [-0.1, -0.6]])


def linear_loss(params, x, y):
    return 0.5 * np.sum((x @ params["W"] - y) ** 2)


def by_sample(dtype, factor):
    """The gradient in another order than that of the truth, and in this precision."""

    def grads(params, x, y):
        total = np.zeros_like(params["W"], dtype=dtype)
        for row, target in zip(x.astype(dtype), y.astype(dtype), strict=True):
            total += dtype(factor) * np.outer(row, row @ params["W"].astype(dtype) - target)
        return {"W": total}

    return grads


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_rounding_at_an_optimum_is_no_mistake(dtype):
    best = {"W": np.linalg.lstsq(INPUTS, NOISY, rcond=None)[0]}
    report = check(loss=linear_loss, grads=by_sample(dtype, 1), params=best, data=(INPUTS, NOISY))
    assert report.ok, report.text()
    assert any("rounding" in note for note in report.notes)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("away", [1.0, 1e-3])
def test_a_thousandth_is_found_beside_an_optimum(dtype, away):
    best = np.linalg.lstsq(INPUTS, NOISY, rcond=None)[0]
    case = {"W": best + away * np.array([[0.3, -0.4], [0.2, 0.5]])}, (INPUTS, NOISY)
    right, wrong = by_sample(dtype, 1), by_sample(dtype, 1.001 if away == 1 else 1.1)
    assert check(loss=linear_loss, grads=right, params=case[0], data=case[1]).ok
    assert not check(loss=linear_loss, grads=wrong, params=case[0], data=case[1]).ok
