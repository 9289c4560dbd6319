"""What to write instead: an edit in the user's own expressions."""

from fractions import Fraction

import numpy as np

from chainrule.checking.edit import Edit
from chainrule.checking.naming import samples
from chainrule.checking.pool import Pool
from chainrule.checking.quantities import DERIVATIVES, Quantity
from chainrule.checking.steps import Program
from chainrule.checking.written import as_product, bracketed, of_value, operand, spelled, whole

# Derivatives as they are written, of the input {x} and the output {a}.
FORMULAS = {
    "sigmoid": "{a} * (1 - {a})",
    "tanh": "1 - {a} ** 2",
    "relu": "{x} > 0",
    "square": "2 * {x}",
    "absolute": "np.sign({x})",
    "exp": "{a}",
    "log": "1 / {x}",
}


def remedy(edit: Edit, kind: str, program: Program, pool: Pool) -> str:
    """One sentence: the change of the user's line that the edit is; "" where it has no words."""
    index = edit.site[0]
    action, detail = edit.action, edit.detail
    frames = program.steps[index].frames
    function = frames[-1].function if frames else ""
    if action == "scale":
        text = operand(program, index, detail["of"]) if "of" in detail else spelled(program, index)
        return _scaled(edit.constant, kind, _quoted(text), pool)
    if action in ("times-derivative", "without-derivative"):
        assert edit.new is not None
        text = whole(program, detail.get("use", index))
        verb = "Multiply" if action == "times-derivative" else "Do not multiply"
        return f"{verb} {_quoted(text)} by {_described(edit.new, program, function)}."
    if "how" in detail:
        return _instead(_rewritten(detail["how"], program, index), spelled(program, index))
    if action == "sum-it":
        return _summed(whole(program, index), detail["axes"], detail["keep"])
    if action == "other-axis":
        return _other_axes(operand(program, index, 0), detail)
    if action in ("operand", "before-update") and edit.new is not None:
        here = detail.get("use", -1)
        text = whole(program, here) if here >= 0 else operand(program, index, edit.slot)
        place = f"in the place of `{text}`" if text else "there"
        return f"Put {_described(edit.new, program, function)} {place}."
    if action in ("add-term", "accumulate") and edit.new is not None:
        return _added(edit.constant, _described(edit.new, program, function))
    if action == "flip" and edit.new is not None:
        text = whole(program, detail["use"])
        old = edit.old
        is_turned = old is not None and old.ndim == 2 and np.array_equal(edit.new.value, old.T)
        return f"{'Transpose' if is_turned else 'Reverse the order of'} {_quoted(text)}."
    if action == "reshape" and edit.slot >= 0:
        return f"Give {_quoted(operand(program, index, edit.slot))} the shape of the other operand."
    if action.startswith("drop"):
        return _dropped(edit, program, index)
    return ""


def _quoted(text: str) -> str:
    return f"`{text}`" if text else "it"


def _instead(new: str, old: str) -> str:
    if not new:
        return ""
    return f"Write `{new}` in the place of `{old}`." if old else f"Write `{new}`."


def _scaled(constant: float, kind: str, text: str, pool: Pool) -> str:
    if np.isclose(constant, -1, rtol=1e-9):
        return f"Multiply {text} by -1."
    for size in samples(pool.point):
        if kind == "missing-mean" and np.isclose(constant, 1 / size, rtol=1e-9):
            return f"Divide {text} by N = {size}."
        if kind == "mean-twice" and np.isclose(constant, size, rtol=1e-9):
            return f"Multiply {text} by N = {size}: it is divided by N once too often."
    ratio = Fraction(constant).limit_denominator(100)
    if np.isclose(float(ratio), constant, rtol=1e-9) and ratio:
        if ratio.numerator == 1 and ratio.denominator > 1:
            return f"Divide {text} by {ratio.denominator}."
        return f"Multiply {text} by {ratio}."
    return f"Multiply {text} by {constant:.6g}."


def _rewritten(how: str, program: Program, index: int) -> str:
    """A template with the texts of the operands; "" where these are not known."""
    texts = {}
    for slot, letter in enumerate("ab"):
        if f"{{{letter}}}" in how:
            text = operand(program, index, slot)
            if not text:
                return ""
            texts[letter] = bracketed(text)
    written = how.format(**texts)
    return written.replace(".T.T", "")


def _summed(text: str, axes: tuple[int, ...], keep: bool) -> str:
    (axis,) = axes
    settings = f"axis={axis}" + (", keepdims=True" if keep else "")
    if not text:
        return f"Sum it: `.sum({settings})`."
    return _instead(f"{bracketed(text)}.sum({settings})", text)


def _other_axes(text: str, detail: dict[str, object]) -> str:
    axes = detail["axes"]
    assert isinstance(axes, tuple)
    if not axes:
        return "Leave the sum out."
    axis = str(axes[0]) if len(axes) == 1 else str(axes)
    keep = ", keepdims=True" if detail.get("keep") else ""
    return f"Sum {_quoted(text)} with `axis={axis}{keep}`."


def _dropped(edit: Edit, program: Program, index: int) -> str:
    """One operand passes as it is."""
    kept, old = operand(program, index, edit.slot), spelled(program, index)
    if edit.action == "drop-part" or not kept or not old:
        return "Leave that factor or term out."
    return _instead(kept, old)


def _added(constant: float, text: str) -> str:
    if np.isclose(constant, 1, rtol=1e-9):
        return f"Add {text}."
    if np.isclose(constant, -1, rtol=1e-9):
        return f"Subtract {text}."
    return f"Add {constant:.6g} times {text}."


def _described(new: Quantity, program: Program, function: str) -> str:
    """A quantity as the user has it, or else by where it comes from."""
    if new.role in DERIVATIVES:
        return _derivative(new, program, function)
    text = of_value(program, new.value, function)
    if not text and new.value.ndim == 2:
        text = of_value(program, new.value.T, function)
        text = f"{bracketed(text)}.T" if text else as_product(program, new.value, function)
    if text:
        return f"`{text}`"
    if new.name:
        return f"`{new.name}`"
    if new.role == "contribution":
        return "the share of the gradient that comes from another use of the value"
    source = f"the {new.op} of line {new.line}" if new.line else f"the {new.op}"
    return f"the gradient with respect to {source}" if new.role == "adjoint" else source


def _derivative(new: Quantity, program: Program, function: str) -> str:
    source = f"the {new.op} of line {new.line}" if new.line else f"the {new.op}"
    said = f"the derivative of {source}"
    texts = {}
    for letter, value in (("x", new.origin), ("a", new.result)):
        text = of_value(program, value, function) if value is not None else ""
        if text:
            texts[letter] = bracketed(text)
    formula = FORMULAS.get(new.op, "")
    if formula and all(letter in texts for letter in "xa" if f"{{{letter}}}" in formula):
        return f"`{formula.format(**texts)}` ({said})"
    return f"{said} at `{texts['x']}`" if "x" in texts else said
