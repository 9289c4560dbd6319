"""Reductions and softmaxes that leave masked entries out (`torch.masked`)."""

from typing import Any

import numpy as np

from . import activations, reductions
from .idioms import axes, of_arrays
from .reductions import freedom

FULL = np.array(True)


def kept(x: Any, mask: Any) -> Any:
    """The mask in the shape of x; none keeps all."""
    return np.broadcast_to(FULL if mask is None else mask, x.shape)


def with_filler(reduction: Any, filler: float) -> Any:
    """Entries that are masked out take the value that changes nothing."""

    def reduced(x: Any, *args: Any, mask: Any = None, **settings: Any) -> Any:
        return reduction(np.where(kept(x, mask), x, filler), *args, **settings)

    return reduced


def position(reduction: Any, filler: float) -> Any:
    """PyTorch gives these positions as floating-point numbers."""
    filled = with_filler(reduction, filler)
    return lambda *args, **settings: filled(*args, **settings).astype(float)


def count(x: Any, mask: Any, dim: Any, keepdim: bool) -> Any:
    return np.sum(kept(x, mask), axis=axes(x, dim), keepdims=keepdim)


def mean(x: Any, dim: Any = None, keepdim: bool = False, mask: Any = None) -> Any:
    total = np.sum(np.where(kept(x, mask), x, 0.0), axis=axes(x, dim), keepdims=keepdim)
    return total / count(x, mask, dim, keepdim)


def var(
    x: Any,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    correction: float | None = None,
    mask: Any = None,
) -> Any:
    """No variance is negative, and none has fewer than 0 degrees of freedom."""
    middle = mean(x, dim, True, mask)
    squares = np.where(kept(x, mask), (x - middle) ** 2, 0.0)
    total = np.sum(squares, axis=axes(x, dim), keepdims=keepdim)
    samples = count(x, mask, dim, keepdim) - freedom(unbiased, correction)
    return total / np.maximum(samples, 0)


def std(x: Any, dim: Any = None, **settings: Any) -> Any:
    return np.sqrt(var(x, dim, **settings))


def norm(x: Any, ord: float, dim: Any = None, keepdim: bool = False, mask: Any = None) -> Any:
    filler = np.inf if ord == -np.inf else 0.0
    return norm_along(np.where(kept(x, mask), x, filler), ord, dim, keepdim)


def norm_along(x: Any, ord: float, dim: Any, keepdim: bool) -> Any:
    size = np.abs(x)
    axis = axes(x, dim)
    if ord == np.inf:
        return np.max(size, axis=axis, keepdims=keepdim)
    if ord == -np.inf:
        return np.min(size, axis=axis, keepdims=keepdim)
    if ord == 0:
        return np.sum((size != 0).astype(float), axis=axis, keepdims=keepdim)
    if ord == 1:
        return np.sum(size, axis=axis, keepdims=keepdim)
    total = np.sum(x * x, axis=axis, keepdims=keepdim)
    some = total > 0
    return np.where(some, np.sqrt(np.where(some, total, 1.0)), 0.0)


def normalize(x: Any, ord: float, dim: int, eps: float = 1e-12, mask: Any = None) -> Any:
    size = norm(x, ord, dim, keepdim=x.ndim > 0, mask=mask)
    return np.where(kept(x, mask), x, 0.0) / np.maximum(size, eps)


def softmax(x: Any, dim: int, mask: Any = None) -> Any:
    return activations.softmax(np.where(kept(x, mask), x, -np.inf), dim)


def log_softmax(x: Any, dim: int, mask: Any = None) -> Any:
    return activations.log_softmax(np.where(kept(x, mask), x, -np.inf), dim)


def softmin(x: Any, dim: int, mask: Any = None) -> Any:
    return activations.softmax(np.where(kept(x, mask), -x, -np.inf), dim)


def logaddexp(x: Any, y: Any, input_mask: Any = None, other_mask: Any = None) -> Any:
    first = np.where(kept(x, input_mask), x, -np.inf)
    second = np.where(kept(y, other_mask), y, -np.inf)
    return np.logaddexp(first, second)


def logsumexp(x: Any, dim: Any = None, keepdim: bool = False, mask: Any = None) -> Any:
    return reductions.logsumexp(np.where(kept(x, mask), x, -np.inf), dim, keepdim)


@of_arrays
def median(x: Any, dim: int, keepdim: bool = False, mask: Any = None) -> Any:
    """The lower one of the two in the middle of the entries that are kept."""
    keep = kept(x, mask)
    ordered = np.sort(np.where(keep, x, np.inf), axis=dim)
    some = np.sum(keep, axis=dim, keepdims=True)
    found = np.take_along_axis(ordered, np.maximum(some - 1, 0) // 2, dim)
    found = np.where(some > 0, found, np.nan)
    return found if keepdim else np.squeeze(found, dim)


ROWS = {
    "masked.amax": with_filler(reductions.amax, -np.inf),
    "masked.amin": with_filler(reductions.amin, np.inf),
    "masked.argmax": position(reductions.argmax, -np.inf),
    "masked.argmin": position(reductions.argmin, np.inf),
    "masked.cumprod": with_filler(reductions.cumprod, 1.0),
    "masked.cumsum": with_filler(reductions.cumsum, 0.0),
    "masked.log_softmax": log_softmax,
    "masked.logaddexp": logaddexp,
    "masked.logsumexp": logsumexp,
    "masked.mean": mean,
    "masked.median": median,
    "masked.norm": norm,
    "masked.normalize": normalize,
    "masked.prod": with_filler(reductions.prod, 1.0),
    "masked.softmax": softmax,
    "masked.softmin": softmin,
    "masked.std": std,
    "masked.sum": with_filler(reductions.sum_, 0.0),
    "masked.var": var,
}
