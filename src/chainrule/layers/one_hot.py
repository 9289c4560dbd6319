"""Categories become features inside the network: OneHot."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Annotated, Any, final

import numpy as np

from chainrule.errors import ShapeError
from chainrule.layers.layer import LAYERS, Array, Arrays, Layer
from chainrule.settings import Domain, whole_number

_SIZE = whole_number(least=0)


def _sizes(value: Any) -> tuple[int, ...]:
    sizes = tuple(_SIZE.read(size) for size in value)
    if not sizes:
        raise ValueError
    return sizes


@final
@LAYERS.register
@dataclass(frozen=True, repr=False)
class OneHot(Layer):
    """Columns of category numbers, each as several features of 0 and 1; others pass through.

    sizes   one entry per column of the input (samples, columns): 0 for a column of numbers, k for
            one that holds a category from 0 to k - 1. The output has one feature for every 0 and
            k features for every k, in order. A row whose category is none of them, such as -1,
            has zeros in all of its k features.

    A table of many categories is mostly zeros once it is encoded; here it never is as a whole, as
    each batch is encoded on its way into the network.
    """

    sizes: Annotated[tuple[int, ...], Domain("whole numbers, 0 or more, one per column", _sizes)]

    def __call__(
        self, params: Arrays, state: Arrays, x: Array, *, training: bool = False, key: Any = None
    ) -> tuple[Array, Arrays]:
        if np.ndim(x) != 2 or x.shape[1] != len(self.sizes):
            raise ShapeError(
                f"OneHot was made for {len(self.sizes)} columns, and its input has shape "
                f"{tuple(x.shape)}; it takes (samples, columns)"
            )
        features = [
            np.equal(x[:, columns], np.arange(size)).astype(x.dtype) if size else x[:, columns]
            for columns, size in self._runs()
        ]
        return np.concatenate(features, axis=1), state

    def _runs(self) -> Iterator[tuple[slice, int]]:
        """Neighbouring columns of numbers together, every column of categories on its own."""
        start = 0
        for size, group in groupby(self.sizes):
            width = len(list(group))
            for step in [1] * width if size else [width]:
                yield slice(start, start + step), size
                start += step
