"""A CSV file as blocks of whole records, and each block as columns of text.

polars parses a block in milliseconds but is lenient where this project must not be: a row that
is too short is padded, and stray quotes are read one way or another. So a block that shows any
sign of trouble goes through Python's own `csv` module in strict mode, which is slow, exact, and
can say which line is wrong. `csv` is the definition; polars is the fast path.
"""

import csv
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from chainrule.errors import DataError

MISSING = ("", "na", "n/a", "#n/a", "nan", "null", "?")
"""What stands for a missing value, in any case of letters."""

MISSING_AS_WRITTEN = [
    *sorted({write(m) for m in MISSING[1:] for write in (str.lower, str.upper, str.title)}),
    "NaN",
]
"""What is commonly seen of them, for polars, which minds the case. The rest takes longer."""


@dataclass(frozen=True)
class Block:
    """Whole records of a file; `line` is the number of the first line, counted from 1."""

    line: int
    data: bytes


@dataclass(frozen=True)
class Header:
    """The first record: column names, and how the values below are written."""

    names: tuple[str, ...]
    separator: str
    decimal_comma: bool
    """Whether 3,14 is a number, as it is in many files with semicolons between the columns."""


def parse(block: Block, header: Header, path: Path, numbers: Collection[str]) -> pl.DataFrame:
    """The block as a frame with one column per name of the header, null where empty.

    The columns in `numbers` are Float64 if each of their values is a number or missing; all
    others are String.

    Raises `DataError`, with the line's number, for a row with more or fewer fields than the
    header, a quote out of place, and bytes that are not UTF-8.
    """
    check_text(block, path)
    frame = None
    if not _suspicious(block.data, header.separator):
        frame = _parse_fast(block, header, numbers)
        if frame is None and numbers:  # a word among the numbers, or worse
            frame = _parse_fast(block, header, ())
    if frame is None or not _surely_complete(frame, block.data, header.separator):
        return _parse_exactly(block, header, path)
    return frame


def _parse_fast(block: Block, header: Header, numbers: Collection[str]) -> pl.DataFrame | None:
    # polars wants names of this form where it is told that there is no header
    schema = {
        f"column_{number}": pl.Float64 if name in numbers else pl.String
        for number, name in enumerate(header.names, 1)
    }
    try:
        frame = pl.read_csv(
            block.data,
            has_header=False,
            schema=schema,
            separator=header.separator,
            decimal_comma=header.decimal_comma,
            null_values=MISSING_AS_WRITTEN if numbers else None,
        )
    except pl.exceptions.PolarsError:
        return None
    return frame.rename(dict(zip(schema, header.names, strict=True)))


class OpenQuote(Exception):
    """The text ends inside a quoted field."""


def strict_records(
    block: Block, separator: str, path: Path
) -> Iterator[tuple[list[str], int, int]]:
    """Each record that is not blank; of the block's lines, how many were read before it and
    how many with it."""
    lines = (line + "\n" for line in _decode(block, path).split("\n"))
    reader = csv.reader(lines, delimiter=separator, strict=True)
    start = 0
    try:
        for record in reader:
            if record:
                yield record, start, reader.line_num
            start = reader.line_num
    except csv.Error as error:
        if "unexpected end of data" in str(error):
            raise OpenQuote from error
        place = f"{path}, line {block.line + start}"
        if "new-line" in str(error):
            raise DataError(f"{place}: a carriage return in the middle of a line") from error
        raise DataError(
            f'{place}: {error} (a quote within a quoted field is written twice: "")'
        ) from error


def _parse_exactly(block: Block, header: Header, path: Path) -> pl.DataFrame:
    count = len(header.names)
    rows = []
    for record, start, _ in strict_records(block, header.separator, path):
        if len(record) != count:
            raise DataError(
                f"{path}, line {block.line + start}: {len(record)} "
                f"{'field' if len(record) == 1 else 'fields'}, but the header names {count}"
            )
        rows.append([field or None for field in record])
    return pl.DataFrame(rows, schema=dict.fromkeys(header.names, pl.String), orient="row")


def _suspicious(data: bytes, separator: str) -> bool:
    """Whether quotes or line ends are out of place, so that the two readers might disagree."""
    if b"\r" in data and data.count(b"\r") != data.count(b"\r\n"):
        return True
    if b'"' not in data:
        return False
    edge = re.escape(separator.encode())
    inside = b"[^" + edge + rb'\r\n"]'
    if re.search(inside + b'"' + inside, data):
        return True
    opened = len(re.findall(b"(?:^|" + edge + b'|\n)"', data))
    closed = len(re.findall(b'"(?:$|' + edge + b"|[\r\n])", data))
    return opened != closed


def _surely_complete(frame: pl.DataFrame, data: bytes, separator: str) -> bool:
    """Whether polars cannot have made up a value at the end of a row that is too short or blank."""
    if frame[:, -1].null_count() == 0:
        return True
    # Rows that are too long were refused, so if the sum is right then so is every row.
    separators = frame.height * (frame.width - 1)
    return frame.width > 1 and b'"' not in data and data.count(separator.encode()) == separators


def check_text(block: Block, path: Path) -> None:
    """`DataError`, with the line's number, where the block is not UTF-8 text."""
    if b"\0" in block.data:
        line = block.line + block.data.count(b"\n", 0, block.data.index(b"\0"))
        raise DataError(f"{path}, line {line}: a zero byte; this is not a text file")
    if not block.data.isascii():
        _decode(block, path)


def _decode(block: Block, path: Path) -> str:
    try:
        return block.data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = block.line + block.data.count(b"\n", 0, error.start)
        raise DataError(
            f"{path}, line {line}: the byte 0x{block.data[error.start]:02x} is not UTF-8; "
            "save the file as UTF-8"
        ) from error
