"""What several rows share: PyTorch's axes, and its numbers that count as arrays of one axis."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np


def axes(x: Any, dim: Any) -> Any:
    """NumPy's `axis` for PyTorch's `dim`: no dim, and a list of none, is all of them."""
    if dim is None or x.ndim == 0 or (isinstance(dim, list | tuple) and len(dim) == 0):
        return None
    return tuple(dim) if isinstance(dim, list | tuple) else dim


def of_arrays(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with PyTorch's meaning for a number: an array of one entry, and back."""

    @wraps(function)
    def called(x: Any, *args: Any, **kwargs: Any) -> Any:
        if x.ndim > 0:
            return function(x, *args, **kwargs)
        result = function(np.reshape(x, (1,)), *args, **kwargs)
        if isinstance(result, tuple):
            return tuple(np.reshape(part, ()) for part in result)
        return np.reshape(result, ())

    return called
