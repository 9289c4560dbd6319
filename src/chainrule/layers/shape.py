"""Layers that only move numbers: Flatten and Reshape."""

from dataclasses import dataclass
from math import prod
from typing import Annotated, Any, final

import numpy as np

from chainrule.errors import ShapeError
from chainrule.layers.layer import LAYERS, Array, Arrays, Layer
from chainrule.settings import Domain


@final
@LAYERS.register
@dataclass(frozen=True, repr=False)
class Flatten(Layer):
    """All axes of a sample as one, in row-major order."""

    def __call__(
        self, params: Arrays, state: Arrays, x: Array, *, training: bool = False, key: Any = None
    ) -> tuple[Array, Arrays]:
        return np.reshape(x, (x.shape[0], prod(x.shape[1:]))), state


def _lengths(value: Any) -> tuple[int, ...]:
    lengths = tuple(int(length) for length in value)
    if lengths.count(-1) > 1 or any(length < 1 and length != -1 for length in lengths):
        raise ValueError
    return lengths


@final
@LAYERS.register
@dataclass(frozen=True, repr=False)
class Reshape(Layer):
    """A sample under another shape, in row-major order; one length may be -1."""

    shape: Annotated[tuple[int, ...], Domain("positive lengths, one of them perhaps -1", _lengths)]

    def __call__(
        self, params: Arrays, state: Arrays, x: Array, *, training: bool = False, key: Any = None
    ) -> tuple[Array, Arrays]:
        size, known = prod(x.shape[1:]), prod(n for n in self.shape if n != -1)
        if size % known or (-1 not in self.shape and size != known):
            raise ShapeError(
                f"Reshape({self.shape}) got samples of shape {tuple(x.shape[1:])}, {size} numbers"
            )
        lengths = tuple(size // known if n == -1 else n for n in self.shape)
        return np.reshape(x, (x.shape[0], *lengths)), state
