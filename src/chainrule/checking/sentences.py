"""What a good tutor would say about a mistake, with the user's own line and name."""

import linecache

from chainrule.checking.search import Fit
from chainrule.checking.steps import Program, Step

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


def place(step: Step) -> str:
    """`delta2 = a2 - y` (line 36)."""
    source = linecache.getline(step.file, step.line).strip() if step.file else ""
    return f"`{source}` (line {step.line})" if source else f"line {step.line}"


def explanation(kind: str, fit: Fit, program: Program) -> str:
    """One sentence: the user's line, what is wrong, and the change that makes it right."""
    edit, step = fit.edit, program.steps[fit.edit.site[0]]
    return f"{place(step)}: {WORDS[kind]}. {_remedy(edit.action, edit.constant, edit.new)}".strip()


def _remedy(action: str, constant: float, new: object) -> str:
    line = getattr(new, "line", 0)
    name = getattr(new, "name", "")
    op = getattr(new, "op", "")
    whose = name or (f"the {op} of line {line}" if line else op)
    if action == "scale":
        return f"Multiply it by {constant:.6g}."
    if action == "times-derivative":
        return f"Multiply by the derivative of {whose}."
    if action.startswith(("drop", "without")):
        return "Leave that factor or term out."
    if action == "operand":
        role = getattr(new, "role", "")
        prefix = "the derivative of " if role == "local" else ""
        prefix = "the gradient with respect to " if role == "adjoint" else prefix
        return f"Put {prefix}{whose} there."
    if action == "add-term":
        return f"Add {constant:.6g} times {whose}."
    return ""


def hints(kind: str, line: int, said: str) -> dict[str, str]:
    """Four levels: where to look, what kind it is, the rule, and the change itself."""
    where = f"Look at line {line}." if line else "Compare the parameters that are named wrong."
    words = WORDS[kind]
    return {"where": where, "kind": words[0].upper() + words[1:] + ".", "formula": "", "fix": said}
