"""Local derivatives in symbols: ∂z₁/∂a₂ is w₂₁, ∂a₁/∂z₁ is σ′(z₁).

Read off the formula of a quantity, entry by entry. Where that gives no short formula, there is
none, and the number stands alone.
"""

from collections.abc import Callable

import numpy as np

from chainrule.explaining import expression as ex
from chainrule.explaining.entries import Index, Numbers
from chainrule.explaining.expression import Expr, Symbol
from chainrule.explaining.reading import is_function
from chainrule.ops.layout import Slice
from chainrule.ops.map import Map
from chainrule.ops.products import parts

ZERO = ex.number(0)


def partial(numbers: Numbers, expr: Expr, index: Index, wrt: Symbol, place: Index) -> Expr | None:
    """∂expr[index]/∂wrt[place] as a formula of single entries; None where it is not a short one."""
    rule = _RULES.get(expr.head)
    if not any(symbol == wrt for symbol in expr.symbols()):
        return ZERO
    return None if rule is None else rule(numbers, expr, index, wrt, place)


def _own(arg: Expr, index: Index) -> Index:
    """Where an index points in an argument that is broadcast."""
    own = index[len(index) - len(arg.shape) :]
    return tuple(0 if n == 1 else i for i, n in zip(own, arg.shape, strict=True))


def _symbol(numbers: Numbers, expr: Expr, index: Index, wrt: Symbol, place: Index) -> Expr | None:
    return ex.number(1.0 if index == place else 0.0)


def _plus(numbers: Numbers, expr: Expr, index: Index, wrt: Symbol, place: Index) -> Expr | None:
    found = [partial(numbers, arg, _own(arg, index), wrt, place) for arg in expr.args]
    if any(term is None for term in found):
        return None
    return ex.plus(*(term for term in found if term is not None))


def _times(numbers: Numbers, expr: Expr, index: Index, wrt: Symbol, place: Index) -> Expr | None:
    terms = []
    for at, factor in enumerate(expr.args):
        own = partial(numbers, factor, _own(factor, index), wrt, place)
        if own is None:
            return None
        if ex.is_number(own, 0):
            continue
        others = [a for k, a in enumerate(expr.args) if k != at]
        terms.append(ex.times(own, *(numbers.entry(a, _own(a, index)) for a in others)))
    return ex.plus(*terms) if terms else ZERO


def _contract(numbers: Numbers, expr: Expr, index: Index, wrt: Symbol, place: Index) -> Expr | None:
    """Of a product of matrices with the symbol itself as one of them: an entry of the other."""
    a, b = expr.args
    left, right, out = parts(expr.data)
    at = dict(zip(out, index, strict=True))
    terms = []
    for arg, letters, other, behind in ((a, left, b, right), (b, right, a, left)):
        if not any(symbol == wrt for symbol in arg.symbols()):
            continue
        found = _place_in(arg, wrt, place)
        if found is None:
            return None
        here = dict(zip(letters, found, strict=True))
        if any(at.get(letter, i) != i for letter, i in here.items()):
            continue
        entry = at | here
        terms.append(numbers.entry(other, tuple(entry[letter] for letter in behind)))
    return ex.plus(*terms) if terms else ZERO


def _place_in(arg: Expr, wrt: Symbol, place: Index) -> Index | None:
    """Where an entry of a symbol stands in an argument that is the symbol, perhaps on its side."""
    if arg.head == "symbol" and arg.data == wrt:
        return place
    if arg.head == "transpose" and arg.args[0].head == "symbol" and arg.args[0].data == wrt:
        return place[::-1]
    return None


def _apply(numbers: Numbers, expr: Expr, index: Index, wrt: Symbol, place: Index) -> Expr | None:
    """f(u) has the slope f′(u) times that of u."""
    op = expr.data
    if not isinstance(op, Map) or not is_function(op):
        return None
    (arg,) = expr.args
    inner = partial(numbers, arg, _own(arg, index), wrt, place)
    if inner is None or ex.is_number(inner, 0):
        return inner
    slope = Expr("derivative", (numbers.entry(arg, _own(arg, index)),), (), (op, 0))
    return ex.times(inner, slope)


def _layout(numbers: Numbers, expr: Expr, index: Index, wrt: Symbol, place: Index) -> Expr | None:
    if expr.data is not None:
        return _part(numbers, expr, index, wrt, place)
    (x,) = expr.args
    places = np.arange(x.size).reshape(x.shape)
    seen = (
        places.reshape(expr.shape) if x.size == expr.size else np.broadcast_to(places, expr.shape)
    )
    at = np.unravel_index(int(seen[index]), x.shape)
    return partial(numbers, x, tuple(int(i) for i in at), wrt, place)


def _part(numbers: Numbers, expr: Expr, index: Index, wrt: Symbol, place: Index) -> Expr | None:
    """Of a slice: the entry that stands there in the whole."""
    node = expr.data
    if not isinstance(node.op, Slice):
        return None
    begins = zip(index, node.params["start"], node.params["step"], strict=True)
    return partial(numbers, expr.args[0], tuple(s + i * d for i, s, d in begins), wrt, place)


_RULES: dict[str, Callable[[Numbers, Expr, Index, Symbol, Index], Expr | None]] = {
    "symbol": _symbol,
    "plus": _plus,
    "times": _times,
    "contract": _contract,
    "apply": _apply,
    "layout": _layout,
}
