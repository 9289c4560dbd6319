"""The story in the terminal: formulas in Unicode, small arrays in full, large ones summarised."""

from collections.abc import Iterator, Sequence
from io import StringIO
from shutil import get_terminal_size
from typing import TYPE_CHECKING

import numpy as np

from chainrule.errors import UnknownNameError
from chainrule.explaining import labels
from chainrule.explaining.changes import SUMMARY_HEAD, SUMMARY_NOTE, most_moved, rule, summary
from chainrule.explaining.entries import Array
from chainrule.explaining.story import NOT_YET, PHASES, Phase, Step, Story
from chainrule.graph import Shape
from chainrule.tex import figure, plain

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

WIDEST = 96  # a line that is longer is hard to read, however wide the window
MOST_UPDATED = 64  # of larger parameters the update is told, not printed
MOST_ROWS, CORNER = 8, 4  # of an array: in full up to so many rows, else so many of its corner
HEADINGS = {
    "given": "Given",
    "forward": "Forward: from the input to the answer",
    "loss": "Loss: how wrong the answer is",
    "backward": "Backward: from the loss to every parameter",
    "update": "Update: one step",
}


def plain_text(story: Story, width: int | None = None, until: Phase = "update") -> str:
    """The story as text without colours; `width` columns, by default the terminal's."""
    from rich.console import Console

    columns = width or min(get_terminal_size((80, 24)).columns, WIDEST)
    out = StringIO()
    console = Console(
        file=out, width=columns, color_system=None, highlight=False, markup=False, emoji=False
    )
    show(story, console, until)
    return "\n".join(line.rstrip() for line in out.getvalue().rstrip().splitlines()) + "\n"


def show(story: Story, console: "Console", until: Phase = "update") -> None:
    """Print the story up to a phase; a gradient that is not there yet says so."""
    for line in _lines(story, console.width, until):
        console.print(line)


def _lines(story: Story, width: int, until: Phase) -> Iterator["RenderableType"]:
    from rich.text import Text

    if until not in PHASES:
        raise UnknownNameError("phase", until, PHASES)
    title = "\n".join(f"  {part}" for part in wrapped(story.title, width - 4, ""))
    yield Text(f"\n{title}", style="bold")
    last = PHASES.index(until)
    count = 0
    for phase in PHASES[: last + 1]:
        steps = story.phase(phase)
        if not steps:
            continue
        yield _heading(HEADINGS[phase], width)
        if phase == "given":
            yield from _given(story, steps, width)
            continue
        if phase == "forward" and labels.which_sample(story):
            yield Text(f"       {labels.which_sample(story)}\n")
        if phase == "update":
            yield from _rule(story, width)
            steps = [step for step in steps if not step.is_memory]
        for step in steps:
            count += 1
            yield from _step(step, count, width)
    yield _heading("All parameters", width)
    yield _summary(story, computed=last >= PHASES.index("backward"))
    notes = [SUMMARY_NOTE, most_moved(story) if last >= PHASES.index("update") else ""]
    for note in filter(None, notes):
        lines = "\n".join(f"    {part}" for part in wrapped(note, width - 6, ""))
        yield Text(f"\n{lines}", style="dim" if note is SUMMARY_NOTE else "")


def _heading(title: str, width: int) -> "RenderableType":
    from rich.text import Text

    rule = "─" * max(0, width - len(title) - 6)
    return Text.assemble("\n  ", (title, "bold"), " ", (rule, "dim"), "\n")


