"""Formulas with an index for every axis: what one entry is."""

from typing import TYPE_CHECKING, Any

from chainrule.explaining.expression import Expr
from chainrule.explaining.marks import Piece, bracketed, indexed, scripted
from chainrule.graph import Node
from chainrule.ops.map import ATOM, PREFIX, PRODUCT, SUM, Map
from chainrule.ops.products import parts

if TYPE_CHECKING:
    from chainrule.explaining.printing import Printer

LETTERS = "kijmpqrstuvabcdefgh"


class Indexed:
    """The same with an index for every axis: what one entry is."""

    def __init__(self, printer: "Printer") -> None:
        self.printer = printer

    def show(self, expr: Expr, at: tuple[str, ...], used: set[str]) -> Piece:
        at = tuple("" if n == 1 else i for i, n in zip(at, expr.shape, strict=True))
        inner = [*expr.args]
        head = expr.head
        if head == "symbol":
            return indexed(expr.data, [i for i in at if i]), ATOM
        if head in ("number", "entry", "dots"):
            return self.printer._show(expr)
        if head == "contract":
            return self._contract(expr, at, used)
        if head == "sum":
            return self._sum(expr, at, used)
        if head == "transpose":
            return self.show(inner[0], at[::-1], used)
        if head == "layout" and expr.data is None:
            return self._view(expr, at, used)
        if head in ("plus", "times", "over", "derivative") or self._is_map(expr):
            fixed = [self._piece(arg, self._own(arg, at), used) for arg in inner]
            return self.printer._show(Expr(head, tuple(fixed), (), expr.data))
        text, level = self.printer._show(expr)
        return scripted(
            text if level == ATOM else bracketed(text), ",".join(filter(None, at))
        ), ATOM

    def _is_map(self, expr: Expr) -> bool:
        data: Any = expr.data
        return isinstance(data, Map) or (isinstance(data, Node) and isinstance(data.op, Map))

    def _own(self, arg: Expr, at: tuple[str, ...]) -> tuple[str, ...]:
        return at[len(at) - len(arg.shape) :]

    def _piece(self, arg: Expr, at: tuple[str, ...], used: set[str]) -> Expr:
        """An argument printed already, as a symbol to print the outer operation around."""
        if arg.head == "number":
            return Expr("number", (), (), arg.data)
        text, level = self.show(arg, at, used)
        return Expr("printed", (), (), (text, level))

    def _contract(self, expr: Expr, at: tuple[str, ...], used: set[str]) -> Piece:
        a, b = expr.args
        left, right, out = parts(expr.data)
        lengths = dict(zip(left + right, a.shape + b.shape, strict=True))
        place = dict(zip(out, at, strict=True))
        summed = []
        for letter in left:
            if letter not in out:
                first = a.data.batch if a.head == "symbol" and left.index(letter) == 0 else False
                place[letter] = "" if lengths[letter] == 1 else self._fresh(used, first)
                used = used | {place[letter]}
                summed += [place[letter]] if place[letter] else []
        pieces = []
        for arg, letters in ((a, left), (b, right)):
            if arg.head == "number" and arg.data == 1:
                continue
            text, level = self.show(arg, tuple(place[letter] for letter in letters), used)
            pieces.append(text if level >= PREFIX else bracketed(text))
        head = rf"\sum_{{{','.join(summed)}}} " if summed else ""
        return head + r" \, ".join(pieces), PREFIX if summed else PRODUCT

    def _sum(self, expr: Expr, at: tuple[str, ...], used: set[str]) -> Piece:
        (x,), axes = expr.args, expr.data
        if len(at) == len(x.shape):  # the summed axes are kept, with length 1
            at = tuple(i for axis, i in enumerate(at) if axis not in axes)
        rest = iter(at)
        place, summed = [], []
        for axis, length in enumerate(x.shape):
            if axis not in axes:
                place.append(next(rest))
                continue
            letter = "" if length == 1 else self._fresh(used, axis == 0)
            used = used | {letter}
            place.append(letter)
            summed += [letter] if letter else []
        text, level = self.show(x, tuple(place), used)
        inside = text if level > SUM else bracketed(text)
        return rf"\sum_{{{','.join(summed)}}} {inside}", PREFIX

    def _view(self, expr: Expr, at: tuple[str, ...], used: set[str]) -> Piece:
        (x,) = expr.args
        real = [i for i, n in zip(at, expr.shape, strict=True) if n != 1]
        own = [n for n in x.shape if n != 1]
        if len(real) > len(own):  # repeated along axes that it does not have
            real = real[len(real) - len(own) :] if x.shape[-1:] != (1,) else real[: len(own)]
        if own == [n for n in expr.shape if n != 1] or len(real) == len(own):
            letters = iter(real)
            return self.show(x, tuple("" if n == 1 else next(letters) for n in x.shape), used)
        text, level = self.printer._show(x)
        text = text if level == ATOM else bracketed(text)
        return scripted(text, ",".join(filter(None, at))), ATOM

    def _fresh(self, used: set[str], is_sample: bool) -> str:
        for letter in "nm" if is_sample else "":
            if letter not in used:
                return letter
        return next(letter for letter in LETTERS if letter not in used)
