"""Shapes, axes, joining, cutting, repeating, framing, and the views and copies of all that."""

from collections.abc import Sequence
from itertools import combinations, combinations_with_replacement
from math import prod
from typing import Any

import numpy as np

# --- shapes --------------------------------------------------------------------------------------


def expand(x: Any, shape: Sequence[int]) -> Any:
    """-1 keeps the length that the axis has."""
    extra = len(shape) - x.ndim
    lengths = [x.shape[i - extra] if n == -1 else n for i, n in enumerate(shape)]
    return np.broadcast_to(x, lengths)


def flatten(x: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    if x.ndim == 0:
        return np.reshape(x, (1,))
    start, end = start_dim % x.ndim, end_dim % x.ndim
    return np.reshape(x, (*x.shape[:start], prod(x.shape[start : end + 1]), *x.shape[end + 1 :]))


def unflatten(x: Any, dim: int, sizes: Sequence[int]) -> Any:
    dim %= x.ndim
    known = -prod(sizes)
    lengths = [x.shape[dim] // known if n == -1 else n for n in sizes]
    return np.reshape(x, (*x.shape[:dim], *lengths, *x.shape[dim + 1 :]))


def squeeze(x: Any, dim: Any = None) -> Any:
    """Axes that are not of length 1 stay."""
    if x.ndim == 0:
        return x
    wanted = range(x.ndim) if dim is None else [dim] if isinstance(dim, int) else dim
    return np.squeeze(x, tuple(i % x.ndim for i in wanted if x.shape[i] == 1))


def sum_to_size(x: Any, *sizes: Any) -> Any:
    shape = tuple(sizes[0]) if sizes and not isinstance(sizes[0], int) else sizes
    extra = x.ndim - len(shape)
    summed = [i for i in range(x.ndim) if i < extra or shape[i - extra] == 1]
    return np.reshape(np.sum(x, axis=tuple(summed)), shape)


# --- axes ----------------------------------------------------------------------------------------


def permute(x: Any, dims: Sequence[int]) -> Any:
    return np.transpose(x, dims)


def transpose(x: Any, dim0: int, dim1: int) -> Any:
    return x if x.ndim == 0 else np.swapaxes(x, dim0, dim1)


def roll(x: Any, shifts: Any, dims: Any = None) -> Any:
    return np.roll(x, shifts, dims)


# --- joining and cutting -------------------------------------------------------------------------


def cat(arrays: Sequence[Any], dim: int = 0) -> Any:
    """An array of shape (0,) joins with anything."""
    some = [x for x in arrays if x.shape != (0,)]
    return np.concatenate(some or arrays, axis=dim)


def split(x: Any, sizes: Any, dim: int = 0) -> Any:
    """Parts of one size, of which the last may be smaller, or of the sizes given."""
    length = x.shape[dim]
    ends = range(sizes, length, sizes) if isinstance(sizes, int) else np.cumsum(sizes)[:-1]
    return np.split(x, list(ends), axis=dim)


def chunk(x: Any, chunks: int, dim: int = 0) -> Any:
    return split(x, -(-x.shape[dim] // chunks), dim)


def tensor_split(x: Any, parts: Any, dim: int = 0) -> Any:
    parts = parts.tolist() if isinstance(parts, np.ndarray) else parts
    return np.array_split(x, parts, axis=dim)


def unbind(x: Any, dim: int = 0) -> Any:
    return np.unstack(x, axis=dim)


def narrow(x: Any, dim: int, start: Any, length: int) -> Any:
    return np.take(x, np.arange(int(start), int(start) + length), axis=dim)


def select(x: Any, dim: int, index: int) -> Any:
    return np.take(x, index, axis=dim)


def place(x: Any, dim: int, start: Any, end: Any, step: int = 1) -> tuple[slice, ...]:
    """The index of a slice along one axis."""
    index = [slice(None)] * x.ndim
    index[dim] = slice(start, end, step)
    return tuple(index)


def slice_(x: Any, dim: int = 0, start: Any = None, end: Any = None, step: int = 1) -> Any:
    return x[place(x, dim, start, end, step)]


def slice_scatter(
    x: Any, src: Any, dim: int = 0, start: Any = None, end: Any = None, step: int = 1
) -> Any:
    changed = np.copy(x)
    changed[place(x, dim, start, end, step)] = src
    return changed


def select_scatter(x: Any, src: Any, dim: int, index: int) -> Any:
    return slice_scatter(x, np.expand_dims(src, dim), dim, index, index + 1 or None)


def block_diag(*blocks: Any) -> Any:
    blocks = tuple(np.atleast_2d(x) for x in blocks)
    lines = [
        [b if i == j else np.zeros((a.shape[0], b.shape[1])) for j, b in enumerate(blocks)]
        for i, a in enumerate(blocks)
    ]
    return np.block(lines)


def several(function: Any) -> Any:
    """`np.atleast_…` of one array, or of the arrays in a list."""
    return lambda x: function(*x) if isinstance(x, list | tuple) else function(x)


def column_stack(arrays: Sequence[Any]) -> Any:
    return np.column_stack([np.atleast_1d(x) for x in arrays])


# --- repeating -----------------------------------------------------------------------------------


def repeat(x: Any, counts: Sequence[int]) -> Any:
    return np.tile(x, counts)


def repeat_interleave(x: Any, repeats: Any, dim: Any = None, output_size: Any = None) -> Any:
    return np.repeat(x, repeats, axis=dim)


def broadcast_tensors(*arrays: Any) -> Any:
    return np.broadcast_arrays(*arrays)


def meshgrid(*arrays: Any, indexing: str) -> Any:
    """`np.meshgrid`, which is not recorded, by broadcasting."""
    arrays = tuple(np.ravel(x) for x in arrays)
    rank = len(arrays)
    shape = tuple(len(x) for x in arrays)
    grids = [
        np.broadcast_to(np.reshape(x, [-1 if j == i else 1 for j in range(rank)]), shape)
        for i, x in enumerate(arrays)
    ]
    return [np.swapaxes(g, 0, 1) for g in grids] if indexing == "xy" and rank > 1 else grids


def cartesian_prod(*arrays: Any) -> Any:
    if len(arrays) == 1:
        return arrays[0]
    return np.stack([np.ravel(grid) for grid in meshgrid(*arrays, indexing="ij")], axis=1)


def tuples(x: Any, r: int, with_replacement: bool) -> Any:
    choose = combinations_with_replacement if with_replacement else combinations
    chosen = np.array(list(choose(range(len(x)), r)), dtype=np.int64)
    return x[chosen.reshape(-1, r)]


def vander(x: Any, N: int | None = None) -> Any:
    x = np.atleast_1d(x)
    return x[..., None] ** np.arange(x.shape[-1] if N is None else N)


# --- diagonals and triangles ---------------------------------------------------------------------


def diagonal(x: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    return np.diagonal(x, offset, dim1, dim2)


def linalg_diagonal(x: Any, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    return np.diagonal(x, offset, dim1, dim2)


def diag_embed(x: Any, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    size = x.shape[-1] + abs(offset)
    along = np.arange(x.shape[-1])
    matrix = np.zeros((*x.shape[:-1], size, size))
    matrix[..., along + max(-offset, 0), along + max(offset, 0)] = x
    return np.moveaxis(matrix, (-2, -1), (dim1, dim2))


def diagonal_scatter(x: Any, src: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    matrix = np.moveaxis(np.copy(x), (dim1, dim2), (-2, -1))
    along = np.arange(src.shape[-1])
    matrix[..., along + max(-offset, 0), along + max(offset, 0)] = src
    return np.moveaxis(matrix, (-2, -1), (dim1, dim2))


# --- frames --------------------------------------------------------------------------------------

MODES = {"replicate": "edge", "reflect": "reflect", "circular": "wrap"}


def pad(x: Any, widths: Sequence[int], mode: str = "constant", value: float = 0.0) -> Any:
    """Pairs of widths from the last axis backwards; negative ones cut off, after the framing."""
    pairs = [(0, 0)] * x.ndim
    for i in range(len(widths) // 2):
        pairs[-1 - i] = (widths[2 * i], widths[2 * i + 1])
    grown = [(max(low, 0), max(high, 0)) for low, high in pairs]
    if mode == "constant":
        framed = np.pad(x, grown, constant_values=value)
    else:
        framed = np.pad(x, grown, MODES[mode])
    kept = tuple(
        slice(max(-low, 0), length - max(-high, 0))
        for (low, high), length in zip(pairs, framed.shape, strict=True)
    )
    return framed[kept]


def circular(x: Any, widths: Sequence[int], mode: str) -> Any:
    """What is cut off is no part of the circle."""
    left = pad(x, [min(width, 0) for width in widths])
    return pad(left, [max(width, 0) for width in widths], mode)


# --- windows -------------------------------------------------------------------------------------


def unfold(x: Any, dim: int, size: int, step: int) -> Any:
    if x.ndim == 0:
        return np.reshape(x, (1,))
    windows = np.lib.stride_tricks.sliding_window_view(x, size, axis=dim)
    return windows[place(windows, dim % x.ndim, None, None, step)]


def strided(
    shape: Sequence[int], strides: Sequence[int], storage_offset: int = 0
) -> np.ndarray[Any, Any]:
    """The flat positions that a view with these strides, counted in entries, shows."""
    positions = np.full(tuple(shape), storage_offset)
    for axis, (length, stride) in enumerate(zip(shape, strides, strict=True)):
        along = [-1 if i == axis else 1 for i in range(len(shape))]
        positions = positions + np.reshape(np.arange(length) * stride, along)
    return positions


def as_strided(x: Any, *settings: Any, **more: Any) -> Any:
    return np.ravel(x)[strided(*settings, **more)]


# --- channels ------------------------------------------------------------------------------------


def pixel_shuffle(x: Any, upscale_factor: int) -> Any:
    n, c, h, w = x.shape
    r = upscale_factor
    parts = np.reshape(x, (n, c // r**2, r, r, h, w))
    return np.reshape(np.transpose(parts, (0, 1, 4, 2, 5, 3)), (n, c // r**2, h * r, w * r))


def pixel_unshuffle(x: Any, downscale_factor: int) -> Any:
    n, c, h, w = x.shape
    r = downscale_factor
    parts = np.reshape(x, (n, c, h // r, r, w // r, r))
    return np.reshape(np.transpose(parts, (0, 1, 3, 5, 2, 4)), (n, c * r**2, h // r, w // r))


def channel_shuffle(x: Any, groups: int) -> Any:
    n, c, *rest = x.shape
    parts = np.reshape(x, (n, groups, c // groups, *rest))
    return np.reshape(np.swapaxes(parts, 1, 2), x.shape)


def same(x: Any, *args: Any, **settings: Any) -> Any:
    """A copy in the same dtype, wherever and however PyTorch keeps it."""
    return np.copy(x)


def cast(dtype: Any) -> Any:
    return lambda x, memory_format=None: x.astype(dtype)


def full_like(x: Any, value: float, **settings: Any) -> Any:
    return np.full_like(x, value)


ROWS = {
    "H": np.transpose,
    "T": np.transpose,
    "alias_copy": np.copy,
    "as_strided": as_strided,
    "as_strided_copy": as_strided,
    "atleast_1d": several(np.atleast_1d),
    "atleast_2d": several(np.atleast_2d),
    "atleast_3d": several(np.atleast_3d),
    "block_diag": block_diag,
    "broadcast_tensors": broadcast_tensors,
    "bool": cast(np.bool_),
    "broadcast_to": np.broadcast_to,
    "byte": cast(np.uint8),
    "cartesian_prod": cartesian_prod,
    "cat": cat,
    "char": cast(np.int8),
    "chunk": chunk,
    "clone": same,
    "column_stack": column_stack,
    "combinations": tuples,
    "constant_pad_nd": lambda x, widths, value=0.0: pad(x, widths, value=value),
    "contiguous": same,
    "diag": np.diag,
    "diag_embed": diag_embed,
    "diagflat": lambda x, offset=0: np.diagflat(x, offset),
    "diagonal": diagonal,
    "diagonal_copy": diagonal,
    "diagonal_scatter": diagonal_scatter,
    "double": same,
    "dsplit": np.dsplit,
    "dstack": np.dstack,
    "expand": expand,
    "expand_as": lambda x, other: np.broadcast_to(x, other.shape),
    "expand_copy": expand,
    "fft.fftshift": lambda x, dim=None: np.roll(x, *shifts(x, dim, lambda length: length // 2)),
    "fft.ifftshift": lambda x, dim=None: np.roll(x, *shifts(x, dim, lambda length: -(length // 2))),
    "fill": lambda x, value: np.full_like(x, value),
    "flatten": flatten,
    "flip": lambda x, dims: np.flip(x, dims),
    "fliplr": np.fliplr,
    "flipud": np.flipud,
    "float": cast(np.float32),
    "full_like": full_like,
    "half": cast(np.float16),
    "hsplit": np.hsplit,
    "hstack": np.hstack,
    "int": cast(np.int32),
    "linalg.diagonal": linalg_diagonal,
    "linalg.vander": vander,
    "long": cast(np.int64),
    "mH": np.matrix_transpose,
    "mT": np.matrix_transpose,
    "meshgrid.list_of_tensors": lambda arrays, indexing: meshgrid(*arrays, indexing=indexing),
    "meshgrid.variadic_tensors": meshgrid,
    "movedim": np.moveaxis,
    "narrow": narrow,
    "narrow_copy": narrow,
    "nn.functional.channel_shuffle": channel_shuffle,
    "nn.functional.pad.circular": circular,
    "nn.functional.pad.constant": pad,
    "nn.functional.pad.reflect": pad,
    "nn.functional.pad.replicate": pad,
    "nn.functional.pad.replicate_negative": pad,
    "nn.functional.pixel_shuffle": pixel_shuffle,
    "nn.functional.pixel_unshuffle": pixel_unshuffle,
    "ones_like": lambda x, **settings: np.ones_like(x),
    "permute": permute,
    "permute_copy": permute,
    "ravel": np.ravel,
    "repeat": repeat,
    "repeat_interleave": repeat_interleave,
    "reshape": np.reshape,
    "reshape_as": lambda x, other: np.reshape(x, other.shape),
    "roll": roll,
    "rot90": np.rot90,
    "select": select,
    "select_scatter": select_scatter,
    "short": cast(np.int16),
    "slice": slice_,
    "slice_scatter": slice_scatter,
    "split": split,
    "split.list_args": split,
    "split_with_sizes": split,
    "split_with_sizes_copy": split,
    "squeeze": squeeze,
    "squeeze.multiple": squeeze,
    "squeeze_copy": squeeze,
    "stack": np.stack,
    "sum_to_size": sum_to_size,
    "t": np.transpose,
    "t_copy": np.transpose,
    "tensor_split": tensor_split,
    "tile": np.tile,
    "to": same,
    "transpose": transpose,
    "transpose_copy": transpose,
    "tril": np.tril,
    "triu": np.triu,
    "unbind": unbind,
    "unbind_copy": unbind,
    "unflatten": unflatten,
    "unfold": unfold,
    "unfold_copy": unfold,
    "unsafe_chunk": chunk,
    "unsafe_split": split,
    "unsqueeze": np.expand_dims,
    "unsqueeze_copy": np.expand_dims,
    "view": np.reshape,
    "view_as": lambda x, other: np.reshape(x, other.shape),
    "view_copy": np.reshape,
    "vsplit": np.vsplit,
    "vstack": np.vstack,
    "zeros_like": lambda x, **settings: np.zeros_like(x),
}


def shifts(x: Any, dim: Any, of: Any) -> tuple[list[int], list[int]]:
    """By how much each axis is rolled, and the axes."""
    along = list(range(x.ndim)) if dim is None else [dim] if isinstance(dim, int) else list(dim)
    return [of(x.shape[axis]) for axis in along], along
