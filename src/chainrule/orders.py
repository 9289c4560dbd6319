"""In which order an epoch takes the samples: each once, by a key."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from chainrule import random
from chainrule.ops import rows
from chainrule.pipeline import compile

DRAWN_AT_ONCE = 4096  # samples


class Orders:
    """The order of every epoch; without a key, the order in which the samples stand.

    Epoch e shuffles by `random.fold_in(key, e)`, and by nothing else, so that a run that goes on
    from a file meets the same orders. Of few samples, those of several epochs are drawn in one
    call, which takes no longer than one.
    """

    def __init__(self, key: Any, count: int, engine: str | None = None) -> None:
        self._key, self._count = key, count
        self._several = max(1, DRAWN_AT_ONCE // count)
        self._drawn: tuple[int, Any] = (-1, None)  # the newest block, and its number
        self._draw = _drawer(count, engine)

    def of(self, epoch: int) -> Any:
        """The numbers of the samples in the order of this epoch, int64 of shape (count,)."""
        return self.span(epoch, 1)[0]

    def span(self, first: int, epochs: int) -> Any:
        """The orders of so many epochs from the first on, (epochs, count)."""
        if self._key is None:
            return np.broadcast_to(np.arange(self._count), (epochs, self._count))
        begin, end = first // self._several, (first + epochs - 1) // self._several
        blocks = [self._block(number) for number in range(begin, end + 1)]
        whole = blocks[0] if len(blocks) == 1 else np.concatenate(blocks)
        skipped = first - begin * self._several
        return whole[skipped : skipped + epochs]

    def _block(self, number: int) -> Any:
        if self._drawn[0] != number:
            first = number * self._several
            drawn = self._draw(self._key, np.arange(first, first + self._several))
            self._drawn = (number, drawn)
        return self._drawn[1]


@lru_cache(maxsize=64)
def _drawer(count: int, engine: str | None) -> Callable[[Any, Any], Any]:
    """The compiled function (key, epochs) -> the order of each of these epochs."""

    def orders(key: Any, epochs: Any) -> Any:
        keys = random.fold_in(key, epochs)
        index = np.broadcast_to(np.arange(count), (epochs.shape[0], count))
        return rows.shuffle(keys, index, count=count)

    return compile(orders, engine)
