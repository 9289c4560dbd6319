"""Kernels to code: loops over axes, vectors along one of them, expressions at each place."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from chainrule.engines.native.access import Buffer, View, collapsed
from chainrule.engines.native.ir import INT64, Builder, Module, Value
from chainrule.engines.native.jit import vector_bytes
from chainrule.engines.native.kernels import (
    Apply,
    Elementwise,
    Expression,
    Fill,
    Kernel,
    Load,
    Number,
    Product,
    Reduction,
    Store,
    Total,
    walk,
)
from chainrule.engines.native.numerics import Numerics
from chainrule.engines.native.plan import grain, is_divided

SIGNATURE = (("ptr", "table"), ("ptr", "arena"), ("i64", "tid"), ("i64", "threads"))
ACCUMULATORS = 4  # sums that run beside each other, to hide the latency of an addition

Place = int | Value


@dataclass
class Frame:
    """Where a kernel stands: a place on each axis, and which axis vectors run along."""

    places: list[Place]
    lanes_axis: int | None = None
    lanes: int = 1
    live: int = 0  # lanes that count, where not all do


class KernelWriter:
    """Writes the function of one kernel."""

    def __init__(self, module: Module, name: str, kernel: Kernel, divided: bool) -> None:
        self.b = Builder(module, name, SIGNATURE)
        self.m = Numerics(self.b)
        self.kernel, self.divided = kernel, divided
        self.pointers: dict[Buffer, str] = {}
        for view in (*kernel.reads, *kernel.writes):
            self.pointer(view.buffer)
        for buffer in kernel.everywhere:
            self.pointer(buffer)
        roots = [store.expression for store in getattr(kernel, "stores", [])]
        self._totals = [id(p) for root in roots for p in walk(root) if isinstance(p, Total)]
        self.status = self.b.load_pointer("%table", 0) if kernel.everywhere else ""
        self.bounds: tuple[Place, Place] = (0, kernel.shape[0]) if kernel.shape else (0, 1)
        if divided:
            self.bounds = self._share(kernel.shape[0])

    def pointer(self, buffer: Buffer) -> str:
        """The address of a buffer; asked for at the entry of the function."""
        if buffer not in self.pointers:
            if isinstance(buffer.place, int):
                found = self.b.load_pointer("%table", buffer.place)
            else:
                text = f"getelementptr inbounds i8, ptr %arena, i64 {buffer.offset}"
                found = self.b.pointer(text)
            self.pointers[buffer] = found
        return self.pointers[buffer]

    def _share(self, count: int) -> tuple[Place, Place]:
        """This thread's rows: whole grains, the last of which may be smaller."""
        b, size = self.b, grain(count)
        units = -(-count // size)
        tid, threads = Value(b, "%tid", INT64), Value(b, "%threads", INT64)
        first = b.binary("div", tid * units, threads) * size
        last = b.binary("div", (tid + 1) * units, threads) * size
        return first, b.select(last < count, last, count)

    # --- expressions ---

    def offset(self, view: View, frame: Frame) -> Place:
        """Where a view's element at a frame's place lies, in elements."""
        constant = view.offset
        total: Value | None = None
        # A view of the result has no strides along the axes that are summed over.
        for stride, place in zip(view.strides, frame.places, strict=False):
            if stride == 0:
                continue
            if isinstance(place, int):
                constant += stride * place
            else:
                part = place if stride == 1 else place * stride
                total = part if total is None else total + part
        if total is None:
            return constant
        return total + constant if constant else total

    def load(self, view: View, frame: Frame) -> Value:
        b, base, dtype = self.b, self.pointers[view.buffer], view.buffer.dtype
        place = self.offset(view, frame)
        step = 0 if frame.lanes_axis is None else view.strides[frame.lanes_axis]
        if step == 0 or frame.lanes == 1:
            return b.load(base, place, dtype)
        if step == 1:
            return b.load(base, place, dtype, frame.lanes, frame.live)
        parts = [
            b.load(base, place + lane * step, dtype) for lane in range(frame.live or frame.lanes)
        ]
        return b.gathered(parts, frame.lanes)

    def store(self, value: Value, view: View, frame: Frame) -> None:
        b, base = self.b, self.pointers[view.buffer]
        place = self.offset(view, frame)
        step = 0 if frame.lanes_axis is None else view.strides[frame.lanes_axis]
        value = b.splat(value, frame.lanes)
        if frame.lanes == 1 or step == 1:
            b.store(value, base, place, frame.live)
            return
        for lane in range(frame.live or frame.lanes):
            b.store(b.extract(value, lane), base, place + lane * step)

    def evaluate(
        self, expression: Expression, frame: Frame, memo: dict[int, Value]
    ) -> Value:
        key = id(expression)
        if key not in memo:
            memo[key] = self._evaluated(expression, frame, memo)
        return memo[key]

    def _evaluated(self, found: Expression, frame: Frame, memo: dict[int, Value]) -> Value:
        if isinstance(found, Load):
            return self.load(found.view, frame)
        if isinstance(found, Number):
            return self.b.constant(found.value, found.dtype)
        if isinstance(found, Apply):
            inputs = [self.evaluate(part, frame, memo) for part in found.inputs]
            value = found.op.value(self.m, *inputs, **found.params)
            if not isinstance(value, Value):
                value = self.b.constant(value, found.dtype)
            return value if value.dtype == found.dtype else value.astype(found.dtype)
        raise TypeError(f"{type(found).__name__} has no value of its own")

    def write(
        self, stores: Sequence[Store], frame: Frame, memo: dict[int, Value], total: Value | None
    ) -> None:
        """Evaluate and store; `total` is what the kernel has computed at this place."""
        if total is not None:
            memo |= dict.fromkeys(self._totals, total)
        for store in stores:
            self.store(self.evaluate(store.expression, frame, memo), store.view, frame)

    def multiply_add(self, a: Value, c: Value, total: Value) -> Value:
        """a · c + total; of floats rounded once."""
        if total.dtype.kind == "f":
            return self.b.fma(a, c, total)
        return a * c + total

    # --- loops ---

    def nest(
        self,
        lengths: Sequence[int],
        body: Callable[[list[Place]], None],
        first: tuple[Place, Place] | None = None,
    ) -> None:
        """Loops over these axes, the first one between other bounds where they are given."""

        def level(axis: int, places: list[Place]) -> None:
            if axis == len(lengths):
                body(places)
                return
            begin, end = first if axis == 0 and first is not None else (0, lengths[axis])
            self.b.loop(begin, end, 1, lambda i: level(axis + 1, [*places, i]))

        level(0, [])

    def lanes_for(self, dtypes: Sequence[np.dtype[Any]], length: int) -> int:
        """How many lanes vectors of these dtypes have along an axis of this length."""
        sizes = [dtype.itemsize for dtype in dtypes if dtype.kind == "f"] or [8]
        lanes = max(1, vector_bytes() // max(4, min(sizes)))
        while lanes > 1 and lanes // 2 >= length:
            lanes //= 2
        return lanes

    def along(
        self, begin: Place, end: Place, length: int, lanes: int, body: Callable[[Place, int], None]
    ) -> None:
        """body(place, live) for whole vectors in [begin, end), and once for what is left over.

        `length` is that of the whole axis: only its end can be left over.
        """
        rest = length % lanes
        full = length - rest
        if isinstance(end, int):
            self.b.loop(begin, min(end, full), lanes, lambda i: body(i, 0))
            if rest and end > full:
                body(full, rest)
            return
        stop = self.b.select(end < full, end, full) if rest else end
        self.b.loop(begin, stop, lanes, lambda i: body(i, 0))
        if rest:
            self.b.when(end > full, lambda: body(full, rest))


# --- elementwise ---------------------------------------------------------------------------------


def write_elementwise(w: KernelWriter) -> None:
    kernel = w.kernel
    assert isinstance(kernel, Elementwise)
    if prod(kernel.shape) == 0:
        return
    views = [*kernel.reads, *kernel.writes]
    dtypes = [store.expression.dtype for store in kernel.stores]
    head = kernel.shape[:1] if w.divided else ()
    inner = kernel.shape[len(head) :]
    lengths, strides = collapsed(inner, [view.strides[len(head) :] for view in views])
    # The same kernel over fewer axes: views are exchanged by identity.
    flat = {
        id(view): View(view.buffer, view.offset, (*view.strides[: len(head)], *steps))
        for view, steps in zip(views, strides, strict=True)
    }
    swap = _Swapped(w, flat)
    axes = (*head, *lengths)
    if not axes:
        swap.write(kernel.stores, Frame([]), {}, None)
        return
    lane_axis = _lane_axis(axes, [flat[id(v)] for v in kernel.writes], [*flat.values()])
    if w.divided and lane_axis == 0:
        lane_axis = len(axes) - 1
    lanes = w.lanes_for(dtypes, axes[lane_axis])
    if w.divided and lane_axis == 0:
        lanes = min(lanes, grain(axes[0]))
    others = [axis for axis in range(len(axes)) if axis != lane_axis]

    def at(outer: list[Place]) -> None:
        places: list[Place] = [0] * len(axes)
        for axis, place in zip(others, outer, strict=True):
            places[axis] = place
        begin, end = w.bounds if w.divided and lane_axis == 0 else (0, axes[lane_axis])

        def body(place: Place, live: int) -> None:
            own = list(places)
            own[lane_axis] = place
            swap.write(kernel.stores, Frame(own, lane_axis, lanes, live), {}, None)

        w.along(begin, end, axes[lane_axis], lanes, body)

    first = w.bounds if w.divided and 0 in others else None
    w.nest([axes[axis] for axis in others], at, first)


class _Swapped:
    """A kernel's writer whose views have been exchanged for others of the same elements."""

    def __init__(self, w: KernelWriter, views: dict[int, View]) -> None:
        self.w, self.views = w, views

    def write(
        self, stores: Sequence[Store], frame: Frame, memo: dict[int, Value], total: Value | None
    ) -> None:
        for store in stores:
            value = self._evaluate(store.expression, frame, memo)
            self.w.store(value, self.views[id(store.view)], frame)

    def _evaluate(self, found: Expression, frame: Frame, memo: dict[int, Value]) -> Value:
        if id(found) not in memo:
            if isinstance(found, Load):
                memo[id(found)] = self.w.load(self.views[id(found.view)], frame)
            elif isinstance(found, Apply):
                for part in found.inputs:
                    self._evaluate(part, frame, memo)
                memo[id(found)] = self.w.evaluate(found, frame, memo)
            else:
                memo[id(found)] = self.w.evaluate(found, frame, memo)
        return memo[id(found)]


def _lane_axis(axes: Sequence[int], written: Sequence[View], views: Sequence[View]) -> int:
    """The axis that most views walk element by element; stores count double."""

    def score(axis: int) -> tuple[bool, int, int]:
        wide = axes[axis] >= 4
        near = sum(view.strides[axis] == 1 for view in views)
        return wide, near + sum(view.strides[axis] == 1 for view in written), axis

    return max(range(len(axes)), key=score)


# --- reductions ----------------------------------------------------------------------------------

_START = {"sum": 0, "max": "low", "min": "high"}


def write_reduction(w: KernelWriter) -> None:
    kernel = w.kernel
    assert isinstance(kernel, Reduction)
    if prod(kernel.shape) == 0:
        return
    kept = len(kernel.shape)
    lengths = kernel.lengths
    body_views = [view for view in kernel.reads if len(view.strides) == len(lengths)]
    best = max(
        range(len(lengths)),
        key=lambda axis: (
            lengths[axis] >= 4,
            sum(view.strides[axis] == 1 for view in body_views),
            axis,
        ),
        default=None,
    )
    if best is not None and best < kept:
        _across(w, kernel, best)
    else:
        _along(w, kernel, best)


def _start(w: KernelWriter, how: str, dtype: np.dtype[Any], lanes: int) -> Value:
    if how == "sum":
        return w.b.constant(0, dtype, lanes)
    sign = -1 if how == "max" else 1
    if dtype.kind == "f":
        return w.b.constant(sign * np.inf, dtype, lanes)
    if dtype.kind == "b":
        return w.b.constant(how == "min", dtype, lanes)
    limits = np.iinfo(dtype)
    return w.b.constant(limits.min if how == "max" else limits.max, dtype, lanes)


def _joined(w: KernelWriter, how: str, a: Value, b: Value) -> Value:
    if how == "sum":
        return a + b
    return w.m.maximum(a, b) if how == "max" else w.m.minimum(a, b)


def _across(w: KernelWriter, kernel: Reduction, lane_axis: int) -> None:
    """Vectors along an axis of the result: several sums side by side."""
    kept, lengths = len(kernel.shape), kernel.lengths
    dtype = kernel.body.dtype
    lanes = w.lanes_for([dtype], lengths[lane_axis])
    if w.divided and lane_axis == 0:
        lanes = min(lanes, grain(lengths[0]))
    others = [axis for axis in range(kept) if axis != lane_axis]

    def at(outer: list[Place]) -> None:
        places: list[Place] = [0] * len(lengths)
        for axis, place in zip(others, outer, strict=True):
            places[axis] = place
        begin, end = w.bounds if w.divided and lane_axis == 0 else (0, lengths[lane_axis])

        def body(place: Place, live: int) -> None:
            def level(axis: int, inner: list[Place], carry: Value) -> Value:
                if axis == len(lengths):
                    own = [*places[:kept], *inner]
                    own[lane_axis] = place
                    value = w.evaluate(kernel.body, Frame(own, lane_axis, lanes, live), {})
                    return _joined(w, kernel.how, carry, w.b.splat(value, lanes))
                (found,) = w.b.loop(
                    0,
                    lengths[axis],
                    1,
                    lambda i, c: [level(axis + 1, [*inner, i], c)],
                    [carry],
                )
                return found

            total = level(kept, [], _start(w, kernel.how, dtype, lanes))
            own = places[:kept]
            own[lane_axis] = place
            own += [0] * (len(lengths) - kept)
            w.write(kernel.stores, Frame(own, lane_axis, lanes, live), {}, total)

        w.along(begin, end, lengths[lane_axis], lanes, body)

    first = w.bounds if w.divided and 0 in others else None
    w.nest([lengths[axis] for axis in others], at, first)


def _along(w: KernelWriter, kernel: Reduction, lane_axis: int | None) -> None:
    """Vectors along a summed axis: parts of one sum, added up at the end."""
    kept, lengths = len(kernel.shape), kernel.lengths
    dtype = kernel.body.dtype
    length = 1 if lane_axis is None else lengths[lane_axis]
    lanes = w.lanes_for([dtype], length)
    summed = [axis for axis in range(kept, len(lengths)) if axis != lane_axis]
    count = ACCUMULATORS if length >= 2 * ACCUMULATORS * lanes else 1

    def at(outer: list[Place]) -> None:
        def value_at(inner: dict[int, Place], live: int) -> Value:
            own: list[Place] = [*outer, *(inner.get(axis, 0) for axis in range(kept, len(lengths)))]
            found = w.evaluate(kernel.body, Frame(own, lane_axis, lanes, live), {})
            found = w.b.splat(found, lanes)
            if live and live < lanes:
                mask = w.b.vector([lane < live for lane in range(lanes)], bool)
                found = w.b.select(mask, found, _start(w, kernel.how, dtype, lanes))
            return found

        def innermost(inner: dict[int, Place], carry: list[Value]) -> list[Value]:
            if lane_axis is None:
                return [_joined(w, kernel.how, carry[0], value_at(inner, 0))]

            def several(i: Place, *sums: Value) -> list[Value]:
                return [
                    _joined(w, kernel.how, s, value_at({**inner, lane_axis: i + k * lanes}, 0))
                    for k, s in enumerate(sums)
                ]

            whole = length // (count * lanes) * count * lanes
            carry = w.b.loop(0, whole, count * lanes, several, carry)
            full = length // lanes * lanes
            (first,) = w.b.loop(
                whole,
                full,
                lanes,
                lambda i, s: [_joined(w, kernel.how, s, value_at({**inner, lane_axis: i}, 0))],
                carry[:1],
            )
            if length % lanes:
                rest = value_at({**inner, lane_axis: full}, length % lanes)
                first = _joined(w, kernel.how, first, rest)
            return [first, *carry[1:]]

        def level(number: int, inner: dict[int, Place], carry: list[Value]) -> list[Value]:
            if number == len(summed):
                return innermost(inner, carry)
            axis = summed[number]
            return w.b.loop(
                0,
                lengths[axis],
                1,
                lambda i, *c: level(number + 1, {**inner, axis: i}, list(c)),
                carry,
            )

        carry = [_start(w, kernel.how, dtype, lanes)] * count
        if prod(lengths[kept:]):
            carry = level(0, {}, carry)
        while len(carry) > 1:
            half = len(carry) // 2
            carry = [_joined(w, kernel.how, a, c) for a, c in zip(carry[:half], carry[half:], strict=True)]
        total = _horizontal(w, kernel.how, carry[0])
        places = [*outer, *[0] * (len(lengths) - kept)]
        w.write(kernel.stores, Frame(places), {}, total)

    w.nest(kernel.shape, at, w.bounds if w.divided else None)


def _horizontal(w: KernelWriter, how: str, x: Value) -> Value:
    """The lanes of a vector joined by halves."""
    while x.lanes > 1:
        low, high = w.b.halves(x)
        x = _joined(w, how, low, high)
    return x


# --- products ------------------------------------------------------------------------------------


def tile_shape() -> tuple[int, int]:
    """Rows and vectors of the tile whose sums stay in registers."""
    if vector_bytes() == 64:
        return 8, 3
    return (4, 3) if vector_bytes() == 32 else (8, 2)


def write_product(w: KernelWriter) -> None:
    kernel = w.kernel
    assert isinstance(kernel, Product)
    if prod(kernel.shape) == 0:
        return
    kept, lengths = len(kernel.shape), kernel.lengths
    lane_axis, row_axis = kernel.lanes, kernel.rows
    length = lengths[lane_axis]
    lanes = w.lanes_for([kernel.dtype], length)
    if w.divided and lane_axis == 0:
        lanes = min(lanes, grain(length))
    vectors = -(-length // lanes)
    most_rows, most_vectors = tile_shape()
    if row_axis is None:
        most_rows, most_vectors = 1, 4
    others = [axis for axis in range(kept) if axis not in (lane_axis, row_axis)]
    summed = sorted(
        range(kept, len(lengths)),
        key=lambda axis: -max(abs(kernel.left.strides[axis]), abs(kernel.right.strides[axis])),
    )

    bare = all(isinstance(store.expression, Total) for store in kernel.stores)
    scratch = "" if bare else w.b.scratch(kernel.dtype, lanes * most_rows * most_vectors)

    def tile(outer: list[Place], row: Place, rows: int, place: Place, count: int, live: int) -> None:
        """The sums of `rows` rows and `count` vectors, of which the last may have dead lanes."""
        places: list[Place] = [0] * len(lengths)
        for axis, where in zip(others, outer, strict=True):
            places[axis] = where

        def frame(r: int, v: int, inner: Sequence[Place]) -> Frame:
            own = list(places)
            if row_axis is not None:
                own[row_axis] = row + r if r else row
            own[lane_axis] = place + v * lanes if v else place
            for axis, where in zip(summed, inner, strict=False):
                own[axis] = where
            return Frame(own, lane_axis, lanes, live if v == count - 1 else 0)

        def operand(view: View, inner: Sequence[Place]) -> list[list[Value]]:
            """Its value for every row and vector, each loaded once."""
            by_row = row_axis is not None and view.strides[row_axis] != 0
            by_lane = view.strides[lane_axis] != 0
            table = [
                [
                    w.load(view, frame(r, v, inner))
                    for v in range(count if by_lane else 1)
                ]
                for r in range(rows if by_row else 1)
            ]
            return [
                [table[r if by_row else 0][v if by_lane else 0] for v in range(count)]
                for r in range(rows)
            ]

        def step(inner: list[Place], sums: Sequence[Value]) -> list[Value]:
            a, c = operand(kernel.left, inner), operand(kernel.right, inner)
            out = []
            for r in range(rows):
                for v in range(count):
                    out.append(w.multiply_add(a[r][v], c[r][v], sums[r * count + v]))
            return out

        def level(number: int, inner: list[Place], sums: list[Value]) -> list[Value]:
            if number == len(summed):
                return step(inner, sums)
            return w.b.loop(
                0,
                lengths[summed[number]],
                1,
                lambda k, *c: level(number + 1, [*inner, k], list(c)),
                sums,
            )

        sums = [w.b.constant(0, kernel.dtype, lanes)] * (rows * count)
        if prod(lengths[kept:]):
            sums = level(0, [], sums)
        if bare:
            for r in range(rows):
                for v in range(count):
                    w.write(kernel.stores, frame(r, v, []), {}, sums[r * count + v])
            return
        # What follows is written once and run for each vector of the tile.
        for number, total in enumerate(sums):
            w.b.store(total, scratch, number * lanes)

        def follow(r: Place, v: Place, live: int) -> None:
            total = w.b.load(scratch, (w.b.integer(r) * count + v) * lanes, kernel.dtype, lanes)
            own = list(places)
            if row_axis is not None:
                own[row_axis] = w.b.integer(row) + r
            own[lane_axis] = w.b.integer(v) * lanes + place
            w.write(kernel.stores, Frame(own, lane_axis, lanes, live), {}, total)

        dead = 1 if live and live < lanes else 0

        def follow_row(r: Place) -> None:
            w.b.loop(0, count - dead, 1, lambda v: follow(r, v, 0))
            if dead:
                follow(r, count - 1, live)

        w.b.loop(0, rows, 1, follow_row)

    blocks = _blocks(vectors, most_vectors)

    def over_rows(outer: list[Place], body: Callable[[Place, int], None]) -> None:
        if row_axis is None:
            body(0, 1)
            return
        count = lengths[row_axis]
        size = min(most_rows, count)
        begin, end = w.bounds if w.divided and row_axis == 0 else (0, count)
        w.along(begin, end, count, size, lambda i, live: body(i, live or size))

    def at(outer: list[Place]) -> None:
        rest = length % lanes
        if w.divided and lane_axis == 0:
            # A vector at a time, between the bounds of this thread.
            def one(place: Place, live: int) -> None:
                over_rows(outer, lambda row, rows: tile(outer, row, rows, place, 1, live))

            w.along(w.bounds[0], w.bounds[1], length, lanes, one)
            return
        begin = 0
        for size, times in blocks:
            last = begin + size * times == vectors
            whole = times - 1 if last and rest else times
            stride = size * lanes

            def full(place: Place, size: int = size) -> None:
                over_rows(outer, lambda row, rows: tile(outer, row, rows, place, size, 0))

            w.b.loop(begin * lanes, (begin + whole * size) * lanes, stride, full)
            if whole < times:
                place = (begin + whole * size) * lanes
                over_rows(
                    outer, lambda row, rows, p=place, s=size: tile(outer, row, rows, p, s, rest)
                )
            begin += size * times

    first = w.bounds if w.divided and 0 in others else None
    w.nest([lengths[axis] for axis in others], at, first)


def _blocks(vectors: int, most: int) -> list[tuple[int, int]]:
    """Vectors in blocks of nearly one size: pairs of a size and how often it comes."""
    count = -(-vectors // most)
    small, larger = divmod(vectors, count)
    found = [(small + 1, larger), (small, count - larger)]
    return [(size, times) for size, times in found if times and size]


# --- others --------------------------------------------------------------------------------------


def write_fill(w: KernelWriter) -> None:
    kernel = w.kernel
    assert isinstance(kernel, Fill)
    base = w.pointers[kernel.target]
    row = kernel.target.row * kernel.target.dtype.itemsize
    begin, end = w.bounds
    if isinstance(begin, int) and isinstance(end, int):
        w.b.clear(base, begin * row, (end - begin) * row)
    else:
        first = w.b.integer(begin) * row
        w.b.clear(base, first, (w.b.integer(end) - begin) * row)


WRITERS: dict[type[Kernel], Callable[[KernelWriter], None]] = {
    Elementwise: write_elementwise,
    Reduction: write_reduction,
    Product: write_product,
    Fill: write_fill,
}


def write_kernel(module: Module, name: str, kernel: Kernel, parallel: bool) -> None:
    """Add the function of a kernel to a module."""
    from chainrule.engines.native.specials import write_special

    writer = KernelWriter(module, name, kernel, parallel and is_divided(kernel))
    WRITERS.get(type(kernel), write_special)(writer)
    module.add(writer.b.text())
