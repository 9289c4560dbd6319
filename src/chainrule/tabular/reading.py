"""Read a table: a CSV or Parquet file, or a data set that comes with scikit-learn."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from chainrule.errors import DataError, FileError
from chainrule.tabular import datasets
from chainrule.tabular.csv_file import CsvFile, Progress
from chainrule.tabular.inference import Column, Kind, clean, settle
from chainrule.tabular.records import parse

__all__ = ["Kind", "Table", "read"]


@dataclass(frozen=True)
class Table:
    """A frame, where it came from, and the target where the source itself names one.

    The frame's columns are floating point (NaN or null where missing), Boolean, or text (String
    or Enum); a Parquet file may bring columns of other types, which preprocessing refuses.
    """

    frame: pl.DataFrame
    source: str
    target: str | None = None


def read(
    source: str,
    *,
    kinds: Mapping[str, Kind] | None = None,
    columns: Collection[str] | None = None,
    progress: Progress | None = None,
) -> Table:
    """The table at `source`: a path ending in `.parquet`, any other path (CSV), `sklearn:NAME`.

    kinds
        What certain columns must hold, so that a file read for prediction is read like the one
        of the training. All others of a CSV file are found out.
    columns
        Keep only those (each where it exists).
    progress
        Called with the bytes read so far and the bytes of the file.

    Raises `FileError` where there is no such file, `DataError` where it is no proper table.
    """
    if source.startswith(datasets.PREFIX):
        frame, target = datasets.load(source.removeprefix(datasets.PREFIX))
        return Table(_kept(frame, columns), source, target)
    path = Path(source)
    if path.is_dir():
        raise FileError(f"{source} is a folder, not a CSV or Parquet file")
    if not path.exists():
        raise FileError(f"there is no file {source}")
    try:
        if path.suffix.lower() in (".parquet", ".pq"):
            return Table(_read_parquet(path, columns), source)
        return Table(_read_csv(path, dict(kinds or {}), columns, progress), source)
    except OSError as error:
        raise FileError(f"cannot read {source}: {error.strerror or error}") from error


def _read_csv(
    path: Path,
    kinds: dict[str, Kind],
    columns: Collection[str] | None,
    progress: Progress | None,
) -> pl.DataFrame:
    found: dict[str, Kind] = {}
    while True:  # a second time at most: as text, every column can be read
        with path.open("rb") as file:
            table = CsvFile(file, path, progress)
            header = table.header
            rows = table.expected_rows()
            collected = [
                Column(name, kinds.get(name), found.get(name), header.decimal_comma, rows)
                for name in header.names
                if columns is None or name in columns
            ]
            for block in table.blocks():
                numbers = [column.name for column in collected if column.kind is Kind.NUMBER]
                values = clean(parse(block, header, path, numbers))
                for column in collected:
                    column.add(values[column.name])
        found = settle(collected, str(path))
        if not found:
            return pl.DataFrame([column.finish() for column in collected])


def _read_parquet(path: Path, columns: Collection[str] | None) -> pl.DataFrame:
    try:
        frame = pl.read_parquet(path)
    except pl.exceptions.PolarsError as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"{path} is not a readable Parquet file: {reason}") from error
    frame = _kept(frame, columns)
    if frame.height == 0:
        raise DataError(f"{path} has no rows")
    plain = [pl.col(pl.Decimal).cast(pl.Float64), pl.col(pl.Categorical).cast(pl.String)]
    return frame.with_columns(plain)


def _kept(frame: pl.DataFrame, columns: Collection[str] | None) -> pl.DataFrame:
    if columns is None:
        return frame
    return frame.select([name for name in frame.columns if name in columns])
