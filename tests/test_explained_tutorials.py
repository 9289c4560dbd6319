"""What five well-known tutorials draw, derive and compute by hand, from `cr.explain` alone.

Their slips come out right: the fourth decimals of the 1-1-1 network, the sign of a step that should
go downhill, a derivative that is the other way up.
"""

import re

import numpy as np
import pytest
from test_explain import chain, two_two_one

import chainrule as cr
from chainrule.tex import plain


def stepped(model: cr.Model, story) -> cr.Model:
    """The model after the update that the story tells."""
    model.set_params({s.key: s.value for s in story.phase("update") if not s.is_memory})
    return model


def chain_rule(story, name: str) -> list[str]:
    lines = story.derivation(name).section("chain rule").lines
    return [plain(f"{line.left} = {line.right}") for line in lines]


def test_two_inputs_two_hidden_units_and_cross_entropy() -> None:
    model = two_two_one("binary_cross_entropy")
    model.set_params(
        {
            "0.weight": [[0.2, 0.5], [0.8, 0.1]],
            "0.bias": [0.1, 0.2],
            "2.weight": [[0.4], [0.2]],
            "2.bias": [0.3],
        }
    )
    story = cr.explain(model, [[0.5, 0.1]], [1])
    assert story.loss == pytest.approx(0.4199108457, abs=5e-11)
    assert story.values["prediction"].item() == pytest.approx(0.6571054, abs=5e-8)
    after = cr.explain(stepped(model, story), [[0.5, 0.1]], [1])
    assert after.loss == pytest.approx(0.4001222005, abs=5e-10)
    assert "dL" not in story.text(80)
    assert chain_rule(story, "2.weight") == ["∂L/∂W⁽²⁾ = ∂L/∂z⁽²⁾ · ∂z⁽²⁾/∂W⁽²⁾"]


def test_half_squared_error_on_two_two_one() -> None:
    """The slope of the output's sigmoid, which the tutorial's code leaves out."""
    model = two_two_one("half_squared_error")
    model.set_params(
        {
            "0.weight": [[0.2, 0.8], [0.5, 0.3]],
            "0.bias": [0.1, 0.2],
            "2.weight": [[0.7], [0.9]],
            "2.bias": [0.3],
        }
    )
    story = cr.explain(model, [[0.5, 0.1]], [[1.0]])
    assert story.values["prediction"].item() == pytest.approx(0.78257981, abs=5e-9)
    (slope,) = (value for _, value in story.step("z2", "backward").slopes)
    assert 1 / slope.item() == pytest.approx(5.87721379, abs=5e-8)
    assert story.gradients["2.weight"].ravel() == pytest.approx(
        [-0.02079702, -0.02413803], abs=5e-9
    )


def test_the_single_neuron() -> None:
    """Inputs, weights, the bias as a node of its own, Σ, σ, output, target, error, arrows back."""
    model = cr.Model(
        cr.Sequential(cr.Dense(1), cr.Sigmoid()), "mean_squared_error", cr.SGD(0.1), dtype="float64"
    ).build((2,))
    model.set_params({"0.weight": [[0.4], [-0.6]], "0.bias": [0.2]})
    story = cr.explain(model, [[0.5, 0.8]], [[1.0]])
    z = 0.5 * 0.4 - 0.8 * 0.6 + 0.2
    y = 1 / (1 + np.exp(-z))
    error = 2 * (y - 1) * y * (1 - y)
    assert story.gradients["0.weight"].ravel() == pytest.approx([0.5 * error, 0.8 * error])
    assert story.gradients["0.bias"].item() == pytest.approx(error)
    assert chain_rule(story, "0.weight") == [
        "∂L/∂W⁽¹⁾ = ∂L/∂ŷ · ∂ŷ/∂z⁽¹⁾ · ∂z⁽¹⁾/∂W⁽¹⁾"  # and not ∂ŷ/∂L
    ]
    shown = set(re.findall(r">([^<>]+)</text>", story.svg()))
    for sign in ("x₁", "x₂", "Σ", "σ", "L", "y", "w⁽¹⁾₁ 0.4", "w⁽¹⁾₂ −0.6", "b⁽¹⁾ 0.2", "target 1"):
        assert sign in shown
    assert any(text.startswith("∂L/∂w⁽¹⁾₁ ") for text in shown)
    (path,) = story.paths("0.weight", (1, 0))
    assert [factor.value for factor in path.factors] == pytest.approx(
        [2 * (y - 1), y * (1 - y), 0.8]
    )


def test_one_unit_after_another_from_first_to_last() -> None:
    """L .0259, ∂w₂ −.1308, ∂b₁ −.0167; then sixty steps, told by sixty stories."""
    model = chain()
    stories = []
    for _ in range(60):
        stories.append(cr.explain(model, [[0.5]], [[0.6]]))
        stepped(model, stories[-1])
    first = stories[0]
    assert f"{first.loss:.4f}" == "0.0259"
    assert f"{first.gradients['2.weight'].item():.4f}" == "-0.1308"
    assert f"{first.gradients['0.bias'].item():.4f}" == "-0.0167"
    norms = [np.sqrt(sum(g.item() ** 2 for g in s.gradients.values())) for s in stories]
    assert norms[0] == pytest.approx(0.26321988, abs=5e-9)
    assert norms[59] == pytest.approx(5.23996e-5, rel=1e-5)
    assert stories[59].loss == pytest.approx(1.01937e-9, rel=1e-4)
    table = {0: (".0259", ".3723"), 5: (".0062", ".4891"), 20: (".0001", ".5873")}
    for epoch, (loss, output) in table.items():
        story = stories[epoch]
        assert f"{story.loss:.4f}" == f"0{loss}"
        assert f"{story.values['prediction'].item():.4f}" == f"0{output}"
    final = {"0.weight": 0.40715390, "0.bias": 0.11430780}
    final |= {"2.weight": 0.39781199, "2.bias": 0.36970390}
    for name, value in final.items():
        assert model.params[name].item() == pytest.approx(value, abs=5e-9)


def test_a_step_goes_downhill() -> None:
    """2 (ŷ − y) x, subtracted: 2.7225 becomes 2.2793, where the tutorial climbs to 3.2050."""
    net = cr.Sequential(cr.Dense(1, bias=False))
    model = cr.Model(net, "mean_squared_error", cr.SGD(0.01), dtype="float64").build((2,))
    model.set_params({"0.weight": [[0.3], [-0.4]]})
    story = cr.explain(model, [[0.5, 2.0]], [[1.0]])
    assert story.loss == pytest.approx(2.7225)
    assert story.gradients["0.weight"].ravel() == pytest.approx([-1.65, -6.6])
    after = cr.explain(stepped(model, story), [[0.5, 2.0]], [[1.0]])
    assert after.loss == pytest.approx(2.2793, abs=5e-5)
    two = cr.Sequential(cr.Dense(2, bias=False), cr.Dense(2, bias=False))
    model = cr.Model(two, "half_squared_error", cr.SGD(0.01), dtype="float64").build((2,))
    outer = [[0.3, -0.7], [0.5, 0.2]]
    model.set_params({"0.weight": np.eye(2), "1.weight": outer})
    story = cr.explain(model, [[0.5, 2.0]], [[1.0, -1.0]])
    error = np.array([0.5, 2.0]) @ np.array(outer) - [1.0, -1.0]
    # What goes back to a unit is weight times error, and never the sum of weights' slopes.
    assert story.gradients["z1"].ravel() == pytest.approx(np.array(outer) @ error)
