"""What the numbers in a formula come to: LaTeX evaluated as it is printed.

Matrices multiply where they stand side by side, `\\odot` and `\\cdot` multiply entry by entry, and
a fraction divides so. Symbols are looked up, and must have the shape that is written underneath.
This knows nothing of where a formula came from.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from chainrule.explaining.story import Story
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


SLOPES = {
    FUNCTIONS["softplus"]: FUNCTIONS["σ"],
    FUNCTIONS["erf"]: lambda z: 2 / np.sqrt(np.pi) * np.exp(-(z**2)),
}
AXES = "nkijm"  # the letters that sums of whole arrays run over, by the axis


class Unknown(Exception):
    """A piece that is no number, such as dots."""


def evaluate(latex: str, size: bool = False, names: Mapping[str, Array] | None = None) -> Array:
    """The value of a formula of numbers.

    size   instead, the sum of the sizes of all terms: what rounding errors are relative to
    names  the arrays behind symbols, by their LaTeX
    """
    known = {_bare(parse(name)): value for name, value in (names or {}).items()}
    with np.errstate(all="ignore"):
        value = _Reader(parse(latex).parts, size, known).total()
    return np.atleast_1d(np.asarray(value, dtype=float))


def _bare(row: Tex) -> tuple[Tex, ...]:
    """The parts of a symbol, without braces around it."""
    while len(row.parts) == 1 and row.kind == "row" and row.parts[0].kind == "row":
        row = row.parts[0]
    return row.parts


def symbols_of(story: Story) -> dict[str, Array]:
    """The arrays behind all symbols of the story, by their LaTeX."""
    found = {}
    for step in story:
        found[step.symbol] = np.asarray(step.value, dtype=float)
        for symbol in [] if step.expression is None else step.expression.symbols():
            found.setdefault(symbol.latex, np.asarray(story.names.value(symbol), dtype=float))
    return found


def _are_labels(array: Array, shape: tuple[int, ...]) -> bool:
    """Whether numbers of classes stand for rows with a one at that class, as the shape says."""
    if array.ndim != 1 or len(shape) != 2 or len(array) != shape[0] or shape[1] < 2:
        return False
    return bool(np.isin(array, np.arange(shape[1])).all())


class _Reader:
    def __init__(
        self, parts: tuple[Tex, ...], size: bool, names: Mapping[tuple[Tex, ...], Array]
    ) -> None:
        self.parts = [part for part in parts if part.kind != "space"]
        self.place, self.size, self.names = 0, size, names
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
                whole = whole or np.shape(value)[1:] == np.shape(other)[:1] != ()
                value = value @ other if whole else value * other
        return -value if negative and not self.size else value

    def factor(self) -> Any:
        return self.scripted(self.take())

    def scripted(self, here: Tex) -> Any:
        if (here,) in self.names:
            return self.named((here,))
        if here.kind != "script":
            return self.plain(here)
        base, below, above = here.parts
        if base.text == "Σ" and below.parts and not above.parts:
            return self.sum("".join(part.text for part in below.parts))
        if base.text in FUNCTIONS and above.parts and {p.text for p in above.parts} == {"′"}:
            return self.call(_slope(FUNCTIONS[base.text]))
        if below.parts:
            raise Unknown(below)
        if base.kind == "atom" and base.text == ")":
            raise Unknown("a bracket is read with what it closes")
        return self.powered(self.plain(base), above)

    def sum(self, letters: str) -> Any:
        """`\\sum_n x_n`, over the axes that the letters count."""
        here = self.take()
        if here.kind != "script" or "".join(p.text for p in here.parts[1].parts) != letters:
            raise Unknown(here)
        axes = tuple(AXES.index(letter) for letter in letters if letter != ",")
        return np.sum(self.plain(here.parts[0]), axis=axes, keepdims=True)

    def powered(self, value: Any, above: Tex) -> Any:
        if [part.text for part in above.parts] == ["⊤"]:
            return np.atleast_2d(value).T
        exponent = self.inside_of(above, size=False)
        return value**exponent

    def inside_of(self, row: Tex, size: bool | None = None) -> Any:
        return _Reader(row.parts, self.size if size is None else size, self.names).total()

    def named(self, symbol: tuple[Tex, ...]) -> Array:
        return np.abs(self.names[symbol]) if self.size else self.names[symbol]

    def symbol_over_shape(self, here: Tex) -> Any:
        name, below = here.parts
        shape = tuple(int(part.text) for part in below.parts if part.kind == "number")
        if [part.text for part in name.parts] == ["1"]:
            return np.ones(shape)
        if _bare(name) not in self.names:
            raise Unknown(here)
        array = self.named(_bare(name))
        if array.ndim > 2:
            raise Unknown(here)
        if _are_labels(array, shape):
            return np.eye(shape[1])[array.astype(int)]
        assert shape in (array.shape, (1, *array.shape), (*array.shape, 1)), (here, array.shape)
        return array.reshape(shape)

    def plain(self, here: Tex) -> Any:
        if here.kind == "number":
            return float(here.text)
        if here.kind == "row":
            return self.inside_of(here)
        if here.kind == "under":
            return self.symbol_over_shape(here)
        if here.kind == "frac":
            below = self.inside_of(here.parts[1], size=False)
            return self.inside_of(here.parts[0]) / (np.abs(below) if self.size else below)
        if here.kind == "sqrt":
            return np.sqrt(self.inside_of(here.parts[0], size=False))
        if here.kind == "table" and here.text == "pmatrix":
            rows = [[self.inside_of(cell) for cell in row.parts] for row in here.parts]
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


def _slope(function: Callable[..., Any]) -> Callable[..., Any]:
    """f′: where no closed form is known, by a complex step, which loses no digits."""
    return SLOPES.get(function) or (lambda x: np.imag(function(x + 1e-30j)) / 1e-30)
