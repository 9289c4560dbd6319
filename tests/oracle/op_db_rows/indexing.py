"""Choosing entries by position, and putting entries at positions."""

from typing import Any

import numpy as np

from .idioms import of_arrays


def along(index: Any, dim: int) -> tuple[Any, ...]:
    """Positions along an axis, one for each entry of `index`, as NumPy's index of all axes."""
    places = list(np.indices(index.shape, sparse=True))
    places[dim] = index
    return tuple(places)


def gather(x: Any, dim: int, index: Any) -> Any:
    if x.ndim == 0:
        return np.reshape(x, (1,))[index]
    if index.size == 0:  # of any rank, in PyTorch
        return np.zeros(index.shape)
    return x[along(index, dim)]


def added(x: Any, dim: int, index: Any, source: Any) -> Any:
    """x with the source added where the index says; repeated positions add up."""
    if x.ndim == 0:
        return x + source
    total = np.copy(x)
    index = index.astype(np.int64)
    np.add.at(total, along(index, dim), cut(source, index.shape))
    return total


def cut(source: Any, shape: tuple[int, ...]) -> Any:
    """The first entries of the source, as many as there are positions."""
    return source[tuple(slice(length) for length in shape)]


def scatter(x: Any, dim: int, index: Any, source: Any) -> Any:
    if x.ndim == 0:
        return np.reshape(source, ()) + 0 * x
    changed = np.copy(x)
    index = index.astype(np.int64)
    changed[along(index, dim)] = cut(source, index.shape) if np.ndim(source) else source
    return changed


# --- whole slices --------------------------------------------------------------------------------


def at(x: Any, dim: int, index: Any) -> tuple[Any, ...]:
    """The index of some slices along an axis."""
    place: list[Any] = [slice(None)] * x.ndim
    place[dim] = index
    return tuple(place)


@of_arrays
def index_select(x: Any, dim: int, index: Any) -> Any:
    return np.take(x, index, axis=dim)


@of_arrays
def index_add(x: Any, dim: int, index: Any, source: Any, alpha: float = 1) -> Any:
    total = np.copy(x)
    np.add.at(total, at(x, dim, index), alpha * source)
    return total


@of_arrays
def index_copy(x: Any, dim: int, index: Any, source: Any) -> Any:
    changed = np.copy(x)
    changed[at(x, dim, index)] = source
    return changed


@of_arrays
def index_fill(x: Any, dim: int, index: Any, value: Any) -> Any:
    changed = np.copy(x)
    changed[at(x, dim, index)] = value
    return changed


# --- flat positions and NumPy's own indices ------------------------------------------------------


def take(x: Any, index: Any) -> Any:
    return np.take(np.ravel(x), index)


def put(x: Any, index: Any, source: Any, accumulate: bool = False) -> Any:
    flat = np.copy(np.ravel(x))
    if accumulate:
        np.add.at(flat, np.ravel(index), np.ravel(source))
    else:
        flat[np.ravel(index)] = np.ravel(source)
    return np.reshape(flat, x.shape)


def take_along_dim(x: Any, index: Any, dim: int | None = None) -> Any:
    return np.take_along_axis(x, index, dim) if dim is not None else np.ravel(x)[np.ravel(index)]


def index_put(x: Any, index: Any, values: Any, accumulate: bool) -> Any:
    changed = np.copy(x)
    if accumulate:
        np.add.at(changed, tuple(index), values)
    else:
        changed[tuple(index)] = values
    return changed


def masked_select(x: Any, mask: Any) -> Any:
    shape = np.broadcast_shapes(x.shape, mask.shape, (1,))
    return np.broadcast_to(x, shape)[np.broadcast_to(mask, shape)]


def masked_scatter(x: Any, mask: Any, source: Any) -> Any:
    shape = np.broadcast_shapes(x.shape, mask.shape)
    changed = np.copy(np.broadcast_to(x, shape))
    mask = np.broadcast_to(mask, shape)
    changed[mask] = np.ravel(source)[: np.count_nonzero(mask)]
    return changed


def unsafe_masked_index(x: Any, mask: Any, index: Any, fill: float) -> Any:
    """Positions outside count only where the mask is false, and give the filler there."""
    inside = tuple(np.clip(i, 0, n - 1) for i, n in zip(index, x.shape, strict=True))
    return np.where(mask, x[inside], fill)


