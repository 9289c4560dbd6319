"""How good predictions are, beside a prediction that knows nothing of the row.

Classes: accuracy, balanced accuracy (the mean over classes of the share found, Brodersen et al.
2010) and log loss (the mean of −log of the probability given to the true class, in nats).
Values, in the units of the column: R², the mean absolute error and the root mean squared error.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Metrics = dict[str, float]
Floats = NDArray[np.floating[Any]]
Integers = NDArray[np.int64]

SMALLEST = 1e-15  # a probability of 0 counts as this, so that one such row leaves the mean finite


def of_classes(true: Integers, probabilities: Floats) -> Metrics:
    """true (n,) class numbers, probabilities (n, classes)."""
    count = probabilities.shape[1]
    matrix = confusion(true, probabilities.argmax(axis=1), count)
    met = matrix.sum(axis=1) > 0
    given = probabilities[np.arange(len(true)), true].astype(np.float64)
    return {
        "accuracy": float(matrix.trace() / matrix.sum()),
        "balanced_accuracy": float(np.mean(matrix.diagonal()[met] / matrix.sum(axis=1)[met])),
        "log_loss": float(-np.mean(np.log(np.maximum(given, SMALLEST)))),
    }


def of_constant_class(true: Integers, shares: Sequence[float]) -> Metrics:
    """The metrics of always giving each class its share of the training rows."""
    return of_classes(true, np.broadcast_to(shares, (len(true), len(shares))))


def of_values(true: Floats, predicted: Floats) -> Metrics:
    """true and predicted (n,); R² is NaN where all true values are equal."""
    error = predicted.astype(np.float64) - true
    spread = float(np.square(true - true.mean()).mean())
    squared = float(np.square(error).mean())
    return {
        "r2": 1 - squared / spread if spread > 0 else float("nan"),
        "mae": float(np.abs(error).mean()),
        "rmse": squared**0.5,
    }


def of_constant_value(true: Floats, mean: float, median: float) -> Metrics:
    """The metrics of one value for all rows: the training mean, for the MAE the median."""
    constant = of_values(true, np.full(len(true), mean))
    constant["mae"] = float(np.abs(true - median).mean())
    return constant


def confusion(true: Integers, predicted: Integers, count: int) -> Integers:
    """(count, count) numbers of rows: true class down, predicted class across."""
    return np.bincount(true * count + predicted, minlength=count * count).reshape(count, count)
