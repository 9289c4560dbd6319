"""The kind Gather: rows by index, and what puts rows back.

An index counts along the first axis; negative ones count from its end, as in NumPy. Indexing over
several axes is brought to this form by flattening them first.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.errors import ShapeError
from chainrule.graph import Node, Op, Params, Shape
from chainrule.ops.registry import register, rows


class Gather(Op):
    """(rows, …) and an index of any shape give (*index.shape, …)."""

    name = "gather"
    latex = r"{0}_{{[{1}]}}"
    doc = "Rows of a table, chosen by index."

    def infer(self, inputs: Sequence[Node], params: Params) -> tuple[Shape, np.dtype[Any]]:
        table, index = inputs
        return (*index.shape, *table.shape[1:]), table.dtype

    def evaluate(self, table: Any, index: Any) -> Any:
        return np.take(table, index, axis=0)

    def pullback(self, index: int, g: Any, y: Any, xs: Sequence[Any], params: Params) -> Any:
        if index == 1:
            return None
        table, at = xs
        return rows.scatter_add(at, g, rows=table.shape[0])

    def batch(self, node: Node, xs: Sequence[Any], batched: Sequence[bool], size: int) -> Any:
        table, index = xs
        table_batched, index_batched = batched
        if not table_batched:
            return self(table, index)
        count, rest = table.shape[1], table.shape[2:]
        if not index_batched:
            axes = tuple(range(len(table.shape)))
            moved = self(rows.transpose(table, axes=(1, 0, *axes[2:])), index)
            at = len(index.shape)
            order = (at, *range(at), *range(at + 1, len(moved.shape)))
            return rows.transpose(moved, axes=order)
        flat = rows.reshape(table, shape=(size * count, *rest))
        return self(flat, _offset(index, size, count))


class ScatterAdd(Op):
    """The transpose of Gather: an index and updates give (rows, …), zeros where nothing falls."""

    name = "scatter_add"
    latex = r"\operatorname{{scatter}}({1})"
    doc = "Rows added up at their index; the others are 0."

    def infer(self, inputs: Sequence[Node], params: Params) -> tuple[Shape, np.dtype[Any]]:
        index, updates = inputs
        _check_updates(self.name, index, updates)
        return (params["rows"], *updates.shape[index.ndim :]), updates.dtype

    def evaluate(self, index: Any, updates: Any, *, rows: int) -> Any:
        rest = updates.shape[index.ndim :]
        total = np.zeros((rows, *rest), updates.dtype)
        np.add.at(total, index.ravel(), updates.reshape(index.size, *rest))
        return total

    def pullback(self, index: int, g: Any, y: Any, xs: Sequence[Any], params: Params) -> Any:
        return None if index == 0 else rows.gather(g, xs[0])

    def batch(self, node: Node, xs: Sequence[Any], batched: Sequence[bool], size: int) -> Any:
        index, updates = _both_batched(xs, batched, size)
        count = node.params["rows"]
        flat = self(_offset(index, size, count), updates, rows=size * count)
        return rows.reshape(flat, shape=(size, *node.shape))


class Scatter(Op):
    """A base of shape (rows, …), an index and updates: the base with some rows replaced.

    Where an index repeats, the last update stands, as in NumPy's item assignment.
    """

    name = "scatter"
    latex = r"{0}_{{[{1}] \leftarrow {2}}}"
    doc = "A table with some rows replaced."

    def infer(self, inputs: Sequence[Node], params: Params) -> tuple[Shape, np.dtype[Any]]:
        base, index, updates = inputs
        _check_updates(self.name, index, updates)
        if updates.shape[index.ndim :] != base.shape[1:]:
            raise ShapeError(f"scatter: updates of shape {updates.shape} into {base.shape}")
        return base.shape, base.dtype

    def evaluate(self, base: Any, index: Any, updates: Any) -> Any:
        return self.overwrite(np.array(base), index, updates)

    def overwrite(self, base: Any, index: Any, updates: Any) -> Any:
        """The same in the memory of `base`, for whoever owns it."""
        base[index] = updates
        return base

    def pullback(self, index: int, g: Any, y: Any, xs: Sequence[Any], params: Params) -> Any:
        base, at, updates = xs
        if index == 0:
            return rows.scatter(g, at, updates * 0)
        if index == 1:
            return None
        # Only the last of several updates to one row has an effect, hence a gradient.
        order = np.arange(int(np.prod(at.shape))).reshape(at.shape)
        seats = rows.scatter(np.full(base.shape[0], -1), at, order)
        stands = rows.equal(rows.gather(seats, at), order)
        mask = rows.reshape(stands, shape=(*at.shape, *[1] * (len(base.shape) - 1)))
        return rows.where(mask, rows.gather(g, at), 0.0)

    def batch(self, node: Node, xs: Sequence[Any], batched: Sequence[bool], size: int) -> Any:
        base, *rest = xs
        if not batched[0]:
            base = rows.broadcast_to(base, shape=(size, *base.shape))
        index, updates = _both_batched(rest, batched[1:], size)
        count = node.shape[0]
        flat = rows.reshape(base, shape=(size * count, *node.shape[1:]))
        done = self(flat, _offset(index, size, count), updates)
        return rows.reshape(done, shape=(size, *node.shape))


class ArgSort(Op):
    """Along `axis`, the index that sorts: what `sort`, `median` and the like gather with."""

    name = "argsort"
    latex = r"\operatorname{{argsort}} {0}"
    doc = "The order that sorts the numbers along an axis; equal ones keep theirs."

    def infer(self, inputs: Sequence[Node], params: Params) -> tuple[Shape, np.dtype[Any]]:
        return inputs[0].shape, np.dtype(np.int64)

    def evaluate(self, x: Any, *, axis: int) -> Any:
        return np.argsort(x, axis=axis, kind="stable")

    def batch(self, node: Node, xs: Sequence[Any], batched: Sequence[bool], size: int) -> Any:
        return self(xs[0], axis=node.params["axis"] + 1)


def _check_updates(name: str, index: Node, updates: Node) -> None:
    if updates.shape[: index.ndim] != index.shape:
        raise ShapeError(f"{name}: an index of shape {index.shape} for updates {updates.shape}")


def _both_batched(xs: Sequence[Any], batched: Sequence[bool], size: int) -> list[Any]:
    return [
        x if flag else rows.broadcast_to(x, shape=(size, *x.shape))
        for x, flag in zip(xs, batched, strict=True)
    ]


def _offset(index: Any, size: int, count: int) -> Any:
    """Indices into `size` tables of `count` rows laid one behind the other."""
    first = (np.arange(size) * count).reshape(size, *[1] * (len(index.shape) - 1))
    return rows.where(index < 0, index + count, index) + first


gather = register(Gather())
scatter_add = register(ScatterAdd())
scatter = register(Scatter())
argsort = register(ArgSort())
