"""Names and numbers as they are written: Python names, parameters, measured numbers, constants."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.notation import assigned_name, identifier, parameter, primed
from chainrule.tex import constant, matrix, number, parse, plain

IDENTIFIERS = {
    "w": "w",
    "w1": "w₁",
    "W_h": "Wₕ",
    "sigma": "σ",
    "y_hat": "ŷ",
    "x_bar": "x̄",
    "logits": "logits",
    "theta_0": "θ₀",
    "params['w']": "w",
    "params[0]['w2']": "w₂",
    "layers[3]": "layers₃",
    "1.mean": "mean",
    "dZ2": "dZ₂",
}

NUMBERS = {
    0.3723327: "0.3723",
    -0.13078174: "-0.1308",
    0.0: "0",
    12.0: "12",
    1234567.0: r"1.235 \cdot 10^{6}",
    1e-9: "10^{-9}",
    -2.5e-7: r"-2.5 \cdot 10^{-7}",
    0.00001234: "0.00001234",
    float("inf"): r"\infty",
    float("nan"): r"\mathrm{NaN}",
}

CONSTANTS = {
    0.5: r"\frac{1}{2}",
    -0.25: r"-\frac{1}{4}",
    1 / 3: r"\frac{1}{3}",
    2 / 3: r"\frac{2}{3}",
    1 / 32: r"\frac{1}{32}",
    1 / 7: r"\frac{1}{7}",
    0.1: "0.1",
    0.999: "0.999",
    -1.0: "-1",
    3.0: "3",
    1e-5: "0.00001",
    0.0: "0",
}


@pytest.mark.parametrize(("name", "text"), IDENTIFIERS.items())
def test_python_names(name: str, text: str) -> None:
    assert plain(identifier(name)) == text


@pytest.mark.parametrize(("value", "latex"), NUMBERS.items())
def test_measured_numbers(value: float, latex: str) -> None:
    assert number(value) == latex
    parse(latex)


@pytest.mark.parametrize(("value", "latex"), CONSTANTS.items())
def test_constants(value: float, latex: str) -> None:
    assert constant(value) == latex
    parse(latex)


def test_parameters() -> None:
    assert parameter("0.weight", (2, 3), 1) == "W^{(1)}"
    assert parameter("0.weight", (1, 1), 1) == "w^{(1)}"
    assert parameter("3.weight_h", (2, 8), 2) == "W_{h}^{(2)}"
    assert parameter("1.scale", (3,), 1) == r"\gamma^{(1)}"
    assert parameter("1.bias", (3,), 1, scaled=True) == r"\beta^{(1)}"
    assert parameter("2.weight_q", (3, 3), 1) == "W_{q}^{(1)}"
    assert parameter("2.tables", (3,), 0) == r"\mathrm{tables}"
    assert primed("z^{(1)}") == "z'^{(1)}"
    assert matrix([["1", "2"], ["3", "4"]]) == r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}"


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("z = x @ w", "z"),
        ("    z += 1", "z"),
        ("z: float = 1", "z"),
        ("z = (", "z"),
        ("a, b = 1, 2", None),
        ("return z", None),
        ("params['w'] = 1", None),
        ("if z == 1:", None),
    ],
)
def test_what_a_line_assigns(tmp_path, line: str, name: str | None) -> None:
    file = tmp_path / "lines.py"
    file.write_text(line + "\n")
    assert assigned_name(str(file), 1) == name


def test_every_parameter_of_every_layer_has_a_symbol_of_its_own() -> None:
    net = cr.Sequential(
        cr.Dense(3), cr.BatchNorm(), cr.LayerNorm(), cr.BatchNorm(), cr.Residual(cr.Dense(3))
    )
    model = cr.Model(net, "mean_squared_error", dtype="float64").build((2,))
    story = cr.explain(model, np.eye(2), np.zeros((2, 3)), training=True)
    symbols = [quantity.latex for quantity in story.quantities]
    assert len(symbols) == len(set(symbols))
    assert {q.key for q in story.quantities if q.kind == "parameter"} == set(model.params)
