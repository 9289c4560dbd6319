"""The derivation of one gradient in LaTeX: symbols, then indices, then numbers, then one entry."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import prod
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from chainrule.errors import SettingError, UnknownNameError
from chainrule.explaining.entries import Array, Index
from chainrule.explaining.expression import Expr, Symbol
from chainrule.explaining.marks import entry_of, indexed, signed
from chainrule.explaining.printing import MOST_SHOWN, Printer
from chainrule.explaining.sideways import sideways, turned
from chainrule.explaining.unrolling import Unrolled, loops_between
from chainrule.tex import plain

if TYPE_CHECKING:
    from chainrule.explaining.paths import Ways
    from chainrule.explaining.story import Step, Story

Samples = Literal["rows", "columns"]
MOST_ROUTES, MOST_PATHS = 4, 12
MOST_CROSSED = 2000  # numbers on the way, in networks whose paths may be few
HEADINGS = {
    "chain rule": "The chain rule:",
    "matrices": "With matrices, shapes underneath:",
    "through time": "Through time, t = 1 to {}:",
    "indices": "Entry by entry:",
    "numbers": "With the numbers:",
    "one entry": "One entry, and its paths:",
}


@dataclass(frozen=True)
class Line:
    """One equation. `left` may be empty: the line goes on from the one before.

    relation  what stands between: "=", or "+" where a long sum goes on
    """

    left: str
    right: str
    relation: str = "="

    @property
    def text(self) -> str:
        """The equation in Unicode."""
        return plain(f"{self.left} {self.relation} {self.right}")


@dataclass(frozen=True)
class Section:
    """Equations under a heading, one of `HEADINGS`, perhaps with a number in it."""

    heading: str
    lines: tuple[Line, ...]
    number: int = 0

    @property
    def title(self) -> str:
        return HEADINGS[self.heading].format(self.number)

    @property
    def latex(self) -> str:
        rows = [
            rf"&\text{{{self.title}}}",
            *(rf"{line.left} &{line.relation} {line.right}" for line in self.lines),
        ]
        body = " \\\\\n".join(rows)
        return f"\\begin{{align*}}\n{body}\n\\end{{align*}}"


@dataclass(frozen=True)
class Derivation:
    """∂L/∂name derived.

    symbol    what is derived, LaTeX
    sections  in order
    value     the gradient, as its numbers say
    index     the entry that is worked out at the end
    """

    symbol: str
    sections: tuple[Section, ...]
    value: Array
    index: Index

    @property
    def latex(self) -> str:
        """All sections, each an `align*` environment of amsmath."""
        return "\n".join(section.latex for section in self.sections) + "\n"

    def section(self, heading: str) -> Section:
        for section in self.sections:
            if section.heading == heading:
                return section
        raise UnknownNameError("section", heading, [s.heading for s in self.sections])


def derivation(
    story: "Story", name: str, index: Index | int | None, samples: Samples, digits: int
) -> Derivation:
    """See `Story.latex`."""
    if samples not in ("rows", "columns"):
        raise SettingError(f"samples is 'rows' or 'columns', not {samples!r}")
    return _Deriver(story, name, index, samples == "columns", digits).derive()


class _Deriver:
    def __init__(
        self, story: "Story", name: str, index: Index | int | None, columns: bool, digits: int
    ) -> None:
        self.story, self.columns, self.digits = story, columns, digits
        self.quantity = story.quantity(name)
        self.steps = self._needed()
        self.last = self.steps[-1]
        at = None if index is None else as_index(index)
        self.index = (
            self.last.index if at is None else checked_index(name, at, self.last.value.shape)
        )

    def _needed(self) -> list["Step"]:
        """The steps of the backward pass that lead to the gradient, from the loss down."""
        backward = self.story.phase("backward")
        by_symbol = {key: step for step in backward for key in _keys_of(self.story, step)}
        wanted = [s for s in backward if s.key == self.quantity.key]
        if not wanted:
            raise SettingError(
                f"the loss does not depend on {self.quantity.text} through a parameter, so there "
                "is no gradient to derive; ask for a parameter, or for what one of them makes"
            )
        found: dict[str, Step] = {}
        stack = wanted[-1:]
        while stack:
            step = stack.pop()
            if step.symbol in found:
                continue
            found[step.symbol] = step
            stack += [by_symbol[key] for key in step.uses if key in by_symbol]
        return [step for step in backward if step.symbol in found]

    def derive(self) -> Derivation:
        sections = [
            Section("chain rule", tuple(self.chain())),
            Section("matrices", tuple(self.matrices())),
            *self.through_time(),
            Section("indices", tuple(self.indices())),
            Section("numbers", tuple(self.numbers())),
            Section("one entry", tuple(self.one_entry())),
        ]
        told = tuple(section for section in sections if section.lines)
        return Derivation(self.last.symbol, told, self.last.value, self.index)

    # --- sections ---

    def chain(self) -> Iterator[Line]:
        """∂L/∂W as the product of derivatives along every way from the loss."""
        ways = routes(self.story, self.quantity.key)
        if not 0 < len(ways) <= MOST_ROUTES:
            return
        products = []
        for way in ways:
            names = ["L", *way]
            pairs = pairwise(names)
            factors = [rf"\frac{{\partial {a}}}{{\partial {b}}}" for a, b in pairs]
            products.append(r" \cdot ".join(factors))
        left = rf"\frac{{\partial L}}{{\partial {self.quantity.latex}}}"
        for place, product in enumerate(products):
            yield Line(left, product) if place == 0 else Line("", product, "+")

    def matrices(self) -> Iterator[Line]:
        printer = Printer(shapes=True, columns=self.columns)
        for step in self.steps:
            loop = self._loop_of(step)
            left = step.symbol + (f" = {step.meaning}" if step.meaning else "")
            if loop is not None:
                yield Line(left, loop[0].sum_over_time(loop[1]))
            else:
                yield Line(left, printer.show(self._turned(step), self._symbol(step).column))

    def through_time(self) -> Iterator[Section]:
        """What each step of the loops on the way computes, forward and backward."""
        if self.columns:
            return
        for loop in self._loops:
            lines = [*loop.lines]
            place = loop.shares(self.quantity.node)
            if place is not None:
                whole = loop.has_all_of(self.quantity.node)
                left = self.last.symbol if whole else rf"\Delta\, {self.last.symbol}"
                lines += loop.sum_lines(place, left, self.digits)
            yield Section("through time", tuple(Line(*line) for line in lines), loop.length)

    def indices(self) -> Iterator[Line]:
        printer = Printer(columns=self.columns)
        for step in self.steps:
            if self._loop_of(step) is not None:
                continue
            expr = self._turned(step)
            letters = self._letters(expr, step)
            symbol = self._symbol(step)
            shown = [letter for letter, n in zip(letters, symbol.shape, strict=True) if n != 1]
            yield Line(indexed(symbol, shown), printer.show_indexed(expr, letters))

    def numbers(self) -> Iterator[Line]:
        """Every line with its numbers in it, where they fit on a page."""
        numbers = self.story.numbers
        printer = Printer(numbers, self.digits, columns=self.columns)
        for step in self.steps:
            expr = self._turned(step)
            if not fits(expr):
                return
        for step in self.steps:
            expr = self._turned(step)
            column = self._symbol(step).column
            result = printer.array(numbers.of(expr), column)[0]
            shown = result if self._loop_of(step) else printer.show(expr, column)
            yield Line(step.symbol, shown if shown == result else f"{shown} = {result}")

    def one_entry(self) -> Iterator[Line]:
        """One entry: the sum it is, with the numbers in it."""
        expr = self._turned(self.last)
        index = self.index
        if self.columns and self.last.value.ndim == 2:
            index = index[::-1]
        elif self.columns and self.last.value.ndim == 1:
            index = (*index, 0)
        entry = self.story.numbers.entry(expr, index)
        symbol = self._symbol(self.last)
        left = entry_of(symbol, index)
        numeric = Printer(self.story.numbers, self.digits)
        value = numeric.value(float(self.last.value[self.index]))[0]
        loop = None if self.columns else self._loop_of(self.last)
        if loop is not None:
            parts = [numeric.value(float(part[self.index]))[0] for part in loop[0].added(loop[1])]
            shown = signed(
                parts if len(parts) <= MOST_PATHS else [*parts[:2], r"\cdots", parts[-1]]
            )
            yield Line(left, shown)
        else:
            yield Line(left, Printer().show(entry))
            shown = numeric.show(entry)
        if loop is None and shown != value:
            yield Line("", shown)
        yield Line("", value)
        if not self.columns:
            yield from self.as_paths(left, value)

    def as_paths(self, left: str, value: str) -> Iterator[Line]:
        """The same as a sum over paths, where there are few."""
        found = few_crossed(self.story, self.quantity.key, self.index)
        if found is None or not 0 < found.count <= MOST_PATHS:
            return
        paths = found.paths(MOST_PATHS)
        for place, path in enumerate(paths):
            product = r" \cdot ".join(factor.latex for factor in path.factors)
            yield Line(left, product) if place == 0 else Line("", product, "+")
        products = []
        for path in paths:
            values = [Printer(None, self.digits).value(f.value)[0] for f in path.factors]
            products.append(r" \cdot ".join(f"({v})" if v.startswith("-") else v for v in values))
        yield Line("", " + ".join(products))
        yield Line("", value)

    # --- helpers ---

    def _loop_of(self, step: "Step") -> tuple[Unrolled, int] | None:
        """The loop that alone makes a gradient, as one of its constants, and which."""
        return self.story.shared_loop(step.quantity.node) if step.is_gradient else None

    @cached_property
    def _loops(self) -> list[Unrolled]:
        return loops_between(self.story, self.quantity.node)

    def _turned(self, step: "Step") -> Expr:
        assert step.expression is not None
        if not self.columns:
            return step.expression
        found = sideways(step.expression)
        if found is None:
            raise SettingError(
                f"{self.story.title} holds arrays that are not matrices, so samples have no "
                "columns; ask for samples='rows'"
            )
        return found

    def _symbol(self, step: "Step") -> Symbol:
        batch = self.story.names.is_batch(step.node) and step.quantity.kind != "parameter"
        column = step.quantity.node in self.story.names.columns
        symbol = Symbol(step.key, step.symbol, step.value.shape, batch, column)
        return turned(symbol) if self.columns else symbol

    def _letters(self, expr: Expr, step: "Step") -> Sequence[str]:
        symbol = self._symbol(step)
        batch_axis = (len(symbol.shape) - 1 if self.columns else 0) if symbol.batch else -1
        letters = iter("ijklmpqrstuv"[symbol.batch :])
        return ["n" if axis == batch_axis else next(letters) for axis in range(len(symbol.shape))]


def few_crossed(story: "Story", key: str, index: Index) -> "Ways | None":
    """The paths to an entry of a parameter, where they cross few enough numbers to be followed."""
    from chainrule.explaining.paths import ways

    crossed = (story.written_out or story).quantities
    sizes = [prod(q.shape) for q in crossed if q.kind in ("layer", "line")]
    if story.quantity(key).kind != "parameter" or sum(sizes) > MOST_CROSSED:
        return None
    return ways(story, key, index)


def _keys_of(story: "Story", step: "Step") -> Iterator[str]:
    """The keys by which other formulas read a step's result."""
    own = story.names.symbols.get(step.node)
    yield step.quantity.gradient_key
    if own is not None:
        yield own.key


