"""Kernels to code: loops over axes, vectors along one of them, expressions at each place."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.engines.native.access import ARENA, Buffer, View
from chainrule.engines.native.ir import Builder, Module
from chainrule.engines.native.jit import vector_bytes
from chainrule.engines.native.kernels import (
    OPEN,
    Apply,
    Expression,
    Kernel,
    Load,
    Number,
    Store,
    Total,
    walk,
)
from chainrule.engines.native.numerics import Numerics
from chainrule.engines.native.plan import grain
from chainrule.engines.native.values import INT64, Value

SIGNATURE = (("ptr", "table"), ("ptr", "arena"), ("i64", "tid"), ("i64", "threads"))

FEW_PLACES = 9  # of short axes, at most, that are written out rather than looped over

Place = int | Value
Memo = dict[int | View, Value]  # what has been evaluated at one place


@dataclass
class Frame:
    """Where a kernel stands: a place on each axis, and which axis vectors run along."""

    places: list[Place]
    lanes_axis: int | None = None
    lanes: int = 1
    live: int = 0  # lanes that count, where not all do


class KernelWriter:
    """Writes the function of one kernel, or one that it calls with `extra` parameters."""

    def __init__(
        self,
        module: Module,
        name: str,
        kernel: Kernel,
        divided: bool,
        extra: Sequence[tuple[str, str]] = (),
    ) -> None:
        self.b = Builder(module, name, (*SIGNATURE, *extra))
        self.m = Numerics(self.b)
        self.kernel, self.divided = kernel, divided
        self.pointers: dict[Buffer, str] = {}
        for view in (*kernel.reads, *kernel.writes, *kernel.claims):
            self.pointer(view.buffer)
        for buffer in kernel.everywhere:
            self.pointer(buffer)
        roots = kernel.expressions
        self._written = {view.buffer for view in kernel.writes}
        places = {(buffer.slot, buffer.offset) for buffer in self._written}
        stores = kernel.stores if isinstance(kernel, OPEN) else []
        parts = [part for store in stores for part in walk(store.expression)]
        self._replaced = [  # what lies where something is stored, and so must be read before
            part
            for part in parts
            if isinstance(part, Load) and (part.view.buffer.slot, part.view.buffer.offset) in places
        ]
        self._totals = [id(p) for root in roots for p in walk(root) if isinstance(p, Total)]
        self.status = self.b.load_pointer("%table", 0) if kernel.everywhere else ""
        self.bounds: tuple[Place, Place] = (0, kernel.shape[0]) if kernel.shape else (0, 1)
        if divided:
            self.bounds = self._share(kernel.shape[0])
        self.inside: dict[int, Value] = {}  # by axis, the number of the block that loops are in
        self.exchanged: dict[int, View] = {}  # by identity: views of the same over other axes
        self.fixed: Memo = {}
        self._fix(roots)

    def _fix(self, roots: Sequence[Expression]) -> None:
        """Evaluate what is the same at every place, before the loops begin."""
        still = self.still(roots, range(len(self.kernel.lengths)))
        for part in (part for root in roots for part in walk(root) if isinstance(part, Apply)):
            if _name(part) in still:
                continue
            for child in part.inputs:
                if _name(child) in still and not isinstance(child, Number):
                    self.evaluate(child, Frame([]), self.fixed)

    def still(self, roots: Sequence[Expression], axes: Collection[int]) -> set[int | View]:
        """What is the same at every place of these axes, as it is named in a memo."""
        found: dict[int | View, bool] = {}

        def visit(part: Expression) -> bool:
            name = _name(part)
            if name not in found:
                found[name] = same(part)
            return found[name]

        def same(part: Expression) -> bool:
            if isinstance(part, Load):
                view = self.exchanged.get(id(part.view), part.view)
                moves = any(view.strides[axis] for axis in axes if axis < len(view.strides))
                return not moves and view.buffer not in self._written
            if isinstance(part, Apply):
                each = [visit(child) for child in part.inputs]  # all, not up to the first
                return all(each)
            return isinstance(part, Number)

        for root in roots:
            visit(root)
        return {name for name, same in found.items() if same}

    def pointer(self, buffer: Buffer) -> str:
        """The address of a buffer; asked for at the entry of the function."""
        if buffer not in self.pointers:
            if buffer.slot != ARENA:
                found = self.b.load_pointer("%table", buffer.slot)
            else:
                text = f"getelementptr inbounds i8, ptr %arena, i64 {buffer.offset}"
                found = self.b.pointer(text)
            self.pointers[buffer] = found
        return self.pointers[buffer]

    def _share(self, count: int) -> tuple[Place, Place]:
        """This thread's rows: whole grains, the last of which may be smaller."""
        size = grain(count) if self.kernel.cut is None else 1
        tid, threads = Value(self.b, "%tid", INT64), Value(self.b, "%threads", INT64)
        return self._part(tid, threads, count, size)

    def _part(self, number: Value, parts: Place, count: int, size: int) -> tuple[Value, Value]:
        """Where a part of `count` places begins and ends, cut at multiples of `size`."""
        b, units = self.b, -(-count // size)
        first = b.binary("div", number * units, parts) * size
        last = b.binary("div", (number + 1) * units, parts) * size
        return first, b.select(last < count, last, count)

    def slice(self, number: Place) -> tuple[Value, Value]:
        """Where a slice of the summed axis that is cut begins and ends: at whole grains."""
        kernel = self.kernel
        assert kernel.cut is not None
        length = kernel.lengths[kernel.cut]
        return self._part(self.b.integer(number), kernel.shape[0], length, grain(length))

    # --- expressions ---

    def offset(self, view: View, frame: Frame) -> Place:
        """Where a view's element at a frame's place lies, in elements."""
        constant = view.offset
        total: Value | None = None
        # A view of the result has no strides along the axes that are summed over.
        steps = [*zip(view.strides, frame.places, strict=False)]
        axis = view.blocked
        if axis is not None:
            steps.append((view.buffer.jump, self._block(view, axis, frame.places[axis])))
        for stride, place in steps:
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

    def _block(self, view: View, axis: int, place: Place) -> Place:
        """The number of the block of a view's buffer that a place on its axis falls into."""
        if axis in self.inside:
            return self.inside[axis]
        size = view.buffer.block
        return place // size if isinstance(place, int) else place >> _shift(size)

    def block_size(self, axis: int) -> int:
        """How long the blocks are that an axis goes through, where some buffer has any; or 0."""
        views = (*self.kernel.reads, *self.kernel.writes)
        return next((view.buffer.block for view in views if view.blocked == axis), 0)

    def by_blocks(
        self,
        axis: int,
        bounds: tuple[Place, Place],
        body: Callable[..., Sequence[Value] | None],
        carry: Sequence[Value] = (),
    ) -> list[Value]:
        """carry = body((low, high), *carry) for each block of an axis between these bounds.

        Once for everything, where the axis has no blocks.
        """
        size = self.block_size(axis)
        if not size:
            return list(body(bounds, *carry) or [])
        b, (begin, end) = self.b, (self.b.integer(bound) for bound in bounds)

        def one(number: Value, *carry: Value) -> Sequence[Value] | None:
            low, high = number << _shift(size), (number + 1) << _shift(size)
            self.inside[axis] = number
            inside = b.select(low < begin, begin, low), b.select(high < end, high, end)
            found = body(inside, *carry)
            del self.inside[axis]
            return found

        first, last = begin >> _shift(size), (end + (size - 1)) >> _shift(size)
        return b.loop(first, last, 1, one, carry)

    def load(self, view: View, frame: Frame) -> Value:
        view = self.exchanged.get(id(view), view)
        b, base, dtype = self.b, self.pointers[view.buffer], view.buffer.dtype
        place, stays = self.offset(view, frame), view.buffer not in self._written
        step = 0 if frame.lanes_axis is None else view.strides[frame.lanes_axis]
        if step == 0 or frame.lanes == 1:
            return b.load(base, place, dtype, stays=stays)
        if step == 1:
            return b.load(base, place, dtype, frame.lanes, frame.live, stays)
        parts = [
            b.load(base, place + lane * step, dtype, stays=stays)
            for lane in range(frame.live or frame.lanes)
        ]
        return b.gathered(parts, frame.lanes)

    def store(self, value: Value, view: View, frame: Frame) -> None:
        view = self.exchanged.get(id(view), view)
        b, base = self.b, self.pointers[view.buffer]
        place = self.offset(view, frame)
        step = 0 if frame.lanes_axis is None else view.strides[frame.lanes_axis]
        value = b.splat(value, frame.lanes)
        if frame.lanes == 1 or step == 1:
            b.store(value, base, place, frame.live)
            return
        for lane in range(frame.live or frame.lanes):
            b.store(b.extract(value, lane), base, place + lane * step)

    def evaluate(self, expression: Expression, frame: Frame, memo: Memo) -> Value:
        key = _name(expression)
        if key in self.fixed:
            return self.fixed[key]
        if key not in memo:
            memo[key] = self._evaluated(expression, frame, memo)
        return memo[key]

    def _evaluated(self, found: Expression, frame: Frame, memo: Memo) -> Value:
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

    def write(self, stores: Sequence[Store], frame: Frame, memo: Memo, total: Value | None) -> None:
        """Evaluate and store; `total` is what the kernel has computed at this place."""
        if total is not None:
            memo |= dict.fromkeys(self._totals, total)
        for part in self._replaced:
            self.evaluate(part, frame, memo)
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

    def blocks(
        self,
        begin: Place,
        end: Place,
        length: int,
        lanes: int,
        most: int,
        body: Callable[[Place, int, int], None],
    ) -> None:
        """body(place, vectors, live) for all vectors in [begin, end), up to `most` together.

        Over a whole axis the sizes of blocks differ by one at most; between bounds that are a
        thread's there are blocks as long as they fit, then single vectors. Of the last block's
        last vector perhaps only some lanes are live.
        """
        rest = length % lanes
        if isinstance(begin, int) and isinstance(end, int):
            vectors, done = -(-length // lanes), 0
            for size, times in _sizes(vectors, most):
                last = done + size * times == vectors
                whole = times - 1 if last and rest else times
                several = lambda place, size=size: body(place, size, 0)
                self.b.loop(done * lanes, (done + whole * size) * lanes, size * lanes, several)
                if whole < times:
                    body((done + whole * size) * lanes, size, rest)
                done += size * times
            return
        begin, end = self.b.integer(begin), self.b.integer(end)
        if most > 1:
            stop = self.b.select(end < length - rest, end, length - rest)
            step = most * lanes
            whole_end = begin + self.b.binary("div", stop - begin, step) * step
            self.b.loop(begin, whole_end, step, lambda place: body(place, most, 0))
            begin = whole_end
        self.along(begin, end, length, lanes, lambda place, live: body(place, 1, live))


def _sizes(vectors: int, most: int) -> list[tuple[int, int]]:
    """Vectors in blocks of nearly one size: pairs of a size and how often it comes."""
    count = -(-vectors // most)
    small, larger = divmod(vectors, count)
    found = [(small + 1, larger), (small, count - larger)]
    return [(size, times) for size, times in found if times and size]


def _shift(size: int) -> int:
    """By how many bits a place is shifted to give the number of its block of this size."""
    return size.bit_length() - 1


def _name(expression: Expression) -> int | View:
    """Its key in a memo. Loads of one place are one load, even after stores: nothing is stored that
    is read later.
    """
    return expression.view if isinstance(expression, Load) else id(expression)
