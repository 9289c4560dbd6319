"""Products to code: tiles of sums that stay in registers, as in Goto and van de Geijn's "Anatomy of
high-performance matrix multiplication" (ACM TOMS 34, 2008).

A tile is some rows of the result by some vectors of its lane axis. One operand gives vectors, the
other single numbers that are repeated in every lane. Of large products both are first copied
together (see `packing`).
"""

from collections.abc import Callable, Sequence
from functools import partial
from math import prod

from chainrule.engines.native.access import View
from chainrule.engines.native.dots import summed_limits, write_dots
from chainrule.engines.native.following import follow
from chainrule.engines.native.inlining import is_brief
from chainrule.engines.native.kernels import Product, Total
from chainrule.engines.native.loops import Frame, KernelWriter, Place
from chainrule.engines.native.packing import Bounds, Limits, Packing
from chainrule.engines.native.plan import grain
from chainrule.engines.native.tiles import Block, Part, Tiling
from chainrule.engines.native.values import Value

TERMS = (4, 2)  # of a sum that are written one after another


def write_product(w: KernelWriter) -> None:
    kernel = w.kernel
    assert isinstance(kernel, Product)
    if kernel.is_dots:
        write_dots(w)
    else:
        _Product(w, kernel).write()


class _Product:
    """The loops of one product."""

    def __init__(self, w: KernelWriter, kernel: Product) -> None:
        self.w, self.kernel = w, kernel
        self.tiling = tiling = Tiling(w, kernel)
        self.packing = Packing(w, tiling)
        self.limits: Limits = {}
        self.bare = all(isinstance(store.expression, Total) for store in kernel.stores)
        self.scratch = ""
        self.brief = all(is_brief(store.expression) for store in kernel.stores)
        if not self.brief:
            self.scratch = w.b.scratch(kernel.dtype, tiling.lanes * tiling.rows * tiling.most)

    def _together(self, number: int) -> int:
        """How many terms along a summed axis can be written one after another, in every part."""
        kernel, summed = self.kernel, self.tiling.summed
        axis = summed[number]
        if axis != summed[-1] or any(clip.summed == axis for clip in kernel.clips):
            return 1
        counts = [kernel.lengths[axis]]
        if axis == kernel.cut:
            counts.append(grain(counts[0]))  # slices are made of these
        if number == 0 and self.packing.depth:
            counts.append(self.packing.depth)
        return next((n for n in TERMS if all(count % n == 0 for count in counts)), 1)

    # --- loops ---

    def write(self) -> None:
        others = self.tiling.others
        lengths = [self.kernel.lengths[axis] for axis in others]
        first = self.w.bounds if self.w.divided and 0 in others else None
        self.w.nest(lengths, self._columns, first)

    def _columns(self, outer: list[Place]) -> None:
        """All blocks of vectors over all parts of the sum, in the order that reads less again."""
        places = dict(zip(self.tiling.others, outer, strict=True))
        self.limits = summed_limits(self.w, self.kernel, places)
        rows = self.w.bounds if self.tiling.by_row else (0, self.tiling.row_count)
        if not self.packing.outside:
            self._blocks(lambda *at: self._parts(lambda part: self._block(part, outer, rows, *at)))
            return

        def one(part: Part) -> None:
            some = lambda own: self._blocks(partial(self._block, part, outer, own))
            self.packing.by_rows(outer, part, self.limits, rows, some)

        self._parts(one)

    def _blocks(self, body: Callable[[Place, int, int], None]) -> None:
        """body(place, vectors, live) for all blocks of vectors."""
        w, tiling = self.w, self.tiling
        bounds = w.bounds if tiling.by_lane else (0, tiling.length)
        w.blocks(*bounds, tiling.length, tiling.lanes, tiling.most, body)

    def _parts(self, body: Callable[[Part], None]) -> None:
        """All parts of the outermost summed axis, in order."""
        depth = self.packing.depth
        if not depth:
            body(Part())
            return
        b, (begin, end) = self.w.b, self.limits[self.tiling.summed[0]]
        if depth >= self.tiling.own_length:
            body(Part(begin, end))
            return

        def one(place: Value) -> None:
            stop = place + depth
            unfinished = stop < end
            body(Part(place, b.select(unfinished, stop, b.integer(end)), unfinished))

        b.loop(begin, end, depth, one)

    def _block(
        self, part: Part, outer: list[Place], rows: Bounds, place: Place, count: int, live: int
    ) -> None:
        """Some rows of some vectors, over a part of the sum."""
        w, tiling, length = self.w, self.tiling, self.tiling.row_count
        block = Block(outer, place, count, live)
        if tiling.row_axis is None:
            self._tile(block, part, 0, 1)
            return
        if self.packing.depth:
            self.packing.copy_vectors(block, part, self.limits)
        size = min(tiling.rows, length)
        tile = lambda row, some: self._tile(block, part, row, some or size)
        w.along(*rows, length, size, tile)

    # --- tiles ---

    def _claim(self, part: Part, frames: Sequence[Frame]) -> None:
        """Claim the lines of what is overwritten at these places soon: they come meanwhile."""
        w, views = self.w, self.kernel.claims
        if not views:
            return

        def lines() -> None:
            for view in views:
                for frame in frames:
                    place = w.offset(view, frame)
                    w.b.claim(w.pointers[view.buffer], place, view.buffer.dtype)

        if part.unfinished is None:
            lines()
        else:
            w.b.when(part.unfinished ^ True, lines)

    def _tile(self, block: Block, part: Part, row: Place, rows: int) -> None:
        """The sums of `rows` rows of a block, over a part of the outermost summed axis."""
        w, kernel, tiling, count = self.w, self.kernel, self.tiling, block.count

        def frame(r: int, v: int, inner: Sequence[Place]) -> Frame:
            return tiling.frame(block, row + r if r else row, v, inner)

        def operand(view: View, inner: Sequence[Place]) -> list[list[Value]]:
            """Its value for every row and vector, each loaded once."""
            copied = self.packing.load(view, block, part, row, rows, inner)
            if copied is not None:
                return copied
            by_row = tiling.row_axis is not None and view.strides[tiling.row_axis] != 0
            by_lane = view.strides[tiling.lane_axis] != 0
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
            if number == len(tiling.summed):
                return step(inner, sums)
            bounds = self.limits[tiling.summed[number]]
            if number == 0 and self.packing.depth:
                bounds = (part.begin, part.end)
            body = lambda k, *carry: level(number + 1, [*inner, k], list(carry))
            return w.b.loop(*bounds, 1, body, sums, together=self._together(number))

        places = [(r, v) for r in range(rows) for v in range(count)]
        self._claim(part, [frame(r, v, []) for r, v in places])
        zero = w.b.constant(0, kernel.dtype, tiling.lanes)
        sums = [zero] * len(places)
        waiting = kernel.stores[0].view  # where the sums of the parts so far are
        if part.unfinished is not None:
            begun = w.b.integer(part.begin) > self.limits[tiling.summed[0]][0]
            found = [w.load(waiting, frame(r, v, [])) for r, v in places]
            sums = [w.b.select(begun, total, zero) for total in found]
        if prod(kernel.lengths[tiling.kept :]):
            sums = level(0, [], sums)

        def keep() -> None:
            for (r, v), total in zip(places, sums, strict=True):
                w.store(total, waiting, frame(r, v, []))

        def finish() -> None:
            if not self.brief:
                follow(w, tiling, self.scratch, block, row, rows, sums)
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