def unsafe_masked_index_put(x: Any, mask: Any, index: Any, values: Any) -> Any:
    inside = tuple(np.clip(i, 0, n - 1) for i, n in zip(index, x.shape, strict=True))
    total = np.copy(x)
    np.add.at(total, inside, np.where(mask, values, 0.0))
    return total


# --- reductions into positions -------------------------------------------------------------------


def membership(index: Any, rows: int) -> Any:
    """(rows, entries): 1 where the entry goes to the row."""
    return (np.arange(rows)[:, None] == np.ravel(index)).astype(float)


def reduced(x: Any, goes: Any, source: Any, how: str, include_self: bool) -> Any:
    """x (rows, …), source (entries, …), and which entry goes to which row: (rows, entries, …)."""
    goes = np.reshape(goes, goes.shape + (1,) * (1 + source.ndim - goes.ndim)) != 0
    count = np.sum(goes, axis=1)
    some = count > 0
    if how in ("sum", "mean"):
        total = np.sum(np.where(goes, source, 0.0), axis=1)
        total = total + x if include_self else np.where(some, total, x)
        divisor = count + 1 if include_self else np.where(some, count, 1)
        return total / divisor if how == "mean" else total
    if how == "prod":
        total = np.prod(np.where(goes, source, 1.0), axis=1)
        return total * x if include_self else np.where(some, total, x)
    extreme, worst = {"amax": (np.max, -np.inf), "amin": (np.min, np.inf)}[how]
    candidates = np.where(goes, source, worst)
    own = x if include_self else np.where(some, worst, x)
    return extreme(np.concatenate([own[:, None], candidates], axis=1), axis=1)


def index_reduce(
    x: Any, dim: int, index: Any, source: Any, how: str, include_self: bool = True
) -> Any:
    rank = x.ndim
    x, source = np.atleast_1d(x), np.atleast_1d(source)
    moved = np.moveaxis(x, dim, 0)
    result = reduced(
        moved, membership(index, moved.shape[0]), np.moveaxis(source, dim, 0), how, include_self
    )
    result = np.moveaxis(result, 0, dim)
    return result if rank else np.reshape(result, ())


def scatter_reduce(
    x: Any, dim: int, index: Any, source: Any, how: str, include_self: bool = True
) -> Any:
    """Every column of the index has rows of its own; columns without an index keep theirs."""
    rank = x.ndim
    x, source, index = np.atleast_1d(x), np.atleast_1d(source), np.atleast_1d(index)
    rows = np.moveaxis(x, dim, 0)
    index = np.moveaxis(index, dim, 0)
    entries = np.moveaxis(cut(source, np.moveaxis(index, 0, dim).shape), dim, 0)
    touched = tuple(slice(length) for length in index.shape[1:])
    places = np.reshape(np.arange(rows.shape[0]), (-1,) + (1,) * index.ndim)
    goes = (places == index).astype(float)
    changed = np.copy(rows)
    changed[:, *touched] = reduced(rows[:, *touched], goes, entries, how, include_self)
    result = np.moveaxis(changed, 0, dim)
    return result if rank else np.reshape(result, ())


ROWS = {
    "__getitem__": lambda x, index: x[index],
    "_unsafe_masked_index": unsafe_masked_index,
    "_unsafe_masked_index_put_accumulate": unsafe_masked_index_put,
    "gather": gather,
    "index_add": index_add,
    "index_copy": index_copy,
    "index_fill": index_fill,
    "index_put": index_put,
    "index_reduce.amax": index_reduce,
    "index_reduce.amin": index_reduce,
    "index_reduce.mean": index_reduce,
    "index_reduce.prod": index_reduce,
    "index_select": index_select,
    "masked_scatter": masked_scatter,
    "masked_select": masked_select,
    "put": put,
    "scatter": scatter,
    "scatter_add": added,
    "scatter_reduce.amax": scatter_reduce,
    "scatter_reduce.amin": scatter_reduce,
    "scatter_reduce.mean": scatter_reduce,
    "scatter_reduce.prod": scatter_reduce,
    "scatter_reduce.sum": scatter_reduce,
    "take": take,
    "take_along_dim": take_along_dim,
}
