"""An array that grows at its end without ever being held twice, as long as the guess is right."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


class Buffer:
    """Collects chunks of numbers of one type.

    A list of chunks that is concatenated in the end would hold the column twice, and leave the
    allocator with holes of the chunks' size. Memory that is reserved but never written costs
    nothing, so the first reservation may be generous.
    """

    def __init__(self, dtype: type[np.generic], expected: int) -> None:
        self._array: NDArray[Any] = np.empty(expected, dtype)
        self._used = 0

    @property
    def dtype(self) -> np.dtype[Any]:
        return self._array.dtype

    def extend(self, chunk: NDArray[Any]) -> None:
        end = self._used + len(chunk)
        if end > len(self._array):
            self._move(np.empty(end + end // 2, self.dtype))
        self._array[self._used : end] = chunk
        self._used = end

    def widen(self, dtype: type[np.generic]) -> None:
        """The same values in another type from here on."""
        self._move(np.empty(len(self._array), dtype))

    def array(self) -> NDArray[Any]:
        """What was collected: a view, which keeps the whole reservation alive."""
        return self._array[: self._used]

    def _move(self, to: NDArray[Any]) -> None:
        to[: self._used] = self._array[: self._used]
        self._array = to
