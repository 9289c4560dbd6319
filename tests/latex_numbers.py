"""What the numbers in a formula come to: LaTeX evaluated as it is printed.

Matrices multiply where they stand side by side, `\\odot` and `\\cdot` multiply entry by entry, and
a fraction divides so. This knows nothing of where a formula came from.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.tex import Tex, parse

Array = np.ndarray[Any, Any]

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "σ": lambda z: 1 / (1 + np.exp(-z)),
    "ReLU": lambda z: np.maximum(z, 0),
    "softplus": lambda z: np.logaddexp(0, z),
    "ln": np.log,
    "exp": np.exp,
    "tanh": np.tanh,
    "cosh": np.cosh,
    "sinh": np.sinh,
    "sin": np.sin,
    "cos": np.cos,
    "erf": lambda z: np.vectorize(__import__("math").erf)(z),
    "max": np.maximum,
    "min": np.minimum,
    "sign": np.sign,
}


class Unknown(Exception):
    """A piece that is no number, such as dots."""


def evaluate(latex: str, size: bool = False) -> Array:
    """The value of a formula of numbers.

    size  instead, the sum of the sizes of all terms: what rounding errors are relative to
    """
    with np.errstate(all="ignore"):
        value = _Reader(parse(latex).parts, size).total()
    return np.atleast_1d(np.asarray(value, dtype=float))


class _Reader:
    def __init__(self, parts: tuple[Tex, ...], size: bool) -> None:
        self.parts = [part for part in parts if part.kind != "space"]
        self.place, self.size = 0, size
        self.inside = ""  # the sign that ends an absolute value, inside one

    def peek(self) -> Tex | None:
        return self.parts[self.place] if self.place < len(self.parts) else None

    def symbol(self) -> str:
        here = self.peek()
        return here.text if here is not None and here.kind == "atom" else ""

    def take(self) -> Tex:
        here = self.parts[self.place]
        self.place += 1
        return here

    def total(self) -> Any:
        value = self.term()
        while self.symbol() in ("+", "−"):
            sign = self.take().text
            term = self.term()
            value = value + term if sign == "+" or self.size else value - term
        return value

    def term(self) -> Any:
        negative = False
        while self.symbol() in ("+", "−"):
            negative ^= self.take().text == "−"
        value = self.factor()
        while (here := self.peek()) is not None:
            base = here.parts[0] if here.kind == "script" else here
            if base.kind == "atom" and base.text in ("+", "−", ")", ",", "=", *self.inside):
                break
            if here.kind == "atom" and here.text in ("·", "⊙"):
                self.take()
                value = value * self.factor()
            else:
                other = self.factor()
                whole = np.size(value) > 1 and np.size(other) > 1
                whole = whole or (np.ndim(value) == 2 and np.ndim(other) == 2)
                value = value @ other if whole else value * other
        return -value if negative and not self.size else value

    def factor(self) -> Any:
        return self.scripted(self.take())

    def scripted(self, here: Tex) -> Any:
        if here.kind != "script":
            return self.plain(here)
        base, below, above = here.parts
        if below.parts:
            raise Unknown(below)
        if base.kind == "atom" and base.text == ")":
            raise Unknown("a bracket is read with what it closes")
        return self.powered(self.plain(base), above)

    def powered(self, value: Any, above: Tex) -> Any:
        if [part.text for part in above.parts] == ["⊤"]:
            return np.atleast_2d(value).T
        exponent = _Reader(above.parts, False).total()
        return value**exponent

    def plain(self, here: Tex) -> Any:
        if here.kind == "number":
            return float(here.text)
        if here.kind == "row":
            return _Reader(here.parts, self.size).total()
        if here.kind == "frac":
            above = _Reader(here.parts[0].parts, self.size).total()
            return (
                above / np.abs(_Reader(here.parts[1].parts, False).total())
                if self.size
                else above / _Reader(here.parts[1].parts, False).total()
            )
        if here.kind == "sqrt":
            return np.sqrt(_Reader(here.parts[0].parts, False).total())
        if here.kind == "table" and here.text == "pmatrix":
            rows = [
                [_Reader(cell.parts, self.size).total() for cell in row.parts] for row in here.parts
            ]
            return np.array(rows, dtype=float)
        if here.kind == "atom" and here.text == "(":
            return self.bracket()
        if here.kind == "atom" and here.text == "|":
            self.inside = "|"
            value = self.total()
            self.take()
            self.inside = ""
            return np.abs(value)
        if here.text in FUNCTIONS:
            return self.call(FUNCTIONS[here.text])
        raise Unknown(here)

    def bracket(self) -> Any:
        value = self.total()
        end = self.take()
        if end.kind == "script":  # a power of the whole bracket
            base, below, above = end.parts
            if base.text != ")" or below.parts:
                raise Unknown(end)
            return self.powered(value, above)
        if end.text != ")":
            raise Unknown(end)
        return value

    def call(self, function: Callable[..., Any]) -> Any:
        saved, self.size = self.size, False
        here = self.peek()
        if here is not None and here.kind == "atom" and here.text == "(":
            self.take()
            values = [self.total()]
            while self.symbol() == ",":
                self.take()
                values.append(self.total())
            self.take()
        else:
            values = [self.factor()]
        self.size = saved
        found = (
            values[0]
            if len(values) > 1
            else function(values[0])
            if function not in (np.maximum, np.minimum)
            else values[0]
        )
        for value in values[1:]:
            found = function(found, value)
        return np.abs(found) if saved else found
