"""Dropout."""

from dataclasses import dataclass
from typing import Any, final

import numpy as np

from chainrule import random
from chainrule.errors import SettingError
from chainrule.layers.layer import LAYERS, Array, Arrays, Layer, Rate


@final
@LAYERS.register
@dataclass(frozen=True, repr=False)
class Dropout(Layer):
    """While training, each number is dropped with probability `rate` and the others are scaled by
    1 / (1 - rate), so that the expected value stays (Srivastava et al. 2014)."""

    rate: Rate = 0.5

    def __call__(
        self, params: Arrays, state: Arrays, x: Array, *, training: bool = False, key: Any = None
    ) -> tuple[Array, Arrays]:
        if not training or self.rate == 0:
            return x, state
        if key is None:
            raise SettingError("Dropout needs key= while training: key=cr.random.key(seed)")
        kept = random.bernoulli(key, x.shape, 1 - self.rate)
        return np.where(kept, x * (1 / (1 - self.rate)), 0.0), state
