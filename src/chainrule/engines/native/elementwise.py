"""Kernels without sums to code: what is computed place by place, and copies in another order."""

from collections.abc import Sequence
from itertools import product
from math import prod
from typing import Any

import numpy as np

from chainrule.engines.native.access import View, collapsed
from chainrule.engines.native.ir import Builder, Module
from chainrule.engines.native.kernels import (
    Elementwise,
    Fill,
    Load,
)
from chainrule.engines.native.loops import FEW_PLACES, Frame, KernelWriter, Memo, Place
from chainrule.engines.native.plan import GRAIN, grain
from chainrule.engines.native.values import INT64, Value

SQUARES_AHEAD = 2  # whose lines a copy in another order asks for


def write_elementwise(w: KernelWriter) -> None:
    kernel = w.kernel
    assert isinstance(kernel, Elementwise)
    if _write_transposed(w, kernel):
        return
    views = [*kernel.reads, *kernel.writes]
    dtypes = [store.expression.dtype for store in kernel.stores]
    bounds, joined = w.bounds, _joined_rows(w, kernel, dtypes)
    if joined:
        begin, end = (w.b.integer(bound) for bound in w.bounds)
        bounds = begin * joined, end * joined
    head = kernel.shape[:1] if w.divided and not joined else ()
    inner = kernel.shape[len(head) :]
    lengths, strides = collapsed(inner, [view.strides[len(head) :] for view in views])
    # The same kernel over fewer axes: views are exchanged by identity.
    flat = {
        id(view): View(view.buffer, view.offset, (*view.strides[: len(head)], *steps))
        for view, steps in zip(views, strides, strict=True)
    }
    w.exchanged = flat
    axes = (*head, *lengths)
    if not axes:
        w.write(kernel.stores, Frame([]), {}, None)
        return
    along = lane_axis(axes, [flat[id(v)] for v in kernel.writes], [*flat.values()])
    lanes = w.lanes_for(dtypes, axes[along])
    if w.divided and along == 0:
        lanes = min(lanes, grain(axes[0]))
    together = _together(w, axes, along)
    others = [axis for axis in range(len(axes)) if axis != along and axis not in together]
    still = w.still(kernel.expressions, together)

    def at(outer: list[Place]) -> None:
        places: list[Place] = [0] * len(axes)
        for axis, place in zip(others, outer, strict=True):
            places[axis] = place
        begin, end = bounds if w.divided and along == 0 else (0, axes[along])

        def body(place: Place, live: int) -> None:
            memo: Memo = {}
            for near in product(*(range(axes[axis]) for axis in together)):
                own = list(places)
                own[along] = place
                for axis, where in zip(together, near, strict=True):
                    own[axis] = where
                memo = {name: value for name, value in memo.items() if name in still}
                w.write(kernel.stores, Frame(own, along, lanes, live), memo, None)

        w.along(begin, end, axes[along], lanes, body)

    first = w.bounds if w.divided and 0 in others else None
    w.nest([axes[axis] for axis in others], at, first)


def _joined_rows(w: KernelWriter, kernel: Elementwise, dtypes: Sequence[np.dtype[Any]]) -> int:
    """How long the rows are, where threads may divide them as one row of numbers; or else 0.

    Vectors then run across the ends of rows: none is in part idle, and none waits for the store
    before it, which a processor takes to overlap with what it left out.
    """
    lengths, _ = collapsed(kernel.shape, [view.strides for view in (*kernel.reads, *kernel.writes)])
    row = prod(kernel.shape[1:])
    if not w.divided or row == 1 or len(lengths) != 1:
        return 0
    lanes = w.lanes_for(dtypes, lengths[0])
    return row if grain(kernel.shape[0]) * row % lanes == 0 else 0


def _together(w: KernelWriter, axes: Sequence[int], along: int) -> list[int]:
    """Short axes whose places are written out one after the other, as some operands are the same
    there.
    """
    found: list[int] = []
    views = [w.exchanged[id(view)] for view in w.kernel.reads]
    for axis in reversed(range(int(w.divided), len(axes))):
        count = prod(axes[other] for other in (*found, axis))
        shared = any(any(view.strides) and not view.strides[axis] for view in views)
        if axis != along and count <= FEW_PLACES and shared:
            found.insert(0, axis)
    return found


