"""Arrays as users bring them, made into what training takes, or a sentence on what is wrong."""

from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np

from chainrule import random
from chainrule.errors import DataError, SettingError
from chainrule.finite import is_finite
from chainrule.loss import FunctionLoss, Loss
from chainrule.settings import number

Array = np.ndarray[Any, Any]


def features(X: Any, dtype: Any, input_shape: tuple[int, ...] | None, name: str = "X") -> Array:
    """X as an array of the model's dtype, samples first; DataError names the row and column."""
    array = _numbers(X, name)
    if array.ndim < 2:
        raise DataError(
            f"{name} has shape {array.shape}; samples are rows and features columns. For one "
            f"feature write {name}.reshape(-1, 1), for one sample {name}.reshape(1, -1)"
        )
    if array.shape[0] == 0:
        raise DataError(f"{name} holds no samples: its shape is {array.shape}")
    if input_shape is not None and array.shape[1:] != input_shape:
        raise DataError(
            f"{name} has samples of shape {array.shape[1:]}, and the model was built for "
            f"{input_shape}{_feature_counts(array.shape[1:], input_shape)}"
        )
    return converted(array, dtype, name)


def _feature_counts(found: tuple[int, ...], wanted: tuple[int, ...]) -> str:
    if len(found) == len(wanted) == 1:
        return f": {found[0]} features instead of {wanted[0]}"
    return ""


def _numbers(values: Any, name: str) -> Array:
    if hasattr(values, "toarray"):  # SciPy's; NumPy would wrap it as one object
        raise DataError(f"{name} is a sparse matrix; give {name}.toarray()")
    if np.ma.is_masked(values):  # NumPy would uncover what the mask hides
        raise DataError(f"{name} has masked entries; fill them in, or leave those samples out")
    try:
        array = np.asarray(values)
    except ValueError:
        raise DataError(
            f"{name} has rows of different lengths; every sample has one shape"
        ) from None
    if array.dtype.kind == "O" and all(isinstance(entry, _NUMBER) for entry in array.flat):
        array = array.astype(np.float64)  # a table of numbers and booleans
    if array.dtype.kind not in "fiub":
        raise DataError(
            f"{name} holds {_kind(array)}, and a network computes with numbers; encode categories "
            "as columns of 0 and 1, and give class labels as whole numbers from 0"
        )
    return array


_NUMBER = (int, float, np.number, np.bool_)


def _kind(array: Array) -> str:
    if array.dtype.kind == "O":
        stranger = next(entry for entry in array.flat if not isinstance(entry, _NUMBER))
        return "text" if isinstance(stranger, str) else f"a {type(stranger).__name__}"
    kinds = {"U": "text", "S": "bytes", "M": "dates", "m": "durations", "c": "complex numbers"}
    return kinds.get(array.dtype.kind, f"{array.dtype} values")


def require_finite(array: Array, name: str) -> None:
    """DataError with the first place where a NaN or an infinity stands."""
    if is_finite(array):
        return
    place = np.argwhere(~np.isfinite(array))[0].tolist()
    value = array[tuple(place)]
    if array.ndim == 2:
        where = f"row {place[0]}, column {place[1]}"
    else:
        where = f"row {place[0]}" + (f", position {tuple(place[1:])}" if place[1:] else "")
    raise DataError(
        f"{name} holds {'NaN' if np.isnan(value) else value} in {where} (counted from 0); fill in "
        "or leave out what is missing"
    )


def targets(
    y: Any,
    loss: Loss | FunctionLoss,
    output_shape: tuple[int, ...],
    samples: int,
    dtype: Any,
    name: str = "y",
) -> Array:
    """y in the shape and dtype that the loss takes.

    A missing or a further last axis of length 1 makes no difference, (n,) and (n, 1) are the same;
    anything else that does not match the network's output of `output_shape` is refused, also where
    NumPy would broadcast it. Class labels come back as int64.
    """
    array = _numbers(y, name)
    if array.ndim == 0 or array.shape[0] != samples:
        found = f"{array.shape[0]:,} targets" if array.ndim else "a single number"
        raise DataError(f"there are {samples:,} samples, and {name} holds {found}")
    require_finite(array, name)
    full = (samples, *output_shape)
    classes = output_shape[-1] if output_shape else 1
    if isinstance(loss, Loss) and loss.task == "multiclass" and classes < 2:
        raise SettingError(
            f"{loss.name} takes one score for each class, and the network has a single output; end "
            "in one unit per class, or take a binary loss for a yes or no"
        )
    labels = _takes_labels(loss, array) and classes > 1
    if labels and array.shape in (full[:-1], (*full[:-1], 1)):
        array = array.reshape(full[:-1])
        if isinstance(loss, Loss):
            loss.check_target(array, full)
        return array.astype(np.int64)
    if full in ((*array.shape, 1), array.shape[:-1]) and array.size == prod(full):
        array = array.reshape(full)
    if array.shape != full:
        raise DataError(
            f"{name} has shape {array.shape} and the network's output {full}; "
            + _remedy(labels, array.shape, full)
        )
    if isinstance(loss, Loss):
        loss.check_target(array, full)
    return converted(array, dtype, name)


