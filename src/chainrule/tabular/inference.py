"""Columns of text become columns of numbers, booleans or categories, block by block.

A column is guessed from the first block in which it has a value, and the guess is held against
every later value. Whole numbers that begin with a zero (the postcode 01067) are guessed to be
texts: they are names, which a number would cut short.

A guess that fails is not patched: the column is read again as text, or, where nearly all of it is
numbers, refused with the value that is none, since a stray word would otherwise turn a measurement
into ten thousand categories.
"""

from dataclasses import dataclass
from enum import StrEnum
from shlex import quote

import numpy as np
import polars as pl
from numpy.typing import NDArray

from chainrule.errors import DataError
from chainrule.tabular.buffers import Buffer
from chainrule.tabular.records import MISSING

MOSTLY = 0.9
"""From this share of numbers on, the rest of a column counts as mistakes."""

ZERO_FIRST = r"^0\d+$"

MANY_TEXTS = 4096
"""Up to so many different texts, a column is kept as codes of two bytes."""


class Kind(StrEnum):
    """What a column of a table holds."""

    NUMBER = "number"
    BOOLEAN = "boolean"
    TEXT = "text"


@dataclass(frozen=True)
class Misfit:
    """A value that contradicts its column's kind, and how many there are."""

    row: int
    text: str
    count: int
    share: float  # of the column's values


class Column:
    """Collects one column of a file.

    required
        What whoever reads the file demands of the column.
    known
        What an earlier reading has found; without either, the values decide.
    decimal_comma
        Whether 3,14 is a number.
    expected
        About how many rows there will be.
    """

    def __init__(
        self,
        name: str,
        required: Kind | None = None,
        known: Kind | None = None,
        decimal_comma: bool = False,
        expected: int = 1024,
    ) -> None:
        self.name = name
        self.required = required
        self.kind = required or known
        self._decimal_comma = decimal_comma
        self._rows = 0
        self._present = 0
        self._misfits = 0
        self._first: tuple[int, str] | None = None
        # Small integers fit four bytes; the first number that does not widens the column.
        self._numbers = Buffer(np.float32, expected)
        self._texts = _Texts(expected)

    @property
    def misfit(self) -> Misfit | None:
        """The first value that contradicts the column's kind, if any does."""
        if self._first is None:
            return None
        return Misfit(*self._first, self._misfits, self._misfits / self._present)

    def add(self, values: pl.Series) -> None:
        """The column's next rows: text without spaces around it, or numbers; null if missing."""
        present = len(values) - values.null_count()
        if self.kind is None and present:
            self.kind = self._guess(values, present)
            if self.kind is Kind.TEXT:
                self._texts.skip(self._rows)
            else:
                self._numbers.extend(np.full(self._rows, np.nan, np.float32))
        if self.kind is Kind.TEXT:
            self._texts.add(values)
        elif self.kind is not None:
            self._add_numbers(values)
        self._present += present
        self._rows += len(values)

    def finish(self) -> pl.Series:
        """Float64 or Float32 with NaN for missing values; Boolean, String or Enum with null."""
        if self.kind is Kind.TEXT:
            return self._texts.finish(self.name)
        if self.kind is None:  # not one value: a constant, which preprocessing leaves out
            self._numbers.extend(np.full(self._rows, np.nan, np.float32))
        series = pl.Series(self.name, self._numbers.array())
        if self.kind is Kind.BOOLEAN:
            return series.fill_nan(None).cast(pl.Boolean)
        return series

    def _guess(self, text: pl.Series, present: int) -> Kind:
        if _booleans(text).null_count() == text.null_count():
            return Kind.BOOLEAN
        if text.str.contains(ZERO_FIRST).any():
            return Kind.TEXT
        numbers = len(text) - self._parse(text).null_count()
        return Kind.NUMBER if numbers >= MOSTLY * present else Kind.TEXT

    def _parse(self, text: pl.Series) -> pl.Series:
        if self._decimal_comma:
            text = text.str.replace(",", ".", literal=True)
        return text.cast(pl.Float64, strict=False)

    def _add_numbers(self, values: pl.Series) -> None:
        parsed = values
        if values.dtype == pl.String:
            parse = _booleans if self.kind is Kind.BOOLEAN else self._parse
            parsed = parse(values)
            wrong = (parsed.is_null() & values.is_not_null()).arg_true()
            if len(wrong):
                self._first = self._first or (self._rows + wrong[0] + 1, values[wrong[0]])
                self._misfits += len(wrong)
        if self._first is None:  # otherwise the column will be read again, or refused
            chunk = parsed.cast(pl.Float64).to_numpy()
            if self._numbers.dtype == np.float32 and not _fits_float32(chunk):
                self._numbers.widen(np.float64)
            self._numbers.extend(chunk)


