"""Images made larger and smaller, and read at places between their entries."""

from itertools import product
from math import floor
from typing import Any

import numpy as np

from .windows import adaptive_average_pool

# --- to another size: every axis times a matrix --------------------------------------------------


def sizes(lengths: Any, size: Any, scale_factor: Any) -> list[int]:
    if size is not None:
        return [size] * len(lengths) if isinstance(size, int) else list(size)
    factors = factors_of(scale_factor, len(lengths))
    return [floor(length * factor) for length, factor in zip(lengths, factors, strict=True)]


def factors_of(scale_factor: Any, rank: int) -> list[float]:
    single = isinstance(scale_factor, int | float)
    return [float(scale_factor)] * rank if single else list(scale_factor)


def matrix(kernel: Any, length: int, count: int, ratio: float, align_corners: bool) -> Any:
    """(count, length): the share of every entry in every result.

    `ratio` is how many entries lie between two results; with aligned corners the first and last
    results are the first and last entries.
    """
    if align_corners:
        ratio = (length - 1) / (count - 1) if count > 1 else 0.0
        places = ratio * np.arange(count)
    else:
        places = ratio * (np.arange(count) + 0.5) - 0.5
    return kernel(places, length)


def linear(places: Any, length: int) -> Any:
    return spread_over(np.maximum(places, 0.0), length, (0, 1), lambda t: (1 - t, t))


def cubic_weights(t: Any) -> tuple[Any, Any, Any, Any]:
    """Keys 1981, with a = -0.75."""
    a = -0.75

    def near(d: Any) -> Any:
        return (a + 2) * d**3 - (a + 3) * d**2 + 1

    def far(d: Any) -> Any:
        return a * (d**3 - 5 * d**2 + 8 * d - 4)

    return far(t + 1), near(t), near(1 - t), far(2 - t)


def cubic(places: Any, length: int) -> Any:
    return spread_over(places, length, (-1, 0, 1, 2), cubic_weights)


def spread_over(places: Any, length: int, offsets: Any, weights: Any) -> Any:
    """Neighbours beyond the ends are those at the ends."""
    low = np.floor(places).astype(int)
    shares = np.zeros((len(places), length))
    for offset, weight in zip(offsets, weights(places - low), strict=True):
        np.add.at(shares, (np.arange(len(places)), np.clip(low + offset, 0, length - 1)), weight)
    return shares


def interpolate(
    x: Any,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
) -> Any:
    rank = x.ndim - 2
    lengths = x.shape[2:]
    counts = sizes(lengths, size, scale_factor)
    if mode == "area":
        return adaptive_average_pool(rank)(x, counts)
    exact = scale_factor is not None and not recompute_scale_factor
    factors = factors_of(scale_factor, rank) if exact else [None] * rank
    for axis, (length, count, factor) in enumerate(
        zip(lengths, counts, factors, strict=True), start=2
    ):
        ratio = length / count if factor is None else 1 / factor
        if mode.startswith("nearest"):
            shift = 0.5 if mode == "nearest-exact" else 0.0
            chosen = np.floor((np.arange(count) + shift) * ratio).astype(int)
            x = np.take(x, np.minimum(chosen, length - 1), axis=axis)
        else:
            kernel = cubic if mode == "bicubic" else linear
            shares = matrix(kernel, length, count, ratio, bool(align_corners))
            x = np.moveaxis(np.tensordot(x, shares, ([axis], [1])), -1, axis)
    return x


def upsample_bilinear(x: Any, size: Any = None, scale_factor: Any = None) -> Any:
    return interpolate(x, size, scale_factor, "bilinear", align_corners=True)


def upsample_nearest(x: Any, size: Any = None, scale_factor: Any = None) -> Any:
    return interpolate(x, size, scale_factor, "nearest")


# --- at places of a grid -------------------------------------------------------------------------

MODES = ("bilinear", "nearest", "bicubic")
PADDINGS = ("zeros", "border", "reflection")


def grid_sample(
    x: Any,
    grid: Any,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> Any:
    """x (n, channels, …), grid (n, …, axes): places from -1 to 1, the last axis of x first."""
    lengths = x.shape[2:]
    places = []
    for axis, length in enumerate(lengths):
        unit = grid[..., len(lengths) - 1 - axis]
        place = (unit + 1) / 2 * (length - 1) if align_corners else ((unit + 1) * length - 1) / 2
        if mode != "bicubic":
            place = moved_inside(place, length, padding_mode, bool(align_corners))
        places.append(place)
    if mode == "nearest":
        return entries(x, [np.round(p) for p in places], padding_mode, bool(align_corners))
    offsets, weights = {
        "bilinear": ((0, 1), linear_weights),
        "bicubic": ((-1, 0, 1, 2), cubic_weights),
    }[mode]
    lows = [np.floor(place) for place in places]
    shares = [weights(place - low) for place, low in zip(places, lows, strict=True)]
    total: Any = 0.0
    for choice in product(range(len(offsets)), repeat=len(lengths)):
        share: Any = 1.0
        for own, which in zip(shares, choice, strict=True):
            share = share * own[which]
        corner = [low + offsets[which] for low, which in zip(lows, choice, strict=True)]
        found = entries(x, corner, padding_mode, bool(align_corners))
        total = total + share[:, None] * found
    return total


def linear_weights(t: Any) -> tuple[Any, Any]:
    return 1 - t, t


def moved_inside(place: Any, length: int, padding_mode: str, align_corners: bool) -> Any:
    if padding_mode == "border":
        return np.clip(place, 0.0, length - 1.0)
    if padding_mode == "reflection":
        first, span = (0.0, length - 1.0) if align_corners else (-0.5, float(length))
        if span == 0:
            return 0 * place
        away = np.abs(place - first)
        turns = np.floor(away / span)
        rest = away - turns * span
        mirrored = np.where(turns % 2 == 0, rest, span - rest) + first
        return np.clip(mirrored, 0.0, length - 1.0)
    return place


def entries(x: Any, places: Any, padding_mode: str, align_corners: bool) -> Any:
    """The entries at whole places; beyond the array they are 0, or those at the border."""
    lengths = x.shape[2:]
    inside: Any = True
    index = []
    for place, length in zip(places, lengths, strict=True):
        place = moved_inside(place, length, padding_mode, align_corners)
        inside = inside & (place >= 0) & (place <= length - 1)
        index.append(np.clip(place, 0, length - 1).astype(np.int64))
    samples = np.reshape(np.arange(x.shape[0]), (-1,) + (1,) * (index[0].ndim - 1))
    found = np.moveaxis(x, 1, -1)[(samples, *index)]
    return np.moveaxis(np.where(inside[..., None], found, 0.0), -1, 1)


def grid_sampler(x: Any, grid: Any, mode: int, padding_mode: int, align_corners: bool) -> Any:
    return grid_sample(x, grid, MODES[mode], PADDINGS[padding_mode], align_corners)


ROWS = {
    "grid_sampler_2d": grid_sampler,
    "grid_sampler_3d": grid_sampler,
    "nn.functional.grid_sample": grid_sample,
    "nn.functional.interpolate.area": interpolate,
    "nn.functional.interpolate.bicubic": interpolate,
    "nn.functional.interpolate.bilinear": interpolate,
    "nn.functional.interpolate.linear": interpolate,
    "nn.functional.interpolate.nearest": interpolate,
    "nn.functional.interpolate.nearest-exact": interpolate,
    "nn.functional.interpolate.trilinear": interpolate,
    "nn.functional.upsample_bilinear": upsample_bilinear,
    "nn.functional.upsample_nearest": upsample_nearest,
}
