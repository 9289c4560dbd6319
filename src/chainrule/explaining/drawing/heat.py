"""Heat maps: an array as a picture, its numbers as colours on both sides of 0."""

import numpy as np

from chainrule.explaining.drawing.canvas import Canvas
from chainrule.explaining.drawing.style import LEVELS
from chainrule.explaining.entries import Array

MOST_CELLS = 28  # in a row or column; of more, each cell shows the largest of several


def as_picture(array: Array) -> Array:
    """An array as rows and columns: a long row is folded, a square number into a square."""
    if array.ndim == 0:
        return array.reshape(1, 1)
    if array.ndim == 1:
        size = array.size
        side = round(size**0.5)
        if size > 16:
            wide = side if side * side == size else int(np.ceil(size**0.5 * 1.6))
            padded = np.full(-(-size // wide) * wide, np.nan)
            padded[:size] = array
            return padded.reshape(-1, wide)
        return array.reshape(1, -1)
    return array.reshape(array.shape[0], -1)


def reduced(table: Array) -> Array:
    """At most so many rows and columns: of each block, the number of the largest size."""
    table = np.asarray(table, dtype=float)
    return np.asarray(table.ravel()[picked(table)])


def picked(table: Array) -> Array:
    """Of each block, the flat place of the number of the largest size."""
    table = np.asarray(table, dtype=float)
    size = np.where(np.isnan(table), -1.0, np.abs(table))
    places = np.arange(table.size).reshape(table.shape)
    for axis in (0, 1):
        length = table.shape[axis]
        if length <= MOST_CELLS:
            continue
        blocks = np.array_split(np.arange(length), MOST_CELLS)
        chosen = [_largest(size, places, block, axis) for block in blocks]
        size, places = (np.stack(part, axis) for part in zip(*chosen, strict=True))
    return places


def _largest(size: Array, places: Array, block: Array, axis: int) -> tuple[Array, Array]:
    own = np.take(size, block, axis)
    place = np.expand_dims(np.argmax(own, axis), axis)
    where = np.take(places, block, axis)
    largest, at = (np.take_along_axis(x, place, axis).squeeze(axis) for x in (own, where))
    return largest, at


def grid(array: Array, x: float, y: float, wide: float, high: float) -> tuple[str, str]:
    """Where the cells of a heat map are, and which number of the array each is, in words that a
    page reads: left, top, size, columns; and the flat places row by row, -1 of no number."""
    places = picked(as_picture(array))
    rows, columns = places.shape
    size = min(wide / columns, high / rows, 22.0)
    flat = np.where(places < array.size, places, -1).ravel()
    if np.array_equal(flat, np.arange(flat.size)):
        return f"{x:.1f} {y:.1f} {size:.3f} {columns} {rows}", ""
    return f"{x:.1f} {y:.1f} {size:.3f} {columns} {rows}", " ".join(map(str, flat))


def levels_of(table: Array, top: float) -> Array:
    """For each number the level of its colour, with its sign; `top` has the strongest."""
    if not top > 0:
        return np.zeros(table.shape, int)
    size = np.nan_to_num(np.ceil(np.abs(table) / top * LEVELS - 1e-9))
    return np.asarray(np.clip(size, 0, LEVELS) * np.nan_to_num(np.sign(table))).astype(int)


def look(level: int) -> str:
    """The class of a cell of a level; its colour stands in `style.levels`."""
    return "h0" if not level else f"h{'p' if level > 0 else 'm'}{abs(level)}"


def draw_heat(canvas: Canvas, array: Array, x: float, y: float, wide: float, high: float) -> None:
    """Cells in a rectangle, one path for all cells of a colour."""
    table = reduced(as_picture(array))
    rows, columns = table.shape
    size = min(wide / columns, high / rows, 22.0)
    finite = np.abs(table[np.isfinite(table)])
    top = float(finite.max()) if finite.size else 0.0
    level = levels_of(table, top)
    cells: dict[int, list[str]] = {}
    cell = max(size - (0.6 if size > 4 else 0.0), 0.5)
    for row, column in np.ndindex(rows, columns):
        if np.isnan(table[row, column]):
            continue
        d = f"M{x + column * size:.1f} {y + row * size:.1f}h{cell:.1f}v{cell:.1f}h-{cell:.1f}z"
        cells.setdefault(int(level[row, column]), []).append(d)
    for number, parts in sorted(cells.items()):
        canvas.path("".join(parts), look(number))
    canvas.extend(x + columns * size, y + rows * size)


def height_of(array: Array, wide: float, high: float) -> float:
    """How high its heat map will be in a rectangle."""
    shape: tuple[int, ...] = as_picture(array).shape
    rows, columns = (min(length, MOST_CELLS) for length in shape)
    return min(wide / columns, high / rows, 22.0) * rows
