"""How the sums of a product are divided: rows and vectors of a tile, blocks of vectors, parts."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from chainrule.engines.native.access import View
from chainrule.engines.native.jit import vector_bytes
from chainrule.engines.native.kernels import Product
from chainrule.engines.native.loops import Frame, KernelWriter, Place
from chainrule.engines.native.plan import grain
from chainrule.engines.native.values import Value


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


def _narrow_tile(rows: int, vectors: int, divided: bool) -> tuple[int, int]:
    """A tile for results of a few vectors in all: one block of them rather than two.

    The rows of a tile lie between the bounds of one thread, where threads divide them.
    """
    most, wide = tile_shape()
    if vector_bytes() == 64 and vectors == 1:
        return (min(2 * most, grain(rows)) if divided else 2 * most), 1
    if vector_bytes() == 64 and (vectors == 4 or (vectors == 7 and not divided)):
        few = most * wide // 4
        return (4 if divided else -(-rows // -(-rows // few))), 4
    return most, wide


@dataclass(frozen=True)
class Block:
    """Some vectors: where, how many, and how many lanes of the last one count (0 for all).

    outer  the places on the axes that are neither the rows' nor the lanes'
    """

    outer: list[Place]
    place: Place
    count: int
    live: int


@dataclass(frozen=True)
class Part:
    """A part of the outermost summed axis; sums begin with the first and end with the last.

    unfinished  whether other parts follow; None where this is the only one
    """

    begin: Place = 0
    end: Place = 0
    unfinished: Value | None = None


class Tiling:
    """The axes of a product, and what a tile of it is.

    summed  the summed axes, those of the longest steps first; the first is cut into parts, the
            others are whole in each
    rows    of a tile; `most` is how many vectors it has, of `lanes` numbers
    """

    def __init__(self, w: KernelWriter, kernel: Product) -> None:
        self.kernel, self.kept = kernel, len(kernel.shape)
        self.lane_axis, self.row_axis = kernel.lanes, kernel.rows
        self.length = kernel.lengths[self.lane_axis]
        self.lanes = w.lanes_for([kernel.dtype], self.length)
        self.by_lane = w.divided and self.lane_axis == 0
        self.by_row = w.divided and self.row_axis == 0
        if self.by_lane:
            self.lanes = min(self.lanes, grain(self.length))
        self.vectors = -(-self.length // self.lanes)
        self.rows, self.most = 1, 4
        if self.row_axis is not None:
            narrow = _narrow_tile(self.row_count, self.vectors, self.by_row)
            self.rows, self.most = _even_tile(self.row_count) if self.by_lane else narrow
        self.others = [k for k in range(self.kept) if k not in (self.lane_axis, self.row_axis)]
        views = (kernel.left, kernel.right)
        self.summed = sorted(
            range(self.kept, len(kernel.lengths)),
            key=lambda axis: -max(abs(view.strides[axis]) for view in views),
        )
        self.inner = prod(kernel.lengths[axis] for axis in self.summed[1:])

    @property
    def row_count(self) -> int:
        return 1 if self.row_axis is None else self.kernel.lengths[self.row_axis]

    @property
    def own_length(self) -> int:
        """How many entries of the outermost summed axis there are, in a slice at most."""
        if not self.summed:
            return 0
        length = self.kernel.lengths[self.summed[0]]
        if self.kernel.cut != self.summed[0]:
            return length
        size, slices = grain(length), self.kernel.shape[0]
        grains = -(-length // size)
        return min(-(-grains // slices) * size, length)

    @property
    def row_bytes(self) -> int:
        """Of the operand that goes by row, in a slice."""
        size = self.row_count * prod(self.kernel.lengths[axis] for axis in self.summed)
        slices = 1 if self.kernel.cut is None else self.kernel.shape[0]
        return size // slices * self.kernel.dtype.itemsize

    def operand(self, lane: int, row: int) -> View | None:
        """The operand that takes such steps along the lanes and along the rows."""
        for view in (self.kernel.left, self.kernel.right):
            along = 0 if self.row_axis is None else view.strides[self.row_axis]
            if (view.strides[self.lane_axis], along) == (lane, row):
                return view
        return None

    def frame(self, block: Block, row: Place, v: int, inner: Sequence[Place]) -> Frame:
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