def _given(story: Story, steps: Sequence[Step], width: int) -> Iterator["RenderableType"]:
    from rich.text import Text

    names = max(len(plain(step.symbol)) for step in steps)
    shapes = max(len(shape_text(step.value.shape)) for step in steps)
    for step in steps:
        key = step.key if step.quantity.kind == "parameter" and step.layer else ""
        begin = f"    {plain(step.symbol):<{names}}  {shape_text(step.value.shape):<{shapes}}  "
        rows = rows_of(step.value, width - len(begin))
        first = [Text.assemble((begin, ""), (rows[0], "cyan"))]
        rest = [Text(" " * len(begin) + row, style="cyan") for row in rows[1:]]
        if key and len(begin) + len(rows[0]) + len(key) + 4 <= width:
            first[0].append(" " * (width - 2 - len(begin) - len(rows[0]) - len(key)))
            first[0].append(key, style="dim")
        elif key:
            first.insert(0, Text.assemble((begin, ""), (key, "dim")))
            first[1] = Text(" " * len(begin) + rows[0], style="cyan")
        yield Text("\n").join([*first, *rest])
        named = labels.given(story, step)
        if named:
            lines = wrapped(named, width - len(begin) - 2, "")
            yield Text("\n".join(" " * len(begin) + line for line in lines))


def _rule(story: Story, width: int) -> Iterator["RenderableType"]:
    """The optimizer's rule, where it is more than a step against the gradient."""
    from rich.text import Text

    told, lines = rule(story)
    if not lines:
        return
    shown = [*wrapped(told, width - 9, ""), *(f"  {plain(line)}" for line in lines)]
    yield Text("\n".join(f"       {line}" for line in shown) + "\n")


def _step(step: Step, count: int, width: int) -> Iterator["RenderableType"]:
    from rich.text import Text

    margin = " " * 7
    label = f"{count:>4}   "
    meaning = f" = {plain(step.meaning)}" if step.meaning else ""
    symbol = plain(step.symbol) + meaning
    formula = plain(step.formula)
    shape = shape_text(step.value.shape)
    layer = " · ".join(part for part in (shape, step.place) if part)
    line = f"{symbol} = {formula}"
    parts = wrapped(line, width - len(label) - 2, " " * (len(symbol) + 3))
    head = Text.assemble((label, "dim"), (parts[0], "bold"))
    for part in parts[1:]:
        head.append(f"\n{margin}{part}", style="bold")
    room = width - 2 - len(margin) - len(parts[-1]) - len(layer)
    if room >= 2:
        head.append(" " * room + layer, style="dim")
    yield head
    if step.sentence:
        yield Text("\n".join(margin + part for part in wrapped(step.sentence, width - 9, "")))
    for left, right in step.lines:
        told = plain(f"{left} = {right}")
        indent = " " * (len(plain(left)) + 3)
        yield Text("\n".join(f"{margin}  {p}" for p in wrapped(told, width - 11, indent)))
    single = step.value.size == 1
    result = figure(step.value[step.index]) if step.index or single else ""
    if step.numbers:
        entry = plain(step.entry)
        numbers = plain(step.numbers)
        end = "" if numbers == result else f" = {result}"
        text = f"{entry} = {numbers}{end}"
        yield Text(
            "\n".join(margin + p for p in wrapped(text, width - 9, " " * (len(entry) + 3))),
            style="cyan",
        )
    if not single and not (step.phase == "update" and step.value.size > MOST_UPDATED):
        rows = rows_of(step.value, width - len(margin) - 4)
        yield Text("\n".join(f"{margin}  {row}" for row in rows))
    yield Text("")


def _summary(story: Story, computed: bool) -> "RenderableType":
    """What every parameter is told: its gradient's length, its largest entry, its step."""
    from rich.text import Text

    rows = summary(story, computed, NOT_YET)
    symbols = max(len(row[0]) for row in rows)
    lines = [[f"{row[0]:<{symbols}}  {row[1]}".rstrip(), *row[2:]] for row in rows]
    lines.insert(0, [SUMMARY_HEAD[0], *SUMMARY_HEAD[2:]])
    wide = [max(map(len, column)) for column in zip(*lines, strict=True)]
    told = Text()
    for place, line in enumerate(lines):
        cells = [f"{cell:{'<' if k < 2 else '>'}{wide[k]}}" for k, cell in enumerate(line)]
        end = "\n" if place < len(lines) - 1 else ""
        told.append(f"    {'   '.join(cells)}".rstrip() + end, style="" if place else "dim")
    return told


# --- arrays --------------------------------------------------------------------------------------


def shape_text(shape: Shape) -> str:
    """`4 × 2`; nothing for a single number."""
    return " × ".join(f"{n:,}" for n in shape)


