"""Where numbers lie: buffers, strided views of them, and how layouts move an index.

An `Index` says, for every axis of a node, which element a kernel wants: a constant plus a whole
multiple of each of the kernel's own axes. Every layout of the graph that does not copy turns an
index of its result into one of its input.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np

from chainrule.engines.native.memory import up
from chainrule.graph import Node, Shape
from chainrule.ops.layout import (
    BroadcastTo,
    Flip,
    Layout,
    Reshape,
    Slice,
    StopGradient,
    Transpose,
    Windows,
)

ARENA = -1
VIEWS = (BroadcastTo, Flip, Reshape, Slice, StopGradient, Transpose, Windows)


@dataclass(eq=False)
class Buffer:
    """Memory for `shape` numbers, row-major. Compared by identity.

    slot   the entry of the table of pointers that leads to it; ARENA where it has a fixed place
    block  how many entries of the last axis lie together with all that belongs to them, before
           those of the next block; 0 where the whole axis does. Strides hold within a block.
    """

    shape: Shape
    dtype: np.dtype[Any]
    name: str = ""
    slot: int = ARENA
    offset: int = 0  # in bytes, in the arena
    constant: Any = None  # its content, where that is known beforehand
    padded: int = 0  # elements that nobody reads, behind each row
    block: int = 0

    @property
    def size(self) -> int:
        return prod(self.shape)

    @property
    def strides(self) -> Shape:
        if not self.shape:
            return ()
        return row_major((*self.shape[:-1], self.block or self.shape[-1] + self.padded))

    @property
    def bytes(self) -> int:
        rows = prod(self.shape[:-1])
        if self.block:
            return up(self.shape[-1], self.block) * rows * self.dtype.itemsize
        return (self.size + rows * self.padded) * self.dtype.itemsize

    @property
    def jump(self) -> int:
        """By how much more than a block's length the next block lies behind the one before."""
        return (prod(self.shape[:-1]) - 1) * self.block if self.block else 0

    @property
    def row(self) -> int:
        """The number of elements in one entry of the first axis."""
        return prod(self.shape[1:])


@dataclass(frozen=True)
class View:
    """Elements of a buffer: `offset` and one stride for each axis, in elements."""

    buffer: Buffer
    offset: int
    strides: Shape

    @property
    def blocked(self) -> int | None:
        """The axis that goes through the buffer's blocks, where it has blocks."""
        block = self.buffer.block
        axes = (axis for axis, step in enumerate(self.strides) if block and step % block)
        return next(axes, None)


@dataclass(frozen=True)
class Affine:
    """constant + Σ coefficient · axis, over the axes of a kernel."""

    constant: int
    coefficients: Shape

    def scaled(self, factor: int, plus: int = 0) -> "Affine":
        return Affine(self.constant * factor + plus, tuple(factor * c for c in self.coefficients))

    def __add__(self, other: "Affine") -> "Affine":
        pairs = zip(self.coefficients, other.coefficients, strict=True)
        return Affine(self.constant + other.constant, tuple(a + b for a, b in pairs))


Index = tuple[Affine, ...]


def row_major(shape: Shape) -> Shape:
    strides = []
    step = 1
    for length in reversed(shape):
        strides.append(step)
        step *= length
    return tuple(reversed(strides))


def whole(buffer: Buffer) -> View:
    return View(buffer, 0, buffer.strides)


def identity(rank: int) -> Index:
    return tuple(
        Affine(0, tuple(int(axis == other) for other in range(rank))) for axis in range(rank)
    )


def at(view: View, index: Index, rank: int) -> View:
    """The elements that an index picks from a view, as a view over the kernel's axes."""
    total = Affine(view.offset, (0,) * rank)
    for stride, place in zip(view.strides, index, strict=True):
        total = total + place.scaled(stride)
    return View(view.buffer, total.constant, total.coefficients)


def stretched(index: Index, shape: Shape, whole: Shape, rank: int) -> Index:
    """The index of an input of this shape that broadcasts to a whole, where `index` counts."""
    zero = Affine(0, (0,) * rank)
    more = len(index) - len(shape)
    columns = zip(shape, whole[more:], index[more:], strict=True)
    return tuple(zero if length == 1 and full != 1 else place for length, full, place in columns)


