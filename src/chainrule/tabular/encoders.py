"""One encoder per column: from a column's values to its features, the same in every file.

An encoder is plain data that was learned on the training rows. Rows of the family, by what the
column holds:

    NumberEncoder     (value − mean) / scale; missing: the median, and a feature that says so
    BooleanEncoder    0 or 1; missing: the more frequent value, and a feature that says so
    CategoryEncoder   one feature per category, 1 where it applies; missing: its own category

Encoded columns are compact: a category is one number, its place among the features. A layer
`OneHot` in front of the network makes the features of it, batch by batch, since a million rows
of mostly zeros would not only be slow but several times as large as the file.
"""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from chainrule.errors import DataError
from chainrule.settings import Configured, Domain, Number, Positive, Registry, Switch
from chainrule.tabular.inference import MOSTLY, Kind

Floats = NDArray[np.floating[Any]]


def _read_text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _read_texts(value: Any) -> tuple[str, ...]:
    if isinstance(value, str) or len(set(value)) != len(value):
        raise ValueError
    return tuple(_read_text(item) for item in value)


Text = Annotated[str, Domain("a text", _read_text)]
Texts = Annotated[tuple[str, ...], Domain("different texts", _read_texts)]


@dataclass(frozen=True)
class Encoder(Configured):
    """How one column becomes features."""

    family: ClassVar[Registry["Encoder"]]
    kind: ClassVar[Kind]
    column: Text

    @property
    def features(self) -> tuple[str, ...]:
        """The names of its features."""
        raise NotImplementedError

    @property
    def sizes(self) -> tuple[int, ...]:
        """One entry per encoded column: 0 for numbers, the number of features of a category."""
        return (0,) * len(self.features)

    def check(self, series: pl.Series) -> None:
        """`DataError`, with the row, where the whole column is not what it was in the training."""
        raise NotImplementedError

    def write(self, series: pl.Series, out: NDArray[np.float32]) -> None:
        """Some rows of a column that passed `check`, encoded into `out` (rows, len(sizes))."""
        raise NotImplementedError

    def notes(self, series: pl.Series) -> list[str]:
        """What a reader should know of how this column was met by the encoder."""
        raise NotImplementedError


ENCODERS: Registry[Encoder] = Registry("column encoder")
Encoder.family = ENCODERS


@ENCODERS.register
@dataclass(frozen=True)
class NumberEncoder(Encoder):
    """Numbers, shifted and scaled to mean 0 and standard deviation 1 on the training rows."""

    kind = Kind.NUMBER
    mean: Number
    scale: Positive
    median: Number
    indicator: Switch

    @classmethod
    def learn(cls, series: pl.Series) -> "NumberEncoder":
        values = numbers(series).astype(np.float64)
        present = values[~np.isnan(values)]
        scale = float(present.std()) if len(present) else 0.0
        if not np.isfinite(scale):
            raise DataError(f"column {series.name!r} holds numbers too large to be squared")
        return cls(
            column=series.name,
            mean=float(present.mean()) if len(present) else 0.0,
            scale=scale or 1.0,
            median=float(np.median(present)) if len(present) else 0.0,
            indicator=len(present) < len(values),
        )

    @property
    def features(self) -> tuple[str, ...]:
        return _with_indicator(self.column, self.indicator)

    def check(self, series: pl.Series) -> None:
        numbers(series)

    def write(self, series: pl.Series, out: NDArray[np.float32]) -> None:
        values = numbers(series)
        missing = np.isnan(values)
        # In float64: a large mean under a small spread would lose its digits in float32.
        filled = np.where(missing, self.median, values.astype(np.float64))
        out[:, 0] = np.clip((filled - self.mean) / self.scale, -_LARGEST, _LARGEST)
        if self.indicator:
            out[:, 1] = missing

    def notes(self, series: pl.Series) -> list[str]:
        missing = int(np.isnan(numbers(series)).sum())
        return _missing_note(self.column, missing, self.indicator, f"{self.median:g}, the median")


