"""What the data of a check cannot show, and the input that would."""

from collections.abc import Iterator, Mapping

import numpy as np

from chainrule.checking.point import Point
from chainrule.checking.steps import Array
from chainrule.trees import flatten

HIDDEN = 100.0  # of what rounding leaves: in a smaller gradient a mistake of 1 % does not show


def unseen(point: Point, true: Mapping[str, Array], noise: Mapping[str, float]) -> tuple[str, ...]:
    """One sentence for each kind of mistake that may be there and not show."""
    return tuple(_unseen(point, true, noise))


def _unseen(point: Point, true: Mapping[str, Array], noise: Mapping[str, float]) -> Iterator[str]:
    arrays = [np.asarray(part) for part in flatten(point.data)[0]]
    lengths = {len(array) for array in arrays if array.ndim > 1}
    if arrays and (lengths == {1} or all(array.ndim == 0 for array in arrays)):
        yield (
            "with one sample a missing or doubled 1/N and a sum over samples that is left out do "
            "not show; check with two or more samples"
        )
    zero = [name for name, value in point.leaves.items() if value.ndim > 1 and not np.any(value)]
    if zero:
        yield (
            f"{', '.join(zero)} {'is' if len(zero) == 1 else 'are'} 0 everywhere, which hides what "
            "is multiplied by it; check with other numbers"
        )
    still = [
        name
        for name, value in true.items()
        if value.size and np.max(np.abs(value)) <= HIDDEN * noise.get(name, 0.0)
    ]
    if still:
        yield (
            f"the true gradient of {', '.join(still)} is 0 here, or rounding, so a factor that "
            "is wrong there does not show; check at another point"
        )
