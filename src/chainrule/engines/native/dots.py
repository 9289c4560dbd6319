"""Products to code, where both operands have their neighbours along a summed axis.

Every sum is a vector of parts, which are added up at the end. A tile is some entries of the left
operand by some of the right one, so that each vector that is loaded serves several sums.

Where the operands are larger than a cache and the sums are not, the outermost summed axis goes
around everything else: a part of both operands serves all sums, which wait in memory, before the
next part is looked at. Each sum is the same to the last bit, as its terms come in the same order.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod

from chainrule.engines.native.access import View
from chainrule.engines.native.kernels import Product
from chainrule.engines.native.loops import Frame, KernelWriter, Place
from chainrule.engines.native.plan import grain
from chainrule.engines.native.reductions import horizontal
from chainrule.engines.native.values import Value

MOST_SUMS = 24  # vectors of sums that stay in registers
LONGEST = 6  # entries of an operand in a tile
MOST_WAITING = 192 * 1024  # bytes of sums that wait in memory
LEAST_READ = 256 * 1024  # bytes of operands from which on they do


def write_dots(w: KernelWriter) -> None:
    kernel = w.kernel
    assert isinstance(kernel, Product)
    _Dots(w, kernel).write()


class _Dots:
    """The loops of one such product."""

    def __init__(self, w: KernelWriter, kernel: Product) -> None:
        self.w, self.kernel = w, kernel
        self.kept = len(kernel.shape)
        self.slices = 0 if kernel.cut is None else 1  # how many axes count slices
        self.length = kernel.lengths[kernel.lanes]
        self.lanes = w.lanes_for([kernel.dtype], self.length)
        if kernel.lanes == kernel.cut:
            self.lanes = min(self.lanes, grain(self.length))
        self.left_axis = self._own_axis(kernel.left.strides, kernel.right.strides)
        self.right_axis = self._own_axis(kernel.right.strides, kernel.left.strides)
        self.tile = self._tile_shape()
        tiled = (self.left_axis, self.right_axis)
        self.others = [axis for axis in range(self.kept) if axis not in tiled]
        views = (kernel.left, kernel.right)
        self.summed = sorted(
            (axis for axis in range(self.kept, len(kernel.lengths)) if axis != kernel.lanes),
            key=lambda axis: -max(abs(view.strides[axis]) for view in views),
        )

    def _own_axis(self, mine: tuple[int, ...], theirs: tuple[int, ...]) -> int | None:
        """The longest axis of the result that only one operand has; one that windows slide along
        before others, as what it loads for one place is still there for the next.
        """
        clipped = {clip.axis for clip in self.kernel.clips}
        fitting = [
            axis
            for axis in range(self.slices, self.kept)
            if mine[axis] and not theirs[axis] and axis not in clipped
        ]
        slides = {abs(step) for step in mine[self.kept :]}

        def worth(axis: int) -> tuple[bool, int]:
            length = self.kernel.shape[axis]
            return length > 2 and abs(mine[axis]) in slides, length

        return max(fitting, key=lambda axis: (*worth(axis), -abs(mine[axis])), default=None)

    def _tile_shape(self) -> tuple[int, int]:
        """The tile with the fewest loads and the least left over at the edges."""
        lengths = [
            1 if axis is None else self.kernel.shape[axis]
            for axis in (self.left_axis, self.right_axis)
        ]

        def cost(tile: Sequence[int]) -> float:
            tiles = prod(-(-length // size) for length, size in zip(lengths, tile, strict=True))
            return tiles * max(sum(tile), prod(tile) / 2)

        # Threads begin at whole grains, which a tile must not straddle.
        sizes = [
            [s for s in ((1, 2, 4) if self._is_divided(axis) else range(1, LONGEST + 1)) if s <= n]
            for axis, n in zip((self.left_axis, self.right_axis), lengths, strict=True)
        ]
        fitting = [(a, c) for a, c in product(*sizes) if a * c <= MOST_SUMS]
        return min(fitting, key=lambda tile: (cost(tile), sum(tile)))

    def _is_divided(self, axis: int | None) -> bool:
        return self.w.divided and axis == 0

    def write(self) -> None:
        w, kernel = self.w, self.kernel
        first = w.bounds if w.divided and 0 in self.others else None
        if self._waits():
            # Asked for here, at the entry of the function, and not again for each slice.
            memory = w.b.scratch(kernel.dtype, self._waiting() * self.lanes)
            parts = lambda own: self._parts(own, memory)
            w.nest(kernel.shape[: self.slices], parts, first)
        else:
            w.nest([kernel.shape[axis] for axis in self.others], self._entries, first)

    # --- sums that wait ---

    def _waits(self) -> bool:
        """Whether sums wait in memory while all of them take a part of the operands."""
        kernel = self.kernel
        clipped = {clip.summed for clip in kernel.clips}
        if not self.summed or self.summed[0] in clipped or kernel.lengths[self.summed[0]] < 2:
            return False
        if self.w.divided and kernel.cut is None:
            return False
        read = [
            prod(length for length, step in zip(kernel.lengths, view.strides, strict=True) if step)
            for view in (kernel.left, kernel.right)
        ]
        slices = prod(kernel.shape[: self.slices])
        large = sum(read) // slices * kernel.dtype.itemsize >= LEAST_READ
        sums = self._waiting() * self.lanes * kernel.dtype.itemsize
        return large and prod(self.tile) < self._waiting() and sums <= MOST_WAITING

    def _waiting(self) -> int:
        """How many sums there are, in one slice."""
        return prod(self.kernel.shape[self.slices :])

    def _place(self, places: Sequence[Place]) -> Value:
        """Where the sum of these places of the result waits."""
        found, step = self.w.b.integer(0), self.lanes
        for axis in reversed(range(self.slices, self.kept)):
            found = found + self.w.b.integer(places[axis]) * step
            step *= self.kernel.shape[axis]
        return found

    def _parts(self, own: list[Place], memory: str) -> None:
        """All sums, of one slice where there are slices: part by part of the outermost axis."""
        w, b, kernel = self.w, self.w.b, self.kernel
        b.clear(memory, 0, self._waiting() * self.lanes * kernel.dtype.itemsize)
        places: dict[int, Place] = dict.fromkeys(range(self.kept), 0)
        places.update(enumerate(own))
        axis = self.summed[0]
        limits = summed_limits(w, kernel, places)
        lengths = [kernel.shape[other] for other in self.others[len(own) :]]

        def block(bounds: tuple[Place, Place]) -> None:
            def part(k: Place) -> None:
                found = _Part(axis, k, bounds, memory)
                w.nest(lengths, lambda at: self._entries([*own, *at], found))

            b.loop(*limits[axis], 1, part)

        w.by_blocks(kernel.lanes, limits[kernel.lanes], block)

        def finish(at: list[Place]) -> None:
            places = [*own, *at]
            total = b.load(memory, self._place(places), kernel.dtype, self.lanes)
            w.write(kernel.stores, Frame(places), {}, horizontal(w, "sum", total))

        w.nest(kernel.shape[self.slices :], finish)

    # --- tiles ---

    def _entries(self, outer: list[Place], part: "_Part | None" = None) -> None:
        """All tiles at these places of the other axes, and of a summed one where it goes around."""
        limits = summed_limits(self.w, self.kernel, dict(zip(self.others, outer, strict=True)))
        if part is not None:
            limits[self.kernel.lanes] = part.lanes

        def lefts(i: Place, rest: int) -> None:
            def rights(j: Place, some: int) -> None:
                size = (rest or self.tile[0], some or self.tile[1])
                self._tile(outer, limits, (i, j), size, part)

            self._along(self.right_axis, self.tile[1], rights)

        self._along(self.left_axis, self.tile[0], lefts)

    def _along(self, axis: int | None, size: int, body: Callable[[Place, int], None]) -> None:
        length = 1 if axis is None else self.kernel.shape[axis]
        begin, end = self.w.bounds if self._is_divided(axis) else (0, length)
        self.w.along(begin, end, length, size, body)

    def _tile(
        self,
        outer: list[Place],
        limits: dict[int, tuple[Place, Place]],
        corner: tuple[Place, Place],
        size: tuple[int, int],
        part: "_Part | None",
    ) -> None:
        w, kernel = self.w, self.kernel
        axes, own = (self.left_axis, self.right_axis), dict(limits)

        def places(i: int, j: int, inner: dict[int, Place]) -> list[Place]:
            found: list[Place] = [inner.get(axis, 0) for axis in range(len(kernel.lengths))]
            for axis, place in zip(self.others, outer, strict=True):
                found[axis] = place
            for mine, start, more in zip(axes, corner, (i, j), strict=True):
                if mine is not None:
                    found[mine] = start + more if more else start
            return found

        def step(inner: dict[int, Place], sums: list[Value], live: int) -> list[Value]:
            def load(view: View, i: int, j: int) -> Value:
                return w.load(view, Frame(places(i, j, inner), kernel.lanes, self.lanes, live))

            lefts = [load(kernel.left, i, 0) for i in range(size[0])]
            rights = [load(kernel.right, 0, j) for j in range(size[1])]
            pairs = product(lefts, rights)
            return [w.multiply_add(a, c, s) for (a, c), s in zip(pairs, sums, strict=True)]

        def lanes(inner: dict[int, Place], sums: list[Value]) -> list[Value]:
            axis, rest = kernel.lanes, self.length % self.lanes
            full = self.length - rest
            start, end = own[axis]
            stop = full if isinstance(end, int) else w.b.select(end < full, end, full)
            body = lambda k, *s: step({**inner, axis: k}, list(s), 0)
            sums = w.b.loop(start, stop, self.lanes, body, sums)
            if rest:
                more = step({**inner, axis: full}, sums, rest)
                if not isinstance(end, int):
                    more = [w.b.select(end > full, a, b) for a, b in zip(more, sums, strict=True)]
                sums = more
            return sums

        def level(number: int, inner: dict[int, Place], sums: list[Value]) -> list[Value]:
            if number == len(self.summed):
                return lanes(inner, sums)
            axis = self.summed[number]
            body = lambda k, *s: level(number + 1, {**inner, axis: k}, list(s))
            return w.b.loop(*own[axis], 1, body, sums)

        ends = [places(i, j, {})[: self.kept] for i, j in product(*map(range, size))]
        if part is not None:
            waiting = [self._place(end) for end in ends]
            sums = [w.b.load(part.memory, at, kernel.dtype, self.lanes) for at in waiting]
            sums = level(1, {part.axis: part.place}, sums)  # of one block
            for at, total in zip(waiting, sums, strict=True):
                w.b.store(total, part.memory, at)
            return
        sums = [w.b.constant(0, kernel.dtype, self.lanes)] * prod(size)
        if prod(kernel.lengths[self.kept :]):

            def block(bounds: tuple[Place, Place], *sums: Value) -> list[Value]:
                own[kernel.lanes] = bounds
                return level(0, {}, list(sums))

            sums = w.by_blocks(kernel.lanes, limits[kernel.lanes], block, sums)
        for end, total in zip(ends, sums, strict=True):
            w.write(kernel.stores, Frame(end), {}, horizontal(w, "sum", total))


@dataclass(frozen=True)
class _Part:
    """One place of a summed axis that goes around everything, within these bounds of the lanes,
    and where the sums wait.
    """

    axis: int
    place: Place
    lanes: tuple[Place, Place]
    memory: str


def summed_limits(
    w: KernelWriter, kernel: Product, places: dict[int, Place]
) -> dict[int, tuple[Place, Place]]:
    """Where the loops over the summed axes begin and end, at these places of the result's axes."""
    kept = len(kernel.shape)
    found: dict[int, tuple[Place, Place]] = {
        axis: (0, kernel.lengths[axis]) for axis in range(kept, len(kernel.lengths))
    }
    if kernel.cut is not None:
        found[kernel.cut] = w.slice(places[0])
    for clip in kernel.clips:
        place = w.b.integer(places[clip.axis])
        first, last = clip.low - place, clip.high - place
        length = kernel.lengths[clip.summed]
        found[clip.summed] = (
            w.b.select(first > 0, first, 0),
            w.b.select(last < length, last, length),
        )
    return found