def routes(story: "Story", key: str) -> list[list[str]]:
    """The ways from the loss down to a quantity, as symbols; quantities on the way by name only."""
    forward = [*story.phase("forward"), *story.phase("loss")]
    readers: dict[str, list[str]] = {}
    latex = {step.key: step.quantity.latex for step in story}
    kinds = {step.key: step.quantity.kind for step in story}
    short = {q.key for q in story.quantities if q.node in story.names.short}
    loss = next(step.key for step in story.phase("loss") if step.quantity.kind == "loss")
    for step in forward:
        for used in dict.fromkeys(step.uses):
            readers.setdefault(used, []).append(step.key)
    found: list[list[str]] = []
    stack: list[tuple[str, list[str]]] = [(key, [])]
    while stack and len(found) <= MOST_ROUTES:
        here, way = stack.pop()
        if here == loss:
            found.append(way[::-1])
            continue
        hidden = kinds.get(here) == "auxiliary" and story.record.roots.prediction is not None
        own = way if hidden else [*way, latex[here]]
        above = [loss] if here in short else readers.get(here, [])
        stack += [(reader, own) for reader in reversed(above)]
    return list({tuple(way): way for way in found}.values())


def fits(expr: Expr) -> bool:
    """Whether all arrays of a formula can be printed in full."""
    shapes = [expr.shape, *(s.shape for s in expr.symbols())]
    return all(len(shape) <= 2 and max(shape, default=1) <= MOST_SHOWN for shape in shapes)


def as_index(index: Any) -> Index:
    """An index, as a user gave it, as a tuple: of one number, that number alone."""
    return (index,) if np.ndim(index) == 0 else tuple(index)


def checked_index(name: str, index: Sequence[int], shape: tuple[int, ...]) -> Index:
    """An index of an array of this shape, negative ones from the end; SettingError otherwise."""
    entry = tuple(index)
    fits_in = len(entry) == len(shape) and all(
        isinstance(i, int | np.integer) and -n <= i < n for i, n in zip(entry, shape, strict=True)
    )
    if not fits_in:
        example = tuple(0 for _ in shape)
        raise SettingError(
            f"{entry if len(entry) != 1 else entry[0]} is no entry of {name}, which has shape "
            f"{shape}; counted from 0, such as {example}"
        )
    return tuple(int(i) % n for i, n in zip(entry, shape, strict=True))
