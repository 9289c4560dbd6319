"""Formulas in LaTeX: as matrices, with indices, or with the numbers in place of the symbols."""

from collections.abc import Sequence

import numpy as np

from chainrule.explaining import expression as ex
from chainrule.explaining.entries import Array, Numbers
from chainrule.explaining.expression import Expr, Symbol
from chainrule.explaining.features import sliced
from chainrule.explaining.indices import Indexed
from chainrule.explaining.marks import (
    Piece,
    as_matrices,
    bracketed,
    entry_of,
    is_delimited,
    on_its_side,
    prime,
    reduction,
    scripted,
    signed,
    word,
)
from chainrule.explaining.vectors import factors_stand, stands
from chainrule.explaining.words import step_name
from chainrule.graph import Shape
from chainrule.ops.layout import Concatenate, Slice
from chainrule.ops.loop import Loop
from chainrule.ops.map import ATOM, POWER, PREFIX, PRODUCT, SUM, Map
from chainrule.ops.products import parts
from chainrule.ops.reductions import Reduce
from chainrule.tex import constant, matrix, number

MOST_SHOWN = 6  # rows and columns of a matrix; of a larger one, its corner


class Printer:
    """Prints formulas.

    numbers  with these numbers in place of the symbols
    digits   significant ones
    shapes   what stands under each symbol: its shape
    columns  samples are columns: every matrix stands on its side
    """

    def __init__(
        self,
        numbers: Numbers | None = None,
        digits: int = 4,
        shapes: bool = False,
        columns: bool = False,
    ) -> None:
        self.numbers, self.digits, self.shapes, self.columns = numbers, digits, shapes, columns

    def show(self, expr: Expr, column: bool | None = None) -> str:
        """The formula, with matrices as wholes.

        column  whether it is to be a column, where it has one axis
        """
        whole = ex.filled(expr, bool(column))
        if column is None or len(expr.shape) != 1:
            return self._show(whole)[0]
        return self._standing(whole, column)[0]

    def show_indexed(self, expr: Expr, letters: Sequence[str]) -> str:
        """One entry of the formula, at the place that the letters name, one for each axis."""
        return Indexed(self).show(expr, tuple(letters), set(letters))[0]

    # --- pieces ---

    def _show(self, expr: Expr) -> Piece:
        return getattr(self, f"_{expr.head}", self._apply)(expr)

    def _within(self, expr: Expr, level: int) -> str:
        """In brackets where it binds less tightly than what it stands in."""
        text, own = self._show(expr)
        return text if own >= level else bracketed(text)

    def _standing(self, expr: Expr, column: bool) -> Piece:
        """A formula of one axis as a column, or as a row: turned where it is the other."""
        if stands(expr) == column or len(expr.shape) != 1 or expr.is_single:
            return self._show(expr)
        if not ex.written(expr):  # one number, repeated
            return self._show(ex.filled(expr, column))
        if self.numbers is not None:
            return self.array(self.numbers.of(expr), column)
        return on_its_side(self._within(expr, ATOM)), POWER

    def _alike(self, args: Sequence[Expr], shape: Shape) -> list[Expr]:
        """Arguments of an elementwise operation, every vector standing as the first one does.

        Beside a matrix vectors are rows, which broadcasting repeats.
        """
        vectors = [a for a in args if len(a.shape) == 1 and not a.is_single and ex.written(a)]
        if not vectors:
            return list(args)
        column = len(shape) == 1 and stands(vectors[0])
        return [self._turned(a, column) if a in vectors else a for a in args]

    def _turned(self, arg: Expr, column: bool) -> Expr:
        if stands(arg) == column:
            return arg
        return Expr("printed", (), arg.shape, self._standing(arg, column))

    def _symbol(self, expr: Expr) -> Piece:
        name: Symbol = expr.data
        if self.numbers is not None:
            return self.array(self.numbers.value_of(name), name.column)
        if self.shapes and expr.shape:
            return rf"\underset{{{_lengths(expr, name.column)}}}{{{name.latex}}}", ATOM
        return name.latex, PREFIX if name.latex.startswith(r"\frac") else ATOM

    def _ones(self, expr: Expr) -> Piece:
        if self.numbers is not None:
            return self.array(np.ones(expr.shape), expr.data)
        lengths = _lengths(expr, expr.data)
        if self.shapes:
            return rf"\underset{{{lengths}}}{{\mathbf{{1}}}}", ATOM
        return rf"\mathbf{{1}}_{{{lengths}}}", ATOM

    def _entry(self, expr: Expr) -> Piece:
        name, index = expr.data
        if self.numbers is not None:
            return self.value(float(self.numbers.value_of(name)[index]))
        return entry_of(name, index), ATOM

    def _number(self, expr: Expr) -> Piece:
        text = constant(expr.data, max(6, self.digits))
        return text, SUM if text.startswith("-") else ATOM if text.isalnum() else PRODUCT

    def _measured(self, expr: Expr) -> Piece:
        return self.value(expr.data)

    def _dots(self, expr: Expr) -> Piece:
        return r"\cdots", ATOM

    def _printed(self, expr: Expr) -> Piece:
        """What has been printed already, by `_Indexed`, to print the outer operation around."""
        piece: Piece = expr.data
        return piece

    def value(self, measured: float) -> Piece:
        text = number(measured, self.digits)
        return text, SUM if text.startswith("-") else PRODUCT if "cdot" in text else ATOM

    def array(self, array: Array, column: bool = False) -> Piece:
        """Numbers as a matrix; of a large one the corner. What has one axis is a row, or a
        `column`."""
        if np.size(array) == 1:
            return self.value(float(np.asarray(array).reshape(())))
        table = _as_table(array)
        if np.ndim(array) == 1 and (column or self.columns):
            table = table.T
        return matrix(self._cells(table)), ATOM

    def _cells(self, table: Array) -> list[list[str]]:
        rows, columns = (list(range(n)) for n in table.shape)
        cut_rows, cut_columns = len(rows) > MOST_SHOWN, len(columns) > MOST_SHOWN
        if cut_rows:
            rows = [*rows[: MOST_SHOWN - 3], rows[-1]]
        if cut_columns:
            columns = [*columns[: MOST_SHOWN - 3], columns[-1]]
        cells = [[self.value(float(table[i, j]))[0] for j in columns] for i in rows]
        if cut_columns:
            for row in cells:
                row.insert(-1, r"\cdots")
        if cut_rows:
            cells.insert(-1, [r"\vdots"] * len(cells[0]))
        return cells

    def _plus(self, expr: Expr) -> Piece:
        terms = [self._within(arg, SUM) for arg in self._alike(expr.args, expr.shape)]
        return signed(terms), SUM

    def _times(self, expr: Expr) -> Piece:
        sign, factors = "", self._alike(expr.args, expr.shape)
        if ex.is_number(factors[0], -1) and len(factors) > 1:
            sign, factors = "-", factors[1:]
        shown = []
        for place, factor in enumerate(factors):
            last = place == len(factors) - 1
            free = last and factor.head in ("sum", "contract") and self.numbers is None
            free = free and all(f.is_single for f in factors[:-1])
            leading = place == 0 and factor.head == "number" and not sign
            level = SUM if free or leading else PRODUCT if self._is_plain(factor) else PREFIX
            shown.append(self._within(factor, level))
        text = shown[0]
        for before, factor, piece in zip(factors, factors[1:], shown[1:], strict=False):
            text += self._joiner(before, factor) + piece
        return sign + text, SUM if (sign + text).startswith("-") else PRODUCT

    def _is_plain(self, factor: Expr) -> bool:
        """Whether a factor is a single number that needs no brackets beside others."""
        return factor.is_single and factor.head not in ("contract", "times")

    def _joiner(self, a: Expr, b: Expr) -> str:
        if not a.is_single and not b.is_single:
            return r" \odot "
        if self.numbers is not None or (a.is_single and b.is_single and a.head != "number"):
            return r" \cdot "
        if b.head == "symbol" and b.data.latex.startswith(r"\frac"):
            return r" \cdot "
        return r" \, "

    def _over(self, expr: Expr) -> Piece:
        above, below = (self._show(arg)[0] for arg in self._alike(expr.args, expr.shape))
        return rf"\frac{{{above}}}{{{below}}}", ATOM

    def _contract(self, expr: Expr) -> Piece:
        standing = factors_stand(expr)
        found = as_matrices(expr.data, standing)
        if found is None:
            return self._spelled(expr)
        order, turned = found
        factors = [expr.args[place] for place in order]
        shown = [
            self._factor(factor, turn and not factor.is_single, standing[place])
            for place, factor, turn in zip(order, factors, turned, strict=True)
        ]
        single = [factor.is_single for factor in factors]
        dot = any(single) if self.numbers is not None else all(single)
        return (r" \cdot " if dot else r" \, ").join(shown), PRODUCT

    def _factor(self, factor: Expr, turn: bool, column: bool) -> str:
        """A factor of a product of matrices, perhaps turned; `column` is how a vector stands."""
        if len(factor.shape) == 1:
            text, level = self._standing(factor, column != turn)
            return text if level >= PREFIX else bracketed(text)
        factor = ex.filled(factor)
        if not turn:
            return self._within(factor, PREFIX)
        if factor.head == "ones":
            return self._ones(Expr("ones", (), factor.shape[::-1], False))[0]
        if self.numbers is None:
            return on_its_side(self._within(factor, ATOM))
        return self.array(_as_table(self.numbers.of(factor)).T)[0]

    def _spelled(self, expr: Expr) -> Piece:
        """A product of arrays with more axes: with its indices."""
        if self.numbers is not None:
            return self.array(self.numbers.of(expr), stands(expr))
        left, right, out = parts(expr.data)
        letters = dict(zip(dict.fromkeys(left + right), "nijklmpqrst", strict=False))
        left, right, out = ("".join(letters[i] for i in part) for part in (left, right, out))
        summed = ", ".join(letter for letter in left if letter not in out)
        a, b = (self._within(arg, ATOM) for arg in expr.args)
        head = rf"\sum_{{{summed}}} " if summed else ""
        return rf"{head}{scripted(a, left)} {scripted(b, right)}", PRODUCT

    def _sum(self, expr: Expr) -> Piece:
        (x,), axes = expr.args, expr.data
        if self.numbers is not None:
            return self._slices(expr)
        if not expr.shape:
            return Indexed(self).show(expr, (), set())
        names = "kn" if self.columns else "nkijm"
        letters = ",".join(names[axis % len(names)] for axis in axes)
        inside, level = self._show(x)
        inside = inside if level >= ATOM or x.head == "symbol" else bracketed(inside)
        return rf"\sum_{{{letters}}} {scripted(inside, letters)}", PREFIX

    def _slices(self, expr: Expr, shape: Shape | None = None) -> Piece:
        """A sum as the arrays that are added up, each of this shape."""
        (x,), axes = expr.args, expr.data
        assert self.numbers is not None  # asked by the caller
        values = np.moveaxis(self.numbers.of(x), axes, range(len(axes)))
        slices = values.reshape(-1, *values.shape[len(axes) :])
        column = stands(expr)
        shown = [
            self.array(part if shape is None else part.reshape(shape), column)[0] for part in slices
        ]
        if len(shown) > MOST_SHOWN + 2:
            shown = [*shown[:2], r"\cdots", shown[-1]]
        return signed(shown), SUM

    def _transpose(self, expr: Expr) -> Piece:
        if self.numbers is not None:
            return self.array(self.numbers.of(expr))
        return on_its_side(self._within(expr.args[0], ATOM)), POWER

    def _layout(self, expr: Expr) -> Piece:
        if expr.data is None:
            return self._view(expr)
        if self.numbers is not None:
            return self.array(self.numbers.of(expr), stands(expr))
        if isinstance(expr.data.op, Slice):
            index = sliced(expr.data)
            if index is not None:
                return scripted(self._within(expr.args[0], ATOM), index), ATOM
        if isinstance(expr.data.op, Concatenate):
            beside = r" \mid ".join(map(self.show, expr.args))
            return f"[{beside}]", ATOM
        inside = ", ".join(map(self.show, expr.args))
        return rf"\operatorname{{{word(expr.data.op.name)}}}({inside})", ATOM

    def _view(self, expr: Expr) -> Piece:
        """Seen under another shape: the same formula, unless rows of numbers become columns."""
        (x,) = expr.args
        if self.numbers is None:
            real, seen = ([n for n in shape if n != 1] for shape in (x.shape, expr.shape))
            if x.size == expr.size and real != seen:
                return rf"\operatorname{{reshape}}({self.show(x)})", ATOM
        if len(x.shape) == 1 and len(expr.shape) == 2 and x.size == expr.size:
            return self._standing(x, column=expr.shape[1] == 1)
        if self.numbers is None:
            return self._show(x)
        if x.size != expr.size or len(expr.shape) < 2:
            return self._show(x)
        if x.head == "sum":
            return self._slices(x, expr.shape)
        return self.array(self.numbers.of(expr), stands(expr))

    def _derivative(self, expr: Expr) -> Piece:
        op, _ = expr.data
        if self.numbers is not None:
            return self.array(self.numbers.of(expr), stands(expr))
        return prime(op, self._show(expr.args[0])[0]), ATOM

    def _apply(self, expr: Expr) -> Piece:
        op = expr.data if isinstance(expr.data, Map) else expr.data.op
        if isinstance(op, Map):
            return self._map(op, expr.args)
        if isinstance(op, Loop):
            name, times = step_name(expr.data), expr.data.params["length"]
            inside = ", ".join(map(self.show, expr.args))
            return rf"\operatorname{{{word(name)}}}^{{{times}}}({inside})", ATOM
        if self.numbers is not None and expr.shape:
            return self.array(self.numbers.of(expr), stands(expr))
        if isinstance(op, Reduce):
            if len(expr.args) > 1:  # of single entries
                return rf"{reduction(op)}({', '.join(map(self.show, expr.args))})", ATOM
            axes = expr.data.params["axes"]
            letters = ",".join("nkijm"[axis % 5] for axis in axes)
            inside = self._within(expr.args[0], ATOM)
            return rf"{reduction(op)}_{{{letters}}} {inside}", PREFIX
        return self.template(op.latex, expr.args, ATOM)

    def _map(self, op: Map, args: Sequence[Expr]) -> Piece:
        if self.numbers is not None and op.result == "bool":  # as a factor: 1 or 0
            whole = Expr("apply", tuple(args), ex.broadcast(args), op)
            return self.array(self.numbers.of(whole).astype(float), stands(whole))
        return self.template(op.latex, self._alike(args, ex.broadcast(args)), op.level)

    def template(self, latex: str, args: Sequence[Expr], level: int) -> Piece:
        shown = []
        for place, arg in enumerate(args):
            needed = SUM if is_delimited(latex, place) else max(level, POWER)
            if level == SUM:
                needed = SUM
            text, own = self._show(arg)
            if needed > SUM and level == POWER and place == 0:
                needed = ATOM
            if f"{{{place}}}^" in latex and "^" in text:
                own = SUM  # a second exponent
            shown.append(text if own >= needed else bracketed(text))
        return latex.format(*shown), level


def _lengths(expr: Expr, column: bool = False) -> str:
    """The shape as it is written: that of a matrix, where it has one axis."""
    shape = expr.shape
    if len(shape) == 1:
        shape = (shape[0], 1) if column else (1, shape[0])
    return r" \times ".join(map(str, shape))


def _as_table(array: Array) -> Array:
    """Rows and columns; of more axes, all but the last count rows."""
    table = np.atleast_2d(array)
    return table.reshape(-1, table.shape[-1]) if table.ndim > 2 else table
