"""What the table of foreign functions says about each of them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Case:
    """One function of the sample and how to call it.

    ``arguments`` makes example arguments: float64 arrays or nested dicts and lists of them,
    integer arrays for labels and indices, plain numbers. ``differentiable`` names the positions
    with respect to which the gradient of the sum of all floating-point outputs is meaningful; it
    is empty where the function only updates its arguments in place.
    """

    name: str
    function: Callable[..., Any]
    arguments: Callable[[np.random.Generator], tuple[Any, ...]]
    differentiable: tuple[int, ...]