def _takes_labels(loss: Loss | FunctionLoss, array: Array) -> bool:
    """Whether class numbers may stand for rows of the output; a loss of one's own may take them."""
    if isinstance(loss, Loss):
        return loss.target.classes == "labels"
    return array.dtype.kind in "iu"


def _remedy(labels: bool, found: tuple[int, ...], full: tuple[int, ...]) -> str:
    if labels:
        return f"give class numbers of shape {full[:-1]}, or rows of probabilities of shape {full}"
    if len(full) == 2 and len(found) in (1, 2):
        units = 1 if len(found) == 1 else found[1]
        return f"end the network in Dense({units}), or give {full[1]} targets for each sample"
    return "they must be equal, as NumPy would compare what does not belong together"


def converted(values: Any, dtype: Any, name: str) -> Array:
    """Finite numbers in the model's dtype; DataError where one is beyond its range."""
    array = _numbers(values, name)
    require_finite(array, name)
    with np.errstate(over="ignore"):
        result = array.astype(dtype, copy=False)
    if result is not array and not is_finite(result):
        place = np.argwhere(~np.isfinite(result))[0].tolist()
        raise DataError(
            f"{name} holds {array[tuple(place)]} in row {place[0]}, beyond the range of "
            f"{result.dtype}; scale it, or take dtype='float64'"
        )
    return np.ascontiguousarray(result)


def weights(
    sample_weight: Any, class_weight: Any, y: Array, loss: Loss | FunctionLoss, dtype: Any
) -> Array | None:
    """One weight for each sample, from both arguments of `fit`; None where neither is given."""
    if sample_weight is None and class_weight is None:
        return None
    if isinstance(loss, FunctionLoss):
        raise SettingError(
            f"the loss {loss.name} returns one number for all samples, so they cannot be weighted; "
            "use a named loss, or leave the weights out"
        )
    total = np.ones(y.shape[0], np.float64)
    if sample_weight is not None:
        given = _numbers(sample_weight, "sample_weight").astype(np.float64)
        if given.shape not in ((y.shape[0],), (y.shape[0], 1)):
            raise DataError(
                f"sample_weight has shape {given.shape}; one weight per sample is ({y.shape[0]},)"
            )
        require_finite(given, "sample_weight")
        if (given < 0).any():
            row = int(np.argmax(given.ravel() < 0))
            raise DataError(
                f"sample_weight is {given.ravel()[row]} in row {row}; weights are 0 or more"
            )
        total *= given.ravel()
    if class_weight is not None:
        labels = single_labels(y, loss)
        if labels is None:
            raise SettingError(
                f"class_weight needs one class for each sample, and under {loss.name} these "
                "targets have none; give sample_weight"
            )
        total *= _class_weights(class_weight, labels)
    if not total.any():
        raise DataError("every sample has the weight 0, which leaves nothing to train on")
    return converted(total, dtype, "sample_weight")


def single_labels(y: Array, loss: Loss | FunctionLoss) -> Array | None:
    """The class of each sample as a whole number; None where a sample has no single one."""
    if not isinstance(loss, Loss) or loss.task == "regression":
        return None
    labels = y
    if loss.task == "multiclass" and y.dtype.kind == "f":
        labels = y.argmax(axis=-1)
    elif loss.task == "binary":
        labels = (y > 0.5).astype(np.int64)
    return labels.reshape(-1) if labels.size == labels.shape[0] else None


def _class_weights(class_weight: Any, labels: Array) -> Array:
    present, counts = np.unique(labels, return_counts=True)
    if isinstance(class_weight, Mapping):
        values = np.array([_class_weight(class_weight, label) for label in present.tolist()])
    elif class_weight == "balanced":
        values = labels.size / (present.size * counts)
    else:
        raise SettingError(
            f"class_weight is a dictionary from class to weight, or 'balanced', not "
            f"{class_weight!r}"
        )
    return values[np.searchsorted(present, labels)]


def _class_weight(table: Mapping[Any, Any], label: int) -> float:
    if label not in table:
        raise SettingError(f"class_weight has no entry for class {label}")
    try:
        return float(_NOT_NEGATIVE.read(table[label]))
    except (TypeError, ValueError):
        raise SettingError(
            f"class_weight: the weight of class {label} must be {_NOT_NEGATIVE.words}, not "
            f"{table[label]!r}"
        ) from None


_NOT_NEGATIVE = number("a finite number, 0 or more", lambda weight: weight >= 0)


def split(count: int, share: float, labels: Array | None, key: Any) -> tuple[Array, Array]:
    """(training, validation) row numbers, rising: a random share by the key.

    With `labels`, every class gives its share to the nearest sample, and keeps at least one to
    train on. It is the running total that is rounded, so that the share of the whole is met too.
    """
    order = np.asarray(random.permutation(key, count))
    classes = np.zeros(count, np.int64) if labels is None else labels
    held: list[Array] = []
    total = 0
    for label in np.unique(classes):
        group = order[classes[order] == label]
        before, total = total, total + len(group)
        wanted = round(total * share) - round(before * share)
        held.append(group[: min(wanted, len(group) - 1)])
    validation = np.sort(np.concatenate(held))
    if len(validation) == 0:
        raise SettingError(
            f"validation_split={share} of {count} samples leaves none to validate on"
        )
    return np.setdiff1d(np.arange(count), validation), validation
