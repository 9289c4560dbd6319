"""Heat maps: an array as a picture, its numbers as colours on both sides of 0."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from chainrule.explaining.drawing.canvas import Canvas
from chainrule.explaining.drawing.style import LEVELS
from chainrule.explaining.entries import Array
from chainrule.graph import Shape

MOST_CELLS = 28  # in a row or column; of more, each cell shows the largest of several
LARGEST_CELL = 22.0
NOTHING = -1  # the place of a cell that shows no number
BLANK = LEVELS + 1  # and its level; that of a number that is none as well


@dataclass(frozen=True)
class Picture:
    """Cells in rows and columns: the flat place of the number that each shows, and its level.

    levels  of colour, with the number's sign; the picture's largest number has the strongest
    """

    places: Array
    levels: Array

    @property
    def code(self) -> str:
        """The levels in letters, row by row: h of 0, i and on above, g and on below."""
        letters = [*(chr(ord("h") + level) for level in range(-LEVELS, LEVELS + 1)), "."]
        return "".join(letters[level + LEVELS] for level in self.levels.ravel().tolist())

    @property
    def order(self) -> str:
        """The places in words; empty where they count 0, 1, 2, …"""
        flat = self.places.ravel()
        return "" if np.array_equal(flat, np.arange(flat.size)) else " ".join(map(str, flat))


@cache
def arranged(shape: Shape) -> Array:
    """The flat places of an array in rows and columns.

    A long row is folded, a square number into a square. What has more than two axes is pictures
    side by side: the first two axes are theirs, the others, such as channels, count them.
    """
    size = int(np.prod(shape))
    if len(shape) > 2:
        return _side_by_side(np.arange(size).reshape(*shape[:2], -1))
    if len(shape) == 2:
        return np.arange(size).reshape(shape)
    if size <= 16:
        return np.arange(size).reshape(1, -1)
    side = round(size**0.5)
    wide = side if side * side == size else int(np.ceil(size**0.5 * 1.6))
    places = np.full(-(-size // wide) * wide, NOTHING)
    places[:size] = np.arange(size)
    return places.reshape(-1, wide)


def _side_by_side(places: Array) -> Array:
    """Pictures (rows, columns, which) in one, with an empty line between them."""
    rows, columns, count = places.shape
    across = min(count, max(1, int(np.ceil((count * rows / max(columns, 1)) ** 0.5))))
    down = -(-count // across)
    framed = np.full((down * across, rows + 1, columns + 1), NOTHING)
    framed[:count, :rows, :columns] = np.moveaxis(places, 2, 0)
    whole = framed.reshape(down, across, rows + 1, columns + 1).swapaxes(1, 2)
    return whole.reshape(down * (rows + 1), across * (columns + 1))[:-1, :-1]


def picture(array: Array) -> Picture:
    """At most so many rows and columns: of each block, the number of the largest size."""
    places = arranged(array.shape)
    flat = np.asarray(array, dtype=float).ravel()
    values = np.where(places == NOTHING, np.nan, flat[places]) if flat.size else places * np.nan
    size = np.where(np.isnan(values), np.where(places == NOTHING, -2.0, -1.0), np.abs(values))
    blocks = [max(1, -(-length // MOST_CELLS)) for length in places.shape]
    if max(blocks, default=1) > 1:
        rows, columns = _largest_of_blocks(size, *blocks)
        places, values = places[rows, columns], values[rows, columns]
    return Picture(places, _levels(values))


def _largest_of_blocks(size: Array, high: int, wide: int) -> tuple[Array, Array]:
    """Of each block of so many rows and columns, the row and the column of the largest number."""
    rows, columns = size.shape
    down, across = -(-rows // high), -(-columns // wide)
    room = ((0, down * high - rows), (0, across * wide - columns))
    padded = np.pad(size, room, constant_values=-np.inf)
    blocks = padded.reshape(down, high, across, wide).swapaxes(1, 2)
    best = np.argmax(blocks.reshape(down, across, high * wide), axis=2)
    return np.arange(down)[:, None] * high + best // wide, np.arange(across) * wide + best % wide


def _levels(values: Array) -> Array:
    finite = np.abs(values[np.isfinite(values)])
    found = levels_of(values, float(finite.max()) if finite.size else 0.0)
    return np.where(np.isnan(values), BLANK, found)


def levels_of(table: Array, top: float) -> Array:
    """For each number the level of its colour, with its sign; `top` has the strongest."""
    if not top > 0:
        return np.zeros(table.shape, int)
    size = np.nan_to_num(np.ceil(np.abs(table) / top * LEVELS - 1e-9))
    return np.asarray(np.clip(size, 0, LEVELS) * np.nan_to_num(np.sign(table))).astype(int)


def look(level: int) -> str:
    """The class of a cell of a level; its colour stands in `style.levels`."""
    return "h0" if not level else f"h{'p' if level > 0 else 'm'}{abs(level)}"


def _counts(shape: Shape) -> tuple[int, int]:
    """The rows and columns of cells of such an array's picture."""
    rows, columns = (max(1, -(-n // max(1, -(-n // MOST_CELLS)))) for n in arranged(shape).shape)
    return rows, columns


def cell_size(shape: Shape, wide: float, high: float) -> float:
    """The length of a cell's edge where the picture of an array of this shape has so much room."""
    rows, columns = _counts(shape)
    return min(wide / columns, high / rows, LARGEST_CELL)


def height_of(shape: Shape, wide: float, high: float) -> float:
    """How high the heat map of such an array will be in a rectangle."""
    return cell_size(shape, wide, high) * _counts(shape)[0]


def draw_heat(canvas: Canvas, shown: Picture, x: float, y: float, size: float) -> None:
    """Cells of a size, one path for all cells of a colour. The page draws them in the same way."""
    rows, columns = shown.places.shape
    cells: dict[int, list[str]] = {}
    cell = max(size - (0.6 if size > 4 else 0.0), 0.5)
    square = f"h{cell:.1f}v{cell:.1f}h-{cell:.1f}z"
    left = [f"{x + column * size:.1f}" for column in range(columns)]
    for row, levels in enumerate(shown.levels.tolist()):
        top = f"{y + row * size:.1f}"
        for column, level in enumerate(levels):
            if level != BLANK:
                cells.setdefault(level, []).append(f"M{left[column]} {top}{square}")
    for number, parts in sorted(cells.items()):
        canvas.path("".join(parts), look(number))
    canvas.extend(x + columns * size, y + rows * size)
