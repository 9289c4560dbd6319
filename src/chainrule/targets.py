"""What a loss accepts as a target, checked on data before any training."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.errors import DataError

_SUM_TOLERANCE = 1e-3  # rows of probabilities come from float32 files and rounded tables


@dataclass(frozen=True)
class Target:
    """A set of target values.

    words    the set, for messages
    accepts  elementwise test of an array, True where the value is in the set
    classes  "none", or how targets name one of C classes: "labels" (class numbers, or a row of C
             probabilities per sample) or "rows" (a row of C probabilities only)
    """

    words: str
    accepts: Callable[[Any], Any]
    classes: str = "none"

    def check(self, target: Any, prediction_shape: tuple[int, ...], name: str) -> None:
        """Raise DataError with the first row (counted from 0) that the loss `name` cannot use."""
        classes = prediction_shape[-1] if prediction_shape else 0
        if self.classes == "labels" and target.shape != prediction_shape:
            allowed = (target == np.floor(target)) & (target >= 0) & (target < classes)
            _refuse(target, allowed, f"{name} takes class numbers from 0 to {classes - 1}")
            return
        _refuse(target, self.accepts(target), f"{name} takes {self.words}")
        if self.classes != "none":
            totals = target.sum(axis=-1)
            allowed = np.abs(totals - 1) <= _SUM_TOLERANCE
            _refuse(totals, allowed, f"{name} takes rows of probabilities that sum to 1", "sum ")


def _refuse(values: Any, allowed: Any, rule: str, what: str = "") -> None:
    if not np.all(allowed):
        first = tuple(np.argwhere(~allowed)[0].tolist())
        row = first[0] if first else 0
        raise DataError(
            f"{rule}; the target of row {row} has the {what or 'value '}{values[first]}"
        )


def _between_0_and_1(y: Any) -> Any:
    return (y >= 0) & (y <= 1)


REALS = Target("finite numbers", np.isfinite)
UNIT = Target("numbers from 0 to 1", _between_0_and_1)
SIGNS = Target("labels 0 and 1, or -1 and 1", lambda y: np.isin(y, (-1, 0, 1)))
COUNTS = Target("finite numbers that are 0 or more", lambda y: np.isfinite(y) & (y >= 0))
CLASSES = Target("class numbers, or probabilities from 0 to 1", _between_0_and_1, "labels")
DISTRIBUTIONS = Target("probabilities from 0 to 1", _between_0_and_1, "rows")
