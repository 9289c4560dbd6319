"""Sums, extremes, moments, order statistics and running totals."""

from typing import Any

import numpy as np

from .idioms import axes, of_arrays

# --- sums and products ---------------------------------------------------------------------------


def sum_(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
    return np.sum(x, axis=axes(x, dim), keepdims=keepdim)


def nansum(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
    return np.nansum(x, axis=axes(x, dim), keepdims=keepdim)


def mean(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
    return np.mean(x, axis=axes(x, dim), keepdims=keepdim)


def nanmean(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
    return nansum(x, dim, keepdim) / np.sum(~np.isnan(x), axis=axes(x, dim), keepdims=keepdim)


def prod(x: Any, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Any:
    return np.prod(x, axis=axes(x, dim), keepdims=keepdim)


def all_(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
    return np.all(x, axis=axes(x, dim), keepdims=keepdim)


def any_(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
    return np.any(x, axis=axes(x, dim), keepdims=keepdim)


def count_nonzero(x: Any, dim: Any = None) -> Any:
    return np.count_nonzero(x, axis=axes(x, dim))


def logsumexp(x: Any, dim: Any, keepdim: bool = False) -> Any:
    largest = np.max(x, axis=axes(x, dim), keepdims=True)
    largest = np.where(np.isfinite(largest), largest, 0.0)
    total = np.log(np.sum(np.exp(x - largest), axis=axes(x, dim), keepdims=True)) + largest
    return total if keepdim or x.ndim == 0 else np.squeeze(total, axes(x, dim))


# --- moments -------------------------------------------------------------------------------------


def freedom(unbiased: bool | None, correction: float | None) -> float:
    """What is taken from the number of samples: 1, unless another number is asked for."""
    if unbiased is not None:
        return float(unbiased)
    return 1.0 if correction is None else correction


def var(
    x: Any, dim: Any = None, unbiased: Any = None, keepdim: bool = False, *, correction: Any = None
) -> Any:
    return np.var(x, axis=axes(x, dim), ddof=freedom(unbiased, correction), keepdims=keepdim)


def std(
    x: Any, dim: Any = None, unbiased: Any = None, keepdim: bool = False, *, correction: Any = None
) -> Any:
    return np.std(x, axis=axes(x, dim), ddof=freedom(unbiased, correction), keepdims=keepdim)


def var_mean(x: Any, dim: Any = None, keepdim: bool = False, **settings: Any) -> Any:
    return var(x, dim, keepdim=keepdim, **settings), mean(x, dim, keepdim)


def std_mean(x: Any, dim: Any = None, keepdim: bool = False, **settings: Any) -> Any:
    return std(x, dim, keepdim=keepdim, **settings), mean(x, dim, keepdim)


def cov(x: Any, correction: int = 1, fweights: Any = None, aweights: Any = None) -> Any:
    """`np.cov`, which is not recorded, in terms of what is. Weights keep their precision."""
    x = np.atleast_2d(x)
    w = np.ones(x.shape[1]) if aweights is None else aweights
    if fweights is not None:
        w = w * fweights.astype(w.dtype)
    total = np.sum(w)
    norm = total - correction
    if aweights is not None:
        norm = total - correction * np.sum(w * aweights) / total
    centred = x - np.sum(x * w, axis=1, keepdims=True) / total
    return np.squeeze((centred * w) @ centred.T / norm)


def corrcoef(x: Any) -> Any:
    c = cov(x)
    if c.ndim == 0:
        return c / c
    deviation = np.sqrt(np.diagonal(c))
    return np.clip(c / np.outer(deviation, deviation), -1.0, 1.0)


# --- extremes ------------------------------------------------------------------------------------


def amax(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
    return np.max(x, axis=axes(x, dim), keepdims=keepdim)


def amin(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
    return np.min(x, axis=axes(x, dim), keepdims=keepdim)


def aminmax(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
    return amin(x, dim, keepdim), amax(x, dim, keepdim)


def argmax(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
    return np.argmax(x, axis=axes(x, dim), keepdims=keepdim)


def argmin(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
    return np.argmin(x, axis=axes(x, dim), keepdims=keepdim)


def max_along(x: Any, dim: int, keepdim: bool = False) -> Any:
    return amax(x, dim, keepdim), argmax(x, dim, keepdim)


def min_along(x: Any, dim: int, keepdim: bool = False) -> Any:
    return amin(x, dim, keepdim), argmin(x, dim, keepdim)


# --- order ---------------------------------------------------------------------------------------


@of_arrays
def sort(x: Any, dim: int = -1, descending: bool = False, stable: bool = False) -> Any:
    order = np.argsort(-x if descending else x, axis=dim, kind="stable")
    return np.take_along_axis(x, order, dim), order


def argsort(x: Any, dim: int = -1, descending: bool = False, stable: bool = False) -> Any:
    return sort(x, dim, descending, stable)[1]


@of_arrays
def topk(x: Any, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Any:
    order = np.argsort(-x if largest else x, axis=dim, kind="stable")
    order = np.take(order, np.arange(k), axis=dim)
    return np.take_along_axis(x, order, dim), order


@of_arrays
def kthvalue(x: Any, k: int, dim: int = -1, keepdim: bool = False) -> Any:
    order = np.take(np.argsort(x, axis=dim, kind="stable"), np.arange(k - 1, k), axis=dim)
    found = np.take_along_axis(x, order, dim)
    return (found, order) if keepdim else (np.squeeze(found, dim), np.squeeze(order, dim))


def median(x: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """The lower one of the two in the middle, where there are two."""
    if dim is None:
        return np.sort(np.ravel(x))[(x.size - 1) // 2]
    return kthvalue(x, (x.shape[dim] + 1) // 2 if x.ndim else 1, dim, keepdim)


def quantile(
    x: Any, q: Any, dim: Any = None, keepdim: bool = False, interpolation: str = "linear"
) -> Any:
    if isinstance(q, float) and interpolation == "linear":
        return np.quantile(x, q, axis=axes(x, dim), keepdims=keepdim)
    return quantiles(x, q, dim, keepdim, interpolation)


def quantiles(x: Any, q: Any, dim: Any, keepdim: bool, interpolation: str) -> Any:
    """Several at once, by rank; the quantiles come first."""
    rank = x.ndim
    if dim is None or rank == 0:
        x, along = np.ravel(x), 0
    else:
        along = dim % rank
    ordered = np.moveaxis(np.sort(x, axis=along), along, 0)
    place = q * (ordered.shape[0] - 1)
    low = np.floor(place).astype(np.int64)
    high = np.ceil(place).astype(np.int64)
    share = {
        "linear": place - low,
        "lower": 0 * place,
        "higher": np.ceil(place) - low + 0 * place,
        "midpoint": 0.5 + 0 * place,
        "nearest": np.round(place) - low + 0 * place,
    }[interpolation]
    share = np.reshape(share, np.shape(q) + (1,) * (ordered.ndim - 1))
    result = ordered[low] + share * (ordered[high] - ordered[low])
    if not keepdim:
        return result
    if dim is None:
        return np.reshape(result, np.shape(q) + (1,) * rank)
    return np.expand_dims(result, np.ndim(q) + along) if rank else result


# --- running totals ------------------------------------------------------------------------------


@of_arrays
def cumsum(x: Any, dim: int, dtype: Any = None) -> Any:
    return np.cumsum(x, axis=dim)


@of_arrays
def cumprod(x: Any, dim: int, dtype: Any = None) -> Any:
    return np.cumprod(x, axis=dim)


def running_extreme(better: Any) -> Any:
    """The best so far and where it stands: the last of equals."""

    @of_arrays
    def running(x: Any, dim: int) -> Any:
        entries = list(np.moveaxis(x, dim, 0))
        values, places = [entries[0]], [np.zeros(entries[0].shape, np.int64)]
        for place, entry in enumerate(entries[1:], start=1):
            new = better(entry, values[-1])
            values.append(np.where(new, entry, values[-1]))
            places.append(np.where(new, place, places[-1]))
        return np.stack(values, dim), np.stack(places, dim)

    return running


@of_arrays
def logcumsumexp(x: Any, dim: int) -> Any:
    entries = list(np.moveaxis(x, dim, 0))
    totals = entries[:1]
    for entry in entries[1:]:
        totals.append(np.logaddexp(totals[-1], entry))
    return np.stack(totals, dim)


def diff(x: Any, n: int = 1, dim: int = -1, prepend: Any = None, append: Any = None) -> Any:
    edges = {"prepend": prepend, "append": append}
    given = {name: edge for name, edge in edges.items() if edge is not None}
    return np.diff(x, n, axis=dim, **given)


def trapezoid(y: Any, x: Any = None, *, dx: float = 1.0, dim: int = -1) -> Any:
    return np.trapezoid(y, x, dx=dx, axis=dim)


def cumulative_trapezoid(y: Any, x: Any = None, *, dx: float = 1.0, dim: int = -1) -> Any:
    y = np.moveaxis(y, dim, -1)
    step = dx if x is None else np.diff(np.moveaxis(x, dim, -1))
    return np.moveaxis(np.cumsum(step * (y[..., 1:] + y[..., :-1]) / 2, axis=-1), -1, dim)


def gradient(x: Any, *, spacing: Any, dim: Any, edge_order: int) -> Any:
    """`np.gradient`, which is not recorded, axis by axis."""
    along = range(x.ndim) if dim is None else [dim] if isinstance(dim, int) else dim
    steps = spacing if isinstance(spacing, list | tuple) else [spacing] * len(along)
    return [slope(x, step, axis, edge_order) for axis, step in zip(along, steps, strict=True)]


def slope(x: Any, spacing: Any, axis: int, edge_order: int) -> Any:
    """Second order inside, and first or second at the ends, for places of any distance."""
    y = np.moveaxis(x, axis, -1)
    n = y.shape[-1]
    places = spacing if np.ndim(spacing) else np.arange(n) * (1.0 if spacing is None else spacing)
    h = np.diff(places)
    rise = np.diff(y) / h
    inside = (h[1:] * rise[..., :-1] + h[:-1] * rise[..., 1:]) / (h[:-1] + h[1:])
    first, last = rise[..., :1], rise[..., -1:]
    if edge_order == 2:
        first = first - (rise[..., 1:2] - first) * h[0] / (h[0] + h[1])
        last = last + (last - rise[..., -2:-1]) * h[-1] / (h[-1] + h[-2])
    return np.moveaxis(np.concatenate([first, inside, last], axis=-1), -1, axis)


# --- segments ------------------------------------------------------------------------------------


def segment_reduce(
    x: Any,
    how: str,
    axis: int,
    initial: float,
    lengths: Any = None,
    offsets: Any = None,
    unsafe: bool = False,
) -> Any:
    """Pieces of an axis, each with the initial value; rows before that axis have their own."""
    ends = np.cumsum(lengths, axis=-1) if offsets is None else offsets[..., 1:]
    starts = ends - lengths if offsets is None else offsets[..., :-1]
    if axis == 0:
        return segments(x, starts, ends, how, initial)
    return np.stack([segments(x[i], starts[i], ends[i], how, initial) for i in range(x.shape[0])])


def segments(x: Any, starts: Any, ends: Any, how: str, initial: float) -> Any:
    reduce = {"max": np.max, "min": np.min, "sum": np.sum, "mean": np.sum, "prod": np.prod}[how]
    first = np.full((1, *x.shape[1:]), float(initial))
    found = []
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        total = reduce(np.concatenate([first, x[start:end]]), axis=0)
        found.append(total / (end - start) if how == "mean" and end > start else total)
    return np.stack(found)


ROWS = {
    "_segment_reduce.lengths": segment_reduce,
    "_segment_reduce.offsets": segment_reduce,
    "all": all_,
    "amax": amax,
    "amin": amin,
    "aminmax": aminmax,
    "any": any_,
    "argmax": argmax,
    "argmin": argmin,
    "argsort": argsort,
    "corrcoef": corrcoef,
    "count_nonzero": count_nonzero,
    "cov": cov,
    "cummax": running_extreme(np.greater_equal),
    "cummin": running_extreme(np.less_equal),
    "cumprod": cumprod,
    "cumsum": cumsum,
    "cumulative_trapezoid": cumulative_trapezoid,
    "diff": diff,
    "gradient": gradient,
    "isin": lambda x, among: np.any(x[..., None] == np.ravel(among), axis=-1),
    "kthvalue": kthvalue,
    "logcumsumexp": logcumsumexp,
    "logsumexp": logsumexp,
    "max.reduction_no_dim": np.max,
    "max.reduction_with_dim": max_along,
    "mean": mean,
    "median": median,
    "min.reduction_no_dim": np.min,
    "min.reduction_with_dim": min_along,
    "msort": lambda x: np.sort(x, axis=0),
    "nanmean": nanmean,
    "nanmedian": median,
    "nanquantile": quantile,
    "nansum": nansum,
    "prod": prod,
    "quantile": quantile,
    "sort": sort,
    "std": std,
    "std.unbiased": lambda x, unbiased: np.std(x, ddof=int(unbiased)),
    "std_mean": std_mean,
    "std_mean.unbiased": lambda x, unbiased: (np.std(x, ddof=int(unbiased)), np.mean(x)),
    "sum": sum_,
    "topk": topk,
    "trapezoid": trapezoid,
    "trapz": trapezoid,
    "var": var,
    "var.unbiased": lambda x, unbiased: np.var(x, ddof=int(unbiased)),
    "var_mean": var_mean,
    "var_mean.unbiased": lambda x, unbiased: (np.var(x, ddof=int(unbiased)), np.mean(x)),
}
