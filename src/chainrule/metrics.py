"""How good predictions are, in the terms of the loss's task."""

from typing import Any

import numpy as np

from chainrule.loss import Loss

Array = np.ndarray[Any, Any]


def metrics(
    loss: Loss, prediction: Array, target: Array, weight: Array | None = None
) -> dict[str, float]:
    """Accuracy of a classification; R² and errors of a regression, in the units of the target.

    prediction, target  as the loss takes them, samples first
    weight              (n,) one for each sample; None counts all alike

    R² compares with the (weighted) mean of the targets, for several outputs over all of them
    together; it is left out where all targets are equal. A loss whose prediction is not of the
    target's kind, such as the logarithm of a rate, has no metrics.
    """
    if loss.task == "regression":
        return _of_values(prediction, target, weight) if loss.prediction == "values" else {}
    classes = loss.classes(prediction)
    if loss.task == "binary":
        truth = (target > 0.5).astype(np.int64)
    else:
        truth = target if target.shape == classes.shape else target.argmax(axis=-1)
    return {"accuracy": _mean(classes == truth, weight)}


def _of_values(prediction: Array, target: Array, weight: Array | None) -> dict[str, float]:
    target = target.astype(np.float64)
    error = prediction - target
    squared = _mean(np.square(error), weight)
    spread = _mean(np.square(target - np.average(target, axis=0, weights=weight)), weight)
    found = {
        "mean_absolute_error": _mean(np.abs(error), weight),
        "root_mean_squared_error": float(np.sqrt(squared)),
    }
    return found | ({"r2": 1.0 - squared / spread} if spread > 0 else {})


def _mean(values: Array, weight: Array | None) -> float:
    """Over samples by weight, and over everything within a sample."""
    per_sample = values.reshape(values.shape[0], -1).mean(axis=1, dtype=np.float64)
    return float(np.average(per_sample, weights=weight))
