"""The column to be predicted: what the task is, and how labels or values become numbers."""

from dataclasses import dataclass
from shlex import quote
from typing import Annotated, Any, ClassVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from chainrule.errors import DataError
from chainrule.settings import Configured, Domain, Number, Positive, Registry, finite_number
from chainrule.tabular.encoders import (
    Text,
    Texts,
    count_texts,
    described,
    is_text,
    look_up,
    numbers,
    refuse_decorated_numbers,
    texts,
)
from chainrule.tabular.inference import ZERO_FIRST, Kind

CLASSIFICATION = "classification"
REGRESSION = "regression"
TASKS = (CLASSIFICATION, REGRESSION)

FEW_NUMBERS = 20
"""Whole numbers with at most so many different values are taken for classes."""

MANY_CLASSES = 1000
ROWS_PER_CLASS = 2  # on average, at least

KindSetting = Annotated[Kind, Domain("one of " + ", ".join(Kind), Kind)]


def _read_shares(value: Any) -> tuple[float, ...]:
    shares = tuple(finite_number(share) for share in value)
    if not all(0 < share < 1 for share in shares):
        raise ValueError
    return shares


Shares = Annotated[tuple[float, ...], Domain("shares between 0 and 1", _read_shares)]


@dataclass(frozen=True)
class Target(Configured):
    """What the network is to predict."""

    family: ClassVar[Registry["Target"]]
    column: Text

    @property
    def task(self) -> str:
        """`classification` or `regression`."""
        raise NotImplementedError

    @property
    def kind(self) -> Kind:
        """What the column must hold when it is read again."""
        raise NotImplementedError

    def encode(self, series: pl.Series) -> NDArray[Any]:
        """What the network is trained on, one entry per row, −1 or NaN where it is missing."""
        raise NotImplementedError

    def truth(self, series: pl.Series) -> NDArray[Any]:
        """What predictions are compared with: class numbers, or values in their own units."""
        raise NotImplementedError


TARGETS: Registry[Target] = Registry("target encoding")
Target.family = TARGETS


@TARGETS.register
@dataclass(frozen=True)
class Classes(Target):
    """Class labels, as the place of each in `classes`.

    shares
        Of each class among the training rows.
    holds
        What the column holds.
    """

    classes: Texts
    shares: Shares
    holds: KindSetting

    @classmethod
    def learn(cls, series: pl.Series) -> "Classes":
        counts = count_texts(series)
        names = sorted(counts, key=_natural)
        if len(names) < 2:
            raise DataError(
                f"target {series.name!r} has one value only ({', '.join(names)}): "
                "there is nothing to learn"
            )
        if len(names) > MANY_CLASSES or ROWS_PER_CLASS * len(names) > len(series) > 4:
            raise DataError(
                f"target {series.name!r} has {len(names):,} different classes in "
                f"{len(series):,} rows: too many to learn from so few examples each"
                + _advice_on_numbers(series)
            )
        labelled = sum(counts.values())
        shares = [counts[name] / labelled for name in names]
        return cls(series.name, tuple(names), tuple(shares), kind_of(series))

    @property
    def task(self) -> str:
        return CLASSIFICATION

    @property
    def kind(self) -> Kind:
        return self.holds

    def encode(self, series: pl.Series) -> NDArray[np.int64]:
        """(rows,) places in `classes`, −1 where missing; `DataError` for an unknown class."""
        places = dict(zip(self.classes, range(len(self.classes)), strict=True))
        found = look_up(texts(series), places, unknown=-2, missing=-1).astype(np.int64)
        if (found < -1).any():
            row = int((found < -1).argmax())
            raise DataError(
                f"target {self.column!r} holds {series[row]!r} in row {row + 1}, "
                "a class that the network was not trained on"
            )
        return found

    def truth(self, series: pl.Series) -> NDArray[np.int64]:
        return self.encode(series)


@TARGETS.register
@dataclass(frozen=True)
class Values(Target):
    """Numbers, shifted and scaled to mean 0 and standard deviation 1 on the training rows."""

    mean: Number
    scale: Positive
    median: Number

    @classmethod
    def learn(cls, series: pl.Series) -> "Values":
        values = numbers(series).astype(np.float64)
        scale = float(values.std())
        if scale == 0:
            raise DataError(
                f"target {series.name!r} has one value only ({values[0]:g}): "
                "there is nothing to learn"
            )
        if not np.isfinite(scale):
            raise DataError(f"target {series.name!r} holds numbers too large to be squared")
        return cls(series.name, float(values.mean()), scale, float(np.median(values)))

    @property
    def task(self) -> str:
        return REGRESSION

    @property
    def kind(self) -> Kind:
        return Kind.NUMBER

    def encode(self, series: pl.Series) -> NDArray[np.float32]:
        """(rows,) standardised values."""
        return ((numbers(series) - self.mean) / self.scale).astype(np.float32)

    def truth(self, series: pl.Series) -> NDArray[np.float64]:
        return numbers(series).astype(np.float64)

    def decode(self, outputs: NDArray[Any]) -> NDArray[np.float64]:
        """(rows,) values in the units of the column, from the network's (rows, 1) outputs."""
        values: NDArray[np.float64] = outputs.reshape(-1).astype(np.float64)
        return values * self.scale + self.mean


def _advice_on_numbers(series: pl.Series) -> str:
    if not is_text(series):
        return "; for numbers, write --task regression"
    if series.cast(pl.String).str.contains(ZERO_FIRST).any():
        return f"; for numbers that begin with a zero, write --numbers {quote(series.name)}"
    return ""


def infer_task(series: pl.Series) -> tuple[str, str]:
    """The task that a target implies, and the reason in words.

    Text, true or false, and whole numbers with at most `FEW_NUMBERS` different values, each in
    two rows on average, are classes; all other numbers are values. Raises `DataError` for
    anything else.
    """
    if is_text(series):
        refuse_decorated_numbers(series, "or take them for classes (--task classification)")
    if series.dtype == pl.Boolean or is_text(series):
        return CLASSIFICATION, f"{series.name!r} holds {described(series)}"
    if not series.dtype.is_numeric():
        raise DataError(f"target {series.name!r} holds {described(series)}, not classes or numbers")
    values = numbers(series)
    present = values[~np.isnan(values)]
    different = np.unique(present)
    few = len(different) <= FEW_NUMBERS and ROWS_PER_CLASS * len(different) <= len(present)
    if few and (different % 1 == 0).all():
        return (
            CLASSIFICATION,
            f"{series.name!r} holds {len(different)} different whole numbers",
        )
    return REGRESSION, f"{series.name!r} holds numbers"


def labelled_rows(series: pl.Series) -> NDArray[np.int64]:
    """The rows whose target is not missing."""
    if series.dtype.is_float():
        series = series.fill_nan(None)
    return np.flatnonzero(series.is_not_null().to_numpy())


def kind_of(series: pl.Series) -> Kind:
    """The kind of a column that may be a target."""
    if series.dtype == pl.Boolean:
        return Kind.BOOLEAN
    return Kind.TEXT if is_text(series) else Kind.NUMBER


def _natural(label: str) -> tuple[bool, float, str]:
    """Sorts labels that are numbers by their value and before all others."""
    try:
        return False, float(label), label
    except ValueError:
        return True, 0.0, label
