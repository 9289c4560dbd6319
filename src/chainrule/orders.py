"""In which order an epoch takes the samples: each once, by a key."""

from typing import Any

import numpy as np

from chainrule import random
from chainrule.ops import rows

DRAWN_AT_ONCE = 4096  # samples


class Orders:
    """The order of every epoch; without a key, the order in which the samples stand.

    Epoch e shuffles by `random.fold_in(key, e)`, and by nothing else, so that a run that goes on
    from a file meets the same orders. Of few samples, those of several epochs are drawn in one
    call, which takes no longer than one.
    """

    def __init__(self, key: Any, count: int) -> None:
        self._key, self._count = key, count
        self._drawn: dict[int, Any] = {}

    def of(self, epoch: int) -> Any:
        """The numbers of the samples in the order of this epoch, int64 of shape (count,)."""
        if self._key is None:
            return np.arange(self._count)
        if epoch not in self._drawn:
            ahead = np.arange(epoch, epoch + max(1, DRAWN_AT_ONCE // self._count))
            keys = random.fold_in(self._key, ahead)
            index = np.broadcast_to(np.arange(self._count), (len(ahead), self._count))
            found = rows.shuffle(keys, index, count=self._count)
            self._drawn = dict(zip(ahead.tolist(), found, strict=True))
        return self._drawn[epoch]
