"""Which rows train the network, which choose its best epoch, and which judge it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import DataError, SettingError

Rows = NDArray[np.int64]

FEWEST_OF_A_CLASS = 3
"""A class with fewer rows stays in the training part as a whole."""


@dataclass(frozen=True)
class Split:
    """Row numbers, counted from 0 and rising, of the three parts; none is in two."""

    training: Rows
    validation: Rows
    test: Rows


def split(
    rows: Rows,
    *,
    validation: float,
    test: float,
    seed: int,
    classes: NDArray[np.int64] | None = None,
) -> Split:
    """A random division of `rows`.

    rows
        (n,) the rows to be divided.
    validation, test
        The shares of the two parts that do not train, each from 0 up to 1, below 1 together.
    classes
        (n,) the class of each row: every part gets its share of each class, to the nearest row.

    Raises `SettingError` for impossible shares, `DataError` where a part would remain empty.
    """
    for name, share in (("validation", validation), ("test", test)):
        if not 0 <= share < 1:
            raise SettingError(f"{name} must be a share from 0 up to, but not, 1, not {share}")
    if validation + test >= 1:
        raise SettingError(
            f"validation {validation} and test {test} leave nothing to train on; "
            "together they must stay below 1"
        )
    if seed < 0:
        raise SettingError(f"seed must be a whole number, 0 or more, not {seed}")
    if classes is None:
        classes = np.zeros(len(rows), np.int64)
    generator = np.random.default_rng(seed)
    members = [generator.permutation(np.flatnonzero(classes == c)) for c in np.unique(classes)]
    movable = [group for group in members if len(group) >= FEWEST_OF_A_CLASS or len(members) == 1]

    tested, movable = _take(movable, test)
    validated, movable = _take(movable, validation / (1 - test))
    for name, share, taken in (("test", test, tested), ("validation", validation, validated)):
        if share > 0 and len(taken) == 0:
            raise DataError(
                f"{len(rows)} rows are too few for a {name} part of {share:g}; "
                "choose a larger share, or 0 to do without"
            )
    trained = np.ones(len(rows), np.bool_)
    trained[tested] = trained[validated] = False
    return Split(rows[trained], rows[np.sort(validated)], rows[np.sort(tested)])


def _take(groups: list[Rows], share: float) -> tuple[Rows, list[Rows]]:
    """The first `share` of every group, and what is left of the groups.

    The running total is what gets rounded, so the share of the whole is met as well as that of
    each group. One member of each always remains.
    """
    taken: list[Rows] = [np.empty(0, np.int64)]
    left = []
    total = 0
    for group in groups:
        before, total = total, total + len(group)
        count = min(round(total * share) - round(before * share), len(group) - 1)
        taken.append(group[:count])
        left.append(group[count:])
    return np.concatenate(taken), left