@ENCODERS.register
@dataclass(frozen=True)
class BooleanEncoder(Encoder):
    """False and True as 0 and 1."""

    kind = Kind.BOOLEAN
    majority: Switch
    indicator: Switch

    @classmethod
    def learn(cls, series: pl.Series) -> "BooleanEncoder":
        present = series.drop_nulls()
        return cls(
            column=series.name,
            majority=2 * int(present.sum()) > len(present),
            indicator=len(present) < len(series),
        )

    @property
    def features(self) -> tuple[str, ...]:
        return _with_indicator(self.column, self.indicator)

    def check(self, series: pl.Series) -> None:
        if series.dtype != pl.Boolean:
            raise DataError(
                f"column {self.column!r} must hold true or false, not {described(series)}"
            )

    def write(self, series: pl.Series, out: NDArray[np.float32]) -> None:
        out[:, 0] = series.fill_null(self.majority).to_numpy()
        if self.indicator:
            out[:, 1] = series.is_null().to_numpy()

    def notes(self, series: pl.Series) -> list[str]:
        missing = series.null_count()
        return _missing_note(self.column, missing, self.indicator, f"{self.majority}, as mostly")


@ENCODERS.register
@dataclass(frozen=True)
class CategoryEncoder(Encoder):
    """A feature for each category of the training rows.

    other
        Whether the rarer categories of the training rows share one more feature. If so, a
        category that was never met belongs to them; if not, its row has zeros everywhere.
    missing
        Whether the training rows had missing values, which then are a category too.
    """

    kind = Kind.TEXT
    categories: Texts
    other: Switch
    missing: Switch

    @classmethod
    def learn(cls, series: pl.Series, most: int) -> "CategoryEncoder":
        """At most `most` features, not counting that for missing values."""
        counts = count_texts(series)
        names = sorted(counts, key=lambda name: (-counts[name], name))
        other = len(names) > most
        return cls(
            column=series.name,
            categories=tuple(sorted(names[: most - 1] if other else names)),
            other=other,
            missing=sum(counts.values()) < len(series),
        )

    @property
    def features(self) -> tuple[str, ...]:
        return (
            *(f"{self.column} = {category}" for category in self.categories),
            *((f"{self.column} is rare",) if self.other else ()),
            *((f"{self.column} is missing",) if self.missing else ()),
        )

    @property
    def sizes(self) -> tuple[int, ...]:
        return (len(self.features),)

    def check(self, series: pl.Series) -> None:
        texts(series)

    def write(self, series: pl.Series, out: NDArray[np.float32]) -> None:
        """The place of each row's feature, −1 for none."""
        unknown = len(self.categories) if self.other else -1
        missing = len(self.features) - 1 if self.missing else -1
        places = dict(zip(self.categories, range(len(self.categories)), strict=True))
        out[:, 0] = look_up(texts(series), places, unknown, missing)

    def notes(self, series: pl.Series) -> list[str]:
        column = texts(series)
        met = column.unique().drop_nulls().cast(pl.String).to_list()
        new = sorted(set(met) - set(self.categories))
        notes = []
        if new and not self.other:
            shown = ", ".join(map(repr, new[:3])) + (", …" if len(new) > 3 else "")
            notes.append(
                f"{self.column!r} has {len(new)} "
                f"{'category' if len(new) == 1 else 'categories'} unknown to the network "
                f"({shown}), which it sees as none"
            )
        if not self.missing and column.null_count():
            notes.append(
                f"{self.column!r} is missing in {column.null_count():,} rows, which never "
                "happened in the training; the network sees no category"
            )
        return notes


_LARGEST = float(np.finfo(np.float32).max)
_WHOLE = 2.0**53  # from here on, floating point has no digits behind the point anyway


def numbers(series: pl.Series) -> Floats:
    """The column as floating point with NaN for missing values; `DataError` with the row."""
    if is_text(series):
        parsed = series.cast(pl.String).cast(pl.Float64, strict=False)
        wrong = (parsed.is_null() & series.is_not_null()).arg_true()
        if len(wrong):
            raise DataError(
                f"column {series.name!r} must hold numbers, but row {wrong[0] + 1} holds "
                f"{series[wrong[0]]!r}"
            )
        series = parsed
    elif not (series.dtype.is_numeric() or series.dtype in (pl.Boolean, pl.Null)):
        raise DataError(f"column {series.name!r} must hold numbers, not {described(series)}")
    if series.dtype not in (pl.Float32, pl.Float64):
        series = series.cast(pl.Float64)
    infinite = series.is_infinite().fill_null(False)
    if infinite.any():
        row = infinite.arg_true()[0]
        raise DataError(
            f"column {series.name!r} is infinite ({series[row]}) in row {row + 1}; correct it, or "
            "leave it empty if the value is missing"
        )
    values: Floats = series.to_numpy()
    return values