def clean(texts: pl.DataFrame) -> pl.DataFrame:
    """The same columns, texts without spaces around them, and null for what means missing."""
    text = pl.col(pl.String).str.strip_chars()
    missing = text.str.to_lowercase().is_in(MISSING)
    return texts.with_columns(pl.when(~missing).then(text))


def settle(columns: list[Column], source: str) -> dict[str, Kind]:
    """The columns that have to be read again as text; `DataError` where that would be wrong."""
    again = {}
    for column in columns:
        misfit = column.misfit
        if misfit is None:
            continue
        if column.required is not None:
            raise DataError(
                f"{source}: column {column.name!r} must hold {_PLURAL[column.required]}, "
                f"but row {misfit.row} holds {misfit.text!r}"
            )
        if column.kind is Kind.NUMBER and misfit.share <= 1 - MOSTLY:
            others = f", nor are {misfit.count - 1:,} more" if misfit.count > 1 else ""
            raise DataError(
                f"{source}: column {column.name!r} holds numbers, but {misfit.text!r} in row "
                f"{misfit.row} is none{others}; correct it, leave it empty if the value is "
                f"missing, read the column as names (--categories {quote(column.name)}), or leave "
                f"it out (--drop {quote(column.name)})"
            )
        again[column.name] = Kind.TEXT
    return again


_PLURAL = {
    Kind.NUMBER: "numbers",
    Kind.BOOLEAN: "true or false",
    Kind.TEXT: "text",
}


class _Texts:
    """Texts as codes while they are few, as strings from then on."""

    def __init__(self, expected: int) -> None:
        self._codes: dict[str, int] = {}
        self._coded = Buffer(np.uint16, expected)
        self._strings: list[pl.Series] = []

    def skip(self, rows: int) -> None:
        """Rows without a value."""
        self._coded.extend(np.full(rows, _NO_TEXT, np.uint16))

    def add(self, text: pl.Series) -> None:
        """The next rows."""
        if self._strings:
            self._strings.append(text)
            return
        codes = self._encode(text)
        if (codes == _NEW_TEXT).any():
            for new in text.unique(maintain_order=True).drop_nulls():
                self._codes.setdefault(new, len(self._codes))
            if len(self._codes) > MANY_TEXTS:
                self._strings += [self._decode(pl.String), text]
                return
            codes = self._encode(text)
        self._coded.extend(codes)

    def _encode(self, text: pl.Series) -> NDArray[np.uint16]:
        codes: NDArray[np.uint16] = text.replace_strict(
            [*self._codes, None],
            [*range(len(self._codes)), _NO_TEXT],
            default=_NEW_TEXT,
            return_dtype=pl.UInt16,
        ).to_numpy()
        return codes

    def finish(self, name: str) -> pl.Series:
        if not self._strings:
            return self._decode(pl.Enum(sorted(self._codes))).alias(name)
        whole = pl.concat(self._strings, rechunk=True).alias(name)
        self._strings.clear()
        return whole

    def _decode(self, dtype: pl.DataType | type[pl.DataType]) -> pl.Series:
        codes = self._coded.array()
        codes[codes == _NO_TEXT] = len(self._codes)
        return pl.Series([*self._codes, None], dtype=dtype).gather(codes)


_NO_TEXT = np.iinfo(np.uint16).max
_NEW_TEXT = _NO_TEXT - 1


def _booleans(text: pl.Series) -> pl.Series:
    lower = text.str.to_lowercase()
    return lower.replace_strict(
        ["true", "false"], [True, False], default=None, return_dtype=pl.Boolean
    )


def _fits_float32(numbers: NDArray[np.float64]) -> bool:
    """Whether four bytes hold each number exactly, as they do small integers."""
    with np.errstate(over="ignore"):  # a number beyond float32 becomes Inf and so is not equal
        return np.array_equal(numbers.astype(np.float32), numbers, equal_nan=True)
