"""The numbers of formulas: of a whole one, and of one entry as a formula of entries."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np

from chainrule.explaining import expression as ex
from chainrule.explaining.expression import Expr, Symbol
from chainrule.graph import Node, Op, Shape
from chainrule.ops import TABLE
from chainrule.ops.indexing import Gather, ScatterAdd
from chainrule.ops.layout import OverlapAdd
from chainrule.ops.map import Map
from chainrule.ops.products import contraction_plan, parts
from chainrule.ops.reductions import Extreme
from chainrule.ops.registry import numerics

Array = np.ndarray[Any, Any]
Index = tuple[int, ...]
WINDOWS = TABLE["windows"]


class Numbers:
    """The values behind symbols and nodes.

    symbols  by key
    nodes    of every node of the graph
    most     terms of a sum that are written out; of a longer one, the first and the last
    """

    def __init__(
        self, symbols: Callable[[Symbol], Array], nodes: Mapping[Node, Any], most: int = 8
    ) -> None:
        self.value_of = symbols
        self.nodes = nodes
        self.most = most

    # --- whole arrays ---

    def of(self, expr: Expr) -> Array:
        """The value of a formula, computed as it is written."""
        with np.errstate(all="ignore"):
            return _seen(np.asarray(self._of(expr)), expr.shape)

    def _of(self, expr: Expr) -> Any:
        head, data = expr.head, expr.data
        if head == "plus" and data is not None:  # written with dots
            whole, index = data
            return self.of(whole)[index]
        recorded = self._recorded(expr)
        if recorded is not None:
            return recorded
        args = [self.of(arg) for arg in expr.args]
        if head == "symbol":
            return self.value_of(data)
        if head == "entry":
            return self.value_of(data[0])[data[1]]
        if head in ("number", "measured"):
            return data
        if head == "ones":
            return np.ones(expr.shape)
        if head == "plus":
            return sum(args[1:], start=args[0])
        if head == "times":
            return np.prod(np.broadcast_arrays(*args), axis=0)
        if head == "over":
            return args[0] / args[1]
        if head == "contract":
            return contraction_plan(data)(*args)
        if head == "sum":
            return np.sum(args[0], axis=data)
        if head == "transpose":
            return args[0].T
        if head == "derivative":
            return slope(data[0], data[1], args)
        if head == "layout" and data is None:
            return _seen(args[0], expr.shape)
        if isinstance(data, Map):
            return data.evaluate(*args)
        node: Node = data
        if isinstance(node.op, Extreme) and not expr.args[0].shape:  # of single entries
            return node.op.evaluate(np.stack(args), axes=(0,))
        return node.op.evaluate(*args, **node.params)

    def _recorded(self, expr: Expr) -> Any:
        """What the graph computed, of an op on whole arrays."""
        node = expr.data
        whole = isinstance(node, Node) and node.shape == expr.shape and expr.head != "plus"
        return self.nodes.get(node) if whole else None

    # --- single entries ---

    def entry(self, expr: Expr, index: Index) -> Expr:
        """One number of a formula, as a formula of single numbers."""
        return getattr(self, f"_entry_{expr.head}", self._entry_other)(expr, index)

    def _entry_symbol(self, expr: Expr, index: Index) -> Expr:
        if expr.is_single:
            return Expr("symbol", (), (), expr.data)
        return Expr("entry", (), (), (expr.data, index))

    def _entry_number(self, expr: Expr, index: Index) -> Expr:
        return ex.number(expr.data)

    def _entry_plus(self, expr: Expr, index: Index) -> Expr:
        return ex.plus(*(self._at(arg, index) for arg in expr.args))

    def _entry_times(self, expr: Expr, index: Index) -> Expr:
        return ex.times(*(self._at(arg, index) for arg in expr.args))

    def _entry_over(self, expr: Expr, index: Index) -> Expr:
        return ex.over(*(self._at(arg, index) for arg in expr.args))

    def _entry_derivative(self, expr: Expr, index: Index) -> Expr:
        return Expr("derivative", tuple(self._at(arg, index) for arg in expr.args), (), expr.data)

    def _entry_transpose(self, expr: Expr, index: Index) -> Expr:
        return self.entry(expr.args[0], index[::-1])

    def _at(self, arg: Expr, index: Index) -> Expr:
        """The entry of an argument that is broadcast to where the index points."""
        own = index[len(index) - len(arg.shape) :]
        return self.entry(
            arg, tuple(0 if n == 1 else i for i, n in zip(own, arg.shape, strict=True))
        )

    def _entry_contract(self, expr: Expr, index: Index) -> Expr:
        a, b = expr.args
        left, right, out = parts(expr.data)
        lengths = dict(zip(left + right, a.shape + b.shape, strict=True))
        at = dict(zip(out, index, strict=True))
        summed = [letter for letter in left if letter not in out]

        def term(place: Index) -> Expr:
            here = at | dict(zip(summed, place, strict=True))
            return ex.times(
                self.entry(a, tuple(here[letter] for letter in left)),
                self.entry(b, tuple(here[letter] for letter in right)),
            )

        return self._series(expr, index, [lengths[letter] for letter in summed], term)

    def _entry_sum(self, expr: Expr, index: Index) -> Expr:
        (x,), axes = expr.args, expr.data
        if len(index) == len(x.shape):  # the summed axes are kept, with length 1
            index = tuple(i for axis, i in enumerate(index) if axis not in axes)

        def term(place: Index) -> Expr:
            rest, own = iter(index), iter(place)
            at = tuple(next(own) if axis in axes else next(rest) for axis in range(len(x.shape)))
            return self.entry(x, at)

        return self._series(expr, index, [x.shape[axis] for axis in axes], term)

    def _series(
        self, expr: Expr, index: Index, lengths: Sequence[int], term: Callable[[Index], Expr]
    ) -> Expr:
        """All terms of a sum; of many, the first two and the last, and dots between."""
        count = int(np.prod(lengths))
        if count <= self.most:
            return ex.plus(*(term(place) for place in product(*map(range, lengths))))
        chosen = [np.unravel_index(place, lengths) for place in (0, 1, count - 1)]
        first, second, last = (term(tuple(int(i) for i in place)) for place in chosen)
        return Expr("plus", (first, second, Expr("dots"), last), (), (expr, index))

    def _entry_layout(self, expr: Expr, index: Index) -> Expr:
        if expr.data is None:
            (x,) = expr.args
            places = _seen(np.arange(x.size).reshape(x.shape), expr.shape)
            place = np.unravel_index(int(places[index]), x.shape)
            return self.entry(x, tuple(int(i) for i in place))
        if isinstance(expr.data.op, OverlapAdd):
            return self._overlapping(expr, index)
        return self._moved(expr, index, expr.args, lambda *xs: _run(expr.data, xs))

    def _entry_apply(self, expr: Expr, index: Index) -> Expr:
        if isinstance(expr.data, Map):
            return Expr("apply", tuple(self._at(a, index) for a in expr.args), (), expr.data)
        node: Node = expr.data
        if isinstance(node.op, Map):
            return Expr("apply", tuple(self._at(a, index) for a in expr.args), (), node)
        if isinstance(node.op, Gather):
            at = self.of(expr.args[1]).astype(np.int64)
            return self._moved(expr, index, expr.args[:1], lambda x: _run(node, (x, at)))
        if isinstance(node.op, Extreme):
            return self._extreme(expr, node, index)
        if isinstance(node.op, ScatterAdd):
            return self._scattered(expr, index)
        return self._number(expr, index)

    def _scattered(self, expr: Expr, index: Index) -> Expr:
        """A row is the sum of the updates that fall on it."""
        at, updates = expr.args
        rows = self.of(at).astype(np.int64) % expr.shape[0]
        places = [tuple(int(i) for i in place) for place in np.argwhere(rows == index[0])]
        return self._chosen_sum(expr, index, updates, [(*p, *index[1:]) for p in places])

    def _overlapping(self, expr: Expr, index: Index) -> Expr:
        """A number is the sum of its places in all windows."""
        (x,) = expr.args
        settings = {key: v for key, v in expr.data.params.items() if key != "lengths"}
        flat = np.arange(expr.size).reshape(expr.shape)
        seen = WINDOWS.evaluate(flat, **settings)
        places = [tuple(int(i) for i in p) for p in np.argwhere(seen == flat[index])]
        return self._chosen_sum(expr, index, x, places)

    def _chosen_sum(self, expr: Expr, index: Index, x: Expr, places: Sequence[Index]) -> Expr:
        if not places:
            return ex.number(0)
        if len(places) > self.most:
            first, second, last = (self.entry(x, places[i]) for i in (0, 1, -1))
            return Expr("plus", (first, second, Expr("dots"), last), (), (expr, index))
        return ex.plus(*(self.entry(x, place) for place in places))

    def _extreme(self, expr: Expr, node: Node, index: Index) -> Expr:
        (x,), axes = expr.args, node.params["axes"]
        lengths = [x.shape[axis] for axis in axes]
        if np.prod(lengths) > self.most:
            return self._number(expr, index)
        terms = []
        for place in product(*map(range, lengths)):
            rest, own = iter(index), iter(place)
            at = tuple(next(own) if axis in axes else next(rest) for axis in range(len(x.shape)))
            terms.append(self.entry(x, at))
        return Expr("apply", tuple(terms), (), node)

    def _moved(
        self, expr: Expr, index: Index, args: Sequence[Expr], move: Callable[..., Any]
    ) -> Expr:
        """Where an entry came from: the same move made with the places instead of the numbers."""
        places, begin = [], 1  # 0 stands for what was not there before: a frame of zeros
        for arg in args:
            places.append(np.arange(begin, begin + arg.size).reshape(arg.shape))
            begin += arg.size
        found = int(np.asarray(move(*places))[index])
        if found == 0:
            return ex.number(0)
        for arg, own in zip(args, places, strict=True):
            if own.size and own.flat[0] <= found <= own.flat[-1]:
                place = np.unravel_index(found - int(own.flat[0]), arg.shape)
                return self.entry(arg, tuple(int(i) for i in place))
        return self._number(expr, index)

    def _number(self, expr: Expr, index: Index) -> Expr:
        return Expr("measured", (), (), float(self.of(expr)[index]))

    # --- shorter ---

    def brief(self, expr: Expr, most: int = 20) -> Expr:
        """The formula of single numbers, cut at the depth where it stays readable."""
        expr = self.decided(expr)
        if expr.weight() > most and _has_dots(expr):
            expr = self.outline(expr)
        for depth in (9, 5, 4, 3, 2):
            found = self._cut(expr, depth)
            if found.weight() <= most:
                return found
        return self._cut(expr, 1)

    def _cut(self, expr: Expr, depth: int) -> Expr:
        if expr.weight() <= 1 or expr.head in ("symbol", "entry", "number", "dots", "derivative"):
            return expr
        if depth <= 0:
            return self.measured(expr)
        return replace(expr, args=tuple(self._cut(arg, depth - 1) for arg in expr.args))

    def decided(self, expr: Expr) -> Expr:
        """With the branch that is taken in place of every choice."""
        if expr.head == "apply" and getattr(expr.data, "name", "") == "where":
            condition, yes, no = expr.args
            return self.decided(yes if self.of(condition) else no)
        if not expr.args:
            return expr
        return replace(expr, args=tuple(self.decided(arg) for arg in expr.args))

    def outline(self, expr: Expr) -> Expr:
        """A sum that is written with dots: its terms as numbers, whatever they are made of."""
        if expr.head == "plus":
            cut = tuple(a if a.weight() <= 1 else self.measured(a) for a in expr.args)
            return replace(expr, args=cut)
        return replace(expr, args=tuple(self.outline(arg) for arg in expr.args))

    def measured(self, expr: Expr) -> Expr:
        """The value of a formula of single numbers, in its place."""
        return Expr("measured", (), (), float(self.of(expr).reshape(())))

    def settled(self, expr: Expr) -> Expr:
        """Without what makes no difference to these numbers: terms that are multiplied by 0,
        factors of 1, limits that are not reached, choices that are not taken."""
        if expr.head == "plus" and expr.data is not None:
            return expr
        args = tuple(self.settled(arg) for arg in expr.args)
        expr = replace(expr, args=args) if args else expr
        if expr.head == "plus":
            kept = tuple(arg for arg in args if not ex.is_number(arg, 0)) or args[:1]
            return kept[0] if len(kept) == 1 else replace(expr, args=kept)
        if expr.head == "times" and len(args) == 2 and ex.is_number(args[0], -1):
            return self.measured(expr) if args[1].head in ("entry", "symbol") else expr
        if expr.head == "times":
            values = [float(self.of(arg).reshape(())) for arg in args]
            if 0 in values:
                return ex.number(0)
            return ex.times(*(a for a, v in zip(args, values, strict=True) if v != 1), ex.number(1))
        name = getattr(expr.data, "name", "")
        if expr.head == "apply" and name in ("maximum", "minimum", "where"):
            return self._chosen(expr, name, args)
        return expr

    def _chosen(self, expr: Expr, name: str, args: tuple[Expr, ...]) -> Expr:
        values = [float(self.of(arg).reshape(())) for arg in args]
        if name == "where":
            return args[1] if values[0] else args[2]
        if any(arg.head == "number" for arg in args) and values[0] != values[1]:
            return args[0] if (values[0] > values[1]) == (name == "maximum") else args[1]
        return expr

    def _entry_other(self, expr: Expr, index: Index) -> Expr:
        return expr


def _has_dots(expr: Expr) -> bool:
    return expr.head == "dots" or any(map(_has_dots, expr.args))


def slope(op: Map, wrt: int, args: Sequence[Array]) -> Array:
    """The derivative of an elementwise function at some numbers."""
    with np.errstate(all="ignore"):
        y = op.evaluate(*args)
        partial = op.derivative(numerics, y, *args)[wrt] if op.derivative else 0.0
    return np.broadcast_to(np.asarray(partial), np.shape(y))


def _run(node: Node, arrays: Sequence[Array]) -> Any:
    op: Op = node.op
    return op.evaluate(*arrays, **node.params)


def _seen(x: Array, shape: Shape) -> Array:
    return x.reshape(shape) if x.size == np.prod(shape) else np.broadcast_to(x, shape)
