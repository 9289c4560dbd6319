"""What is made of the sums of a product, where that takes more than a few operations.

It is a function of its own, which the product calls for each tile: among the loops of the product,
its constants would be given registers that the sums need. A single tile has no such loops around.
"""

from collections.abc import Sequence

from chainrule.engines.native.kernels import Product
from chainrule.engines.native.loops import KernelWriter, Place
from chainrule.engines.native.tiles import Block, Tiling
from chainrule.engines.native.values import INT64, Value

NUMBERS = ("row", "rows", "place", "count")  # where a tile is, and how many rows and vectors


def follow(
    w: KernelWriter,
    tiling: Tiling,
    memory: str,
    block: Block,
    row: Place,
    rows: int,
    sums: Sequence[Value],
) -> None:
    """Put the sums of a tile into memory and have them taken on from there."""
    b = w.b
    for number, total in enumerate(sums):
        b.store(total, memory, number * tiling.lanes)
    live = block.live if block.live < tiling.lanes else 0
    numbers: list[Place] = [row, rows, block.place, block.count, *block.outer]
    if not tiling.others and tiling.row_count <= rows and tiling.vectors <= block.count:
        _write(w, tiling, memory, numbers, live)
        return
    given = ", ".join(b.integer(number).typed for number in numbers)
    pointers = f"ptr %table, ptr %arena, i64 %tid, i64 %threads, ptr {memory}"
    b.emit(f"call void @{_function(w, tiling, live)}({pointers}, {given})")


def _function(w: KernelWriter, tiling: Tiling, live: int) -> str:
    """The function for all tiles whose last vectors have so many live lanes (0 for all)."""
    name = f"{w.b.name}.follow{live}"
    outer = [f"outer{k}" for k in range(len(tiling.others))]

    def text() -> str:
        extra = (("ptr", "sums"), *(("i64", x) for x in (*NUMBERS, *outer)))
        own = KernelWriter(w.b.module, name, w.kernel, False, extra)
        numbers = [Value(own.b, f"%{x}", INT64) for x in (*NUMBERS, *outer)]
        _write(own, tiling, "%sums", numbers, live)
        return own.b.text()

    w.b.module.share(name, text)
    return name


def _write(
    w: KernelWriter, tiling: Tiling, memory: str, numbers: Sequence[Place], live: int
) -> None:
    b, kernel = w.b, w.kernel
    assert isinstance(kernel, Product)
    row, rows, place, count, *outer = numbers

    def one(r: Place, v: Place, live: int) -> None:
        offset = (b.integer(r) * count + v) * tiling.lanes
        total = b.load(memory, offset, kernel.dtype, tiling.lanes)
        at = b.integer(v) * tiling.lanes + place
        frame = tiling.frame(Block(outer, at, 1, live), b.integer(row) + r, 0, [])
        w.write(kernel.stores, frame, {}, total)

    def all_of_row(r: Place) -> None:
        last = count - 1 if live else count
        b.loop(0, last, 1, lambda v: one(r, v, 0))
        if live:
            one(r, last, live)

    b.loop(0, rows, 1, all_of_row)