def rows_of(array: Array, width: int) -> list[str]:
    """An array as lines: in full where it is small, else its corner and what it is like."""
    array = np.asarray(array)
    if array.size == 0:
        return ["empty"]
    if array.dtype.kind not in "fiub":
        return [str(array)]
    if array.size == 1 and array.dtype.kind == "f":
        return [figure(array.reshape(()))]
    if array.ndim == 2 and array.shape[1] == 1 and array.shape[0] <= 2 * MOST_ROWS:
        lines = rows_of(array[:, 0], width - 3)  # a column lies down, to save room
        return [f"{lines[0]}  ᵀ", *lines[1:]]
    table = array.reshape(-1, array.shape[-1]) if array.ndim > 1 else array.reshape(1, -1)
    cells = cells_of(table[: MOST_ROWS + 1, : max(1, width // 3)])
    wide = max(len(cell) for row in cells for cell in row)
    fits = max(1, (width + 2) // (wide + 2))
    columns = table.shape[1] if table.shape[1] <= fits else max(1, min(fits - 1, CORNER + 2))
    rows = table.shape[0] if table.shape[0] <= MOST_ROWS else CORNER
    lines = []
    for row in cells[:rows]:
        line = "  ".join(f"{cell:>{wide}}" for cell in row[:columns])
        lines.append(line + ("  …" if columns < table.shape[1] else ""))
    if rows < table.shape[0]:
        lines.append("⋮".rjust(wide))
    if rows < table.shape[0] or columns < table.shape[1]:
        lines += wrapped(about(array), width, "")
    return lines


def cells_of(table: Array) -> list[list[str]]:
    """Numbers of one table with the same decimals; those that would read 0 in full."""
    if table.dtype.kind != "f":
        return [[plain(str(int(value))) for value in row] for row in table]
    finite = np.abs(table[np.isfinite(table)])
    top = float(finite.max()) if finite.size else 0.0
    whole = bool(np.all(finite == np.round(finite))) and top < 1e5
    if whole:
        return [[figure(value, 6) for value in row] for row in table]
    decimals = 4
    if top >= 10:
        decimals = max(0, 4 - int(np.floor(np.log10(top))))
    elif 0 < top < 0.01:
        return [[figure(value, 3) for value in row] for row in table]
    return [[_cell(float(value), decimals) for value in row] for row in table]


def _cell(value: float, decimals: int) -> str:
    if not np.isfinite(value):
        return figure(value)
    shown = f"{value:.{decimals}f}"
    if float(shown) == 0 and value != 0:
        return figure(value, 1)
    return shown.replace("-", "−") if float(shown) else "0".ljust(1)


def about(array: Array) -> str:
    """One line on a large array."""
    flat = array.astype(float).ravel()
    finite = flat[np.isfinite(flat)]
    if not finite.size:
        return "no finite number"
    middle = float(finite.mean())
    eps = float(np.finfo(array.dtype).eps) if array.dtype.kind == "f" else 0.0
    if abs(middle) <= 8 * eps * float(np.abs(finite).mean()):
        middle = 0.0  # the numbers cancel; what is left is rounding
    low, high, mean = (figure(v, 3) for v in (finite.min(), finite.max(), middle))
    zeros = float(np.mean(flat == 0))
    said = f"{flat.size:,} numbers from {low} to {high}, mean {mean}"
    said += f", length {figure(np.linalg.norm(finite))}"
    if zeros:
        said += f", {zeros:.0%} of them 0"
    if finite.size < flat.size:
        said += f", {flat.size - finite.size:,} not finite"
    return said


def wrapped(text: str, width: int, indent: str) -> list[str]:
    """Lines of at most `width`, broken at spaces, the later ones indented."""
    lines: list[str] = []
    line = ""
    for word in text.split(" "):
        candidate = f"{line} {word}" if line else word
        if len(candidate) > width and line:
            lines.append(line)
            room = indent if len(indent) < width // 2 else "    "
            line = room + word
        else:
            line = candidate
    return [*lines, line]
