"""An open CSV file: its header, and then its rows in blocks of whole records."""

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from chainrule.errors import DataError
from chainrule.tabular.records import Block, Header, OpenQuote, check_text, strict_records

BLOCK_BYTES = 2 << 20
HEADER_BYTES = 1 << 20
LONGEST_RECORD = 64 << 20
SEPARATORS = (",", ";", "\t", "|")

Progress = Callable[[int, int], None]
"""Called with the bytes read so far and the bytes of the whole file."""


class CsvFile:
    """An open CSV file, read once from front to back: first `header`, then `blocks()`."""

    def __init__(self, file: BinaryIO, path: Path, progress: Progress | None = None) -> None:
        self._file = file
        self._path = path
        self._bytes = path.stat().st_size
        self._progress = progress
        self._pending = _without_mark(file.read(BLOCK_BYTES), path)
        self._line = 1
        if not self._pending or self._pending.isspace():
            raise DataError(f"{path} is empty")
        self.header = self._read_header()

    def expected_rows(self) -> int:
        """A guess, rather too high, of the number of rows, from the length of the first lines."""
        lines = self._pending.count(b"\n") + 1
        return int(1.1 * self._bytes / (len(self._pending) + 1) * lines) + 1024

    def blocks(self) -> Iterator[Block]:
        """The records below the header, block by block; at least one record or `DataError`."""
        found = False
        while self._pending:
            more = self._file.read(BLOCK_BYTES)
            end = self._end_of_records(self._pending, last=not more)
            if end:
                block = Block(self._line, self._pending[:end])
                if not block.data.isspace():
                    found = True
                    yield block
                self._line += self._pending.count(b"\n", 0, end)
            self._pending = self._pending[end:] + more
            if self._progress is not None:
                self._progress(self._file.tell() - len(self._pending), self._bytes)
        if not found:
            raise DataError(f"{self._path} has a header but no rows")

    def _read_header(self) -> Header:
        blank = len(self._pending) - len(self._pending.lstrip(b"\r\n"))
        self._line += self._pending.count(b"\n", 0, blank)
        self._pending = self._pending[blank:]
        start = self._pending[:HEADER_BYTES]
        if b"\0" in start:
            raise DataError(
                f"{self._path} holds zero bytes, so it is no text; save a spreadsheet as CSV, "
                "unpack an archive"
            )
        if b"\r" in start and b"\n" not in start:
            raise DataError(f"{self._path} ends its lines with bare carriage returns; save it anew")
        text = start.decode("utf-8", errors="replace")
        separator = sniff(text)
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
        names = [name.strip() for name in next(reader)]
        end = _offset_of_line(self._pending, reader.line_num)
        check_text(Block(self._line, self._pending[:end]), self._path)
        self._line += self._pending.count(b"\n", 0, end)
        self._pending = self._pending[end:]
        decimal_comma = separator == ";" and re.search(r"\d,\d", text) is not None
        return Header(_named(names, self._path), separator, decimal_comma)

    def _end_of_records(self, data: bytes, last: bool) -> int:
        """The offset behind the last whole record of `data`."""
        if last and data.count(b'"') % 2 == 0:
            return len(data)
        end = data.rfind(b"\n") + 1
        if data.count(b'"', 0, end) % 2 == 0 and not last:
            whole = end
        else:
            # An odd number of quotes: the end lies inside a quoted field, or a quote is a stray.
            whole = self._exact_end(data, last)
        if whole == 0 and len(data) > LONGEST_RECORD:
            raise DataError(
                f"{self._path}, line {self._line}: a row of more than {LONGEST_RECORD >> 20} MB; "
                "is a quote opened there and never closed?"
            )
        return whole

    def _exact_end(self, data: bytes, last: bool) -> int:
        block = Block(self._line, data if last else data[: data.rfind(b"\n") + 1])
        lines = 0
        try:
            for _record, _start, end in strict_records(block, self.header.separator, self._path):
                lines = end
        except OpenQuote as error:
            if last:
                raise DataError(
                    f"{self._path}, line {self._line + lines}: "
                    "a quote is opened there and never closed"
                ) from error
        return _offset_of_line(block.data, lines)


def sniff(text: str) -> str:
    """The separator of a CSV text, judged by its first lines.

    That which splits the lines into the same number of fields, more than one; where several do,
    the one with most fields. A text that none of them splits is a single column.
    """
    best, most = ",", 1.0
    for separator in SEPARATORS:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
        widths = []
        try:
            for row in reader:
                if row:
                    widths.append(len(row))
                if len(widths) == 50:
                    break
        except csv.Error:
            pass  # the strict reader will say what is wrong, and where
        if len(widths) > 2:
            widths.pop()  # the text may end in the middle of a row
        if not widths:
            continue
        # A header settles the width; rows that disagree speak against the separator.
        agreeing = sum(width == widths[0] for width in widths) / len(widths)
        score = widths[0] * agreeing if widths[0] > 1 else 1.0
        if score > most:
            best, most = separator, score
    return best


def _named(names: list[str], path: Path) -> tuple[str, ...]:
    """Names for all columns: one without a name is called after its position."""
    named = [name or f"column {number}" for number, name in enumerate(names, 1)]
    for number, name in enumerate(named, 1):
        first = named.index(name) + 1
        if first != number:
            raise DataError(
                f"{path}: columns {first} and {number} are both called {name!r}; rename one"
            )
    return tuple(named)


def _without_mark(data: bytes, path: Path) -> bytes:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise DataError(f"{path} is encoded as UTF-16; save it as UTF-8")
    return data.removeprefix(codecs.BOM_UTF8)


def _offset_of_line(data: bytes, lines: int) -> int:
    """Where line number `lines`, counted from 0, begins."""
    offset = 0
    for _ in range(lines):
        found = data.find(b"\n", offset)
        if found < 0:
            return len(data)
        offset = found + 1
    return offset
