"""One gradient as the sum over all paths from the loss to a number.

Between quantities stand local derivatives; a path is a product of them, and the gradient is the sum
of all products. There may be millions of paths: their number and sum follow by dynamic programming,
and the largest are found best first, each step bounded by the largest product that can still come
(the A* search of Hart, Nilsson and Raphael 1968, with an exact bound), so none is enumerated in
vain.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from heapq import heappop, heappush
from itertools import count
from math import prod
from typing import TYPE_CHECKING, overload

import numpy as np

from chainrule.errors import SettingError
from chainrule.explaining.derivation import as_index, checked_index
from chainrule.explaining.entries import Array, Index
from chainrule.explaining.expression import Expr
from chainrule.explaining.jacobian import Edges, read_directly
from chainrule.explaining.local import partial
from chainrule.explaining.marks import entry_of
from chainrule.explaining.printing import Printer
from chainrule.explaining.reading import Reader
from chainrule.explaining.telling import short_formula
from chainrule.graph import Node
from chainrule.notation import Quantity
from chainrule.tex import figure, plain

if TYPE_CHECKING:
    from chainrule.explaining.story import Story

MOST_IN_FORMULA = 6
ALL_OF, LARGEST = 200, 10  # so few paths are given whole; of more, the largest


@dataclass(frozen=True)
class Factor:
    """One local derivative: ∂of/∂wrt, entries of two quantities.

    latex    `\\frac{\\partial z^{(2)}_{1}}{\\partial a^{(1)}_{2}}`
    formula  what it is in symbols, such as `w^{(2)}_{21}`; empty where that is no short formula
    value    the number
    of, wrt  (key, index) of the two entries
    """

    latex: str
    formula: str
    value: float
    of: tuple[str, Index]
    wrt: tuple[str, Index]

    def __str__(self) -> str:
        return f"{plain(self.latex)} = {figure(self.value)}"


@dataclass(frozen=True)
class Path:
    """A product of local derivatives from the loss to a number.

    value  the product
    share  its size as a part of the sizes of all paths
    """

    factors: tuple[Factor, ...]
    value: float
    share: float

    def __str__(self) -> str:
        names = " · ".join(plain(factor.latex) for factor in self.factors)
        numbers = " · ".join(_bracketed(figure(f.value)) for f in self.factors)
        return f"{names}\n  = {numbers} = {figure(self.value)}"


class Paths(Sequence[Path]):
    """The largest paths, largest first, and what is known of all.

    symbol    the number that is explained, LaTeX
    number    how many paths there are whose product is not 0
    gradient  the sum of all paths
    absolute  the sum of their sizes: where it is much larger than the gradient, paths cancel
    """

    def __init__(
        self, paths: Sequence[Path], symbol: str, number: int, gradient: float, absolute: float
    ) -> None:
        self._paths = tuple(paths)
        self.symbol, self.number = symbol, number
        self.gradient, self.absolute = gradient, absolute

    @property
    def is_complete(self) -> bool:
        return len(self._paths) == self.number

    @overload
    def __getitem__(self, place: int) -> Path: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Path]: ...
    def __getitem__(self, place: int | slice) -> Path | Sequence[Path]:
        return self._paths[place]

    def __len__(self) -> int:
        return len(self._paths)

    def text(self) -> str:
        """The paths as lines, and what they add up to."""
        return "\n".join(self._lines()) + "\n"

    def _lines(self) -> Iterator[str]:
        name = f"∂L/∂{plain(self.symbol)}"
        many = f"{self.number:,} path{'' if self.number == 1 else 's'}"
        yield f"{name} = {figure(self.gradient)}, the sum over {many}"
        if not self.number:
            yield "Every path crosses a factor of 0: a change here does not reach the loss."
            return
        if self.absolute > 2 * abs(self.gradient):
            yield (
                f"The paths cancel: their sizes add up to {figure(self.absolute)}, and "
                f"{1 - abs(self.gradient) / self.absolute:.0%} of that is lost to opposite signs."
            )
        for place, path in enumerate(self._paths, 1):
            yield ""
            yield f"{place}. {figure(path.value)}, {path.share:.1%} of all"
            for factor in path.factors:
                formula = f" = {plain(factor.formula)}" if factor.formula else ""
                yield f"     {plain(factor.latex)}{formula} = {figure(factor.value)}"
        rest = self.number - len(self._paths)
        if rest:
            left = 1 - sum(path.share for path in self._paths)
            yield f"\nThe other {rest:,} carry {left:.1%}."

    def __repr__(self) -> str:
        return f"<{len(self)} of {self.number} paths, sum {self.gradient:.4g}>"


def find_paths(story: "Story", name: str, index: Index | int, most: int | None) -> Paths:
    """See `Story.paths`."""
    if most is not None and (not isinstance(most, int) or isinstance(most, bool) or most < 1):
        raise SettingError(
            f"most={most!r} is no number of paths; give a whole number from 1, or None for all of "
            f"them where they are {ALL_OF} or fewer, and else the {LARGEST} largest"
        )
    return ways(story, name, index).paths(most)


def ways(story: "Story", name: str, index: Index | int) -> "Ways":
    """All that lies between an entry and the loss, which knows how many paths there are."""
    quantity = story.quantity(name)
    written_out = story.written_out
    if written_out is not None and quantity.key in {q.key for q in written_out.quantities}:
        story, quantity = written_out, written_out.quantity(quantity.key)
    entry = checked_index(name, as_index(index), quantity.shape)
    return Ways(story, quantity, entry)


class Ways:
    """Entries of quantities, and the local derivatives between them, as one weighted graph.

    count     how many paths there are whose product is not 0
    total     the sum of their products: the gradient
    absolute  the sum of their sizes
    """

    def __init__(self, story: "Story", start: Quantity, entry: Index) -> None:
        self.symbol = entry_of(story.names.of(start), entry)
        self.story, self.record = story, story.record
        self.quantities = self._crossed(start)
        known = [quantity.node for quantity in self.quantities]
        sizes = [prod(quantity.shape) for quantity in self.quantities]
        self.first = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        self.place = {node: place for place, node in enumerate(known)}
        flat = int(np.ravel_multi_index(entry, start.shape)) if start.shape else 0
        self.start = int(self.first[self.place[start.node]]) + flat
        self.goal = int(self.first[self.place[self.record.roots.loss]])
        self.stages = self._stages(known)
        self._measure()

    def _crossed(self, start: Quantity) -> list[Quantity]:
        """What paths go through, in order: the start, what leaves layers, the loss."""
        between = self.record.adjoints
        kinds = ["layer", "line", "prediction"]
        if self.record.roots.prediction is None:  # of a function, what has no name in the code too
            kinds.append("auxiliary")
        kept = [
            q
            for q in self.story.quantities
            if q.node is start.node or q.kind == "loss" or (q.kind in kinds and q.node in between)
        ]
        order = {q.node: place for place, q in enumerate(self.story.quantities)}
        return sorted(kept, key=lambda q: (q.node is not start.node, order[q.node]))

    def paths(self, most: int | None) -> Paths:
        """The largest, and what is known of all."""
        return Paths(self.search(most), self.symbol, self.count, self.total, self.absolute)

    @cached_property
    def reader(self) -> Reader:
        """Reads formulas of what paths stop at: all that lies between is written out."""
        crossed = {quantity.key for quantity in self.quantities}
        hidden = {
            q.node
            for q in self.story.quantities
            if q.key not in crossed and q.kind not in ("input", "parameter")
        }
        return self.story.names.reader_past(frozenset(hidden))

    def _stages(self, known: Sequence[Node]) -> list[Edges]:
        """The edges between entries that a change at the start reaches, in order."""
        reached: dict[Node, Array] = {
            known[0]: np.array([self.start - self.first[0]], dtype=np.int64)
        }
        known_nodes = set(known)
        found = []
        for above in known[1:]:
            arriving = []
            for below in read_directly(above, known_nodes):
                if below not in reached or below not in self.place:
                    continue
                edges = self.story.jacobians(above, below, known_nodes, reached[below])
                arriving.append(edges.above)
                shift_up, shift_down = (self.first[self.place[n]] for n in (above, below))
                found.append(Edges(edges.above + shift_up, edges.below + shift_down, edges.values))
            if arriving:
                reached[above] = np.unique(np.concatenate(arriving))
        return found

    def _measure(self) -> None:
        """For every entry, over all paths from the loss to it: the largest product, their number,
        their sum, and the sum of their sizes."""
        size = int(self.first[-1])
        self.bound, counts, totals, sizes = (np.zeros(size) for _ in range(4))
        for array in (self.bound, counts, totals, sizes):
            array[self.goal] = 1
        for edges in reversed(self.stages):
            up, down, values = edges.above, edges.below, edges.values
            np.maximum.at(self.bound, down, np.abs(values) * self.bound[up])
            for array, weights in (
                (counts, (values != 0) * counts[up]),
                (totals, values * totals[up]),
                (sizes, np.abs(values) * sizes[up]),
            ):
                first = int(down.min(initial=size))
                added = np.bincount(down - first, weights)
                array[first : first + len(added)] += added
        self.count = int(counts[self.start])
        self.total = float(totals[self.start])
        self.absolute = float(sizes[self.start])
        self._arrange()

    def _arrange(self) -> None:
        """The edges by the entry that they leave upwards."""
        if not self.stages:
            self.begins = np.zeros(int(self.first[-1]) + 1, np.int64)
            self.ups, self.slopes = np.zeros(0, np.int64), np.zeros(0)
            return
        down = np.concatenate([edges.below for edges in self.stages])
        order = np.argsort(down, kind="stable")
        self.ups = np.concatenate([edges.above for edges in self.stages])[order]
        self.slopes = np.concatenate([edges.values for edges in self.stages])[order]
        self.begins = np.searchsorted(down[order], np.arange(int(self.first[-1]) + 1))

    def search(self, most: int | None) -> list[Path]:
        """Paths in order of their size."""
        wanted = most if most is not None else ALL_OF if self.count <= ALL_OF else LARGEST
        ties = count()  # the heap never compares ways
        heap: list[tuple[float, int, float, tuple[int, ...], tuple[float, ...]]] = []
        heappush(heap, (-self.bound[self.start], next(ties), 1.0, (self.start,), ()))
        found: list[Path] = []
        while heap and len(found) < wanted:
            _, _, product, way, factors = heappop(heap)
            here = way[-1]
            if here == self.goal:
                found.append(self._path(way, factors, product))
                continue
            edges = slice(self.begins[here], self.begins[here + 1])
            slopes, ups = self.slopes[edges], self.ups[edges]
            bounds = np.abs(product * slopes) * self.bound[ups]
            # No more than the `wanted` best ways from here can be among the `wanted` best of all.
            best = np.arange(len(bounds))
            if len(bounds) > wanted:
                best = np.argpartition(-bounds, wanted - 1)[:wanted]
            for edge in best:
                if bounds[edge]:
                    further = (*way, int(ups[edge])), (*factors, float(slopes[edge]))
                    step = product * float(slopes[edge])
                    heappush(heap, (-bounds[edge], next(ties), step, *further))
        return found

    # --- telling ---

    def _path(self, way: tuple[int, ...], factors: tuple[float, ...], product: float) -> Path:
        named = []
        for below, above, value in zip(way, way[1:], factors, strict=False):
            named.append(self._factor(above, below, value))
        share = abs(product) / self.absolute if self.absolute else 0.0
        return Path(tuple(reversed(named)), product, share)

    def _factor(self, above: int, below: int, value: float) -> Factor:
        (upper, at), (lower, place) = self._entry(above), self._entry(below)
        latex = rf"\frac{{\partial {self._name(upper, at)}}}{{\partial {self._name(lower, place)}}}"
        formula = self._formula(upper, at, lower, place)
        return Factor(latex, formula, value, (upper.key, at), (lower.key, place))

    def _entry(self, place: int) -> tuple[Quantity, Index]:
        which = int(np.searchsorted(self.first, place, side="right")) - 1
        quantity = self.quantities[which]
        found = np.unravel_index(place - int(self.first[which]), quantity.shape)
        return quantity, tuple(int(i) for i in found)

    def _name(self, quantity: Quantity, index: Index) -> str:
        return entry_of(self.story.names.of(quantity), index)

    def _formula(self, upper: Quantity, at: Index, lower: Quantity, place: Index) -> str:
        """The local derivative in symbols, where that is short."""
        names, numbers = self.story.names, self.story.numbers
        if upper.kind == "loss" and lower.node in names.short:
            found: Expr | None = numbers.entry(short_formula(names, lower.node), place)
        else:
            formula = self.reader.read(upper.node)
            found = partial(numbers, formula, at, names.of(lower), place)
        if found is None or found.weight() > MOST_IN_FORMULA or found.head == "number":
            return ""
        return Printer().show(found)


def _bracketed(text: str) -> str:
    return f"({text})" if text.startswith("−") else text
