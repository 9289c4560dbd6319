"""What a good tutor would say about a mistake, with the user's own line and name."""

import linecache

from chainrule.checking.steps import Step

WORDS = {
    "missing-activation-derivative": "a factor f′ of the activation is left out",
    "activation-derivative-twice": "an activation's derivative is multiplied in once too often",
    "derivative-at-wrong-point": (
        "the activation's derivative is evaluated at the wrong point (its input for its output, "
        "or the reverse)"
    ),
    "wrong-activation-derivative": "this is not the derivative of the activation of the loss",
    "missing-mean": "the loss is a mean, and the gradient lacks its 1/N",
    "mean-twice": "the 1/N of the mean is applied twice",
    "wrong-constant-factor": "a constant factor is wrong",
    "wrong-sign": "the sign is wrong",
    "wrong-transpose": "an operand of the product is transposed, or is not where it must be",
    "elementwise-for-matmul": "this is an elementwise product where a matrix product belongs",
    "matmul-for-elementwise": "this is a matrix product where an elementwise product belongs",
    "bias-not-summed": "the gradient is not summed over the samples",
    "wrong-axis": "the sum runs over the wrong axis",
    "wrong-operand": "another value belongs in this product",
    "gradient-of-another-loss": "this is the gradient of another loss",
    "missing-term": "a term of the sum is missing",
    "extra-term": "a term is added that the loss does not have",
    "softmax-jacobian-diagonal": "only the diagonal pᵢ(1 - pᵢ) of the softmax's Jacobian is used",
    "not-accumulated": "this overwrites where contributions add up",
    "stale-cache": "this value belongs to another pass or layer",
    "off-by-one": "a loop or an index is one short or one long",
    "ascent-update": "the update climbs: the step goes along the gradient, not against it",
    "update-before-propagate": "the error is propagated through weights that are already updated",
    "shape-error": "the shapes do not fit",
    "unexplained": "the value is wrong from here on",
}

# The rule that a mistake breaks, without the user's own names: the third level of hints.
RULES = {
    "missing-activation-derivative": "Back through a = f(z): ∂L/∂z = ∂L/∂a ⊙ f′(z).",
    "activation-derivative-twice": (
        "Back through a = f(z), f′(z) comes in once. Sigmoid with binary cross-entropy, and "
        "softmax "
        "with cross-entropy, have cancelled it: ∂L/∂z = a - y."
    ),
    "derivative-at-wrong-point": (
        "σ′(z) = σ(z)(1 - σ(z)) = a(1 - a); tanh′(z) = 1 - tanh²(z) = 1 - a². Formulas in a "
        "want the "
        "activation's output, formulas in z its input."
    ),
    "wrong-activation-derivative": (
        "σ′ = a(1 - a); tanh′ = 1 - a²; ReLU′ is 1 for z > 0 and else 0; LeakyReLU′ is 1 for z > 0 "
        "and else its slope."
    ),
    "missing-mean": "L = 1/N Σ l has the gradient 1/N Σ ∂l.",
    "mean-twice": "L = 1/N Σ l has the gradient 1/N Σ ∂l: one 1/N in all.",
    "wrong-constant-factor": (
        "Constants of the loss stay: (½ (a - y)²)′ = a - y, ((a - y)²)′ = 2 (a - y)."
    ),
    "wrong-sign": "∂/∂a of (a - y)² is 2 (a - y); the update subtracts: w ← w - η ∂L/∂w.",
    "ascent-update": "Descent subtracts the gradient: w ← w - η ∂L/∂w.",
    "update-before-propagate": (
        "Propagate the error through the weights of the forward pass; update when all "
        "gradients are "
        "known."
    ),
    "wrong-transpose": "For Z = A W: ∂L/∂W = Aᵀ ∂L/∂Z and ∂L/∂A = ∂L/∂Z Wᵀ.",
    "elementwise-for-matmul": (
        "For Z = A W: ∂L/∂W = Aᵀ ∂L/∂Z and ∂L/∂A = ∂L/∂Z Wᵀ, matrix products."
    ),
    "matmul-for-elementwise": "Back through a = f(z), elementwise: ∂L/∂z = ∂L/∂a ⊙ f′(z).",
    "bias-not-summed": "A bias is added to every sample: ∂L/∂b = Σₙ ∂L/∂zₙ.",
    "wrong-axis": "Sum over the axis along which the value was repeated: ∂L/∂b = Σₙ ∂L/∂zₙ.",
    "wrong-operand": "For Z = A W, with the A that went in: ∂L/∂W = Aᵀ ∂L/∂Z and ∂L/∂A = ∂L/∂Z Wᵀ.",
    "gradient-of-another-loss": "The gradient follows from the loss that is stated, term by term.",
    "missing-term": (
        "Where a value is used twice, or a sum has several terms, the gradients add up."
    ),
    "extra-term": "Each term of a gradient comes from one use of the value in the loss.",
    "stale-cache": "The backward pass reads the values of the forward pass that it belongs to.",
    "not-accumulated": "Where a value is used several times, the gradients add up: += and not =.",
    "softmax-jacobian-diagonal": (
        "∂L/∂zᵢ = pᵢ (∂L/∂pᵢ - Σₖ ∂L/∂pₖ pₖ): every pₖ depends on every zᵢ."
    ),
    "off-by-one": "The backward pass goes over the same indices as the forward pass.",
    "shape-error": "A gradient has the shape of what it is the gradient of.",
    "unexplained": "Compare the values of this line with those of the true backward pass.",
}


def place(step: Step) -> str:
    """`delta2 = a2 - y` (line 36)."""
    source = linecache.getline(step.file, step.line).strip() if step.file else ""
    return f"`{source}` (line {step.line})" if source else f"line {step.line}"


def explanation(kind: str, step: Step, remedy: str) -> str:
    """The user's line, what is wrong, and the change that makes it right."""
    return f"{place(step)}: {WORDS[kind]}. {remedy}".strip()


def hints(kind: str, line: int, said: str) -> dict[str, str]:
    """Four levels: where to look, what kind it is, the rule, and the change itself."""
    where = f"Look at line {line}." if line else "Compare the parameters that are named wrong."
    words = WORDS[kind]
    fix = said.replace(f": {words}. ", ": ")  # the kind was said before
    return {
        "where": where,
        "kind": words[0].upper() + words[1:] + ".",
        "formula": RULES[kind],
        "fix": fix[0].upper() + fix[1:],
    }
