"""The LaTeX that chainrule writes: every formula of every table is read, and shown as text."""

import pytest

from chainrule.errors import GraphError
from chainrule.losses import LOSSES
from chainrule.ops import TABLE
from chainrule.optimizers import OPTIMIZERS
from chainrule.tex import figure, number, parse, plain

TEXTS = {
    r"\delta^{(2)} = \frac{1}{4} \, (\hat{y} - y)": "δ⁽²⁾ = ¼ (ŷ − y)",
    r"\frac{\partial L}{\partial W^{(1)}} = x^\top \, \delta^{(1)}": "∂L/∂W⁽¹⁾ = xᵀ δ⁽¹⁾",
    r"{W^{(2)}}^\top": "W⁽²⁾ᵀ",
    r"w^{(1)}_{12} + w_{10,3}": "w⁽¹⁾₁₂ + w₁₀,₃",
    r"-0.5 \cdot (-0.3)": "−0.5 · (−0.3)",
    r"\frac{x - \bar{x}}{\sqrt{v + 10^{-5}}}": "(x − x̄)/√(v + 10⁻⁵)",
    r"\frac{1}{N}\sum_i \tfrac12 (\hat y_i - y_i)^2": "(1/N) Σᵢ ½ (ŷᵢ − yᵢ)²",
    r"\sigma'(z^{(1)})": "σ′(z⁽¹⁾)",
    r"\tanh z": "tanh z",
    r"\begin{pmatrix} 1 & -2 \\ 3 & 4 \end{pmatrix}": "[1 −2; 3 4]",
    r"\begin{cases} a & b > 0 \\ c & \text{else} \end{cases}": "{ a if b > 0; c else }",
    r"\theta \leftarrow \theta - \eta\, g": "θ ← θ − η g",
    r"\operatorname{softmax}(z)_{3}": "softmax(z)₃",
    r"(u_{1})^2 + u_{2}^2": "(u₁)² + u₂²",
    r"\mathrm{table}_{[\mathrm{idx}]}": "table[idx]",
}

WRONG = [
    r"\frac{1}{2",
    r"x}",
    r"x^{2}^{3}",
    r"x_{1}_{2}",
    r"\unknown x",
    r"a & b \end{pmatrix}",
    r"\begin{pmatrix} 1 \end{cases}",
    r"\begin{tabular} 1 \end{tabular}",
    r"\begin{pmatrix} 1",
    r"^2",
    r"x^",
    r"5 % of it",
    r"\text{a \frac b}",
    r"$x$",
]


@pytest.mark.parametrize(("latex", "text"), TEXTS.items())
def test_text(latex: str, text: str) -> None:
    assert plain(latex) == text


@pytest.mark.parametrize("digits", [1, 3, 4, 6])
def test_a_figure_is_the_number_as_plain_text(digits: int) -> None:
    sizes = [0.0, 1.0, 1 / 3, 2.5, 9.9999999, 123456.789, float("inf"), float("nan")]
    for size in sizes:
        for exponent in range(-20, 21):
            for value in (size * 10.0**exponent, -size * 10.0**exponent):
                assert figure(value, digits) == plain(number(value, digits))
    assert figure(-1.25e-7) == "−1.25 · 10⁻⁷"
    assert figure(1e-7) == "10⁻⁷"


@pytest.mark.parametrize("latex", WRONG)
def test_what_tex_would_refuse_is_refused(latex: str) -> None:
    with pytest.raises(GraphError):
        parse(latex)


@pytest.mark.parametrize("name", TABLE)
def test_every_row_has_a_template_that_is_read(name: str) -> None:
    latex = getattr(TABLE[name], "latex", "")
    if latex:
        filled = latex.format("x", "y", "z")
        assert plain(filled)


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_is_read(name: str) -> None:
    assert plain(LOSSES[name].latex)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_is_read(name: str) -> None:
    for line in OPTIMIZERS[name](clip_norm=1.5).latex():
        assert plain(line)
