"""`t[index]` and `t[index] = value`, with NumPy's meaning for every sort of index.

All of it comes down to positions: the indexed axes are flattened into one, NumPy itself (or, for
traced indices, arithmetic) says which rows of that axis are meant, and Gather or Scatter moves
them. Plain slices take the shorter way of a Slice, and are views that write through.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, NoReturn

import numpy as np

from chainrule.graph import Shape
from chainrule.ops import rows
from chainrule.tracing.recording import active
from chainrule.tracing.refusals import stop
from chainrule.tracing.selection import Selection
from chainrule.tracing.strides import Strides, sliced
from chainrule.tracing.value import Traced, View, as_node, astype, known_value, wrap

Item = Any  # int, slice, None, an integer array (plain or traced), or a boolean array


def getitem(t: Traced, index: Any) -> Any:
    items = _normalised(t, index)
    mask = _traced_mask(items)
    if mask is not None:
        return Selection.of(t, mask)
    if all(_is_basic(item) for item in items):
        return _basic(t, items, _slice, whole=_has_ellipsis(index))
    if all(_is_basic(item) or _is_number(item) for item in items):
        return _basic(t, items, _gather, whole=_has_ellipsis(index))
    return _gather(t, items)


def _has_ellipsis(index: Any) -> bool:
    """Whether NumPy gives an array in any case, instead of a number."""
    return any(item is Ellipsis for item in (index if isinstance(index, tuple) else (index,)))


def setitem(t: Traced, index: Any, value: Any) -> None:
    if t.is_scalar:
        raise TypeError(f"a number ({t.dtype}) does not support item assignment")
    if isinstance(value, Selection) or (isinstance(index, Traced) and index.dtype == bool):
        t.write(_where_masked(t, index, value))
        return
    if isinstance(index, np.ndarray) and index.dtype == bool and np.ndim(value) == 0:
        t.write(_where_masked(t, wrap(as_node(index)), value))
        return
    items = _normalised(t, index)
    if _traced_mask(items) is not None:
        stop(
            "a traced mask beside other indices has no shape that is known beforehand",
            "np.where(mask, value, t)",
        )
    t.write(_scatter(t, items, value))


# --- what was asked for --------------------------------------------------------------------------


def _normalised(t: Traced, index: Any) -> list[Item]:
    """One item for each axis, `None`s between them, no Ellipsis; plain masks as integer arrays."""
    items = list(index) if isinstance(index, tuple) else [index]
    plain = [_plain_item(item) for item in items]
    expanded: list[Item] = []
    for item in plain:
        if isinstance(item, np.ndarray) and item.dtype == bool and item.ndim > 0:
            active().bake(item)  # how many are true decides a shape
            expanded += list(np.nonzero(item))
        else:
            expanded.append(item)
    used = sum(_axes_of(item) for item in expanded)
    if used > t.ndim:
        raise IndexError(f"too many indices: {t.ndim} axes, but {used} were indexed")
    full = [slice(None)] * (t.ndim - used)
    for place, item in enumerate(expanded):
        if item is Ellipsis:
            return expanded[:place] + full + expanded[place + 1 :]
    return expanded + full


def _plain_item(item: Item) -> Item:
    if isinstance(item, Traced):
        known = known_value(item.node)
        if known is None:
            if item.dtype.kind not in "iub":
                raise IndexError("arrays used as indices must be of integer (or boolean) type")
            return item
        item = known
    if isinstance(item, list | range):
        item = np.asarray(item)
        item = item.astype(np.intp) if item.size == 0 else item
    if isinstance(item, np.ndarray):
        if item.dtype.kind not in "iub":
            raise IndexError("arrays used as indices must be of integer (or boolean) type")
        return int(item) if item.ndim == 0 and item.dtype != bool else item
    if isinstance(item, np.integer):
        return int(item)
    if isinstance(item, slice):
        return slice(*[None if part is None else part.__index__() for part in _bounds(item)])
    if item is None or item is Ellipsis or (isinstance(item, int) and not isinstance(item, bool)):
        return item
    raise IndexError(
        f"only integers, slices, `...`, `None` and integer or boolean arrays are indices, not "
        f"{item!r}"
    )


def _bounds(item: slice) -> tuple[Any, Any, Any]:
    return item.start, item.stop, item.step


def _axes_of(item: Item) -> int:
    if item is None or item is Ellipsis:
        return 0
    return item.ndim if isinstance(item, Traced) and item.dtype == bool else 1


def _is_basic(item: Item) -> bool:
    return item is None or isinstance(item, int | slice)


def _is_number(item: Item) -> bool:
    """Whether the item is one traced integer: NumPy makes a view as for a Python int."""
    return isinstance(item, Traced) and item.is_scalar


def _traced_mask(items: Sequence[Item]) -> Traced | None:
    masks = [item for item in items if isinstance(item, Traced) and item.dtype == bool]
    if not masks:
        return None
    alone = masks[0] is items[0] and all(
        isinstance(item, slice) and item == slice(None) for item in items[1:]
    )
    if not alone:
        stop(
            "a traced mask beside other indices has no shape that is known beforehand",
            "np.where(mask, t, 0)",
        )
    return masks[0]


# --- slices, integers, None: views ---------------------------------------------------------------


def _basic(
    t: Traced, items: Sequence[Item], take: Callable[[Traced, Sequence[Item]], Traced], whole: bool
) -> Traced:
    def read(base: Traced) -> Traced:
        return take(base, items)

    def write(base: Traced, value: Traced) -> Traced:
        return _scatter(base, items, value)

    found = take(t, items)
    if found.shape == () and not whole:
        return Traced(found.node)  # a number, which later changes of the array leave alone
    strides = sliced(t.memory, t.shape, [0 if _is_number(item) else item for item in items])
    return Traced(found.node, View(t, read, write), is_scalar=False, strides=strides)


def _slice(t: Traced, items: Sequence[Item]) -> Traced:
    start: list[int] = []
    stop_: list[int] = []
    step: list[int] = []
    flipped: list[int] = []
    shape: list[int] = []
    axis = 0
    for item in items:
        if item is None:
            shape.append(1)
            continue
        length = t.shape[axis]
        if isinstance(item, int):
            at = _checked(item, length, axis)
            bounds = (at, at + 1, 1)
        else:
            begin, end, stride = item.indices(length)
            taken = range(begin, end, stride)
            shape.append(len(taken))
            if not taken:
                bounds = (0, 0, 1)
            elif stride > 0:
                bounds = (begin, taken[-1] + 1, stride)
            else:
                bounds = (taken[-1], begin + 1, -stride)
                flipped.append(axis)
        for column, bound in zip((start, stop_, step), bounds, strict=True):
            column.append(bound)
        axis += 1
    whole = tuple(start) == (0,) * t.ndim and tuple(stop_) == t.shape and set(step) <= {1}
    part = t if whole else rows.slice(t, start=tuple(start), stop=tuple(stop_), step=tuple(step))
    if flipped:
        part = rows.flip(part, axes=tuple(flipped))
    return part if part.shape == tuple(shape) else rows.reshape(part, shape=tuple(shape))


def _checked(index: int, length: int, axis: int) -> int:
    if not -length <= index < length:
        raise IndexError(f"index {index} is out of bounds for axis {axis} with size {length}")
    return index % length


# --- integer arrays ------------------------------------------------------------------------------


@dataclass
class _Rows:
    """The rows that an index means: `lead` axes are flattened, `positions` count along them."""

    lead: int
    positions: Any  # of the shape that the indexed part has in the result

    def flat(self, t: Traced) -> Any:
        return rows.reshape(t, shape=(prod(t.shape[: self.lead]), *t.shape[self.lead :]))


def _gather(t: Traced, items: Sequence[Item]) -> Traced:
    found = _rows_of(t, items)
    result: Traced = rows.gather(found.flat(t), found.positions)
    result.is_scalar = result.shape == ()
    result.follow([t, *items])
    chosen = [_is_array(item) or isinstance(item, int) for item in items]
    if chosen != sorted(chosen, reverse=True):  # NumPy lays it out in an order of its own
        result.strides_unknown()
    return result


def _scatter(t: Traced, items: Sequence[Item], value: Any) -> Traced:
    """The new content of `t` after `t[items] = value`."""
    found = _rows_of(t, items)
    rest = t.shape[found.lead :]
    shape = (*np.shape(found.positions), *rest)
    update = _broadcast(value, shape, t)
    result = rows.scatter(found.flat(t), found.positions, update)
    restored: Traced = rows.reshape(result, shape=t.shape)
    return restored


def _broadcast(value: Any, shape: Shape, t: Traced) -> Any:
    """The value of an assignment in the dtype of `t`; leading ones are dropped, as NumPy does."""
    update = astype(value if isinstance(value, Traced) else wrap(as_node(value)), t.dtype)
    while update.ndim > len(shape) and update.shape[0] == 1:
        update = rows.reshape(update, shape=update.shape[1:])
    if update.shape == shape:
        return update
    try:
        fits = np.broadcast_shapes(update.shape, shape) == shape
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(
            f"could not broadcast input array from shape {update.shape} into shape {shape}"
        )
    return rows.broadcast_to(update, shape=shape)


def _rows_of(t: Traced, items: Sequence[Item]) -> _Rows:
    kept = [item for item in items if item is not None]
    lead = max(
        (axis + 1 for axis, item in enumerate(kept) if _is_array(item) or item != slice(None)),
        default=0,
    )
    if lead == 0 and len(kept) != len(items):
        lead = t.ndim  # only None: count along everything
    trailing = t.ndim - lead
    active_items = list(items)
    while trailing:  # whole axes at the end stay as they are
        if active_items[-1] is None:
            break
        active_items.pop()
        trailing -= 1
    lead += trailing
    if not any(isinstance(item, Traced | np.ndarray) for item in active_items):
        return _Rows(lead, _numbered(t.shape[:lead])[tuple(active_items)])
    return _Rows(lead, _positions(t.shape[:lead], active_items))


def _is_array(item: Item) -> bool:
    return isinstance(item, Traced | np.ndarray)


def _numbered(shape: Shape) -> np.ndarray[Any, Any]:
    return np.arange(prod(shape)).reshape(shape)


def _positions(shape: Shape, items: Sequence[Item]) -> Any:
    """Row numbers for a mixture of slices, integers, None and integer arrays.

    NumPy's rule: the arrays (integers among them) broadcast together; where they stand next to
    each other their axes take that place, otherwise they come first.
    """
    advanced = [place for place, i in enumerate(items) if _is_array(i) or isinstance(i, int)]
    together = advanced[-1] - advanced[0] + 1 == len(advanced)
    common = _common_shape([np.shape(items[place]) for place in advanced])
    before = [p for p in range(len(items)) if p not in advanced and together and p < advanced[0]]
    after = [p for p in range(len(items)) if p not in advanced and p not in before]
    axis_of = _axis_numbers(items)
    lengths = {p: _slice_length(items[p], shape, axis_of[p]) for p in before + after}
    dims = [lengths[p] for p in before] + list(common) + [lengths[p] for p in after]
    seat = {p: i for i, p in enumerate(before)}
    seat |= {p: len(before) + len(common) + i for i, p in enumerate(after)}
    total: Any = 0
    for place, item in enumerate(items):
        if item is None:
            continue
        axis = axis_of[place]
        stride = prod(shape[axis + 1 :])
        if place in advanced:
            along = _counted(item, shape, axis)
            width = len(before) + len(common) + len(after)
            lifted = [1] * width
            ndim = len(np.shape(along))
            end = len(before) + len(common)
            lifted[end - ndim : end] = np.shape(along)
        else:
            along = np.arange(shape[axis])[item]
            lifted = [1] * len(dims)
            lifted[seat[place]] = len(along)
        total = total + _reshaped(along, tuple(lifted)) * stride
    return _stretched(total, tuple(dims))


def _common_shape(shapes: Sequence[Shape]) -> Shape:
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        shown = " ".join(map(str, shapes))
        raise IndexError(
            f"shape mismatch: indexing arrays could not be broadcast together with shapes {shown}"
        ) from None


def _axis_numbers(items: Sequence[Item]) -> dict[int, int]:
    numbers, axis = {}, 0
    for place, item in enumerate(items):
        numbers[place] = axis
        axis += item is not None
    return numbers


def _slice_length(item: Item, shape: Shape, axis: int) -> int:
    return 1 if item is None else len(range(*item.indices(shape[axis])))


def _counted(item: Item, shape: Shape, axis: int) -> Any:
    """The index counted from 0. Plain ones are checked here, traced ones when they are run.

    One that lies outside its axis would fall into a neighbouring row; it is sent beyond the last
    row of all, where Gather refuses it.
    """
    length = shape[axis]
    if isinstance(item, int):
        return np.asarray(_checked(item, length, axis))
    if isinstance(item, np.ndarray):
        if item.size and not (-length <= item.min() and item.max() < length):
            raise IndexError(f"an index is out of bounds for axis {axis} with size {length}")
        item = wrap(as_node(item))
    number = astype(item, np.int64)
    if len(shape) == 1:
        return number  # Gather itself counts from the end, and refuses what lies outside
    number = rows.where(number < 0, number + length, number)
    inside = rows.logical_and(number >= 0, number < length)
    return rows.where(inside, number, prod(shape[: axis + 1]))


def _reshaped(value: Any, shape: Shape) -> Any:
    if isinstance(value, Traced):
        return rows.reshape(value, shape=shape)
    return np.reshape(value, shape)


def _stretched(value: Any, shape: Shape) -> Any:
    if np.shape(value) == shape:
        return value
    if isinstance(value, Traced):
        return rows.broadcast_to(value, shape=shape)
    return np.broadcast_to(value, shape).copy()


# --- masks ---------------------------------------------------------------------------------------


def _where_masked(t: Traced, mask: Any, value: Any) -> Traced:
    """The new content of `t` after `t[mask] = value`."""
    if isinstance(value, Selection):
        if not value.same_mask(mask):
            _refuse_selection()
        update = value.whole
    else:
        update = value if isinstance(value, Traced) else wrap(as_node(value))
        if update.ndim > t.ndim - mask.ndim and update.size != 1:
            _refuse_selection()
    if mask.shape != t.shape[: mask.ndim]:
        raise IndexError(
            f"a boolean index of shape {mask.shape} does not match an array of shape {t.shape}"
        )
    full = rows.reshape(mask, shape=(*mask.shape, *[1] * (t.ndim - mask.ndim)))
    if update.shape != () and update.size == 1:
        update = rows.reshape(update, shape=())
    update = astype(update, t.dtype)
    result: Traced = rows.where(full, update, t)
    return result


def _refuse_selection() -> NoReturn:
    stop(
        "how many values a traced mask selects is not known beforehand",
        "t = np.where(mask, value, t), with a value of t's shape",
    )


def view_of(
    t: Traced,
    read: Callable[[Traced], Traced],
    write: Callable[[Traced, Traced], Traced] | None,
    *,
    strides: Strides = None,
    sure: bool = True,
    reason: str = "",
) -> Traced:
    """A handle that shares its memory with `t`; where that is not sure, neither is what it reads
    after a change of `t`.
    """
    view = View(t, read if sure else None, write if sure else None, reason)
    return Traced(read(t).node, view, is_scalar=False, strides=strides)


Traced.__getitem__ = getitem
Traced.__setitem__ = setitem
