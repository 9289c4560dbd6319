"""Whether an array of one axis is written as a row or as a column.

NumPy has no such difference, and formulas need one: in X w the vector w is a column, in x W and in
X W + b the vectors x and b are rows. Which it is follows from how the forward pass uses a vector.
What is added to it or made of it entry by entry stands as it does, and so does its gradient. Where
a formula needs the other, it says so by ᵀ.
"""

from collections import Counter
from collections.abc import Collection, Mapping

from chainrule.explaining.expression import Expr, written
from chainrule.graph import Node, ordered
from chainrule.ops.layout import Reshape
from chainrule.ops.map import Map
from chainrule.ops.products import Contract
from chainrule.ops.reductions import Reduce

ALWAYS = 1000  # votes: broadcasting to a matrix repeats a row, whatever else there is


def columns(forward: Collection[Node], adjoints: Mapping[Node, Node]) -> frozenset[Node]:
    """The nodes of one axis that are written as columns; all others are rows."""
    groups = _Groups()
    votes: Counter[Node] = Counter()
    own = set(forward)
    for node in ordered([*forward, *adjoints.values()]):
        for child in _alike(node):
            groups.join(node, child)
        if node in own:
            for vector, weight in _votes(node):
                votes[vector] += weight
    for node, gradient in adjoints.items():
        if node.ndim == gradient.ndim == 1:
            groups.join(node, gradient)
    totals: Counter[Node] = Counter()
    for node, weight in votes.items():
        totals[groups.first(node)] += weight
    return frozenset(node for node in groups.known | set(votes) if totals[groups.first(node)] > 0)


def _alike(node: Node) -> list[Node]:
    """Those inputs of a vector that stand as it does."""
    if node.ndim != 1:
        return []
    vectors = [child for child in node.inputs if child.ndim == 1]
    if isinstance(node.op, Map | Contract) or len(node.inputs) == 1:
        return vectors
    return []


def _votes(node: Node) -> list[tuple[Node, int]]:
    """What an operation says of the vectors in it: above 0 for a column, below for a row."""
    if isinstance(node.op, Contract):
        axes = [child.ndim for child in node.inputs]
        if sorted(axes) == [1, 2] and node.ndim == 1:  # the vector stands where it was written
            return [(node.inputs[axes.index(1)], 1 if axes == [2, 1] else -1)]
        return []
    if isinstance(node.op, Map) and node.ndim > 1:
        return [(child, -ALWAYS) for child in node.inputs if child.ndim == 1]
    if isinstance(node.op, Reduce) and node.ndim == 1 and node.inputs[0].ndim == 2:
        return [(node, 1 if node.params["axes"] == (1,) else -1)]
    if isinstance(node.op, Reshape) and {node.ndim, node.inputs[0].ndim} == {1, 2}:
        vector, table = sorted([node, node.inputs[0]], key=lambda n: n.ndim)
        if table.shape in ((*vector.shape, 1), (1, *vector.shape)):
            return [(vector, 1 if table.shape[1] == 1 else -1)]
    return []


class _Groups:
    """Nodes that stand alike (a forest of disjoint sets; Galler and Fischer 1964)."""

    def __init__(self) -> None:
        self._above: dict[Node, Node] = {}

    @property
    def known(self) -> set[Node]:
        return {*self._above, *self._above.values()}

    def first(self, node: Node) -> Node:
        while node in self._above:
            node = self._above[node]
        return node

    def join(self, one: Node, other: Node) -> None:
        a, b = self.first(one), self.first(other)
        if a is not b:
            self._above[a] = b


def stands(expr: Expr) -> bool:
    """Whether a formula of one axis, as it is printed, is a column."""
    if expr.head == "symbol":
        return bool(expr.data.column)
    if expr.head == "ones":
        return bool(expr.data)
    if expr.head == "layout" and expr.data is None:
        (x,) = expr.args
        if len(x.shape) == 2 and x.size == expr.size:
            return x.shape[1] == 1 and x.shape[0] > 1
        return len(x.shape) == 1 and stands(x)
    if expr.head in ("sum", "apply") and expr.args and len(expr.args[0].shape) == 2:
        params = getattr(expr.data, "params", {})
        return tuple(expr.data if expr.head == "sum" else params.get("axes", ())) == (1,)
    if expr.head == "contract":
        standing = zip(expr.args, factors_stand(expr), strict=True)
        return any(column for arg, column in standing if len(arg.shape) == 1)
    vectors = [arg for arg in expr.args if len(arg.shape) == 1 and arg.head != "number"]
    return bool(vectors) and stands(vectors[0])


def factors_stand(product: Expr) -> tuple[bool, bool]:
    """Whether each factor of a product, if it has one axis, is a column.

    One number, repeated, stands as it is needed: behind a matrix as a column.
    """
    left, right = product.args
    return (bool(written(left)) and stands(left), stands(right) or not written(right))
