"""The progress display of a training run: one line of rich, a few times a second.

Drawing the line takes a millisecond or two. It is drawn by the training loop itself, not by a
thread beside it, and then not again before 300 times as long has passed: the display costs a third
of a percent of the run, on a machine of any speed.
"""

import math
import sys
from time import perf_counter
from types import TracebackType
from typing import Any

SECONDS_BETWEEN = 0.2
PAUSE = 300  # times what drawing took
WIDE = 100  # columns of a terminal that has room for a bar


class Progress:
    """Loss, gradient norm, speed and time left; silent where nobody looks.

    wanted  True shows it, False does not, None shows it in a terminal
    epochs  how many there will be
    steps   how many an epoch has
    """

    def __init__(self, wanted: bool | None, epochs: int, steps: int) -> None:
        self._shown = bool(epochs) and (sys.stderr.isatty() if wanted is None else wanted)
        self._epochs, self._steps = epochs, steps
        self._display: Any = None
        self._due = 0.0
        self._done = 0  # epochs
        self._latest: tuple[int, float, float] = (0, float("nan"), float("nan"))
        self._validation: float | None = None

    def __enter__(self) -> "Progress":
        if self._shown:
            self._display = _display()
            self._display.add_task("", total=self._epochs * self._steps, **self._fields(0.0))
            self._display.start()
        return self

    def report(self, steps: int, loss: float, norm: float) -> None:
        """Within an epoch: its steps so far, and their means."""
        self._latest = (steps, loss, norm)
        self._draw_when_due()

    def epoch(self, logs: dict[str, float], count: int = 1) -> None:
        """An epoch is over, or several; these are the numbers of the last one."""
        self._done += count
        self._latest = (0, logs["loss"], logs["gradient_norm"])
        self._validation = logs.get("validation_loss")
        self._draw_when_due()

    def _draw_when_due(self) -> None:
        if self._display is not None and perf_counter() >= self._due:
            self._draw()

    def _draw(self) -> None:
        began = perf_counter()
        task = self._display.tasks[0]
        done = self._done * self._steps + self._latest[0]
        self._display.update(task.id, completed=done, **self._fields(done / (task.elapsed or 1.0)))
        self._display.refresh()
        ended = perf_counter()
        self._due = ended + max(SECONDS_BETWEEN, PAUSE * (ended - began))

    def _fields(self, speed: float) -> dict[str, str]:
        """What stands beside the bar, in widths that do not change while it runs."""
        number = min(self._done + 1, self._epochs)
        _, loss, norm = self._latest
        held = self._validation
        return {
            "epoch": f"{number:>{len(str(self._epochs))}}/{self._epochs}",
            "loss": _number(loss),
            "norm": _number(norm),
            "validation": "" if held is None else f"[dim]validation[/] {_number(held)}",
            "speed": f"{speed:>6,.0f}",
        }

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._display is not None:
            self._draw()
            self._display.stop()


def _number(value: float) -> str:
    """At most seven places: `0.02134`, `1.2e-05`; blank where there is no number yet."""
    text = "" if math.isnan(value) else f"{value:.4g}"
    return f"{text if len(text) <= 7 else format(value, '.1e'):<7}"


def _display() -> Any:
    # Imported here: rich takes longer to load than most of chainrule.
    from rich.console import Console
    from rich.progress import BarColumn, ProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Display
    from rich.table import Column

    def text(template: str) -> ProgressColumn:
        return TextColumn(template, table_column=Column(no_wrap=True))

    console = Console(stderr=True)
    wide = console.width >= WIDE
    bar: list[ProgressColumn] = [BarColumn(bar_width=None)] if wide else []
    return Display(
        text("[dim]epoch[/] {task.fields[epoch]}"),
        *bar,
        text("[dim]loss[/] {task.fields[loss]}"),
        text("{task.fields[validation]}"),
        text("[dim]gradient[/] {task.fields[norm]}"),
        text("{task.fields[speed]}[dim] steps/s[/]" if wide else "{task.fields[speed]}[dim]/s[/]"),
        TimeRemainingColumn(compact=True, elapsed_when_finished=True),
        console=console,
        expand=wide,
        auto_refresh=False,
    )
