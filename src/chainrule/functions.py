"""Functions that NumPy lacks and networks need, in plain NumPy, so that they trace as they stand.

Each is safe for any finite input: exponentials are taken of numbers that are at most 0.
"""

from typing import Any, TypeAlias

import numpy as np

from chainrule.ops import rows

Array: TypeAlias = Any  # a NumPy array, or a traced value in its place

sigmoid = rows.sigmoid  # 1 / (1 + exp(-x)), elementwise, accurate in both tails


def logsumexp(x: Array, axis: int = -1, keepdims: bool = False) -> Array:
    """log(sum(exp(x))) along an axis.

    The largest entry is taken out first (Blanchard, Higham and Higham 2021, algorithm 3.1,
    doi:10.1093/imanum/draa038).
    """
    largest = _largest(x, axis)
    result = largest + np.log(np.sum(np.exp(x - largest), axis=axis, keepdims=True))
    return result if keepdims else np.squeeze(result, axis=axis)


def log_softmax(x: Array, axis: int = -1) -> Array:
    """log(softmax(x)), also where the softmax itself would round to 0."""
    shifted = x - _largest(x, axis)
    return shifted - np.log(np.sum(np.exp(shifted), axis=axis, keepdims=True))


def softmax(x: Array, axis: int = -1) -> Array:
    """exp(x) / sum(exp(x)) along an axis: positive numbers that sum to 1."""
    powers = np.exp(x - _largest(x, axis))
    return powers / np.sum(powers, axis=axis, keepdims=True)


def one_hot(labels: Array, classes: int, dtype: Any = np.float64) -> Array:
    """Class numbers of shape (...) as rows of shape (..., classes): 1 at the class, else 0.

    A label outside 0 … classes - 1 gives a row of zeros.
    """
    return is_class(labels, classes).astype(dtype)


def is_class(labels: Array, classes: int) -> Array:
    """Shape (..., classes), boolean: True at the class of each label."""
    return labels[..., None] == np.arange(classes)


def _largest(x: Array, axis: int) -> Array:
    """The largest entry, a constant to the chain rule: shifting by it changes no result."""
    return rows.stop_gradient(np.max(x, axis=axis, keepdims=True))
