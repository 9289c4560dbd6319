"""What is copied together of a product's operands, so that tiles find it in the nearest cache.

The vectors of a block are copied one behind the other for a part of the sums: all rows go by while
they stay. Where their operand has the terms of a sum side by side, squares of it are turned. Where
the operand that goes by row has its rows side by side, and the terms of a sum far apart, its
numbers are copied in the order in which tiles read them, some rows at a time for all blocks.
"""

from collections.abc import Callable, Sequence

from chainrule.engines.native.access import View
from chainrule.engines.native.loops import KernelWriter, Place
from chainrule.engines.native.memory import up
from chainrule.engines.native.tiles import Block, Part, Tiling
from chainrule.engines.native.values import Value

VECTORS_BYTES = 64 * 1024  # of vectors copied together, at most
VECTORS_BYTES_OUTSIDE = 192 * 1024  # where each part passes over the whole result
ROWS_BYTES = 1536 * 1024  # of the other operand, above which the sum's parts go outside
FAR_ROWS_BYTES = 128 * 1024  # above which its numbers are copied, where they lie apart
NUMBERS_BYTES = 512 * 1024  # of them copied together, at most
LINE = 64  # bytes of a line of the caches
NEAR = 24 * 1024  # of such vectors stay in the first cache without a copy
LEAST_ROWS = 48  # of the result from which on the copy pays
TERMS = 4  # that parts have a multiple of, where vectors are copied as they are

Bounds = tuple[Place, Place]  # of a loop


