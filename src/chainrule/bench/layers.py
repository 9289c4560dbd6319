"""Provisional layers, for the rows whose layers the library does not have yet.

Each is a formula in NumPy, as any layer is; weights are shaped as the library's own will be.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from chainrule.functions import sigmoid
from chainrule.layers import Layer
from chainrule.pipeline import scan

Arrays = dict[str, Any]


@dataclass(frozen=True, repr=False)
class Convolution(Layer):
    """A square kernel over images (samples, height, width, channels), without padding."""

    filters: int
    size: int

    def make(self, shape: Any, key: Any, dtype: Any, after: Any) -> tuple[Arrays, Arrays]:
        weight = np.zeros((self.size, self.size, shape[-1], self.filters), dtype)
        return {"weight": weight, "bias": np.zeros(self.filters, dtype)}, {}

    def __call__(
        self, params: Arrays, state: Arrays, x: Any, *, training: bool = False, key: Any = None
    ) -> tuple[Any, Arrays]:
        windows = sliding_window_view(x, (self.size, self.size), axis=(1, 2))
        y = np.tensordot(windows, params["weight"], axes=((3, 4, 5), (2, 0, 1)))
        return y + params["bias"], state


@dataclass(frozen=True, repr=False)
class MaxPool(Layer):
    """The largest number of each square of `size` × `size`, channel by channel."""

    size: int

    def __call__(
        self, params: Arrays, state: Arrays, x: Any, *, training: bool = False, key: Any = None
    ) -> tuple[Any, Arrays]:
        windows = sliding_window_view(x, (self.size, self.size), axis=(1, 2))
        return windows[:, :: self.size, :: self.size].max(axis=(-2, -1)), state


@dataclass(frozen=True, repr=False)
class Embedding(Layer):
    """A row of a table for each word; words come as whole numbers, of any dtype."""

    words: int
    width: int

    def make(self, shape: Any, key: Any, dtype: Any, after: Any) -> tuple[Arrays, Arrays]:
        return {"weight": np.zeros((self.words, self.width), dtype)}, {}

    def __call__(
        self, params: Arrays, state: Arrays, x: Any, *, training: bool = False, key: Any = None
    ) -> tuple[Any, Arrays]:
        return params["weight"][x.astype(np.int64)], state


@dataclass(frozen=True, repr=False)
class LSTM(Layer):
    """Long short-term memory over (samples, time, features), all time steps returned.

    Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000; gates i, f, g, o.
    """

    units: int

    def make(self, shape: Any, key: Any, dtype: Any, after: Any) -> tuple[Arrays, Arrays]:
        return {
            "weight_x": np.zeros((shape[-1], 4 * self.units), dtype),
            "weight_h": np.zeros((self.units, 4 * self.units), dtype),
            "bias": np.zeros(4 * self.units, dtype),
        }, {}

    def __call__(
        self, params: Arrays, state: Arrays, x: Any, *, training: bool = False, key: Any = None
    ) -> tuple[Any, Arrays]:
        units = self.units
        driven = np.swapaxes(x, 0, 1) @ params["weight_x"] + params["bias"]

        def advance(carry: Any, drive: Any) -> Any:
            h, cell = carry
            z = drive + h @ params["weight_h"]
            i, f = sigmoid(z[:, :units]), sigmoid(z[:, units : 2 * units])
            g, o = np.tanh(z[:, 2 * units : 3 * units]), sigmoid(z[:, 3 * units :])
            cell = f * cell + i * g
            h = o * np.tanh(cell)
            return (h, cell), h

        start = np.zeros((x.shape[0], units), x.dtype)
        _, outputs = scan(advance, (start, start), driven)
        return np.swapaxes(outputs, 0, 1), state
