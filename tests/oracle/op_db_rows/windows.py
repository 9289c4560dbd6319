"""Convolutions and pools: windows of an array, and what is made of each."""

from math import ceil
from typing import Any

import numpy as np

from chainrule.ops import rows

from .layout import pad

# --- windows -------------------------------------------------------------------------------------


def spread(setting: Any, rank: int) -> tuple[int, ...]:
    """A setting for every spatial axis; one number stands for all."""
    if isinstance(setting, int):
        return (setting,) * rank
    return tuple(setting) * rank if len(setting) == 1 else tuple(setting)


def windows(x: Any, size: Any, stride: Any, dilation: Any) -> Any:
    """(…, lengths) to (…, counts, sizes), over as many last axes as there are sizes."""
    axes = tuple(range(x.ndim - len(size), x.ndim))
    return rows.windows(x, axes=axes, sizes=tuple(size), strides=stride, dilations=dilation)


def batched(x: Any, rank: int) -> tuple[Any, bool]:
    """The samples, and whether there was only one, without an axis for it."""
    alone = x.ndim == rank + 1
    return (x[None] if alone else x), alone


# --- convolution ---------------------------------------------------------------------------------


def convolution(rank: int) -> Any:
    def convolve(
        x: Any,
        weight: Any,
        bias: Any = None,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
    ) -> Any:
        x, alone = batched(x, rank)
        stride, dilation = spread(stride, rank), spread(dilation, rank)
        size = weight.shape[2:]
        if padding == "same":
            total = [d * (k - 1) for k, d in zip(size, dilation, strict=True)]
            frame = [(t // 2, t - t // 2) for t in total]
        else:
            around = (0,) * rank if padding == "valid" else spread(padding, rank)
            frame = [(p, p) for p in around]
        framed = np.pad(x, [(0, 0), (0, 0), *frame])
        y = correlate(framed, weight, stride, dilation, groups)
        y = y if bias is None else y + np.reshape(bias, (-1, *[1] * rank))
        return y[0] if alone else y

    return convolve


def correlate(x: Any, weight: Any, stride: Any, dilation: Any, groups: int) -> Any:
    """x (n, in, …), weight (out, in / groups, …): every group of channels on its own."""
    n, channels = x.shape[:2]
    out, _, *size = weight.shape
    slid = windows(x, size, stride, dilation)
    counts = slid.shape[2 : 2 + len(size)]
    slid = np.reshape(slid, (n, groups, channels // groups, *slid.shape[2:]))
    kernel = np.reshape(weight, (groups, out // groups, *weight.shape[1:]))
    places, inside = "xyz"[: len(size)], "uvw"[: len(size)]
    y = np.einsum(f"ngc{places}{inside},goc{inside}->ngo{places}", slid, kernel)
    return np.reshape(y, (n, out, *counts))


def transposed_convolution(rank: int) -> Any:
    """Every entry of x spreads a kernel over the result, where they add up."""

    def convolve(
        x: Any,
        weight: Any,
        bias: Any = None,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        dilation: Any = 1,
    ) -> Any:
        x, alone = batched(x, rank)
        stride, padding = spread(stride, rank), spread(padding, rank)
        extra, dilation = spread(output_padding, rank), spread(dilation, rank)
        channels, out, *size = weight.shape
        n, _, *lengths = x.shape
        grouped = np.reshape(x, (n, groups, channels // groups, *lengths))
        kernel = np.reshape(weight, (groups, channels // groups, *weight.shape[1:]))
        places, inside = "xyz"[:rank], "uvw"[:rank]
        spots = np.einsum(f"ngc{places},gco{inside}->ngo{places}{inside}", grouped, kernel)
        settings = list(zip(lengths, size, stride, dilation, strict=True))
        y = rows.overlap_add(
            np.reshape(spots, (n, groups * out, *lengths, *size)),
            axes=tuple(range(2, 2 + rank)),
            sizes=tuple(size),
            strides=stride,
            dilations=dilation,
            lengths=tuple((m - 1) * s + d * (k - 1) + 1 for m, k, s, d in settings),
        )
        widths = [(-p, e - p) for p, e in zip(padding, extra, strict=True)]
        y = pad(y, [width for pair in reversed(widths) for width in pair])
        y = y if bias is None else y + np.reshape(bias, (-1, *[1] * rank))
        return y[0] if alone else y

    return convolve


def unfold(x: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Any:
    """The windows as columns; every window that NumPy has, and of those some entries of some."""
    size, (top, left) = spread(kernel_size, 2), spread(padding, 2)
    framed = np.pad(x, [(0, 0), (0, 0), (top, top), (left, left)])
    settings = spread(dilation, 2)
    reach = [d * (k - 1) + 1 for k, d in zip(size, settings, strict=True)]
    every = np.lib.stride_tricks.sliding_window_view(framed, reach, axis=(2, 3))
    slid = every[(..., *[slice(None, None, step) for step in (*spread(stride, 2), *settings)])]
    n, channels, high, wide = slid.shape[:4]
    columns = np.transpose(slid, (0, 1, 4, 5, 2, 3))
    return np.reshape(columns, (n, channels * size[0] * size[1], high * wide))


# --- pools ---------------------------------------------------------------------------------------


def frames(
    lengths: Any, size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
) -> list[tuple[int, int]]:
    """The widths before and behind; with ceil_mode a last window may reach beyond the padding."""
    widths = []
    for length, k, s, p, d in zip(lengths, size, stride, padding, dilation, strict=True):
        reach = d * (k - 1) + 1
        free = length + 2 * p - reach
        count = (ceil(free / s) if ceil_mode else free // s) + 1
        if ceil_mode and (count - 1) * s >= length + p:  # it would start in the padding
            count -= 1
        widths.append((p, max((count - 1) * s + reach - length - p, 0)))
    return widths


def max_pool(rank: int) -> Any:
    def pool(
        x: Any,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> Any:
        size = spread(kernel_size, rank)
        stride = size if stride is None else spread(stride, rank)
        padding, dilation = spread(padding, rank), spread(dilation, rank)
        lengths = x.shape[x.ndim - rank :]
        frame = frames(lengths, size, stride, padding, dilation, ceil_mode)
        widths = [(0, 0)] * (x.ndim - rank) + frame
        slid = windows(np.pad(x, widths, constant_values=-np.inf), size, stride, dilation)
        inside = tuple(range(slid.ndim - rank, slid.ndim))
        largest = np.max(slid, axis=inside)
        if not return_indices:
            return largest
        counts = slid.shape[x.ndim - rank : x.ndim]
        first = [np.arange(n) * s - p for n, s, p in zip(counts, stride, padding, strict=True)]
        inner = [np.arange(k) * d for k, d in zip(size, dilation, strict=True)]
        entry = np.argmax(np.reshape(slid, (*slid.shape[: x.ndim], -1)), axis=-1)
        offsets = np.ravel(flat(inner, lengths))
        return largest, flat(first, lengths) + rows.gather(offsets, entry)

    return pool


def flat(places: Any, lengths: Any) -> Any:
    """The row-major numbers of all combinations of places along the axes."""
    total: Any = 0
    for axis, along in enumerate(places):
        total = np.add.outer(total, along * int(np.prod(lengths[axis + 1 :])))
    return total


def average_pool(rank: int) -> Any:
    def pool(
        x: Any,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> Any:
        size = spread(kernel_size, rank)
        stride = size if stride is None or stride == () else spread(stride, rank)
        padding, ones = spread(padding, rank), (1,) * rank
        lengths = x.shape[x.ndim - rank :]
        frame = frames(lengths, size, stride, padding, ones, ceil_mode)
        slid = windows(np.pad(x, [(0, 0)] * (x.ndim - rank) + frame), size, stride, ones)
        inside = tuple(range(-rank, 0))
        total = np.sum(slid, axis=tuple(slid.ndim + axis for axis in inside))
        if divisor_override is not None:
            return total / divisor_override
        # What a window reaches beyond the padding never counts, the padding where it is asked to.
        around = [(p, p) for p in padding]
        counted = np.pad(np.ones(lengths), around, constant_values=float(count_include_pad))
        beyond = [(0, high - p) for p, (_, high) in zip(padding, frame, strict=True)]
        framed = pad(counted, [width for pair in reversed(beyond) for width in pair])
        return total / np.sum(windows(framed, size, stride, ones), axis=inside)

    return pool


# --- adaptive pools ------------------------------------------------------------------------------


def shares(length: int, count: int) -> list[range]:
    """Which entries go into each of `count` results."""
    return [range(i * length // count, -(-(i + 1) * length // count)) for i in range(count)]


def wanted(output_size: Any, lengths: Any) -> list[int]:
    """None keeps the length."""
    rank = len(lengths)
    asked = (output_size,) * rank if isinstance(output_size, int) else tuple(output_size)
    pairs = zip(asked * (rank // len(asked)), lengths, strict=True)
    return [length if count is None else count for count, length in pairs]


def adaptive_average_pool(rank: int) -> Any:
    def pool(x: Any, output_size: Any) -> Any:
        lengths = x.shape[x.ndim - rank :]
        for axis, count in enumerate(wanted(output_size, lengths), start=x.ndim - rank):
            mean = np.zeros((count, x.shape[axis]))
            for row, share in enumerate(shares(x.shape[axis], count)):
                mean[row, share] = 1 / len(share)
            x = np.moveaxis(np.tensordot(x, mean, ([axis], [1])), -1, axis)
        return x

    return pool


def adaptive_max_pool(rank: int) -> Any:
    """Shares of unequal lengths become equal by repeating their last entry."""

    def pool(x: Any, output_size: Any, return_indices: bool = False) -> Any:
        first = x.ndim - rank
        lengths = x.shape[first:]
        numbers = np.reshape(np.arange(int(np.prod(lengths))), lengths)
        for axis, count in enumerate(wanted(output_size, lengths)):
            parts = shares(lengths[axis], count)
            width = max(map(len, parts))
            entries = np.array([[*part, *[part[-1]] * (width - len(part))] for part in parts])
            # The axis becomes (count, width), and the width goes to the end.
            x = np.moveaxis(np.take(x, entries, axis=first + axis), first + axis + 1, -1)
            numbers = np.moveaxis(np.take(numbers, entries, axis=axis), axis + 1, -1)
        inside = tuple(range(x.ndim - rank, x.ndim))
        largest = np.max(x, axis=inside)
        if not return_indices:
            return largest
        entry = np.argmax(np.reshape(x, (*largest.shape, -1)), axis=-1, keepdims=True)
        numbers = np.reshape(numbers, (*[1] * first, *largest.shape[first:], -1))
        return largest, np.take_along_axis(numbers, entry, -1)[..., 0]

    return pool


def max_unpool(rank: int) -> Any:
    """Every entry goes back to where it was the largest; PyTorch is told the shape."""

    def unpool(x: Any, index: Any, output_size: Any, **settings: Any) -> Any:
        lead = x.shape[: x.ndim - rank]
        lengths = tuple(output_size)[-rank:]
        groups = int(np.prod(lead))
        flat = np.zeros((groups, int(np.prod(lengths))))
        flat[np.arange(groups)[:, None], np.reshape(index, (groups, -1))] = np.reshape(
            x, (groups, -1)
        )
        return np.reshape(flat, (*lead, *lengths))

    return unpool


ROWS = {
    "nn.functional.adaptive_avg_pool1d": adaptive_average_pool(1),
    "nn.functional.adaptive_avg_pool2d": adaptive_average_pool(2),
    "nn.functional.adaptive_avg_pool3d": adaptive_average_pool(3),
    "nn.functional.adaptive_max_pool1d": adaptive_max_pool(1),
    "nn.functional.adaptive_max_pool2d": adaptive_max_pool(2),
    "nn.functional.adaptive_max_pool3d": adaptive_max_pool(3),
    "nn.functional.avg_pool1d": average_pool(1),
    "nn.functional.avg_pool2d": average_pool(2),
    "nn.functional.avg_pool3d": average_pool(3),
    "nn.functional.conv1d": convolution(1),
    "nn.functional.conv2d": convolution(2),
    "nn.functional.conv3d": convolution(3),
    "nn.functional.conv_transpose1d": transposed_convolution(1),
    "nn.functional.conv_transpose2d": transposed_convolution(2),
    "nn.functional.conv_transpose3d": transposed_convolution(3),
    "nn.functional.max_pool1d": max_pool(1),
    "nn.functional.max_pool2d": max_pool(2),
    "nn.functional.max_pool3d": max_pool(3),
    "nn.functional.max_unpool1d": max_unpool(1),
    "nn.functional.max_unpool1d.grad": max_unpool(1),
    "nn.functional.max_unpool2d": max_unpool(2),
    "nn.functional.max_unpool2d.grad": max_unpool(2),
    "nn.functional.max_unpool3d": max_unpool(3),
    "nn.functional.max_unpool3d.grad": max_unpool(3),
    "nn.functional.unfold": unfold,
}
