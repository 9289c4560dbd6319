"""What a training run did, epoch by epoch."""

import csv
import io
from dataclasses import dataclass, field
from typing import Any

from chainrule.errors import SettingError
from chainrule.files import StrPath, write_atomically


@dataclass
class History:
    """One number for each epoch.

    loss             the training loss averaged over the epoch's steps, each before its update
    gradient_norm    likewise, before clipping
    validation_loss  after the epoch; empty without validation data
    metrics          further lists by name, such as `validation_accuracy`
    stopped          why the run ended before its last epoch, or ""
    """

    loss: list[float] = field(default_factory=list)
    gradient_norm: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    metrics: dict[str, list[float]] = field(default_factory=dict)
    stopped: str = ""

    def __len__(self) -> int:
        return len(self.loss)

    def columns(self) -> dict[str, list[float]]:
        """All lists that have an entry for each epoch, by name."""
        columns = {"loss": self.loss, "gradient_norm": self.gradient_norm}
        if self.validation_loss:
            columns["validation_loss"] = self.validation_loss
        return columns | self.metrics

    def append(self, **values: float) -> None:
        """Add one epoch."""
        for name, value in values.items():
            own = getattr(self, name, None)
            if not isinstance(own, list):
                own = self.metrics.setdefault(name, [])
            own.append(value)

    def extend(self, other: "History") -> None:
        """Add the epochs of another history."""
        for name in ("loss", "gradient_norm", "validation_loss"):
            getattr(self, name).extend(getattr(other, name))
        for name, values in other.metrics.items():
            self.metrics.setdefault(name, []).extend(values)
        self.stopped = other.stopped

    def to_csv(self, path: StrPath) -> None:
        """Write one row for each epoch, counted from 1."""
        columns = self.columns()
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["epoch", *columns])
        for epoch in range(len(self)):
            # A metric that came with a later fit has nothing to say of the first epochs.
            row = [
                values[epoch - len(self)] if len(self) - epoch <= len(values) else ""
                for values in columns.values()
            ]
            writer.writerow([epoch + 1, *row])
        write_atomically(path, text.getvalue().encode())

    def plot(self) -> Any:
        """A matplotlib figure: the loss and the gradient norm side by side."""
        if not self.loss:
            raise SettingError("there is nothing to plot: no epoch has been trained")
        from chainrule.plots import plot_history

        return plot_history(self.loss, self.gradient_norm, self.validation_loss or None)

    def config(self) -> dict[str, Any]:
        """The history as JSON-able data."""
        return {
            "loss": self.loss,
            "gradient_norm": self.gradient_norm,
            "validation_loss": self.validation_loss,
            "metrics": self.metrics,
            "stopped": self.stopped,
        }
