"""Products to code: tiles of sums that stay in registers, as in Goto and van de Geijn's "Anatomy of
high-performance matrix multiplication" (ACM TOMS 34, 2008).

A tile is some rows of the result by some vectors of its lane axis. One operand gives vectors, the
other single numbers that are repeated in every lane. Of large products the vectors of a block are
first copied together, so that they stay in the first cache while all rows go by.
"""

from collections.abc import Sequence
from functools import partial
from math import prod

from chainrule.engines.native.access import View
from chainrule.engines.native.ir import Value
from chainrule.engines.native.jit import vector_bytes
from chainrule.engines.native.kernels import Product, Total
from chainrule.engines.native.loops import Frame, KernelWriter, Place
from chainrule.engines.native.plan import grain

PACKED_BYTES = 64 * 1024  # of vectors copied together, at most
PACKED_ROWS = 48  # rows of the result from which on the copy pays


def tile_shape() -> tuple[int, int]:
    """Rows and vectors of the tile whose sums stay in registers."""
    if vector_bytes() == 64:
        return 8, 3
    return (4, 3) if vector_bytes() == 32 else (8, 2)


def write_product(w: KernelWriter) -> None:
    kernel = w.kernel
    assert isinstance(kernel, Product)
    if prod(kernel.shape):
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
        self.others = [k for k in range(self.kept) if k not in (self.lane_axis, self.row_axis)]
        views = (kernel.left, kernel.right)
        self.summed = sorted(
            range(self.kept, len(kernel.lengths)),
            key=lambda axis: -max(abs(view.strides[axis]) for view in views),
        )
        self.bare = all(isinstance(store.expression, Total) for store in kernel.stores)
        self.scratch = ""
        if not self.bare:
            self.scratch = w.b.scratch(kernel.dtype, self.lanes * self.rows * self.most)
        self.depth = self._packed_depth()
        self.pack = ""
        if self.depth:
            self.pack = w.b.scratch(kernel.dtype, self.depth * self.most * self.lanes)

    def _packed_depth(self) -> int:
        """How many entries of the summed axis are copied together; 0 for no copy at all."""
        kernel = self.kernel
        if self.row_axis is None or len(self.summed) != 1 or self.by_lane:
            return 0
        if kernel.lengths[self.row_axis] < PACKED_ROWS or self.vectors < 2:
            return 0
        if self._vector_view() is None:
            return 0
        depth = kernel.lengths[self.summed[0]]
        most = PACKED_BYTES // (min(self.most, self.vectors) * self.lanes * kernel.dtype.itemsize)
        if depth > most and kernel.stores[0].expression.dtype != kernel.dtype:
            return 0  # sums wait between blocks where the first result will be
        return -(-depth // -(-depth // most)) if depth >= 8 else 0

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
        """All blocks of vectors, in sizes that differ by one at most."""
        w, lanes, rest = self.w, self.lanes, self.length % self.lanes
        if self.by_lane:  # a vector at a time, between the bounds of this thread
            one = lambda place, live: self._block(outer, place, 1, live)
            w.along(w.bounds[0], w.bounds[1], self.length, lanes, one)
            return
        begin = 0
        for size, times in _blocks(self.vectors, self.most):
            last = begin + size * times == self.vectors
            whole = times - 1 if last and rest else times
            full = partial(self._block, outer, count=size, live=0)
            w.b.loop(begin * lanes, (begin + whole * size) * lanes, size * lanes, full)
            if whole < times:
                self._block(outer, (begin + whole * size) * lanes, size, rest)
            begin += size * times

    def _block(self, outer: list[Place], place: Place, count: int, live: int) -> None:
        """All rows of some vectors; of the last one perhaps only some lanes are `live`."""
        if self.row_axis is None:
            self._tile(outer, 0, 1, place, count, live, (0, 0))
            return
        w, length = self.w, self.kernel.lengths[self.row_axis]
        size = min(self.rows, length)
        begin, end = w.bounds if w.divided and self.row_axis == 0 else (0, length)

        def rows_of(part: tuple[int, int]) -> None:
            if self.depth:
                self._copy_together(outer, place, count, live, part)
            tile = lambda row, some: self._tile(outer, row, some or size, place, count, live, part)
            w.along(begin, end, length, size, tile)

        if not self.depth:
            rows_of((0, 0))
            return
        whole = self.kernel.lengths[self.summed[0]]
        for start in range(0, whole, self.depth):
            rows_of((start, min(start + self.depth, whole)))

    def _frame(
        self, outer: Sequence[Place], row: Place, place: Place, live: int, inner: Sequence[Place]
    ) -> Frame:
        places: list[Place] = [0] * len(self.kernel.lengths)
        for axis, where in zip(self.others, outer, strict=True):
            places[axis] = where
        for axis, where in zip(self.summed, inner, strict=False):
            places[axis] = where
        if self.row_axis is not None:
            places[self.row_axis] = row
        places[self.lane_axis] = place
        return Frame(places, self.lane_axis, self.lanes, live)

    def _copy_together(
        self, outer: list[Place], place: Place, count: int, live: int, part: tuple[int, int]
    ) -> None:
        view = self._vector_view()
        assert view is not None

        def entry(k: Place) -> None:
            for v in range(count):
                at = place + v * self.lanes if v else place
                own = live if v == count - 1 else 0
                value = self.w.load(view, self._frame(outer, 0, at, own, [k]))
                target = (self.w.b.integer(k) - part[0]) * (count * self.lanes) + v * self.lanes
                self.w.b.store(value, self.pack, target)

        self.w.b.loop(*part, 1, entry)

    # --- tiles ---

    def _tile(
        self,
        outer: list[Place],
        row: Place,
        rows: int,
        place: Place,
        count: int,
        live: int,
        part: tuple[int, int],
    ) -> None:
        """The sums of `rows` rows and `count` vectors, over a part of the copied axis."""
        w, kernel = self.w, self.kernel

        def frame(r: int, v: int, inner: Sequence[Place]) -> Frame:
            own = live if v == count - 1 else 0
            at = place + v * self.lanes if v else place
            return self._frame(outer, row + r if r else row, at, own, inner)

        def operand(view: View, inner: Sequence[Place]) -> list[list[Value]]:
            """Its value for every row and vector, each loaded once."""
            by_row = self.row_axis is not None and view.strides[self.row_axis] != 0
            by_lane = view.strides[self.lane_axis] != 0
            if self.depth and view is self._vector_view():
                start = (w.b.integer(inner[0]) - part[0]) * (count * self.lanes)
                vectors = [
                    w.b.load(self.pack, start + v * self.lanes, kernel.dtype, self.lanes)
                    for v in range(count)
                ]
                return [vectors] * rows
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
            length = kernel.lengths[self.summed[number]]
            body = lambda k, *carry: level(number + 1, [*inner, k], list(carry))
            bounds = part if self.depth else (0, length)
            return w.b.loop(*bounds, 1, body, sums)

        target = kernel.stores[0].view
        sums = [w.b.constant(0, kernel.dtype, self.lanes)] * (rows * count)
        if part[0]:
            sums = [w.load(target, frame(r, v, [])) for r in range(rows) for v in range(count)]
        if prod(kernel.lengths[self.kept :]):
            sums = level(0, [], sums)
        if self.depth and part[1] < kernel.lengths[self.summed[0]]:
            for number, total in enumerate(sums):
                w.store(total, target, frame(number // count, number % count, []))
        elif self.bare:
            for r in range(rows):
                for v in range(count):
                    w.write(kernel.stores, frame(r, v, []), {}, sums[r * count + v])
        else:
            self._follow(outer, row, rows, place, count, live, sums)

    def _follow(
        self,
        outer: list[Place],
        row: Place,
        rows: int,
        place: Place,
        count: int,
        live: int,
        sums: Sequence[Value],
    ) -> None:
        """What is made of the sums: written once, and run for each vector of the tile."""
        w, b = self.w, self.w.b
        for number, total in enumerate(sums):
            b.store(total, self.scratch, number * self.lanes)

        def follow(r: Place, v: Place, own: int) -> None:
            offset = (b.integer(r) * count + v) * self.lanes
            total = b.load(self.scratch, offset, self.kernel.dtype, self.lanes)
            at = b.integer(v) * self.lanes + place
            frame = self._frame(outer, b.integer(row) + r, at, own, [])
            w.write(self.kernel.stores, frame, {}, total)

        dead = 1 if live and live < self.lanes else 0

        def follow_row(r: Place) -> None:
            b.loop(0, count - dead, 1, lambda v: follow(r, v, 0))
            if dead:
                follow(r, count - 1, live)

        b.loop(0, rows, 1, follow_row)


def _blocks(vectors: int, most: int) -> list[tuple[int, int]]:
    """Vectors in blocks of nearly one size: pairs of a size and how often it comes."""
    count = -(-vectors // most)
    small, larger = divmod(vectors, count)
    found = [(small + 1, larger), (small, count - larger)]
    return [(size, times) for size, times in found if times and size]
