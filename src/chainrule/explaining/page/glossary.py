"""What the signs on a page mean: only those that stand on it."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chainrule.explaining.story import Story

# (sign that must occur, as it is told, what it is)
TERMS = (
    ("x", "x", "the input: one row a sample, one column a feature"),
    ("W⁽", "W", "weights: one number for each pair of an input and a unit"),
    ("b⁽", "b", "bias: a number that a unit adds to its weighted sum"),
    ("z⁽", "z⁽¹⁾", "the weighted sum of a level: inputs times weights, plus bias. The number in "
     "brackets counts the levels: layers that multiply by weights"),
    ("a⁽", "a⁽¹⁾", "the activation: what a function such as σ makes of z⁽¹⁾"),
    ("σ", "σ", "the logistic function 1 / (1 + exp(−x)), between 0 and 1"),
    ("ŷ", "ŷ", "the answer of the network"),
    ("y", "y", "the target: what the answer should have been"),
    ("L", "L", "the loss: one number that says how wrong the answer is"),
    ("∂L/∂", "∂L/∂w", "the gradient of w: how much L grows for each unit that w grows"),
    ("δ", "δ⁽¹⁾", "short for ∂L/∂z⁽¹⁾, the error of a level"),
    ("′", "σ′", "the slope of σ: how much its result grows for each unit that its input grows"),
    ("⊙", "⊙", "multiplied entry by entry"),
    ("ᵀ", "ᵀ", "a matrix with rows and columns exchanged"),
    ("Σ", "Σ", "the sum"),
    ("ⁿᵉʷ", "wⁿᵉʷ", "w after the update"),
)  # fmt: skip


def terms_of(story: "Story") -> list[tuple[str, str]]:
    """The terms of a story, in the order in which they appear."""
    said = " ".join(step.text for step in story.steps)
    return [(shown, meaning) for sign, shown, meaning in TERMS if sign in said]