class Packing:
    """Both copies, and which part of the sums they are of.

    depth    how many entries of the outermost summed axis are copied together; 0 for no copy
    outside  whether parts of the sum go around the blocks of vectors
    rows     how many rows' numbers are copied together at most; 0 for no copy
    """

    def __init__(self, w: KernelWriter, tiling: Tiling) -> None:
        self.w, self.tiling = w, tiling
        overflow = tiling.row_bytes > ROWS_BYTES
        self.turned = tiling.kernel.turned is not None
        source = tiling.kernel.turned or tiling.operand(lane=1, row=0)
        size = VECTORS_BYTES_OUTSIDE if overflow else VECTORS_BYTES
        self.depth = 0 if source is None else self._depth(size)
        assert self.depth or not self.turned  # or it would be gathered lane by lane
        self.vectors = source if self.depth else None
        self.numbers = tiling.operand(lane=0, row=1) if self._copies_numbers() else None
        self.outside = bool(self.depth) and (overflow or self.numbers is not None)
        dtype, terms = tiling.kernel.dtype, self.depth * tiling.inner
        self._vectors = self._numbers = ""
        if self.vectors:
            self._vectors = w.b.scratch(dtype, terms * tiling.most * tiling.lanes)
        self.rows = 0
        if self.numbers:
            # Tiles are a line of the cache further apart, so that they fall into all its sets.
            self._pitch = terms + up(LINE // dtype.itemsize, tiling.rows) // tiling.rows
            tiles = max(NUMBERS_BYTES // (self._pitch * tiling.rows * dtype.itemsize), 1)
            self.rows = min(tiles * tiling.rows, up(tiling.row_count, tiling.rows))
            self._numbers = w.b.scratch(dtype, self._pitch * self.rows)
        self._first_row: Place = 0  # of those whose numbers are there

    def _depth(self, size: int) -> int:
        tiling, kernel = self.tiling, self.tiling.kernel
        if tiling.row_axis is None or not tiling.summed or tiling.by_lane or kernel.clips:
            return 0
        if tiling.row_count < LEAST_ROWS or tiling.vectors < 2:
            return 0
        vector = tiling.lanes * kernel.dtype.itemsize
        entry = min(tiling.most, tiling.vectors) * vector * tiling.inner
        most, length = size // entry, tiling.own_length
        if most == 0 or (length <= NEAR // entry and not self.turned):
            return 0
        if length > most and kernel.stores[0].expression.dtype != kernel.dtype:
            # Sums wait between parts where the first result will be.
            return length if self.turned else 0
        parts = -(-length // most)
        unit = tiling.lanes if self.turned else TERMS
        return length if parts == 1 else up(-(-length // parts), unit)

    def _copies_numbers(self) -> bool:
        tiling = self.tiling
        often = tiling.vectors >= 2 * tiling.most and tiling.row_bytes > FAR_ROWS_BYTES
        is_vector = tiling.rows & (tiling.rows - 1) == 0  # one for all rows of a tile
        return bool(self.depth) and often and is_vector

    # --- where, and how they get there ---

    def vector_place(self, block: Block, part: Part, inner: Sequence[Place]) -> Value:
        """Where the vectors of these summed places stand in their copy."""
        return self._entry(part, inner) * (block.count * self.tiling.lanes)

    def number_place(self, part: Part, row: Place, inner: Sequence[Place]) -> Value:
        """Where the numbers of a tile's rows stand in theirs."""
        begin = (self.w.b.integer(row) - self._first_row) * self._pitch
        return self._entry(part, inner) * self.tiling.rows + begin

    def _entry(self, part: Part, inner: Sequence[Place]) -> Value:
        place = self.w.b.integer(inner[0]) - part.begin
        for axis, where in zip(self.tiling.summed[1:], inner[1:], strict=True):
            place = place * self.tiling.kernel.lengths[axis] + where
        return place

    def copy_vectors(self, block: Block, part: Part, limits: "Limits") -> None:
        view, b, tiling = self.vectors, self.w.b, self.tiling
        assert view is not None
        if self.turned:
            self._turn_vectors(view, block, part)
            return

        def entry(inner: list[Place]) -> None:
            target = self.vector_place(block, part, inner)
            for v in range(block.count):
                value = self.w.load(view, tiling.frame(block, 0, v, inner))
                b.store(value, self._vectors, target + v * tiling.lanes)

        self._every(part, limits, entry)

    def _turn_vectors(self, view: View, block: Block, part: Part) -> None:
        """The same of an operand whose neighbours are the terms: in squares, which are turned."""
        w, b, tiling = self.w, self.w.b, self.tiling
        (axis,) = tiling.summed
        zero = b.constant(0, tiling.kernel.dtype, tiling.lanes)

        def square(place: Place, live: int) -> None:
            for v in range(block.count):
                frame = tiling.frame(block, 0, v, [place])
                first, full = frame.places[tiling.lane_axis], frame.live or tiling.lanes
                frame.lanes_axis, frame.live = axis, live
                rows = []
                for lane in range(full):
                    frame.places[tiling.lane_axis] = first + lane
                    rows.append(w.load(view, frame))
                columns = b.transposed(rows + [zero] * (tiling.lanes - full))
                for term, column in enumerate(columns[: live or tiling.lanes]):
                    target = self.vector_place(block, part, [place + term])
                    b.store(column, self._vectors, target + v * tiling.lanes)

        w.along(part.begin, part.end, tiling.kernel.lengths[axis], tiling.lanes, square)

    def by_rows(
        self,
        outer: list[Place],
        part: Part,
        limits: "Limits",
        rows: Bounds,
        body: Callable[[Bounds], None],
    ) -> None:
        """body(bounds) for these rows: all at once, or as many as numbers are copied of."""
        if self.numbers is None:
            body(rows)
            return

        def some(bounds: Bounds) -> None:
            self._copy_numbers(outer, part, limits, bounds)
            body(bounds)

        b, (begin, end) = self.w.b, rows
        if isinstance(begin, int) and isinstance(end, int) and end - begin <= self.rows:
            some(rows)
            return

        def from_here(low: Value) -> None:
            high = low + self.rows
            some((low, b.select(high < end, high, b.integer(end))))

        b.loop(begin, end, self.rows, from_here)

    def _copy_numbers(
        self, outer: list[Place], part: Part, limits: "Limits", bounds: Bounds
    ) -> None:
        """Those of the rows between these bounds; tiles find them until the next copy."""
        view, b, tiling = self.numbers, self.w.b, self.tiling
        assert view is not None
        block = Block(outer, 0, 1, 0)
        self._first_row = bounds[0]

        def entry(inner: list[Place]) -> None:
            def some(row: Place, live: int) -> None:
                frame = tiling.frame(block, row, 0, inner)
                frame.lanes_axis, frame.lanes, frame.live = tiling.row_axis, tiling.rows, live
                value = self.w.load(view, frame)
                b.store(value, self._numbers, self.number_place(part, row, inner))

            self.w.along(*bounds, tiling.row_count, tiling.rows, some)

        self._every(part, limits, entry)

    def _every(self, part: Part, limits: "Limits", entry: Callable[[list[Place]], None]) -> None:
        """entry(places) for all summed places of a part."""
        summed = self.tiling.summed

        def level(number: int, inner: list[Place]) -> None:
            if number == len(summed):
                entry(inner)
                return
            bounds = (part.begin, part.end) if number == 0 else limits[summed[number]]
            self.w.b.loop(*bounds, 1, lambda k: level(number + 1, [*inner, k]))

        level(0, [])

    # --- what tiles read ---

    def load(
        self, view: View, block: Block, part: Part, row: Place, rows: int, inner: Sequence[Place]
    ) -> list[list[Value]] | None:
        """An operand for every row and vector of a tile, where there is a copy of it."""
        b, tiling, dtype = self.w.b, self.tiling, self.tiling.kernel.dtype
        if view is self.vectors:
            start = self.vector_place(block, part, inner)
            places = [start + v * tiling.lanes for v in range(block.count)]
            return [[b.load(self._vectors, at, dtype, tiling.lanes) for at in places]] * rows
        if view is self.numbers:
            start = self.number_place(part, row, inner)
            numbers = [b.load(self._numbers, start + r, dtype) for r in range(rows)]
            return [[number] * block.count for number in numbers]
        return None


Limits = dict[int, Bounds]
"""Where the loops over the summed axes begin and end."""
