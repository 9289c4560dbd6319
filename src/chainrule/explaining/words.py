"""Words and numbers of sentences."""

from chainrule.explaining.record import Array
from chainrule.graph import Node
from chainrule.ops.map import Map
from chainrule.ops.reductions import Reduce
from chainrule.tex import figure, plain


def called(op: Map | Reduce) -> str:
    """`σ`, `tanh`, `ReLU`: how a function is written."""
    return plain(op.latex.format(" ").replace("( )", "")).strip()


def function_name(op: Map) -> str:
    """`σ`, `ReLU`, `x²`: a row as a name, or where it is no function f(x), as its formula."""
    formula = plain(op.latex.format(*"xyuv"[: op.arity]))
    return formula.removesuffix("(x)")


def step_name(loop: Node) -> str:
    """What a step of a loop is called: its function's name, where it has one."""
    name, _, direction = str(loop.params["body"].name).partition(" ")
    own = name if name.isidentifier() else "step"
    return f"{own} {direction}".strip()


def count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def are(number: int) -> str:
    return "is" if number == 1 else "are"


def their(number: int) -> str:
    return "its weight" if number == 1 else "their weights"


def nothing_learned(number: int) -> str:
    return f"{'its' if number == 1 else 'their'} weights get no gradient"


def shaped(value: Array) -> str:
    if value.size == 1:
        return "One number"
    return f"{' × '.join(f'{n:,}' for n in value.shape)} numbers"


def some(value: Array) -> str:
    flat = [figure(v) for v in value.ravel()[:4]]
    return ", ".join(flat) + (", …" if value.size > 4 else "")


def low_to_high(values: Array, digits: int) -> str:
    low, high = (figure(v, digits) for v in (values.min(), values.max()))
    return low if low == high else f"{low} to {high}"
