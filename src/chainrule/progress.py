"""The progress display of a training run: rich, in a terminal, a few times a second."""

import sys
from types import TracebackType
from typing import Any


class Progress:
    """Loss, gradient norm, speed and time left; silent where nobody looks.

    `wanted` True shows it, False does not, None shows it in a terminal or a notebook.
    """

    def __init__(self, wanted: bool | None, epochs: int, steps: int) -> None:
        self._shown = sys.stderr.isatty() if wanted is None else wanted
        self._epochs, self._steps = epochs, steps
        self._display: Any = None
        self._task: Any = None
        self._done = 0
        self._validation = ""

    def __enter__(self) -> "Progress":
        if self._shown and self._epochs:
            # Imported here: rich takes longer to load than most of chainrule.
            from rich.console import Console
            from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Display

            self._display = Display(
                TextColumn("epoch {task.fields[epoch]}"),
                BarColumn(bar_width=24),
                TextColumn("loss {task.fields[loss]}"),
                TextColumn("gradient {task.fields[norm]}"),
                TextColumn("{task.fields[validation]}"),
                TextColumn("{task.fields[speed]} steps/s"),
                TimeRemainingColumn(compact=True),
                console=Console(stderr=True),
                refresh_per_second=10,
            )
            self._task = self._display.add_task(
                "", total=self._epochs * self._steps,
                epoch=f"1/{self._epochs}", loss="…", norm="…", validation="", speed="…",
            )
            self._display.start()
        return self

    def report(self, step: int, loss: float, norm: float) -> None:
        """Within an epoch: steps done, and the means so far."""
        if self._display is None:
            return
        task = self._display.tasks[0]
        done = self._done + step
        speed = done / task.elapsed if task.elapsed else 0.0
        self._display.update(
            self._task, completed=done, loss=f"{loss:.4g}", norm=f"{norm:.3g}",
            speed=f"{speed:,.0f}",
        )

    def epoch(self, number: int, logs: dict[str, float]) -> None:
        """An epoch is over."""
        self._done = number * self._steps
        if self._display is None:
            return
        if "validation_loss" in logs:
            self._validation = f"validation {logs['validation_loss']:.4g}"
        self._display.update(
            self._task,
            epoch=f"{min(number + 1, self._epochs)}/{self._epochs}",
            validation=self._validation,
        )

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._display is not None:
            self._display.stop()