def _write_transposed(w: KernelWriter, kernel: Elementwise) -> bool:
    """A copy whose source runs along another axis than its target: square blocks, in registers.

    Returns whether the kernel is such a copy.
    """
    (store, *more) = kernel.stores
    if more or not isinstance(store.expression, Load):
        return False
    source, target = store.expression.view, store.view
    size = min(w.lanes_for([source.buffer.dtype], max(kernel.shape, default=1)), GRAIN)
    if w.divided:
        size = min(size, grain(kernel.shape[0]))
    a, b = (_unit_axis(view, kernel.shape, size) for view in (source, target))
    if a is None or b is None or a == b or size < 4:
        return False
    others = [axis for axis in range(len(kernel.shape)) if axis not in (a, b)]
    square = _square(w.b.module, source.buffer.dtype, size)

    def bounds(axis: int) -> tuple[Place, Place]:
        return w.bounds if w.divided and axis == 0 else (0, kernel.shape[axis])

    def at(outer: list[Place]) -> None:
        def frame(i: Place, j: Place, lanes_axis: int | None) -> Frame:
            places: list[Place] = [0] * len(kernel.shape)
            for axis, place in zip(others, outer, strict=True):
                places[axis] = place
            places[a], places[b] = i, j
            return Frame(places, lanes_axis, size if lanes_axis is not None else 1)

        def one(i: Place, j: Place) -> None:
            w.store(w.load(source, frame(i, j, None)), target, frame(i, j, None))

        def block(i: Place, j: Place) -> None:
            here = frame(i, j, None)
            places = [
                w.b.address(w.pointers[view.buffer], w.offset(view, here), view.buffer.dtype)
                for view in (source, target)
            ]
            steps = f"i64 {source.strides[b]}, i64 {target.strides[a]}"
            w.b.emit(f"call void @{square}(ptr {places[0]}, ptr {places[1]}, {steps})")

        def inside(axis: int, place: Place, rest: int) -> tuple[Place, int]:
            """A whole square for what is left over at the end, part of which is then copied twice;
            not over the places of another thread.
            """
            if rest and not (w.divided and axis == 0):
                return kernel.shape[axis] - size, 0
            return place, rest

        def strip(i: Place, live: int) -> None:
            i, live = inside(a, i, live)

            def piece(j: Place, rest: int) -> None:
                j, rest = inside(b, j, rest)
                if not live and not rest:
                    block(i, j)
                    return
                # What does not fill a square.
                first, second = w.b.integer(i), w.b.integer(j)
                lengths = (live or size, rest or size)
                w.nest(lengths, lambda at: one(first + at[0], second + at[1]))

            w.along(*bounds(b), kernel.shape[b], size, piece)

        w.along(*bounds(a), kernel.shape[a], size, strip)

    first = w.bounds if w.divided and 0 in others else None
    w.nest([kernel.shape[axis] for axis in others], at, first)
    return True


def _square(module: Module, dtype: np.dtype[Any], size: int) -> str:
    """The function that copies a square of numbers turned; all kernels of a module share it."""
    name = f"square.{dtype.name}.{size}"

    def text() -> str:
        parameters = (("ptr", "from"), ("ptr", "to"), ("i64", "step"), ("i64", "far"))
        b = Builder(module, name, parameters)
        step, far = Value(b, "%step", INT64), Value(b, "%far", INT64)
        ahead = SQUARES_AHEAD * size
        for k in range(size):  # where rows are long, each is on a page that nobody foresees
            b.prefetch("%from", step * (k + ahead), dtype)
            b.prefetch("%to", far * k + ahead, dtype, written=True)
        rows = [b.load("%from", step * k, dtype, size) for k in range(size)]
        for k, column in enumerate(b.transposed(rows)):
            b.store(column, "%to", far * k)
        return b.text()

    module.share(name, text)
    return name


def _unit_axis(view: View, shape: Sequence[int], size: int) -> int | None:
    """The axis along which a view's elements are neighbours, where it is that long."""
    fitting = [k for k, step in enumerate(view.strides) if step == 1 and shape[k] >= size]
    return fitting[0] if len(fitting) == 1 else None


def lane_axis(axes: Sequence[int], written: Sequence[View], views: Sequence[View]) -> int:
    """The axis that most views walk element by element, or not at all; stores count double."""

    def score(axis: int) -> tuple[bool, int, int]:
        found = [*views, *written]
        near = sum(view.strides[axis] == 1 for view in found if axis < len(view.strides))
        far = sum(view.strides[axis] not in (0, 1) for view in found if axis < len(view.strides))
        return axes[axis] >= 4, near - far, axis

    return max(range(len(axes)), key=score)


def write_fill(w: KernelWriter) -> None:
    kernel = w.kernel
    assert isinstance(kernel, Fill)
    base = w.pointers[kernel.target]
    row = kernel.target.bytes // kernel.shape[0] if kernel.shape else kernel.target.bytes
    begin, end = w.bounds
    if isinstance(begin, int) and isinstance(end, int):
        w.b.clear(base, begin * row, (end - begin) * row)
    else:
        first = w.b.integer(begin) * row
        w.b.clear(base, first, (w.b.integer(end) - begin) * row)
