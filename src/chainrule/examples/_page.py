"""How the examples print: a title, sentences, and tables of numbers, on a rich `Console`."""

from collections.abc import Sequence
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PROSE = 80  # the longest line of a paragraph, whatever the window's width


def begin(console: Console, title: str) -> None:
    """The title of an example."""
    _block(console, Text(title, style="bold"))


def say(console: Console, text: str) -> None:
    """A paragraph; line breaks in `text` count for nothing, and `~` is a space that stays together,
    as in TeX."""
    lines = wrap(" ".join(text.split()), min(PROSE, console.width - 4))
    _block(console, Text("\n".join(lines).replace("~", " ")))


def show(
    console: Console,
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    strong: int | None = None,
    texts: int = 1,
) -> None:
    """A table whose first columns are texts and whose other columns are numbers.

    strong  the column that the reader should look at
    texts   how many columns are texts
    """
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="dim")
    for place, name in enumerate(head):
        table.add_column(
            name,
            justify="left" if place < texts else "right",
            style="bold" if place == strong else None,
            no_wrap=True,
        )
    for row in rows:
        table.add_row(*[Text(cell) for cell in row])
    _block(console, table, left=4)


def save(console: Console, figure: "Figure", path: Path) -> None:
    """Write a figure, and say where it is."""
    figure.savefig(path)
    _block(console, Text.assemble(("figure  ", "dim"), str(path)))


def _block(console: Console, content: RenderableType, left: int = 2) -> None:
    console.print(Padding(content, (1, 0, 0, left), expand=False))
