"""Products to code: tiles of sums that stay in registers, as in Goto and van de Geijn's "Anatomy of
high-performance matrix multiplication" (ACM TOMS 34, 2008).

A tile is some rows of the result by some vectors of its lane axis. One operand gives vectors, the
other single numbers that are repeated in every lane. Of large products the vectors of a block are
first copied together, so that they stay in the first cache while all rows go by.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import prod

from chainrule.engines.native.access import View
from chainrule.engines.native.dots import summed_limits, write_dots
from chainrule.engines.native.inlining import is_brief
from chainrule.engines.native.jit import vector_bytes
from chainrule.engines.native.kernels import Product, Total
from chainrule.engines.native.loops import Frame, KernelWriter, Place
from chainrule.engines.native.plan import grain
from chainrule.engines.native.values import Value

PACKED_BYTES = 64 * 1024  # of vectors copied together, at most
PACKED_BYTES_OUTSIDE = 192 * 1024  # where each part passes over the whole result
ROWS_BYTES = 1536 * 1024  # of the other operand, above which the sum's parts go outside
NEAR = 24 * 1024  # of such vectors stay in the first cache without a copy
PACKED_ROWS = 48  # rows of the result from which on the copy pays
TERMS = (4, 2)  # of a sum that are written one after another


def tile_shape() -> tuple[int, int]:
    """Rows and vectors of the tile whose sums stay in registers."""
    if vector_bytes() == 64:
        return 8, 3
    return (4, 3) if vector_bytes() == 32 else (8, 2)


def _even_tile(rows: int) -> tuple[int, int]:
    """A tile of about as many sums, where a thread has few vectors: rows that divide evenly."""
    most, vectors = tile_shape()
    few = -(-rows // -(-rows // most))
    return few, 4 if 4 * few <= most * vectors else 2


def write_product(w: KernelWriter) -> None:
    kernel = w.kernel
    assert isinstance(kernel, Product)
    if prod(kernel.shape) == 0:
        return
    if kernel.lanes >= len(kernel.shape):
        write_dots(w)
    else:
        _Product(w, kernel).write()


class _Product:
    """The loops of one product."""

    def __init__(self, w: KernelWriter, kernel: Product) -> None:
        self.w, self.kernel = w, kernel
        self.kept = len(kernel.shape)
        self.lane_axis, self.row_axis = kernel.lanes, kernel.rows
        self.length = kernel.lengths[self.lane_axis]
        self.lanes = w.lanes_for([kernel.dtype], self.length)
        self.by_lane = w.divided and self.lane_axis == 0
        if self.by_lane:
            self.lanes = min(self.lanes, grain(self.length))
        self.vectors = -(-self.length // self.lanes)
        self.rows, self.most = (1, 4) if self.row_axis is None else tile_shape()
        if self.by_lane and self.row_axis is not None:
            self.rows, self.most = _even_tile(kernel.lengths[self.row_axis])
        self.limits: dict[int, tuple[Place, Place]] = {}
        self.others = [k for k in range(self.kept) if k not in (self.lane_axis, self.row_axis)]
        views = (kernel.left, kernel.right)
        self.summed = sorted(
            range(self.kept, len(kernel.lengths)),
            key=lambda axis: -max(abs(view.strides[axis]) for view in views),
        )
        self.bare = all(isinstance(store.expression, Total) for store in kernel.stores)
        self.scratch = ""
        self.brief = all(is_brief(store.expression) for store in kernel.stores)
        if not self.brief:
            self.scratch = w.b.scratch(kernel.dtype, self.lanes * self.rows * self.most)
        # Of the summed axes, the outermost is cut into blocks; the others are whole in each.
        self.inner = prod(kernel.lengths[axis] for axis in self.summed[1:])
        self.depth = self._packed_depth()
        self.pack = ""
        if self.depth:
            count = self.depth * self.inner * self.most * self.lanes
            self.pack = w.b.scratch(kernel.dtype, count)

    def _packed_depth(self) -> int:
        """How many entries of the outermost summed axis are copied together; 0 for no copy."""
        kernel = self.kernel
        if self.row_axis is None or not self.summed or self.by_lane:
            return 0
        if kernel.clips:
            return 0
        if kernel.lengths[self.row_axis] < PACKED_ROWS or self.vectors < 2:
            return 0
        if self._vector_view() is None:
            return 0
        depth = self._own_length()
        vector = self.lanes * kernel.dtype.itemsize
        size = PACKED_BYTES if not self._rows_overflow() else PACKED_BYTES_OUTSIDE
        most = size // (min(self.most, self.vectors) * vector * self.inner)
        if depth <= NEAR // (min(self.most, self.vectors) * vector * self.inner) or most == 0:
            return 0
        if depth > most and kernel.stores[0].expression.dtype != kernel.dtype:
            return 0  # sums wait between blocks where the first result will be
        parts = -(-depth // most)
        return depth if parts == 1 else _up(-(-depth // parts), TERMS[0])

    def _own_length(self) -> int:
        """How many entries of the outermost summed axis a slice has at most."""
        length = self.kernel.lengths[self.summed[0]]
        if self.kernel.cut != self.summed[0]:
            return length
        size, slices = grain(length), self.kernel.shape[0]
        return min(_up(_up(length, size) // size, slices) // slices * size, length)

    def _together(self, number: int) -> int:
        """How many terms along a summed axis can be written one after another, in every part."""
        axis = self.summed[number]
        if axis != self.summed[-1] or any(clip.summed == axis for clip in self.kernel.clips):
            return 1
        counts = [self.kernel.lengths[axis]]
        if axis == self.kernel.cut:
            counts.append(grain(counts[0]))  # slices are made of these
        if number == 0 and self.depth:
            counts.append(self.depth)
        return next((n for n in TERMS if all(count % n == 0 for count in counts)), 1)

    def _vector_view(self) -> View | None:
        """The operand that vectors are loaded from, whatever the row."""
        for view in (self.kernel.left, self.kernel.right):
            if view.strides[self.lane_axis] == 1 and view.strides[self.row_axis or 0] == 0:
                return view
        return None

    # --- loops ---

    def write(self) -> None:
        lengths = [self.kernel.lengths[axis] for axis in self.others]
        first = self.w.bounds if self.w.divided and 0 in self.others else None
        self.w.nest(lengths, self._columns, first)

    def _columns(self, outer: list[Place]) -> None:
        """All blocks of vectors over all parts of the sum, in the order that reads less again."""
        self.limits = summed_limits(self.w, self.kernel, dict(zip(self.others, outer, strict=True)))
        if self.depth and self._rows_overflow():
            self._parts(lambda part: self._blocks(partial(self._block, part, outer)))
        else:
            self._blocks(lambda *at: self._parts(lambda part: self._block(part, outer, *at)))

    def _blocks(self, body: Callable[[Place, int, int], None]) -> None:
        """body(place, vectors, live) for all blocks of vectors."""
        bounds = self.w.bounds if self.by_lane else (0, self.length)
        self.w.blocks(*bounds, self.length, self.lanes, self.most, body)

    def _parts(self, body: Callable[["_Part"], None]) -> None:
        """All parts of the outermost summed axis, in order."""
        if not self.depth:
            body(_Part())
            return
        b, (begin, end) = self.w.b, self.limits[self.summed[0]]
        if self.depth >= self._own_length():
            body(_Part(begin, end))
            return

        def one(place: Value) -> None:
            stop = place + self.depth
            unfinished = stop < end
            body(_Part(place, b.select(unfinished, stop, b.integer(end)), unfinished))

        b.loop(begin, end, self.depth, one)

    def _rows_overflow(self) -> bool:
        """Whether the operand that goes by row is too large to be read again for every block."""
        kernel = self.kernel
        size = prod(kernel.lengths[axis] for axis in (self.row_axis or 0, *self.summed))
        slices = 1 if kernel.cut is None else kernel.shape[0]
        return size // slices * kernel.dtype.itemsize > ROWS_BYTES

    def _block(
        self, part: "_Part", outer: list[Place], place: Place, count: int, live: int
    ) -> None:
        """All rows of some vectors, over a part of the sum."""
        block = _Block(outer, place, count, live)
        if self.row_axis is None:
            self._tile(block, part, 0, 1)
        else:
            self._all_rows(block, part)

    def _all_rows(self, block: "_Block", part: "_Part") -> None:
        assert self.row_axis is not None
        w, length = self.w, self.kernel.lengths[self.row_axis]
        if self.depth:
            self._copy_together(block, part)
        size = min(self.rows, length)
        begin, end = w.bounds if w.divided and self.row_axis == 0 else (0, length)
        tile = lambda row, some: self._tile(block, part, row, some or size)
        w.along(begin, end, length, size, tile)

    def _frame(self, block: "_Block", row: Place, v: int, inner: Sequence[Place]) -> Frame:
        """The place of vector `v` of a block, in a row, at places of the summed axes."""
        places: list[Place] = [0] * len(self.kernel.lengths)
        for axis, where in zip(self.others, block.outer, strict=True):
            places[axis] = where
        for axis, where in zip(self.summed, inner, strict=False):
            places[axis] = where
        if self.row_axis is not None:
            places[self.row_axis] = row
        places[self.lane_axis] = block.place + v * self.lanes if v else block.place
        live = block.live if v == block.count - 1 else 0
        return Frame(places, self.lane_axis, self.lanes, live)

    def _copied_place(self, block: "_Block", part: "_Part", inner: Sequence[Place]) -> Value:
        """Where the vectors of these summed places stand in the copy."""
        b = self.w.b
        place = b.integer(inner[0]) - part.begin
        for axis, where in zip(self.summed[1:], inner[1:], strict=True):
            place = place * self.kernel.lengths[axis] + where
        return place * (block.count * self.lanes)

    def _copy_together(self, block: "_Block", part: "_Part") -> None:
        view, b = self._vector_view(), self.w.b
        assert view is not None

        def entry(inner: list[Place]) -> None:
            target = self._copied_place(block, part, inner)
            for v in range(block.count):
                value = self.w.load(view, self._frame(block, 0, v, inner))
                b.store(value, self.pack, target + v * self.lanes)

        def level(number: int, inner: list[Place]) -> None:
            if number == len(self.summed):
                entry(inner)
                return
            bounds = (part.begin, part.end) if number == 0 else self.limits[self.summed[number]]
            b.loop(*bounds, 1, lambda k: level(number + 1, [*inner, k]))

        level(0, [])

    # --- tiles ---

    def _tile(self, block: "_Block", part: "_Part", row: Place, rows: int) -> None:
        """The sums of `rows` rows of a block, over a part of the outermost summed axis."""
        w, kernel, count = self.w, self.kernel, block.count
        copied = self._vector_view() if self.depth else None

        def frame(r: int, v: int, inner: Sequence[Place]) -> Frame:
            return self._frame(block, row + r if r else row, v, inner)

        def operand(view: View, inner: Sequence[Place]) -> list[list[Value]]:
            """Its value for every row and vector, each loaded once."""
            if view is copied:
                start = self._copied_place(block, part, inner)
                vectors = [
                    w.b.load(self.pack, start + v * self.lanes, kernel.dtype, self.lanes)
                    for v in range(count)
                ]
                return [vectors] * rows
            by_row = self.row_axis is not None and view.strides[self.row_axis] != 0
            by_lane = view.strides[self.lane_axis] != 0
            table = [
                [w.load(view, frame(r, v, inner)) for v in range(count if by_lane else 1)]
                for r in range(rows if by_row else 1)
            ]
            return [
                [table[r if by_row else 0][v if by_lane else 0] for v in range(count)]
                for r in range(rows)
            ]

        def step(inner: list[Place], sums: Sequence[Value]) -> list[Value]:
            a, c = operand(kernel.left, inner), operand(kernel.right, inner)
            return [
                w.multiply_add(a[r][v], c[r][v], sums[r * count + v])
                for r in range(rows)
                for v in range(count)
            ]

        def level(number: int, inner: list[Place], sums: list[Value]) -> list[Value]:
            if number == len(self.summed):
                return step(inner, sums)
            bounds = self.limits[self.summed[number]]
            if number == 0 and self.depth:
                bounds = (part.begin, part.end)
            body = lambda k, *carry: level(number + 1, [*inner, k], list(carry))
            return w.b.loop(*bounds, 1, body, sums, together=self._together(number))

        places = [(r, v) for r in range(rows) for v in range(count)]
        zero = w.b.constant(0, kernel.dtype, self.lanes)
        sums = [zero] * len(places)
        waiting = kernel.stores[0].view  # where the sums of the parts so far are
        if part.unfinished is not None:
            begun = w.b.integer(part.begin) > self.limits[self.summed[0]][0]
            found = [w.load(waiting, frame(r, v, [])) for r, v in places]
            sums = [w.b.select(begun, total, zero) for total in found]
        if prod(kernel.lengths[self.kept :]):
            sums = level(0, [], sums)

        def keep() -> None:
            for (r, v), total in zip(places, sums, strict=True):
                w.store(total, waiting, frame(r, v, []))

        def finish() -> None:
            if not self.brief:
                self._follow(block, row, rows, sums)
                return
            for (r, v), total in zip(places, sums, strict=True):
                w.write(kernel.stores, frame(r, v, []), {}, total)

        if part.unfinished is None:
            finish()
        elif self.bare and len(kernel.stores) == 1:
            keep()
        else:
            w.b.when(part.unfinished, keep)
            w.b.when(part.unfinished ^ True, finish)

    def _follow(self, block: "_Block", row: Place, rows: int, sums: Sequence[Value]) -> None:
        """What is made of the sums: written once, and run for each vector of the tile."""
        w, b, count = self.w, self.w.b, block.count
        for number, total in enumerate(sums):
            b.store(total, self.scratch, number * self.lanes)

        def follow(r: Place, v: Place, live: int) -> None:
            offset = (b.integer(r) * count + v) * self.lanes
            total = b.load(self.scratch, offset, self.kernel.dtype, self.lanes)
            frame = self._frame(block, b.integer(row) + r, 0, [])
            frame.places[self.lane_axis] = b.integer(v) * self.lanes + block.place
            frame.live = live
            w.write(self.kernel.stores, frame, {}, total)

        dead = 1 if block.live and block.live < self.lanes else 0

        def follow_row(r: Place) -> None:
            b.loop(0, count - dead, 1, lambda v: follow(r, v, 0))
            if dead:
                follow(r, count - 1, block.live)

        b.loop(0, rows, 1, follow_row)


@dataclass(frozen=True)
class _Block:
    """Some vectors: where, how many, and how many lanes of the last one count (0 for all)."""

    outer: list[Place]
    place: Place
    count: int
    live: int


@dataclass(frozen=True)
class _Part:
    """A part of the outermost summed axis; sums begin with the first and end with the last.

    unfinished  whether other parts follow; None where this is the only one
    """

    begin: Place = 0
    end: Place = 0
    unfinished: Value | None = None


def _up(number: int, unit: int) -> int:
    """The next multiple of a unit."""
    return -(-number // unit) * unit
