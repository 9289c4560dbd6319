"""What a loss is: a formula per sample, and what the rest of the project asks about it."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np

from chainrule.errors import SettingError, ShapeError
from chainrule.functions import Array, sigmoid, softmax
from chainrule.targets import CLASSES, Target

Prediction: TypeAlias = Literal["values", "probabilities", "logits", "scores", "log_rates"]
Task: TypeAlias = Literal["regression", "binary", "multiclass"]


@dataclass(frozen=True, kw_only=True)
class Loss:
    """One row of the table of losses.

    formula     (prediction, target) -> loss of each sample, shape (n,)
    prediction  what the last layer's numbers mean: "values" themselves, "probabilities", "logits"
                (any real number, turned into probabilities by the loss), "scores" (their sign
                decides) or "log_rates"
    task        "regression", "binary" (each output is one yes or no) or "multiclass" (the last
                axis holds one entry per class)
    target      the targets it accepts
    latex       the loss of N samples with K outputs or classes; y is the target, ŷ the prediction,
                z a logit
    settings    what the row's maker was called with, for files
    """

    name: str
    formula: Callable[[Array, Array], Array] = field(compare=False)
    prediction: Prediction
    task: Task
    target: Target = field(compare=False)
    latex: str
    doc: str
    settings: Mapping[str, float] = field(default_factory=dict, hash=False)

    def per_sample(self, prediction: Array, target: Array) -> Array:
        """The loss of each sample, shape (n,), in the prediction's dtype.

        prediction  (n, …); for a multiclass loss (n, …, C)
        target      the same shape; `cross_entropy` also takes class numbers, shape (n, …)

        Axes beyond the first are averaged, but for `half_squared_error`, which sums over them.
        Raises ShapeError for other shapes, also where NumPy would broadcast them.
        """
        prediction, target = _as_array(prediction), _as_array(target)
        dtype = np.result_type(prediction.dtype, 0.0)  # integers become float64, floats stay
        prediction = _cast(prediction, dtype)
        if self.task == "multiclass":
            _require_class_axis(self.name, prediction.shape)
        if self.target is CLASSES and target.shape != prediction.shape:
            target = _as_labels(self.name, prediction.shape, target)
        else:
            _require_same_shape(self.name, prediction.shape, target.shape)
            target = _cast(target, dtype)
        return self.formula(prediction, target)

    def __call__(self, prediction: Array, target: Array, weights: Array | None = None) -> Array:
        """The mean loss, a scalar; with `weights` of shape (n,), Σ wᵢlᵢ / Σ wᵢ.

        Weights that sum to 0 have no mean: NaN.
        """
        losses = self.per_sample(prediction, target)
        if weights is None:
            return np.mean(losses)
        weights = _cast(_as_array(weights), losses.dtype)
        if weights.shape != losses.shape:
            raise ShapeError(
                f"{self.name}: weights have shape {weights.shape}; one weight per sample is "
                f"shape {losses.shape}"
            )
        return np.sum(weights * losses) / np.sum(weights)

    def probabilities(self, prediction: Array) -> Array:
        """The probabilities that a prediction stands for, in its shape.

        Raises SettingError where the loss implies none.
        """
        if self.prediction == "probabilities":
            return prediction
        if self.prediction == "logits":
            return softmax(prediction) if self.task == "multiclass" else sigmoid(prediction)
        raise SettingError(
            f"{self.name} is a loss of {self.prediction.replace('_', ' ')}, which imply no "
            "probabilities; train with a cross-entropy to predict them"
        )

    def classes(self, prediction: Array) -> Array:
        """The most probable class: class numbers (n, …) for a prediction (n, …, C), or 0 and 1 in
        the prediction's shape where each output is one yes or no.

        Raises SettingError for a loss of regression.
        """
        if self.task == "multiclass":
            return np.argmax(prediction, axis=-1)
        if self.task == "binary":
            boundary = 0.5 if self.prediction == "probabilities" else 0.0
            return (prediction > boundary).astype(np.int64)
        raise SettingError(f"{self.name} is a loss of regression and implies no classes")

    def check_target(self, target: Any, prediction_shape: tuple[int, ...]) -> None:
        """Raise DataError, which names the row, where a target is not one of this loss's."""
        self.target.check(target, prediction_shape, self.name)

    def config(self) -> dict[str, Any]:
        """Name and settings as JSON-able data, for `losses.from_config`."""
        return {"name": self.name, **self.settings}


@dataclass(frozen=True)
class FunctionLoss:
    """A user's own `function(prediction, target) -> scalar`, called like a `Loss`."""

    function: Callable[[Array, Array], Array]

    @property
    def name(self) -> str:
        return getattr(self.function, "__name__", type(self.function).__name__)

    def __call__(self, prediction: Array, target: Array, weights: Array | None = None) -> Array:
        """The function's value; SettingError with `weights`, which cannot enter a mean."""
        if weights is not None:
            raise SettingError(
                f"the loss {self.name} returns one number for all samples, so samples cannot be "
                "weighted; use a named loss, or leave the weights out"
            )
        return self.function(prediction, target)

    def config(self) -> dict[str, Any]:
        """Raises SettingError: files hold no code."""
        raise SettingError(
            f"the loss {self.name} is a function of your own and cannot be saved, as files hold "
            "no code; use a named loss, or save only the parameters"
        )


def _as_array(x: Array) -> Array:
    return x if hasattr(x, "dtype") else np.asarray(x)


def _cast(x: Array, dtype: Any) -> Array:
    return x if x.dtype == dtype else x.astype(dtype)


def _require_same_shape(name: str, prediction: tuple[int, ...], target: tuple[int, ...]) -> None:
    if not prediction:
        raise ShapeError(f"{name}: a prediction has one row per sample, and this one is a scalar")
    if prediction == target:
        return
    try:
        reached = np.broadcast_shapes(prediction, target)
        consequence = f"NumPy would broadcast them to {reached} and compare what does not belong"
    except ValueError:
        consequence = "they must be equal"
    if math.prod(prediction) == math.prod(target):
        consequence += f"; write target.reshape{prediction}"
    raise ShapeError(
        f"{name}: the prediction has shape {prediction} and the target {target}; {consequence}"
    )


def _require_class_axis(name: str, prediction: tuple[int, ...]) -> None:
    if len(prediction) < 2 or prediction[-1] < 2:
        raise ShapeError(
            f"{name}: the prediction has shape {prediction}, but its last axis is one entry per "
            "class, two or more; for a single yes or no use a binary loss"
        )


def _as_labels(name: str, prediction: tuple[int, ...], target: Array) -> Array:
    """Class numbers in the shape of the prediction without its last axis."""
    if target.shape == prediction[:-1]:
        return target
    if target.shape == (*prediction[:-1], 1):
        return np.reshape(target, prediction[:-1])
    raise ShapeError(
        f"{name}: the prediction has shape {prediction} and the target {target.shape}; a target "
        f"is class numbers of shape {prediction[:-1]}, or probabilities of shape {prediction}"
    )
