"""Arrays as users bring them to arrays as training takes them, or a sentence about what is wrong."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from chainrule import random
from chainrule.errors import DataError, SettingError
from chainrule.loss import FunctionLoss, Loss

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
    require_finite(array, name)
    with np.errstate(over="ignore"):
        converted = array.astype(dtype, copy=False)
    if converted is not array:
        _require_fits(converted, array, name)
    return np.ascontiguousarray(converted)


def _feature_counts(found: tuple[int, ...], wanted: tuple[int, ...]) -> str:
    if len(found) == len(wanted) == 1:
        return f": {found[0]} features instead of {wanted[0]}"
    return ""


def _numbers(values: Any, name: str) -> Array:
    try:
        array = np.asarray(values)
    except ValueError:
        raise DataError(f"{name} has rows of different lengths; every sample has one shape") from None
    if array.dtype.kind not in "fiub":
        raise DataError(
            f"{name} holds {_kind(array)}, and a network computes with numbers; encode categories "
            "as columns of 0 and 1, and give class labels as whole numbers from 0"
        )
    return array


def _kind(array: Array) -> str:
    kinds = {"O": "Python objects", "U": "text", "S": "bytes", "M": "dates", "c": "complex numbers"}
    return kinds.get(array.dtype.kind, f"{array.dtype} values")


def require_finite(array: Array, name: str) -> None:
    """DataError with the first place where a NaN or an infinity stands."""
    if array.dtype.kind != "f" or np.isfinite(array).all():
        return
    place = np.argwhere(~np.isfinite(array))[0].tolist()
    value = array[tuple(place)]
    if array.ndim == 2:
        where = f"row {place[0]}, column {place[1]}"
    else:
        where = f"row {place[0]}" + (f", position {tuple(place[1:])}" if place[1:] else "")
    raise DataError(
        f"{name} holds {'NaN' if np.isnan(value) else value} in {where} (counted from 0); fill in "
        "or leave out what is missing before training"
    )


def _require_fits(converted: Array, array: Array, name: str) -> None:
    if converted.dtype.kind == "f" and not np.isfinite(converted).all():
        place = np.argwhere(~np.isfinite(converted))[0].tolist()
        raise DataError(
            f"{name} holds {array[tuple(place)]} in row {place[0]}, beyond the range of "
            f"{converted.dtype}; scale the column"
        )


def targets(
    y: Any, loss: Loss | FunctionLoss, output_shape: tuple[int, ...], samples: int, dtype: Any
) -> Array:
    """y in the shape and dtype that the loss takes; (n,) and (n, 1) are the same.

    Anything else that does not match the network's output of `output_shape` is refused, also where
    NumPy would broadcast it.
    """
    array = _numbers(y, "y")
    if array.ndim == 0 or array.shape[0] != samples:
        raise DataError(
            f"X has {samples} samples and y {array.shape[0] if array.ndim else 'a single number'}"
        )
    require_finite(array, "y")
    full = (samples, *output_shape)
    labels = isinstance(loss, Loss) and loss.target.classes == "labels"
    if labels and (array.shape == full[:-1] or array.shape == (*full[:-1], 1)):
        array = array.reshape(full[:-1])
        loss.check_target(array, full)  # type: ignore[union-attr]  # labels are a Loss's
        return array.astype(np.int64)
    if array.shape != full and array.size == np.prod(full) and _only_ones_differ(array.shape, full):
        array = array.reshape(full)
    if array.shape != full:
        if isinstance(loss, FunctionLoss):
            return _as_float(array, dtype)
        raise DataError(
            f"y has shape {array.shape} and the network's output {full}"
            + (", one row of class scores for each sample; y is class numbers of shape "
               f"{full[:-1]}, or rows of shape {full}" if labels else
               "; they must be equal, since NumPy would otherwise compare every sample with every "
               "other one")
        )
    if isinstance(loss, Loss):
        loss.check_target(array, full)
    return _as_float(array, dtype)


def _as_float(array: Array, dtype: Any) -> Array:
    return np.ascontiguousarray(array.astype(dtype, copy=False))


def _only_ones_differ(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    return [n for n in a if n != 1] == [n for n in b if n != 1]


def weights(
    sample_weight: Any, class_weight: Any, y: Array, loss: Loss | FunctionLoss, dtype: Any
) -> Array | None:
    """One weight for each sample, from both arguments of `fit`; None where neither is given."""
    if sample_weight is None and class_weight is None:
        return None
    total = np.ones(y.shape[0], np.float64)
    if sample_weight is not None:
        given = _numbers(sample_weight, "sample_weight").astype(np.float64)
        if given.shape != (y.shape[0],):
            raise DataError(
                f"sample_weight has shape {given.shape}; one weight per sample is ({y.shape[0]},)"
            )
        require_finite(given, "sample_weight")
        if (given < 0).any() or not given.any():
            raise DataError("sample_weight holds numbers from 0 up, and not only zeros")
        total *= given
    if class_weight is not None:
        total *= _class_weights(class_weight, class_labels(y, loss))
    return total.astype(dtype)


def class_labels(y: Array, loss: Loss | FunctionLoss) -> Array:
    """The class of each sample as a whole number; SettingError for a regression."""
    if not isinstance(loss, Loss) or loss.task == "regression":
        raise SettingError(
            f"class_weight and stratified shares need classes, and {loss.name} is a loss of "
            "regression"
        )
    if y.ndim > 1 and loss.task == "multiclass" and y.dtype.kind == "f":
        return np.asarray(y.argmax(axis=-1))
    flat = y.reshape(y.shape[0], -1)
    if flat.shape[1] != 1:
        raise SettingError("class_weight needs one label for each sample")
    return (flat[:, 0] > 0).astype(np.int64) if loss.task == "binary" else flat[:, 0]


def _class_weights(class_weight: Any, labels: Array) -> Array:
    present, counts = np.unique(labels, return_counts=True)
    if class_weight == "balanced":
        table = dict(zip(present.tolist(), (labels.size / (present.size * counts)).tolist(), strict=True))
    elif isinstance(class_weight, Mapping):
        table = {int(label): float(value) for label, value in class_weight.items()}
        missing = [label for label in present.tolist() if label not in table]
        if missing:
            raise SettingError(f"class_weight has no entry for class {missing[0]}")
        if any(not np.isfinite(value) or value < 0 for value in table.values()):
            raise SettingError("class_weight holds finite numbers from 0 up")
    else:
        raise SettingError(
            f"class_weight is a dictionary from class to weight, or 'balanced', not "
            f"{class_weight!r}"
        )
    return np.array([table[int(label)] for label in labels])


def split(
    count: int, share: float, labels: Array | None, seed: int
) -> tuple[Array, Array]:
    """(training, validation) row numbers: a random share by the seed, of each class alike."""
    if not 0 < share < 1:
        raise SettingError(f"validation_split is a share between 0 and 1, not {share}")
    order = np.asarray(random.permutation(random.fold_in(random.key(seed), _SPLIT), count))
    held: list[int] = []
    groups = [order] if labels is None else [
        order[labels[order] == label] for label in np.unique(labels)
    ]
    for group in groups:
        held += group[: round(len(group) * share)].tolist()
    validation = np.sort(np.array(held, np.int64))
    if not 0 < len(validation) < count:
        raise SettingError(
            f"validation_split={share} of {count} samples leaves nothing to "
            f"{'validate on' if len(validation) == 0 else 'train on'}"
        )
    training = np.setdiff1d(np.arange(count), validation)
    return training, validation


_SPLIT = 0x5EED  # keeps the split's key apart from those of shuffling and dropout
