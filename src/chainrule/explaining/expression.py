"""Formulas as trees, tidied as one would on paper: constants gathered, factors of one left out.

An `Expr` is what the printer prints and what a single entry is taken from. Sums, products and
quotients are n-ary and have their constants in front; everything else keeps the op it came from.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np

from chainrule.graph import Node, Shape
from chainrule.ops import TABLE
from chainrule.ops.map import Map
from chainrule.ops.products import parts

Number = float


@dataclass(frozen=True)
class Symbol:
    """A name for a value: a quantity, or the gradient of one.

    key     where its numbers are, in the table of values
    latex   how it is written; with an index behind it, one of its entries
    batch   whether the first axis counts samples
    column  of one axis: whether it is written as a column
    """

    key: str
    latex: str
    shape: Shape
    batch: bool = False
    column: bool = False


@dataclass(frozen=True)
class Expr:
    """One operation on other formulas.

    head   symbol, entry (one number of a symbol), number, ones (an array of them), plus, times,
           over, contract, sum, layout, transpose, derivative, apply (any other row)
    data   the symbol; (symbol, index); the number; the spec; the axes; the op
    node   the node that it came from, whose numbers it stands for
    """

    head: str
    args: tuple["Expr", ...] = ()
    shape: Shape = ()
    data: Any = None
    node: Node | None = field(default=None, compare=False)

    @property
    def size(self) -> int:
        return prod(self.shape)

    @property
    def is_single(self) -> bool:
        return self.size == 1

    def weight(self) -> int:
        """How many operations a reader has to take in."""
        return (self.head not in ("symbol", "number", "layout")) + sum(
            arg.weight() for arg in self.args
        )

    def symbols(self) -> Iterable[Symbol]:
        """Every symbol in it, from left to right, each as often as it stands there."""
        if self.head == "symbol":
            yield self.data
        elif self.head == "entry":
            yield self.data[0]
        for arg in self.args:
            yield from arg.symbols()


def symbol(name: Symbol) -> Expr:
    return Expr("symbol", (), name.shape, name)


def number(value: float, shape: Shape = ()) -> Expr:
    return Expr("number", (), shape, float(value))


def is_number(expr: Expr, value: float | None = None) -> bool:
    return expr.head == "number" and (value is None or expr.data == value)


def broadcast(exprs: Iterable[Expr]) -> Shape:
    return np.broadcast_shapes(*(expr.shape for expr in exprs))


def written(expr: Expr) -> Shape:
    """The shape that a formula has on paper: what repeats is written once."""
    if expr.head == "number":
        return ()
    op = getattr(expr.data, "op", expr.data)
    if expr.head in ("plus", "times", "over", "derivative") or isinstance(op, Map):
        return np.broadcast_shapes(*map(written, expr.args))
    if expr.head == "layout" and expr.data is None and expr.args[0].size != expr.size:
        return written(expr.args[0])
    return expr.shape


def filled(expr: Expr, column: bool = False) -> Expr:
    """The formula with the ones written that it is repeated by, as a matrix product needs it.

    column  of one axis: whether the ones are a column
    """
    missing = len(expr.shape) - len(written(expr))
    if (*(1,) * missing, *written(expr)) == expr.shape or expr.is_single or is_number(expr, 0):
        return expr
    factor, rest = coefficient_of(expr)
    ones = Expr("ones", (), expr.shape, column)
    found = [number(factor)] * (factor != 1) + [*rest, ones]
    return Expr("times", tuple(found), expr.shape) if len(found) > 1 else ones


def plus(*terms: Expr) -> Expr:
    """The sum, without terms that are 0."""
    shape = broadcast(terms)
    flat: list[Expr] = []
    constant, place = 0.0, 0
    for term in terms:
        for part in term.args if term.head == "plus" and term.data is None else (term,):
            if part.head == "number":
                constant, place = constant + part.data, place or len(flat) + 1
            else:
                flat.append(part)
    flat = _merged(flat)
    if constant or not flat:
        flat.insert(min(max(place - 1, 0), len(flat)), number(constant))
    if len(flat) == 1:
        return _of_shape(flat[0], shape)
    return Expr("plus", tuple(flat), shape)


def _merged(terms: list[Expr]) -> list[Expr]:
    """e + e as 2 e."""
    if len(set(terms)) == len(terms):
        return terms
    found: list[Expr] = []
    for term in dict.fromkeys(terms):
        count = terms.count(term)
        found.append(term if count == 1 else times(number(count), term, shape=term.shape))
    return found


def times(*factors: Expr, shape: Shape | None = None) -> Expr:
    """The product entry by entry, its constants gathered in front."""
    whole = broadcast(factors) if shape is None else shape
    coefficient, flat = 1.0, []
    for factor in factors:
        value, rest = coefficient_of(factor)
        coefficient *= value
        flat += rest
    if coefficient == 0:
        return number(0, whole)
    if not flat:
        return number(coefficient, whole)
    flat = _squared(flat)
    if coefficient != 1:
        flat.insert(0, number(coefficient))
    if len(flat) == 1:
        return _of_shape(flat[0], whole)
    return Expr("times", tuple(flat), whole)


def coefficient_of(expr: Expr) -> tuple[float, list[Expr]]:
    """A product as its number and its other factors."""
    if expr.head == "number":
        return expr.data, []
    if expr.head == "times":
        first, *rest = expr.args
        if first.head == "number":
            return first.data, rest
        return 1.0, list(expr.args)
    if expr.head == "over" and expr.args[0].head in ("times", "number"):
        above, below = expr.args
        value, rest = coefficient_of(above)
        if value != 1:
            return value, [over(times(*rest, shape=above.shape), below)]
    return 1.0, [expr]


def _squared(factors: list[Expr]) -> list[Expr]:
    """x · x as x²."""
    found: list[Expr] = []
    for factor in factors:
        if found and found[-1] == factor and factor.head in ("symbol", "plus"):
            found[-1] = Expr("apply", (factor,), factor.shape, TABLE["square"])
        else:
            found.append(factor)
    return found


def over(above: Expr, below: Expr) -> Expr:
    """The quotient; a number below becomes one in front."""
    if below.head == "number" and below.data:
        return times(number(1 / below.data), above, shape=broadcast((above, below)))
    if is_number(below, 1):
        return above
    return Expr("over", (above, below), broadcast((above, below)))


def negative(expr: Expr) -> Expr:
    if expr.head == "plus" and expr.data is None:  # one with dots is a sum of more than its terms
        return plus(*(times(number(-1), term) for term in expr.args))
    return times(number(-1), expr, shape=expr.shape)


def contract(spec: str, a: Expr, b: Expr, shape: Shape) -> Expr:
    """A product summed over shared axes; constants come out, and a product of numbers is plain."""
    (left, first), (right, second) = coefficient_of(a), coefficient_of(b)
    letters, others, out = parts(spec)
    summed = [n for letter, n in zip(letters, a.shape, strict=True) if letter not in out]
    if not first and not second:
        return number(left * right * prod(summed), shape)
    if not summed and not (first and second):  # a factor that is one number everywhere
        rest, own = (a, letters) if first else (b, others)
        kept = "".join(letter for letter in out if letter in own)
        if kept == own:  # the same along the axes that it does not have
            within = tuple(n if i in own else 1 for i, n in zip(out, shape, strict=True))
            spread = view(view(rest, within), shape)
            return times(number(right if first else left), spread, shape=shape)
    if left * right == 0:
        return number(0, shape)
    if left * right != 1:
        a = times(*first, shape=a.shape) if first else number(1, a.shape)
        b = times(*second, shape=b.shape) if second else number(1, b.shape)
        return times(number(left * right), contract(spec, a, b, shape), shape=shape)
    return Expr("contract", (a, b), shape, spec)


def total(x: Expr, axes: Shape, shape: Shape) -> Expr:
    """The sum over axes; over axes of length 1 there is nothing to add."""
    if prod(x.shape[axis] for axis in axes) == 1:
        return view(x, shape)
    value, rest = coefficient_of(x)
    if not rest:
        return number(value * prod(x.shape[axis] for axis in axes), shape)
    if value != 1:
        inner = times(*rest, shape=x.shape)
        return times(number(value), total(inner, axes, shape), shape=shape)
    own = written(x)
    own = (*(1,) * (len(x.shape) - len(own)), *own)
    repeated = [axis for axis in axes if own[axis] == 1 < x.shape[axis]]
    if repeated:  # the same number again and again: so often that number
        kept = tuple(1 if axis in repeated else n for axis, n in enumerate(x.shape))
        count = prod(x.shape[axis] for axis in repeated)
        return times(number(count), total(_once(x, kept), axes, shape), shape=shape)
    return Expr("sum", (x,), shape, axes)


def _once(x: Expr, shape: Shape) -> Expr:
    """What is repeated along some axes, without the repetition."""
    if x.head == "layout" and x.data is None:
        (inner,) = x.args
        return view(inner, shape) if inner.size == prod(shape) else Expr("layout", (inner,), shape)
    return Expr(x.head, x.args, shape, x.data)


def view(x: Expr, shape: Shape) -> Expr:
    """The same numbers, seen under another shape."""
    if x.shape == shape:
        return x
    value, rest = coefficient_of(x)
    if not rest:
        return number(value, shape)
    if value != 1:
        return times(number(value), view(times(*rest, shape=x.shape), shape), shape=shape)
    if x.head == "layout" and x.data is None and x.args[0].size == x.size == prod(shape):
        return view(x.args[0], shape)
    return Expr("layout", (x,), shape)


def transposed(x: Expr) -> Expr:
    """The matrix on its side; brackets are opened where that makes it simpler."""
    if len(x.shape) < 2:
        return x
    turned = x.shape[::-1]
    if x.head == "transpose":
        return x.args[0]
    if x.head == "number" or x.is_single:
        return Expr(x.head, x.args, turned, x.data, x.node)
    return Expr("transpose", (x,), turned)


def _of_shape(expr: Expr, shape: Shape) -> Expr:
    """A formula as part of a larger array, along whose other axes it repeats."""
    return expr if expr.shape == shape else view(expr, shape)
