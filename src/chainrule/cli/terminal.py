"""What all commands share on the terminal: where to print, progress of reading, numbers."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from chainrule.tabular.csv_file import Progress

MANY_ROWS = 100_000
SHOW_PROGRESS_FROM = 16 << 20  # bytes: less is read before a bar could be seen


def answers() -> "Console":
    """Standard output, for what the command was asked for."""
    return _console(stderr=False)


def remarks() -> "Console":
    """Standard error, for progress and for what should not end up in a pipe."""
    return _console(stderr=True)


@contextmanager
def reading(name: str) -> Iterator["Progress"]:
    """A bar while a large file is read; gone when the block ends."""
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    bars = Bars(
        TextColumn("reading {task.description}"),
        BarColumn(bar_width=30),
        DownloadColumn(),
        TimeRemainingColumn(compact=True),
        console=remarks(),
        transient=True,
    )

    def show(done: int, total: int) -> None:
        if total < SHOW_PROGRESS_FROM:
            return
        if not bars.task_ids:
            bars.start()
            bars.add_task(name, total=total)
        bars.update(bars.task_ids[0], completed=done)

    try:
        yield show
    finally:
        if bars.task_ids:  # to stop what never started would print an empty line
            bars.stop()


@contextmanager
def working(text: str, rows: int) -> Iterator[None]:
    """A sign of life while something without steps takes its time, for tables that are large."""
    if rows < MANY_ROWS:
        yield
        return
    with remarks().status(f"{text} {rows:,} rows"):
        yield


def facts(rows: list[tuple[str, Any]]) -> "Table":
    """Short names on the left, what is to be said of them on the right, line by line."""
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True, min_width=9)
    table.add_column(overflow="fold")
    for name, text in rows:
        table.add_row(name, text)
    return table


def figure(value: float) -> str:
    """A metric: enough digits to compare, never a long tail."""
    if not math.isfinite(value):
        return "–"
    size = abs(value)
    if size >= 1e9 or 0 < size < 1e-6:
        return f"{value:.2e}"
    if size >= 1e4:
        return f"{value:,.0f}"
    if size >= 100:
        return f"{value:,.1f}"
    return f"{round(value, 3) + 0.0:.3f}"  # adding 0 makes 0.000 of -0.000


def plural(count: int, one: str, many: str | None = None) -> str:
    """`1 row`, `2,000 rows`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def _console(stderr: bool) -> "Console":
    from rich.console import Console

    from chainrule.explaining.text import WIDEST

    console = Console(stderr=stderr, highlight=False, markup=False)
    if console.width > WIDEST:
        console.width = WIDEST
    return console