def texts(series: pl.Series) -> pl.Series:
    """The column as String or Enum, null where missing; whole numbers without a point."""
    if is_text(series):
        return series
    if series.dtype.is_float():
        frame = series.fill_nan(None).alias("value").to_frame()
        value = pl.col("value")
        whole = (value % 1 == 0) & (value.abs() < _WHOLE)
        written = pl.when(whole).then(value.cast(pl.Int64, strict=False).cast(pl.String))
        return frame.select(written.otherwise(value.cast(pl.String)).alias(series.name)).to_series()
    return series.cast(pl.String)


def count_texts(series: pl.Series) -> dict[str, int]:
    """How many rows hold each text."""
    counts = texts(series).drop_nulls().alias("text").value_counts(sort=False, name="rows")
    return dict(zip(counts["text"].cast(pl.String), counts["rows"], strict=True))


def look_up(
    text: pl.Series, places: dict[str, int], unknown: int, missing: int
) -> NDArray[np.int32]:
    """Each row's place, by its text."""
    if isinstance(text.dtype, pl.Enum):
        names = text.dtype.categories
        table = np.array([*(places.get(name, unknown) for name in names), missing], np.int32)
        codes = text.to_physical().cast(pl.UInt32).fill_null(len(table) - 1)
        found: NDArray[np.int32] = table[codes.to_numpy()]
        return found
    known = text.replace_strict(
        list(places), list(places.values()), default=unknown, return_dtype=pl.Int32
    )
    return np.where(text.is_null().to_numpy(), np.int32(missing), known.fill_null(-1).to_numpy())


def is_text(series: pl.Series) -> bool:
    """Whether the column holds text of any representation."""
    return series.dtype in (pl.String, pl.Categorical) or isinstance(series.dtype, pl.Enum)


_MONEY = r"(?:[$€£¥₹]|USD|EUR|GBP|CHF|JPY)"
_DIGITS = "(?:\\d+|\\d{1,3}(?:[,.'\u00a0\u202f]\\d{3})+)(?:[.,]\\d+)?"
_DECORATED = rf"^\(?[-+]? ?{_MONEY}? ?[-+]?{_DIGITS} ?(?:%|{_MONEY})?\)?$"


def refuse_decorated_numbers(series: pl.Series, otherwise: str) -> None:
    """`DataError` for a column of texts that are numbers to people: $1,200.50 or 12%.

    As categories they would mean nothing, and to guess what 1,200 stands for is to guess wrong in
    half of the world. `otherwise` says what else to do than to write them differently.
    """
    values = series.drop_nulls().head(1000).cast(pl.String)
    plain = values.cast(pl.Float64, strict=False).is_not_null()
    decorated = values.str.contains(_DECORATED) & ~plain
    if decorated.any() and (plain | decorated).sum() >= MOSTLY * len(values):
        raise DataError(
            f"column {series.name!r} holds numbers with a decimal comma, thousands apart, or a "
            f"sign of money or percent ({values.filter(decorated)[0]!r}); write plain numbers "
            f"(1200.5), {otherwise}"
        )


def described(series: pl.Series) -> str:
    """What a column holds, in words."""
    if series.dtype.is_temporal():
        return "dates or times"
    if series.dtype.is_numeric():
        return "numbers"
    if series.dtype == pl.Boolean:
        return "true or false"
    return "text" if is_text(series) else f"{series.dtype} values"


def _with_indicator(column: str, indicator: bool) -> tuple[str, ...]:
    return (column, f"{column} is missing") if indicator else (column,)


def _missing_note(column: str, missing: int, indicator: bool, used: str) -> list[str]:
    if indicator or missing == 0:
        return []
    return [
        f"{column!r} is missing in {missing:,} rows, which never happened in the training; "
        f"{used}, is used"
    ]
