"""What the signs and words of a page mean, told where each stands first: the one list of them."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chainrule.explaining.story import Step, Story

Term = tuple[str, str]

# (what must occur in a step: one of these, as it is told, what it is); `=x` is the input x itself
TERMS: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (("=x",), "x", "the input: one row a sample, one column a feature. A shape such as 4 × 2 has "
     "4 rows and 2 columns; x₃₁ stands in row 3 and column 1"),
    (("=y",), "y", "the target: what the answer should have been"),
    (("W⁽", "w⁽"), "W", "weights: one number for each pair of an input and a unit, in the row of "
     "the input and the column of the unit"),
    (("b⁽",), "b", "bias: a number that a unit adds to its weighted sum"),
    (("γ⁽", "β⁽"), "γ, β", "what a normalisation learns: by how much it stretches each feature, "
     "and where it shifts it"),
    (("unit",), "unit", "a neuron: one weighted sum, and what a function makes of it"),
    (("z⁽",), "z⁽¹⁾", "the weighted sums of a level: inputs times weights, plus bias. The number "
     "in brackets is the level: it counts the layers that multiply by weights, from 1. The "
     "name beside a formula, such as 0.Dense, is the layer's place in the network, from 0"),
    (("a⁽",), "a⁽¹⁾", "the activations: what a function such as σ makes of z⁽¹⁾"),
    (("h⁽",), "h⁽¹⁾", "what a layer makes that is neither a weighted sum nor one function of each "
     "number: a normalisation, a sum of two branches, the states of a recurrent layer"),
    (("u₁", "u₂"), "u₁", "a value on the way that has no name of its own"),
    (("μ₁",), "μ₁", "a mean, here over what the letter under the sum counts"),
    (("σ(",), "σ", "the logistic function 1 / (1 + exp(−x)), between 0 and 1"),
    (("ReLU",), "ReLU", "the number where it is above 0, and else 0"),
    (("softmax",), "softmax", "turns scores into shares between 0 and 1 that add up to 1"),
    (("ŷ",), "ŷ", "the answer of the network"),
    (("L =",), "L", "the loss: one number that says how wrong the answer is"),
    (("Σ",), "Σ", "the sum; the letters below it say over what: samples n, or units and "
     "features"),
    (("∂L/∂",), "∂L/∂w", "the gradient of w: how much L grows for each unit that w grows. It has "
     "the shape of w"),
    (("δ⁽",), "δ⁽¹⁾", "short for ∂L/∂z⁽¹⁾, the error of a level"),
    (("slope", "′("), "slope, σ′", "how much the result of a function grows for each unit that its "
     "input grows"),
    (("⊙",), "⊙", "multiplied entry by entry; two matrices side by side are their matrix product"),
    (("ᵀ",), "ᵀ", "a matrix with rows and columns exchanged"),
    (tuple(f"{digit}ₓ" for digit in "₀₁₂₃₄₅₆₇₈₉"), "1₄ₓ₂", "4 rows and 2 columns of "
     "ones: what they multiply is repeated"),
    (("ⁿᵉʷ",), "wⁿᵉʷ", "w after the update. The number in front of the gradient is the learning "
     "rate"),
    (("vⁿᵉʷ(",), "m, v, t", "what the optimizer remembers: running means of the gradients and of "
     "their squares; t counts the updates"),
)  # fmt: skip


def first_terms(story: "Story") -> Iterator[tuple["Step", list[Term]]]:
    """Each step with the terms that stand in it and in none before."""
    told: set[str] = set()
    for step in story.steps:
        text = f"{step.text} {step.sentence}"
        if story.record.roots.prediction is not None and step.phase == "given":
            text += f" ={step.key}"
        found = [
            (shown, meaning)
            for signs, shown, meaning in TERMS
            if shown not in told and any(sign in text for sign in signs)
        ]
        told |= {shown for shown, _ in found}
        yield step, found


def terms_of(story: "Story") -> list[Term]:
    """The terms of a story, in the order in which they appear."""
    return [term for _, found in first_terms(story) for term in found]


def listed() -> Iterator[Term]:
    """All terms, as the documentation lists them."""
    for _, shown, meaning in TERMS:
        yield shown, meaning
