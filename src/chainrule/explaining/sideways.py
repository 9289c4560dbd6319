"""Samples as columns: the same formulas with every matrix on its side, as many textbooks have them.

Where this library writes z = x W + b with samples as rows, those write z = W x + b. Their matrices
are the transposes of ours, so a formula is transposed as a whole: products change their order.
"""

from dataclasses import replace

from chainrule.explaining import expression as ex
from chainrule.explaining.expression import Expr, Symbol
from chainrule.ops.map import Map
from chainrule.ops.products import parts

MARK = "ᵀ:"  # before the key of a symbol whose array is turned


def turned(symbol: Symbol) -> Symbol:
    """A symbol for the transposed array; a row of numbers becomes a column."""
    shape = symbol.shape[::-1] if len(symbol.shape) != 1 else (*symbol.shape, 1)
    return replace(symbol, key=f"{MARK}{symbol.key}", shape=shape)


def sideways(expr: Expr) -> Expr | None:
    """The transpose of a formula, written with transposed symbols; None where it has none."""
    if len(expr.shape) > 2:
        return None
    shape = expr.shape[::-1] if len(expr.shape) != 1 else (*expr.shape, 1)
    if expr.head == "symbol":
        return ex.symbol(turned(expr.data))
    if expr.head == "number":
        return ex.number(expr.data, shape)
    if expr.head == "layout" and expr.data is None:
        return _view(expr, shape)
    args = [sideways(arg) for arg in expr.args]
    if any(arg is None for arg in args):
        return None
    found = tuple(arg for arg in args if arg is not None)
    if expr.head in ("plus", "times", "over", "derivative"):
        return Expr(expr.head, found, shape, expr.data)
    if expr.head == "apply" and isinstance(expr.data, Map):
        return Expr("apply", found, shape, expr.data)
    if expr.head == "contract":
        left, right, out = parts(expr.data)
        if any(len(arg.shape) != 2 for arg in expr.args) or len(out) != 2:
            return None
        return Expr("contract", found[::-1], shape, f"{right[::-1]},{left[::-1]}->{out[::-1]}")
    if expr.head == "sum" and len(expr.args[0].shape) == 2 and len(expr.data) == 1:
        axis = 1 - expr.data[0]
        kept = found[0].shape
        return Expr("sum", found, (kept[0], 1) if axis == 1 else (1, kept[1]), (axis,))
    return None


def _view(expr: Expr, shape: tuple[int, ...]) -> Expr | None:
    (x,) = expr.args
    found = sideways(x)
    if found is None:
        return None
    if found.size == 1 or found.shape == shape:
        return replace(found, shape=shape) if found.size == 1 and expr.size == 1 else found
    if found.head == "sum" and found.size == expr.size:
        return found
    if expr.size == x.size and len(x.shape) == 1 and len(expr.shape) == 2:
        return found if expr.shape[0] == 1 else None
    return None