def through(node: Node, index: Index, rank: int) -> Index | None:
    """The index of a layout's input; None where it is not affine (a reshape that joins axes)."""
    op, params, shape = node.op, node.params, node.inputs[0].shape
    if isinstance(op, StopGradient):
        return index
    if isinstance(op, Transpose):
        found = dict(zip(params["axes"], index, strict=True))
        return tuple(found[axis] for axis in range(len(shape)))
    if isinstance(op, BroadcastTo):
        return stretched(index, shape, node.shape, rank)
    if isinstance(op, Slice):
        return tuple(
            place.scaled(step, start)
            for place, start, step in zip(index, params["start"], params["step"], strict=True)
        )
    if isinstance(op, Flip):
        return tuple(
            place.scaled(-1, shape[axis] - 1) if axis in params["axes"] else place
            for axis, place in enumerate(index)
        )
    if isinstance(op, Windows):
        found = dict(enumerate(index[: len(shape)]))
        inner = index[len(shape) :]
        columns = (params["axes"], params["strides"], params["dilations"], inner)
        for axis, stride, dilation, place in zip(*columns, strict=True):
            found[axis] = found[axis].scaled(stride) + place.scaled(dilation)
        return tuple(found[axis] for axis in range(len(shape)))
    if isinstance(op, Reshape):
        return _reshaped(index, node.shape, shape, rank)
    return None


def _reshaped(index: Index, shape: Shape, inner: Shape, rank: int) -> Index | None:
    zero = Affine(0, (0,) * rank)
    result = [zero] * len(inner)
    for outer_axes, inner_axes in _blocks(shape, inner):
        if len(inner_axes) > 1:
            return None
        total, step = zero, 1
        for axis in reversed(outer_axes):
            total = total + index[axis].scaled(step)
            step *= shape[axis]
        for axis in inner_axes:
            result[axis] = total
    return tuple(result)


def _blocks(a: Shape, b: Shape) -> list[tuple[list[int], list[int]]]:
    """The axes of two shapes of one size, in the smallest groups with equal products.

    An axis of length 1 is a group of its own.
    """
    if prod(a) == 0:
        return [(list(range(len(a))), list(range(len(b))))]
    blocks: list[tuple[list[int], list[int]]] = [
        *(([axis], []) for axis, length in enumerate(a) if length == 1),
        *(([], [axis]) for axis, length in enumerate(b) if length == 1),
    ]
    left = [axis for axis, length in enumerate(a) if length != 1]
    right = [axis for axis, length in enumerate(b) if length != 1]
    while left and right:
        first, second = [left.pop(0)], [right.pop(0)]
        while prod(a[axis] for axis in first) != prod(b[axis] for axis in second):
            if prod(a[axis] for axis in first) < prod(b[axis] for axis in second):
                first.append(left.pop(0))
            else:
                second.append(right.pop(0))
        blocks.append((first, second))
    return blocks


def view_through(node: Node, view: View) -> View | None:
    """A layout's result as a view of the same buffer; None where it must be copied."""
    shape = node.inputs[0].shape
    if isinstance(node.op, Reshape):
        strides = _view_reshaped(node.shape, shape, view.strides)
        return None if strides is None else View(view.buffer, view.offset, strides)
    found = through(node, identity(len(node.shape)), len(node.shape))
    return None if found is None else at(view, found, len(node.shape))


def _view_reshaped(shape: Shape, inner: Shape, strides: Shape) -> Shape | None:
    found = [0] * len(shape)
    for outer_axes, inner_axes in _blocks(shape, inner):
        for axis, following in pairwise(inner_axes):
            if strides[axis] != strides[following] * inner[following]:
                return None
        step = strides[inner_axes[-1]] if inner_axes else 0
        for axis in reversed(outer_axes):
            found[axis] = step if shape[axis] != 1 else 0
            step *= shape[axis]
    return tuple(found)


def is_view(node: Node) -> bool:
    return isinstance(node.op, Layout) and isinstance(node.op, VIEWS)


def collapsed(shape: Shape, strides: Sequence[Shape]) -> tuple[Shape, list[Shape]]:
    """Fewer axes for the same elements: neighbours that every view walks in one stride are one."""
    lengths: list[int] = []
    columns: list[list[int]] = [[] for _ in strides]
    for axis, length in enumerate(shape):
        if length == 1:
            continue
        joins = bool(lengths) and all(
            column[-1] == view[axis] * length for column, view in zip(columns, strides, strict=True)
        )
        if joins:
            lengths[-1] *= length
            for column, view in zip(columns, strides, strict=True):
                column[-1] = view[axis]
        else:
            lengths.append(length)
            for column, view in zip(columns, strides, strict=True):
                column.append(view[axis])
    return tuple(lengths), [tuple(column) for column in columns]
